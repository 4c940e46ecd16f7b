package cloud66

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	messageRunes = 500 // maximum length of a server message
	messageDepth = 8   // maximum nesting that is read in error details
)

// complaint is the body of an error answer; each field may have any type.
type complaint struct {
	Error       any `json:"error"`
	Description any `json:"error_description"`
	Details     any `json:"details"`
	Message     any `json:"message"`
}

// judge returns the error for an answer's status, or nil if it succeeded.
func (c *Client) judge(r request, ans answer) *Error {
	if ans.status >= 200 && ans.status < 300 {
		return nil
	}
	var said complaint
	if json.Unmarshal(ans.body, &said) != nil {
		said = complaint{} // an HTML page or nothing: only the status counts
	}
	e := &Error{Method: r.method, Path: r.path, Status: ans.status, Kind: kind(ans, said)}
	e.Message = c.safe(cmp.Or(
		phrase(said.Details, 0), phrase(said.Description, 0), phrase(said.Error, 0), phrase(said.Message, 0),
		redirection(ans.header), http.StatusText(ans.status)))
	e.RetryAfter = retryAfter(ans.header)
	if errors.Is(e.Kind, ErrThrottled) {
		e.RetryAfter = probeEvery
	}
	return e
}

// redirection describes where an answer redirects to, or returns "".
func redirection(header http.Header) string {
	location := header.Get("Location")
	to, err := url.Parse(location)
	switch {
	case location == "" || err != nil:
		return ""
	case to.Host == "":
		return "it sends the request on to another path of the same host"
	case to.Scheme == "":
		return "it sends the request on to " + to.Host
	default:
		return "it sends the request on to " + to.Scheme + "://" + to.Host
	}
}

func kind(ans answer, said complaint) error {
	if own, ok := kinds[ans.status]; ok {
		return own
	}
	switch name := strings.ToLower(phrase(said.Error, 0)); {
	case ans.status < 400:
		return ErrRedirected // following it would send the token there
	case ans.status < 500:
		return ErrRefused
	case ans.status == http.StatusServiceUnavailable && name == "not_implemented":
		return ErrRefused
	case ans.status == http.StatusServiceUnavailable && throttled(ans, name):
		return ErrThrottled
	}
	return ErrServer
}

// throttled reports whether a 503 means that the hour's requests are used up, not that the server is down. The API's own error or counter
// must say so, since a throttled write counts as certainly not carried out.
func throttled(ans answer, name string) bool {
	rest, err := strconv.Atoi(ans.header.Get("X-RateLimit-Remaining"))
	return strings.Contains(name, "throttl") || (err == nil && rest <= 0)
}

// phrase renders a decoded JSON value as text: items of lists and objects are joined with commas, keys in sorted order.
func phrase(value any, depth int) string {
	var parts []string
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return strings.TrimSpace(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		for _, item := range v {
			parts = append(parts, deeper(item, depth))
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if words := deeper(v[key], depth); words != "" {
				parts = append(parts, key+": "+words)
			}
		}
	default:
		return fmt.Sprint(v)
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

func deeper(value any, depth int) string {
	if depth == messageDepth {
		return "…"
	}
	return phrase(value, depth+1)
}

// safe turns external text into one short line without the token.
func (c *Client) safe(words string) string {
	words = c.cleaner.Clean(words)
	words = strings.Join(strings.Fields(words), " ")
	if runes := []rune(words); len(runes) > messageRunes {
		words = string(runes[:messageRunes-1]) + "…"
	}
	return words
}

// retryAfter parses the Retry-After header if it is a number of seconds.
func retryAfter(header http.Header) time.Duration {
	seconds, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, 24*60*60)) * time.Second
}

// unreadable returns the error for a successful answer with unusable content.
func (c *Client) unreadable(r request, ans answer, cause error) *Error {
	e := &Error{Kind: ErrUnreadable, Method: r.method, Path: r.path, Status: ans.status, Err: c.tokenless(cause)}
	_, long := errors.AsType[tooLongError](cause)
	if long || errors.Is(cause, errTooMany) {
		e.Kind = ErrTooLarge
	}
	return e
}

// tokenless returns err, or only its redacted text if that contains the token.
func (c *Client) tokenless(err error) error {
	if err == nil || !c.cleaner.Finds(err.Error()) {
		return err
	}
	return errors.New(c.safe(err.Error()))
}
