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

// refusalKeys are the fields of the body of an error answer (Cloud 66 API, Transport), and of successful answers that tell of an error.
var refusalKeys = []string{"error", "errors", "error_description", "details", "message", "ok", "success", "status"}

// refusal is the error that a successful answer tells of.
type refusal struct{ said record }

func (refusal) Error() string { return "it tells of an error" }

// refusalIn returns the error that an object of a successful answer tells of, or nil.
func refusalIn(r record) error {
	no := func(key string) bool { b := r.text(key).truth(); return b != nil && !*b }
	said := func(key string) bool { return !no(key) && phrase(r.value(key), 0) != "" }
	status := strings.ToLower(string(r.text("status")))
	failed := slices.Contains([]string{"error", "fail", "failed", "failure"}, status)
	if said("error") || said("errors") || no("ok") || no("success") || failed {
		return refusal{r}
	}
	return nil
}

// words returns what the body of an error answer says.
func words(r record) string {
	for _, key := range []string{"details", "error_description", "error", "errors", "message"} {
		if said := phrase(r.value(key), 0); said != "" && r.text(key).truth() == nil {
			return said
		}
	}
	return ""
}

// value decodes a field of any type.
func (r record) value(key string) (v any) {
	if data := r.get(key); data != nil {
		_ = json.Unmarshal(data, &v) // it was read as part of valid JSON
	}
	return v
}

// judge returns the error for an answer's status, or nil if it succeeded.
func (c *Client) judge(r request, ans answer) *Error {
	if ans.status >= 200 && ans.status < 300 {
		return nil
	}
	said, err := object(ans.body)
	if err != nil {
		said = nil // an HTML page or nothing: only the status counts
	}
	e := &Error{Method: r.method, Path: r.path, Status: ans.status, Kind: kindOf(ans, said)}
	e.Message = c.safe(cmp.Or(words(said), redirection(ans.header), http.StatusText(ans.status)))
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

func kindOf(ans answer, said record) error {
	if own, ok := kinds[ans.status]; ok {
		return own
	}
	switch name := strings.ToLower(phrase(said.value("error"), 0)); {
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

// unreadable returns the error for a successful answer with unusable content, or with an error in it.
func (c *Client) unreadable(r request, ans answer, cause error) *Error {
	if refused, ok := errors.AsType[refusal](cause); ok {
		name := strings.ToLower(phrase(refused.said.value("error"), 0))
		return &Error{
			Kind: cmp.Or(kindsByName[name], ErrRefused), Method: r.method, Path: r.path, Status: ans.status, Message: c.safe(words(refused.said)),
		}
	}
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
