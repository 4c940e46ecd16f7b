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

// basePath is the only prefix that the API is served at.
const basePath = "/api/3/"

// maxBody bounds the request bodies, in bytes.
const maxBody = 1 << 20

// ServeHTTP serves one request: it is recorded, meets the fault that matches it, is answered from the state, and the answer is sent.
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

// call is one request on its way to its handler.
type call struct {
	*http.Request

	body []byte
	now  time.Time
	vars map[string]string
}

// answer answers a request from the state, and says whatever holds for every request.
func (s *Sim) answer(r *http.Request, body []byte) answer {
	segments, found := apiSegments(r.URL)
	if !found {
		return htmlNotFound()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.dispatch(&call{Request: r, body: body, now: s.advance()}, segments)
	if id := r.Header.Get("Request-Id"); id != "" {
		a.header.Set("Request-Id", id)
	}
	return a
}

func (s *Sim) dispatch(c *call, segments []string) answer {
	matched, vars := matchRoute(c.Method, segments)
	if matched == nil {
		return notFound("The path was")
	}
	c.vars = vars
	if matched.scope == scopeNone {
		return matched.serve(s, c)
	}
	return s.authorised(c, matched)
}

// apiSegments are the decoded segments of a path below the base, without the optional ".json" at its end.
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

// route is one endpoint. A segment of its path that begins with a colon matches anything and names it.
type route struct {
	method string
	path   string
	scope  string
	serve  func(*Sim, *call) answer
}

var routes = []route{
	{http.MethodGet, "ping", scopeNone, (*Sim).ping},
	{http.MethodGet, "ping/auth", scopeAny, (*Sim).ping},
	{http.MethodGet, "stacks", scopePublic, (*Sim).listStacks},
	{http.MethodGet, "stacks/:stack", scopePublic, onStack((*Sim).getStack)},
	{http.MethodGet, "stacks/:stack/services", scopePublic, onStack((*Sim).listServices)},
	{http.MethodGet, "stacks/:stack/actions", scopePublic, onStack((*Sim).listActions)},
	{http.MethodGet, "stacks/:stack/deployments", scopePublic, onStack((*Sim).listDeployments)},
	{http.MethodGet, "stacks/:stack/deployments/:id", scopePublic, onStack((*Sim).getDeployment)},
	{http.MethodPost, "stacks/:stack/deployments", scopeRedeploy, onStack((*Sim).redeploy)},
	{http.MethodDelete, "stacks/:stack/deployments/:id", scopeRedeploy, onStack((*Sim).cancelDeployment)},
}

// matchRoute finds the endpoint of a request. A known path with another method is as unknown as any other, as it is in Rails.
func matchRoute(method string, segments []string) (*route, map[string]string) {
	for i := range routes {
		if routes[i].method != method {
			continue
		}
		if vars, fits := matchPath(routes[i].path, segments); fits {
			return &routes[i], vars
		}
	}
	return nil, nil
}

func matchPath(pattern string, segments []string) (map[string]string, bool) {
	parts := strings.Split(pattern, "/")
	if len(parts) != len(segments) {
		return nil, false
	}
	vars := map[string]string{}
	for i, part := range parts {
		if name, variable := strings.CutPrefix(part, ":"); variable {
			vars[name] = segments[i]
		} else if part != segments[i] {
			return nil, false
		}
	}
	return vars, true
}

// onStack finds the stack of a request before its handler runs.
func onStack(serve func(*Sim, *call, *stack) answer) func(*Sim, *call) answer {
	return func(s *Sim, c *call) answer {
		st := s.find(c.vars["stack"])
		if st == nil || !c.sees(st) {
			return notFound("Stack")
		}
		return serve(s, c, st)
	}
}

// sees tells whether a stack is within the account that the request asks for.
func (c *call) sees(st *stack) bool {
	account := c.Header.Get("X-Account")
	return account == "" || account == strconv.FormatInt(st.AccountID, 10)
}

// id is the number in the path, 0 where there is none.
func (c *call) id() int64 {
	id, err := strconv.ParseInt(c.vars["id"], 10, 64)
	if err != nil {
		return 0
	}
	return id
}

func (*Sim) ping(*call) answer {
	return respondOK("pong")
}

func (*Sim) getStack(_ *call, st *stack) answer {
	return respond(renderStack(st))
}

func (s *Sim) getDeployment(c *call, st *stack) answer {
	d := st.deployment(c.id())
	if d == nil {
		return notFound("Deployment")
	}
	return respond(s.wireDeployment(st, d))
}

// The scopes that endpoints ask for. The last two are no scopes: no token at all, and any accepted token.
const (
	scopePublic   = "public"
	scopeRedeploy = "redeploy"
	scopeNone     = ""
	scopeAny      = "any"
)

// allowance is what a token has used of its requests in one clock hour.
type allowance struct {
	hour time.Time
	used int
}

// Revoke makes a token unknown: its next request is answered with 401.
func (s *Sim) Revoke(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, token)
}

// SetScopes gives a token exactly these scopes, and makes it known where it is not.
func (s *Sim) SetScopes(token string, scopes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = slices.Clone(scopes)
}

// authorised serves a request that needs a token, with the headers of the rate limit on its answer.
func (s *Sim) authorised(c *call, matched *route) answer {
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

// spend takes one request from a token's allowance and tells how many are left, and whether there was one to take.
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

// bearer is the token of a request's Authorization header.
func bearer(r *http.Request) (string, bool) {
	scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " ")
	return token, found && strings.EqualFold(scheme, "Bearer")
}

// withoutToken is a copy of a request's header that says of the token only that there was one.
func withoutToken(h http.Header) http.Header {
	cleaned := maps.Clone(h)
	if scheme, _, found := strings.Cut(h.Get("Authorization"), " "); found {
		cleaned.Set("Authorization", scheme+" ***")
	} else {
		cleaned.Del("Authorization")
	}
	return cleaned
}
