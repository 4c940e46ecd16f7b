package cloud66

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestStatusesHaveKinds(t *testing.T) {
	throttle := http.Header{"X-Ratelimit-Remaining": {"0"}, "Retry-After": {"3000"}}
	tests := map[string]struct {
		status int
		header http.Header
		body   string
		kind   error
		safe   bool // that nothing was done
	}{
		"bad request":                  {400, nil, `{"error":"bad_request"}`, ErrRefused, true},
		"unauthenticated":              {401, nil, `{"error":"unauthenticated"}`, ErrUnauthenticated, true},
		"trial expired":                {402, nil, ``, ErrTrialExpired, true},
		"forbidden":                    {403, nil, `{"error":"forbidden"}`, ErrMissingScope, true},
		"not found":                    {404, nil, `<html>`, ErrNotFound, true},
		"time out":                     {408, nil, `{"error":"time_out"}`, ErrNoAnswer, false},
		"conflict":                     {409, nil, ``, ErrConflict, true},
		"unprocessable":                {422, nil, `{}`, ErrRefused, true},
		"too many requests":            {429, nil, ``, ErrThrottled, true},
		"throttled, by its body":       {503, nil, `{"error":"throttled"}`, ErrThrottled, true},
		"throttled, by its header":     {503, throttle, ``, ErrThrottled, true},
		"not implemented":              {503, nil, `{"error":"not_implemented"}`, ErrRefused, true},
		"unavailable":                  {503, nil, `<html>Service unavailable</html>`, ErrServer, false},
		"unavailable with a rest":      {503, http.Header{"X-Ratelimit-Remaining": {"12"}}, ``, ErrServer, false},
		"a failure of the server":      {500, nil, `{"error":"boom"}`, ErrServer, false},
		"a failure on the way":         {502, nil, ``, ErrServer, false},
		"a redirection":                {302, http.Header{"Location": {"https://elsewhere.test/x?token=1"}}, ``, ErrUnreadable, true},
		"a success that says nothing":  {204, nil, ``, ErrUnreadable, false},
		"a success with broken JSON":   {200, nil, `{"response":`, ErrUnreadable, false},
		"a success that is a refusal":  {200, nil, `{"ok":false}`, ErrRefused, true},
		"a status that nobody defined": {599, nil, ``, ErrServer, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := &server{handler: func(w http.ResponseWriter, r *http.Request) {
				for key := range tt.header {
					w.Header().Set(key, tt.header.Get(key))
				}
				says(tt.status, tt.body)(w, r)
			}}
			c := newTestClient(t, s)
			_, err := c.Redeploy(t.Context(), "abc", RedeployRequest{GitRef: "x"})
			e, ok := errors.AsType[*Error](err)
			if !ok || !errors.Is(err, tt.kind) {
				t.Fatalf("got %v, want %v", err, tt.kind)
			}
			diff(
				t,
				Error{Method: "POST", Path: "/stacks/abc/deployments", Status: tt.status},
				Error{Method: e.Method, Path: e.Path, Status: e.Status},
			)
			diff(t, tt.safe, NothingDone(err))
			diff(t, 1, len(s.requests()))
			if tt.kind == ErrThrottled && e.RetryAfter != time.Minute { //nolint:errorlint // the table's own value
				t.Errorf("try again after %s", e.RetryAfter)
			}
		})
	}
}

func TestNothingElseProvesThatNothingWasDone(t *testing.T) {
	for _, err := range []error{nil, errors.New("x"), context.Canceled} {
		if NothingDone(err) {
			t.Errorf("%v is taken for a proof", err)
		}
	}
}

func TestWhatTheServerSaidIsKept(t *testing.T) {
	tests := map[string]struct{ body, want string }{
		"details in words":          {`{"error":"e","error_description":"d","details":"Stack is locked"}`, "Stack is locked"},
		"details as an object":      {`{"details":{"git_ref":["is unknown","is short"],"a":{"b":1}}}`, "a: b: 1, git_ref: is unknown, is short"},
		"details as a list":         {`{"details":["one",2,null,true]}`, "one, 2, true"},
		"details as a number":       {`{"details":42}`, "42"},
		"no details":                {`{"error":"e","error_description":"It is busy","details":null}`, "It is busy"},
		"empty details":             {`{"error":"e","error_description":"","details":{}}`, "e"},
		"a message":                 {`{"message":"m"}`, "m"},
		"an empty object":           {`{}`, "Unprocessable Entity"},
		"a list":                    {`["x"]`, "Unprocessable Entity"},
		"null":                      {`null`, "Unprocessable Entity"},
		"cut JSON":                  {`{"details":"Sta`, "Unprocessable Entity"},
		"nothing":                   {``, "Unprocessable Entity"},
		"a page":                    {`<html><h1>Oops</h1></html>`, "Unprocessable Entity"},
		"controls and other breaks": {`{"details":"a\u0000\u001b[31m\r\n\tb\u202e\u2028c"}`, "a[31m b c"},
		"too much":                  {`{"details":"` + strings.Repeat("é", 9000) + `"}`, strings.Repeat("é", messageRunes-1) + "…"},
		"too deep":                  {`{"details":` + strings.Repeat("[", 50) + `1` + strings.Repeat("]", 50) + `}`, "…"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, _ := answering(t, 422, tt.body)
			_, err := c.Stack(t.Context(), "abc")
			e, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			diff(t, tt.want, e.Message)
		})
	}
}

func TestTheTextOfAnError(t *testing.T) {
	e := &Error{
		Kind:       ErrThrottled,
		Method:     "GET",
		Path:       "/stacks",
		Status:     503,
		Message:    "slow down",
		RetryAfter: time.Minute,
		Err:        errors.New("cause"),
	}
	diff(t, "Cloud 66: GET /stacks: throttled for too many requests (status 503): slow down: cause; try again in 1m0s", e.Error())
}
