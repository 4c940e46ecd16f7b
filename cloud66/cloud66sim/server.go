package cloud66sim

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// basePath is the only path prefix of the API.
const basePath = "/api/3/"

// maxBody is the limit of a request body, in bytes.
const maxBody = 1 << 20

// ServeHTTP records a request, applies the matching fault, executes the request on the state and sends the response.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	record := s.record(r, body)
	fault := s.takeFault(r)
	if !fault.After && !fault.hold(r.Context()) || fault.CutBefore {
		panic(http.ErrAbortHandler)
	}
	var a answer
	switch tooLarge := new(http.MaxBytesError); {
	case errors.As(err, &tooLarge):
		a = refuse(http.StatusRequestEntityTooLarge, "bad_request", "The request is too large", nil)
	case err != nil:
		panic(http.ErrAbortHandler)
	case fault.carriesOut():
		a = s.answer(r, body)
	}
	a = fault.alter(a)
	if fault.After && !fault.hold(r.Context()) || fault.CutAfter {
		panic(http.ErrAbortHandler)
	}
	s.settle(record, a.status)
	if err := a.write(w, fault.Truncate); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// call is a request with its body, arrival and path variables.
type call struct {
	*http.Request

	body []byte
	now  time.Time
	vars map[string]string
}

// answer executes a request on the current state, with the lock held. It echoes the header Request-Id.
func (s *Sim) answer(r *http.Request, body []byte) answer {
	segments, found := apiSegments(r.URL)
	if !found {
		return htmlNotFound()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.dispatch(&call{Request: r, body: body, now: s.advance(), vars: map[string]string{}}, segments)
	if id := r.Header.Get("Request-Id"); id != "" {
		a.header.Set("Request-Id", id)
	}
	return a
}

// dispatch serves a request. As in Rails, a known path with another method is not found.
func (s *Sim) dispatch(c *call, segments []string) answer {
	pattern := slices.Clone(segments)
	for i, variable := range map[int]string{1: ":stack", 3: ":id"} {
		if i < len(segments) && segments[0] == "stacks" {
			c.vars[variable], pattern[i] = segments[i], variable
		}
	}
	matched, found := routes[c.Method+" "+strings.Join(pattern, "/")]
	if !found {
		return notFound("The path was")
	}
	if matched.scope == scopeNone {
		return matched.serve(s, c)
	}
	return s.authorised(c, matched)
}

// apiSegments returns the decoded path segments below basePath, without an optional ".json" suffix.
func apiSegments(u *url.URL) ([]string, bool) {
	path, found := strings.CutPrefix(u.EscapedPath(), basePath)
	if !found {
		return nil, false
	}
	segments := strings.Split(strings.TrimSuffix(path, ".json"), "/")
	for i, segment := range segments {
		decoded, err := url.PathUnescape(segment)
		if err != nil {
			return nil, false
		}
		segments[i] = decoded
	}
	return segments, true
}

// route is an endpoint.
type route struct {
	scope string
	serve func(*Sim, *call) answer
}

// routes are the endpoints by method and path.
var routes = map[string]route{
	"GET ping":                             {scopeNone, (*Sim).ping},
	"GET ping/auth":                        {scopeAny, (*Sim).ping},
	"GET stacks":                           {scopePublic, (*Sim).listStacks},
	"GET stacks/:stack":                    {scopePublic, onStack((*Sim).getStack)},
	"GET stacks/:stack/services":           {scopePublic, onStack((*Sim).listServices)},
	"GET stacks/:stack/actions":            {scopePublic, onStack((*Sim).listActions)},
	"GET stacks/:stack/deployments":        {scopePublic, onStack((*Sim).listDeployments)},
	"GET stacks/:stack/deployments/:id":    {scopePublic, onStack((*Sim).getDeployment)},
	"POST stacks/:stack/deployments":       {scopeRedeploy, onStack((*Sim).redeploy)},
	"DELETE stacks/:stack/deployments/:id": {scopeRedeploy, onStack((*Sim).cancelDeployment)},
}

// onStack wraps a handler with the lookup of its stack.
func onStack(serve func(*Sim, *call, *stack) answer) func(*Sim, *call) answer {
	return func(s *Sim, c *call) answer {
		st := s.find(c.vars[":stack"])
		if st == nil || !c.sees(st) {
			return notFound("Stack")
		}
		return serve(s, c, st)
	}
}

// sees reports whether a stack is in the account of the X-Account header. Without the header all stacks are.
func (c *call) sees(st *stack) bool {
	account := c.Header.Get("X-Account")
	return account == "" || account == strconv.FormatInt(st.AccountID, 10)
}

// id returns the path variable id, 0 if it is no number.
func (c *call) id() int64 {
	id, err := strconv.ParseInt(c.vars[":id"], 10, 64)
	if err != nil {
		return 0
	}
	return id
}

func (*Sim) ping(*call) answer {
	return respondOK("pong")
}

func (s *Sim) getStack(c *call, st *stack) answer {
	return respond(s.renderStack(st, c.now))
}

func (s *Sim) getDeployment(c *call, st *stack) answer {
	d := st.deployment(c.id())
	if d == nil || d.hiddenTill.After(c.now) {
		return notFound("Deployment")
	}
	return respond(s.renderDeployment(st, d))
}

// The scopes of endpoints. The last two stand for no token and for any known token.
const (
	scopePublic   = "public"
	scopeRedeploy = "redeploy"
	scopeNone     = ""
	scopeAny      = "any"
)

// allowance counts the requests of a token in a clock hour.
type allowance struct {
	hour time.Time
	used int
}

// Revoke removes a token. Its next request gets 401.
func (s *Sim) Revoke(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, token)
}

