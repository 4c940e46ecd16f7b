// Package cloud66 is a typed client of the Cloud 66 API v3: deployments, stacks, services and stack actions.
//
// All callers share one budget of requests per hour, part of which is reserved for users. Reads are retried after network and server
// faults. Writes are sent once; [NothingDone] reports whether a failed write was certainly not carried out.
package cloud66

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"c66bot/cloud66/secret"
)

const (
	connections = 32               // maximum number of connections to the API's host
	idleFor     = 10 * time.Second // shorter than servers keep an idle connection, so that few are found dead
	headerLimit = 64 << 10         // bytes
)

// Config configures a Client.
type Config struct {
	// BaseURL is the address of the API, for example https://app.cloud66.com/api/3; a trailing slash is optional.
	BaseURL string
	// Token is a personal access token.
	Token secret.Text
	// Account is the account id to act for, if the token reaches several.
	Account string
	// RequestsPerHour is the request budget.
	RequestsPerHour int
	// Transport carries the requests. If nil, the client makes its own with few connections.
	Transport http.RoundTripper `json:"-"`
	// UserAgent is the User-Agent header.
	UserAgent string
	// Logger gets a debug line for each request; nil discards them.
	Logger *slog.Logger `json:"-"`
}

// Client calls the Cloud 66 API. It is safe for concurrent use. Create it with [New].
type Client struct {
	base      string
	token     secret.Text
	cleaner   secret.Cleaner
	account   string
	userAgent string
	reads     http.RoundTripper
	writes    http.RoundTripper
	places    chan struct{} // semaphore of concurrent reads
	budget    *budget
	limits    limits
	leftOut   *sync.Map             // by place: map[LeftOut]int
	forbids   *atomic.Pointer[bool] // see Forbids; nil before the first write that the server decided on
	log       *slog.Logger
}

// New validates the configuration, reporting all faults at once, and returns a client. It sends no request.
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
		leftOut:   new(sync.Map),
		forbids:   new(atomic.Pointer[bool]),
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

// validateURL does not repeat the address in its errors, because it may contain a password.
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

// transports returns one transport for reads and one for writes. Both speak HTTP/1.1, where a request is sent exactly when this package
// sends it. Each write gets a fresh connection, so that none is lost on a connection that the server is just closing.
func transports() (reads, writes *http.Transport) {
	reads = &http.Transport{Proxy: http.ProxyFromEnvironment}
	if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		reads = standard.Clone()
	}
	reads.Protocols = new(http.Protocols)
	reads.Protocols.SetHTTP1(true)
	reads.TLSClientConfig = nil // the standard transport's may already offer HTTP/2, which a server would then speak
	reads.MaxConnsPerHost, reads.MaxIdleConnsPerHost = connections, connections
	reads.IdleConnTimeout, reads.MaxResponseHeaderBytes = idleFor, headerLimit
	writes = reads.Clone()
	writes.DisableKeepAlives, writes.MaxConnsPerHost = true, 0
	return reads, writes
}

// Format prints the client as its base address for every verb.
func (c *Client) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "cloud66.Client("+c.base+")")
}

// LogValue logs the client as its base address.
func (c *Client) LogValue() slog.Value {
	return slog.StringValue(fmt.Sprint(c))
}

// Budget returns the current state of the request budget.
func (c *Client) Budget() BudgetState {
	return c.budget.state()
}

// CheckToken checks whether Cloud 66 accepts the token. The error for a refused one is an [ErrUnauthenticated].
func (c *Client) CheckToken(ctx context.Context) error {
	r := request{method: http.MethodGet, path: "/ping/auth.json"}
	ans, err := c.read(ctx, r)
	if err != nil {
		return err
	}
	said, refused, err := single(ans.body)
	switch ok := said.text("ok").truth(); {
	case err != nil:
		return c.unreadable(r, ans, cmp.Or(refused, err))
	case ok == nil:
		return c.unreadable(r, ans, cmp.Or(refused, errors.New("it does not say whether the token is accepted")))
	case !*ok:
		return &Error{Kind: ErrUnauthenticated, Method: r.method, Path: r.path, Status: ans.status, Message: c.safe(words(said))}
	}
	return nil
}
