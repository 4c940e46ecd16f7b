package cloud66sim

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

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