// SetScopes sets the scopes of a token. An unknown token is added.
func (s *Sim) SetScopes(token string, scopes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = slices.Clone(scopes)
}

// authorised checks the token, the rate limit and the scope before the handler, and sets the rate limit headers of the response.
func (s *Sim) authorised(c *call, matched route) answer {
	token, found := bearer(c.Request)
	scopes, known := s.tokens[token]
	if !found || !known {
		return refuse(http.StatusUnauthorized, "unauthenticated", "The access token is missing, unknown or expired", nil)
	}
	left, allowed := s.spend(token, c.now)
	var a answer
	switch {
	case !allowed:
		a = refuse(http.StatusServiceUnavailable, "throttled", "Too many requests in this hour", nil)
	case matched.scope != scopeAny && !slices.Contains(scopes, matched.scope):
		a = refuse(http.StatusForbidden, "forbidden", "The access token lacks a scope", []string{"missing scope: " + matched.scope})
	default:
		a = matched.serve(s, c)
	}
	a.header.Set("X-RateLimit-Limit", strconv.Itoa(s.opts.RateLimit))
	a.header.Set("X-RateLimit-Remaining", strconv.Itoa(left))
	return a
}

// spend counts a request of a token and returns the number of requests left. It returns false if the limit is reached.
func (s *Sim) spend(token string, now time.Time) (int, bool) {
	hour := now.Truncate(time.Hour)
	used := s.usage[token]
	if !used.hour.Equal(hour) {
		used = allowance{hour: hour}
	}
	if used.used >= s.opts.RateLimit {
		return 0, false
	}
	used.used++
	s.usage[token] = used
	return s.opts.RateLimit - used.used, true
}

// bearer returns the token in the Authorization header.
func bearer(r *http.Request) (string, bool) {
	scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " ")
	return token, found && strings.EqualFold(scheme, "Bearer")
}

// withoutToken copies a header with the token in Authorization masked.
func withoutToken(h http.Header) http.Header {
	cleaned := maps.Clone(h)
	if scheme, _, found := strings.Cut(h.Get("Authorization"), " "); found {
		cleaned.Set("Authorization", scheme+" ***")
	} else {
		cleaned.Del("Authorization")
	}
	return cleaned
}
