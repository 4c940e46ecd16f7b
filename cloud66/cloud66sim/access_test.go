package cloud66sim

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestScopesAreEnforced(t *testing.T) {
	const read, write, both = "read", "write", DemoToken
	tests := map[string]struct {
		method, target, authorization string
		status                        int
		name                          string
	}{
		"reading without a token":         {"GET", "/stacks", "", 401, "unauthenticated"},
		"reading with an unknown token":   {"GET", "/stacks", "Bearer nobody", 401, "unauthenticated"},
		"reading with another scheme":     {"GET", "/stacks", "Basic " + both, 401, "unauthenticated"},
		"reading with public":             {"GET", "/stacks", "Bearer " + read, 200, ""},
		"reading with redeploy alone":     {"GET", "/stacks", "Bearer " + write, 403, "forbidden"},
		"redeploying with public alone":   {"POST", "/stacks/rails/deployments", "Bearer " + read, 403, "forbidden"},
		"redeploying with redeploy alone": {"POST", "/stacks/rails/deployments", "Bearer " + write, 200, ""},
		"cancelling with public alone":    {"DELETE", "/stacks/rails/deployments/1001", "Bearer " + read, 403, "forbidden"},
		"a ping without a token":          {"GET", "/ping.json", "", 200, ""},
		"a token check without a token":   {"GET", "/ping/auth.json", "", 401, "unauthenticated"},
		"a token check of any token":      {"GET", "/ping/auth.json", "bearer " + write, 200, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := withStack(Options{})
			s.SetScopes(read, []string{"public"})
			s.SetScopes(write, []string{"redeploy"})
			got := send(t, s, test.method, test.target, "", "Authorization", test.authorization)
			errorName, _ := got.body["error"].(string)
			if got.status != test.status || errorName != test.name {
				t.Errorf("status %d: %s", got.status, got.text)
			}
			counted := got.header.Get("X-RateLimit-Remaining") != ""
			if want := test.status != 401 && test.authorization != ""; counted != want {
				t.Errorf("rate limit headers: %v, want %v", counted, want)
			}
		})
	}
}

func TestATokenCanChangeInTheMiddleOfARun(t *testing.T) {
	s := withStack(Options{})
	post := func() int { return send(t, s, http.MethodPost, "/stacks/rails/deployments", "").status }
	got := []int{post()}
	s.SetScopes(DemoToken, []string{"public"})
	got = append(got, post())
	s.Revoke(DemoToken)
	got = append(got, post())
	s.SetScopes(DemoToken, []string{"redeploy"})
	got = append(got, post())
	expect(t, "statuses", []int{200, 403, 401, 200}, got)
}

func TestARefusalHasTheDocumentedFields(t *testing.T) {
	got := get(t, New(Options{}), "/stacks/none")
	want := object{"error": "not_found", "error_description": "Stack not found", "details": nil}
	expect(t, "body", want, got.body)
}

func TestTheRateLimitThrottlesUntilTheNextHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{RateLimit: 3})
		s.SetScopes("other", []string{"public"})
		pass(27 * time.Minute)
		for want := 2; want >= 0; want-- {
			pass(time.Minute)
			got := get(t, s, "/stacks")
			expect(
				t,
				"headers",
				[]string{"3", strconv.Itoa(want)},
				[]string{got.header.Get("X-RateLimit-Limit"), got.header.Get("X-RateLimit-Remaining")},
			)
		}
		got := get(t, s, "/stacks")
		if got.status != http.StatusServiceUnavailable || got.body["error"] != "throttled" || got.header.Get("X-RateLimit-Remaining") != "0" {
			t.Errorf("throttled: status %d: %s", got.status, got.text)
		}
		if other := send(t, s, http.MethodGet, "/stacks", "", "Authorization", "Bearer other"); other.status != http.StatusOK {
			t.Errorf("another token: status %d", other.status)
		}
		pass(30 * time.Minute)
		if got := get(t, s, "/stacks"); got.status != http.StatusOK || got.header.Get("X-RateLimit-Remaining") != "2" {
			t.Errorf("in the next hour: status %d, %s left", got.status, got.header.Get("X-RateLimit-Remaining"))
		}
	})
}

func TestRequestsAreRecordedWithoutTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withStack(Options{})
		send(t, s, http.MethodPost, "/stacks/rails/deployments.json?git_ref=v1", `{"user_reference":"x"}`, "X-Account", "1")
		send(t, s, http.MethodGet, "/stacks/a%2Fb", "", "Authorization", "secret-without-scheme")
		requests := s.Requests()
		if s.Count() != 2 || len(requests) != 2 {
			t.Fatalf("%d requests, %d recorded", s.Count(), len(requests))
		}
		first := requests[0]
		expect(t, "header", []string{"Bearer ***", "1"}, []string{first.Header.Get("Authorization"), first.Header.Get("X-Account")})
		first.Header = nil
		want := Request{
			Method: "POST", Path: "/api/3/stacks/rails/deployments.json", Query: map[string][]string{"git_ref": {"v1"}},
			Body: `{"user_reference":"x"}`, Time: time.Now(), Status: 200,
		}
		expect(t, "request", want, first)
		if second := requests[1]; second.Path != "/api/3/stacks/a%2Fb" || second.Status != 401 || second.Header.Get("Authorization") != "" {
			t.Errorf("second request %+v", second)
		}
	})
}

func TestOnlyTheNewestRequestsAreKept(t *testing.T) {
	s := New(Options{})
	req := newRequest(t, http.MethodGet, "https://cloud66.example/api/3/ping", "")
	for range keptRequests {
		s.record(req, nil)
	}
	s.record(req, []byte("one more"))
	requests := s.Requests()
	if s.Count() != keptRequests+1 || len(requests) != keptRequests*9/10+1 || requests[len(requests)-1].Body != "one more" ||
		requests[0].Body != "" {
		t.Errorf("%d requests, %d kept, the last %q", s.Count(), len(requests), requests[len(requests)-1].Body)
	}
}

func TestPathsThatAreNotThere(t *testing.T) {
	tests := map[string]struct {
		method, path string
		status       int
		kind         string
	}{
		"an unknown path":          {"GET", "/api/3/servers", 404, "application/json"},
		"a wrong method":           {"PUT", "/api/3/stacks/rails", 404, "application/json"},
		"a trailing slash":         {"GET", "/api/3/stacks/", 404, "application/json"},
		"an unknown action":        {"GET", "/api/3/stacks/rails/actions/1", 404, "application/json"},
		"an unknown deployment":    {"GET", "/api/3/stacks/rails/deployments/1", 404, "application/json"},
		"a stack that climbs":      {"GET", "/api/3/stacks/..%2Frails", 404, "application/json"},
		"another version":          {"GET", "/api/2/stacks", 404, "text/html"},
		"outside the API":          {"GET", "/", 404, "text/html"},
		"a path with the suffix":   {"GET", "/api/3/stacks/rails.json", 200, "application/json"},
		"a path with an escape":    {"GET", "/api/3/stacks/r%61ils", 200, "application/json"},
		"a deeper path, suffix on": {"GET", "/api/3/stacks/rails/deployments.json", 200, "application/json"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			req := newRequest(t, test.method, "https://cloud66.example"+test.path, "", "Request-Id", "r-1")
			res, err := withStack(Options{}).RoundTripper().RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			got := read(t, res)
			if got.status != test.status || !strings.HasPrefix(got.header.Get("Content-Type"), test.kind) {
				t.Errorf("status %d, %s: %s", got.status, got.header.Get("Content-Type"), got.text)
			}
		})
	}
}

func TestTheRequestIDComesBack(t *testing.T) {
	if got := send(t, New(Options{}), http.MethodGet, "/stacks", "", "Request-Id", "r-1").header.Get("Request-Id"); got != "r-1" {
		t.Errorf("Request-Id %q", got)
	}
}
