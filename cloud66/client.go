// Package cloud66 is a typed client of the Cloud 66 API v3: deployments, stacks, services and stack actions.
//
// It stays under a budget of requests an hour that all callers share, repeats reads that failed on the way and never
// repeats what writes, and tells by [NothingDone] whether a write that failed certainly did not happen.
package cloud66

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"c66bot/cloud66/secret"
)

const (
	connections = 32               // at most, to the one host
	idleFor     = 10 * time.Second // shorter than servers keep an idle connection, so that few are found dead
	headerLimit = 64 << 10         // bytes
)

// Config says how to reach Cloud 66.
type Config struct {
	// BaseURL is the address of the API, for example https://app.cloud66.com/api/3, with or without a slash at its end.
	BaseURL string
	// Token is a personal access token.
	Token secret.Text
	// Account is the account id to act for, where the token reaches several.
	Account string
	// RequestsPerHour is the budget that the client stays under.
	RequestsPerHour int
	// Transport carries the requests; nil stands for one with few connections, made for this client.
	Transport http.RoundTripper `json:"-"`
	// UserAgent names the program to the server.
	UserAgent string
	// Logger gets a line for each request at debug; nil discards them.
	Logger *slog.Logger `json:"-"`
}

// Client calls the Cloud 66 API. It is safe for concurrent use.
type Client struct {
	base      string
	token     secret.Text
	cleaner   secret.Cleaner
	account   string
	userAgent string
	reads     http.RoundTripper
	writes    http.RoundTripper
	places    chan struct{} // one for each read under way
	budget    *budget
	limits    limits
	log       *slog.Logger
}

// New checks the configuration, naming all its faults at once, and returns a client. It makes no request.
func New(cfg Config) (*Client, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure the Cloud 66 client: %w", err)
	}
	c := &Client{
		base:      strings.TrimRight(cfg.BaseURL, "/"),
		token:     cfg.Token,
		cleaner:   secret.NewCleaner(cfg.Token),
		account:   cfg.Account,
		userAgent: cfg.UserAgent,
		reads:     cfg.Transport,
		writes:    cfg.Transport,
		places:    make(chan struct{}, connections),
		budget:    newBudget(cfg.RequestsPerHour),
		limits:    usualLimits,
		log:       cfg.Logger,
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.reads == nil {
		c.reads, c.writes = transports()
	}
	return c, nil
}

func (c Config) validate() error {
	var faults []error
	if err := validateURL(c.BaseURL); err != nil {
		faults = append(faults, err)
	}
	if token := c.Token.Reveal(); token == "" || !plain(token) || strings.Contains(token, " ") {
		faults = append(faults, errors.New("the token is empty or has characters that no token has"))
	}
	if !plain(c.Account) || !plain(c.UserAgent) {
		faults = append(faults, errors.New("the account or the user agent has characters that no header can carry"))
	}
	if c.RequestsPerHour < 1 {
		faults = append(faults, fmt.Errorf("the budget of %d requests an hour allows none", c.RequestsPerHour))
	}
	return errors.Join(faults...)
}

// validateURL does not repeat the address in its errors: it may carry a password.
func validateURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return errors.New("the API address is not of the form https://host/path")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("the API address must have no user, query or fragment")
	}
	return nil
}

// plain reports whether s is printable ASCII, which any header can carry.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// transports returns one transport for reads and one for writes. Both speak HTTP/1.1, where a request goes out when this
// package sends it and at no other time. Each write gets a fresh connection, so that none is lost to one that the server
// was just closing.
func transports() (reads, writes *http.Transport) {
	reads = &http.Transport{Proxy: http.ProxyFromEnvironment}
	if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		reads = standard.Clone()
	}
	reads.Protocols = new(http.Protocols)
	reads.Protocols.SetHTTP1(true)
	reads.TLSClientConfig = nil // the standard transport's may offer HTTP/2 already, which a server would then speak
	reads.MaxConnsPerHost, reads.MaxIdleConnsPerHost = connections, connections
	reads.IdleConnTimeout, reads.MaxResponseHeaderBytes = idleFor, headerLimit
	writes = reads.Clone()
	writes.DisableKeepAlives, writes.MaxConnsPerHost = true, 0
	return reads, writes
}

// Format prints the client as the address it calls, whatever the verb.
func (c *Client) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "cloud66.Client("+c.base+")")
}

// LogValue logs the client as the address it calls.
func (c *Client) LogValue() slog.Value {
	return slog.StringValue(fmt.Sprint(c))
}

// Budget returns how much of the request budget is left now.
func (c *Client) Budget() BudgetState {
	return c.budget.state()
}

// CheckToken asks Cloud 66 whether it accepts the token; a refused one is [ErrUnauthenticated].
func (c *Client) CheckToken(ctx context.Context) error {
	r := request{method: http.MethodGet, path: "/ping/auth.json"}
	ans, err := c.read(ctx, r)
	if err != nil {
		return err
	}
	said, err := single[struct{ Ok, Message text }](ans.body)
	switch ok := said.Ok.truth(); {
	case err != nil:
		return c.unreadable(r, ans, err)
	case ok == nil:
		return c.unreadable(r, ans, errors.New("it does not say whether the token is accepted"))
	case !*ok:
		return &Error{Kind: ErrUnauthenticated, Method: r.method, Path: r.path, Status: ans.status, Message: c.safe(string(said.Message))}
	}
	return nil
}
