package cloud66

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"c66bot/cloud66/secret"
)

func collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var found []T
	for item, err := range seq {
		if err != nil {
			return found, err
		}
		found = append(found, item)
	}
	return found, nil
}

func TestEachCallSendsItsRequest(t *testing.T) {
	const deployments = "/api/3/stacks/abc/deployments"
	list := `{"response":[],"count":0,"pagination":{"next":null}}`
	tests := map[string]struct {
		call   func(context.Context, *Client) error
		answer string
		want   seen
	}{
		"deployments": {
			func(ctx context.Context, c *Client) error {
				_, err := c.DeploymentRange(ctx, "abc", 0, 30)
				return err
			}, list, seen{Method: "GET", Path: deployments, Query: "page=1"},
		},
		"a page of the stacks": {
			func(ctx context.Context, c *Client) error { _, err := c.StackPage(ctx, 3); return err },
			list, seen{Method: "GET", Path: "/api/3/stacks", Query: "page=3"},
		},
		"one stack": {
			func(ctx context.Context, c *Client) error { _, err := c.Stack(ctx, "abc"); return err },
			`{"response":{"uid":"abc"}}`, seen{Method: "GET", Path: "/api/3/stacks/abc"},
		},
		"a stack with a hostile uid": {
			func(ctx context.Context, c *Client) error { _, err := c.Stack(ctx, "../../x?y=1#z%2f"); return err },
			`{"response":{"uid":"abc"}}`, seen{Method: "GET", Path: "/api/3/stacks/..%2F..%2Fx%3Fy=1%23z%252f"},
		},
		"services": {
			func(ctx context.Context, c *Client) error { _, err := c.Services(ctx, "abc"); return err },
			list, seen{Method: "GET", Path: "/api/3/stacks/abc/services", Query: "page=1"},
		},
		"one deployment": {
			func(ctx context.Context, c *Client) error { _, err := c.Deployment(ctx, "abc", 107); return err },
			`{"response":{"id":107}}`, seen{Method: "GET", Path: deployments + "/107"},
		},
		"actions, filtered": {
			func(ctx context.Context, c *Client) error {
				_, err := collect(c.Actions(ctx, "abc", ActionFilter{UserReference: "c66bot-1"}))
				return err
			}, list,
			seen{Method: "GET", Path: "/api/3/stacks/abc/actions", Query: "page=1&user_reference=c66bot-1"},
		},
		"a redeploy of everything": {
			func(ctx context.Context, c *Client) error {
				_, err := c.Redeploy(ctx, "abc", RedeployRequest{})
				return err
			},
			`{"response":{"ok":true}}`, seen{Method: "POST", Path: deployments, Body: `{}`},
		},
		"a redeploy with every choice": {
			func(ctx context.Context, c *Client) error {
				_, err := c.Redeploy(ctx, "abc", RedeployRequest{
					GitRef: "main", DeploymentProfile: "fast", UserReference: "c66bot-1",
					Services: []ServiceImage{
						{Name: "web", Tag: "v1"}, {Name: "worker"}, {Name: "api", Digest: "sha256:9f86d0"}, {Name: "job", Tag: "fix/x", Digest: "sha256:9f"},
					},
				})
				return err
			}, `{"response":{"ok":true}}`,
			seen{
				Method: "POST",
				Path:   deployments,
				Body: `{"git_ref":"main","services":["web:v1","worker","api@sha256:9f86d0","job:fix/x@sha256:9f"],` +
					`"deployment_profile":"fast","user_reference":"c66bot-1"}`,
			},
		},
		"a cancel": {
			func(ctx context.Context, c *Client) error { _, err := c.Cancel(ctx, "abc", 107); return err },
			`{"response":{"ok":true}}`, seen{Method: "DELETE", Path: deployments + "/107"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, s := answering(t, 200, tt.answer)
			if err := tt.call(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			got := s.requests()
			if len(got) != 1 {
				t.Fatalf("%d requests, want 1", len(got))
			}
			header := got[0].Header
			got[0].Header = nil
			diff(t, tt.want, got[0])
			diff(t, tt.want.Body != "", header.Get("Content-Type") == "application/json")
			diff(t, 0, len(header.Values("X-Account")))
		})
	}
}

func TestHeadersOfARequest(t *testing.T) {
	s := &server{handler: says(200, `{"response":{"id":1}}`)}
	c := newClientWith(
		t,
		Config{BaseURL: "https://h/api/3", Token: secret.New(testToken), Account: "42", RequestsPerHour: 9, Transport: s, UserAgent: "c66bot/1"},
	)
	for range 2 {
		if _, err := c.Deployment(t.Context(), "a", 1); err != nil {
			t.Fatal(err)
		}
	}
	first, second := s.requests()[0].Header, s.requests()[1].Header
	id := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	if !id.MatchString(first.Get("Request-Id")) || first.Get("Request-Id") == second.Get("Request-Id") {
		t.Errorf("request ids %q and %q", first.Get("Request-Id"), second.Get("Request-Id"))
	}
	first.Del("Request-Id")
	diff(t, http.Header{
		"Authorization": {"Bearer " + testToken}, "Accept": {"application/json"}, "X-Account": {"42"}, "User-Agent": {"c66bot/1"},
	}, first)
}

func TestAUIDThatIsNoSegmentIsNotSent(t *testing.T) {
	c, s := answering(t, 200, `{}`)
	for _, uid := range []string{"", ".", ".."} {
		_, err := c.Redeploy(t.Context(), uid, RedeployRequest{})
		if !errors.Is(err, ErrNotFound) || !NothingDone(err) {
			t.Errorf("%q gives %v", uid, err)
		}
		if _, err = c.DeploymentRange(t.Context(), uid, 0, 30); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q gives %v", uid, err)
		}
	}
	diff(t, 0, len(s.requests()))
}

func TestServicesThatWouldReadAsOthersAreNotSent(t *testing.T) {
	c, s := answering(t, 200, `{}`)
	for _, service := range []ServiceImage{
		{Tag: "v1"}, {Name: "a,b"}, {Name: "a:b"}, {Name: "a@b"}, {Name: "a", Tag: "v1,b"}, {Name: "a", Digest: "sha256:1,b"},
	} {
		_, err := c.Redeploy(t.Context(), "abc", RedeployRequest{Services: []ServiceImage{service}})
		if !errors.Is(err, ErrRefused) || !NothingDone(err) {
			t.Errorf("%v gives %v", service, err)
		}
	}
	diff(t, 0, len(s.requests()))
}

func TestAnswersToARedeploy(t *testing.T) {
	tests := map[string]struct {
		body string
		want RedeployAnswer
		err  error
	}{
		"as documented": {testdata(t, "redeploy.json"), RedeployAnswer{DeploymentID: 108}, nil},
		"of the older documents": {
			`{"response":{"ok":true,"message":"Stack queued for redeployment","async_action_id":40,"queued":true}}`,
			RedeployAnswer{},
			nil,
		},
		"of igor":                   {`{"response":{"ok":true,"message":"Stack starting redeployment","queued":false}}`, RedeployAnswer{}, nil},
		"bare":                      {`{"response":{"ok":true,"message":"Done"}}`, RedeployAnswer{}, nil},
		"bare without the envelope": {`{"ok":true,"message":"Done"}`, RedeployAnswer{}, nil},
		"with numbers as strings":   {`{"response":{"id":"108","queued":"true"}}`, RedeployAnswer{DeploymentID: 108}, nil},
		"a refusal":                 {`{"response":{"ok":false,"message":"Stack is\u0007 locked"}}`, RedeployAnswer{}, ErrRefused},
		"an empty object":           {`{"response":{}}`, RedeployAnswer{}, ErrUnreadable},
		"null":                      {`{"response":null}`, RedeployAnswer{}, ErrUnreadable},
		"a list":                    {`{"response":[1]}`, RedeployAnswer{}, ErrUnreadable},
		"nothing":                   {``, RedeployAnswer{}, ErrUnreadable},
		"cut JSON":                  {`{"response":{"id":10`, RedeployAnswer{}, ErrUnreadable},
		"a page":                    {`<html>ok</html>`, RedeployAnswer{}, ErrUnreadable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, s := answering(t, 200, tt.body)
			got, err := c.Redeploy(t.Context(), "abc", RedeployRequest{})
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			diff(t, tt.want, got)
			diff(t, 1, len(s.requests()))
			diff(t, errors.Is(tt.err, ErrRefused), NothingDone(err))
			if errors.Is(tt.err, ErrRefused) && !strings.Contains(err.Error(), "Stack is locked") {
				t.Errorf("%q does not say why", err)
			}
		})
	}
}

func TestAnswersToACancel(t *testing.T) {
	s := &server{handler: func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Cloud66-Warning", "slow\ndown")
		says(
			200,
			cmp.Or(
				map[bool]string{true: testdata(t, "cancel.json")}[r.URL.Path == "/api/3/stacks/abc/deployments/1"],
				`{"response":{"ok":false,"message":"over"}}`,
			),
		)(
			w,
			r,
		)
	}}
	c := newTestClient(t, s)
	got, err := c.Cancel(t.Context(), "abc", 1)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, CancelAnswer{Message: "Deployment cancelled", Warning: "slow down"}, got)
	if _, err = c.Cancel(t.Context(), "abc", 2); !errors.Is(err, ErrRefused) || !NothingDone(err) {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestActionsAreFilteredHereToo(t *testing.T) {
	c, _ := answering(t, 200, `{"response":[
		{"id":1,"user":"a@b.c","resource_type":"stack","action":"application_deployment","resource_id":77,"started_via":"api",
		 "started_at":"2024-02-15T14:30:00+00:00","finished_at":"2024-02-15T14:31:00Z","finished_success":true,"finished_message":"m",
		 "finished_result":"r",
		 "metadata":{"user_reference":"mine"}},
		{"id":2,"metadata":{"user_reference":"other"},"finished_success":null},{"id":3,"metadata":null},{"id":4,"metadata":"mine"},{"id":"5"}]}`)
	got, err := collect(c.Actions(t.Context(), "abc", ActionFilter{UserReference: "mine"}))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Date(2024, 2, 15, 14, 30, 0, 0, time.UTC)
	diff(t, []Action{{
		ID: 1, StartedAt: began, FinishedAt: began.Add(time.Minute), FinishedSuccess: new(true), FinishedMessage: "m", UserReference: "mine",
	}}, got)
	every, err := collect(c.Actions(t.Context(), "abc", ActionFilter{}))
	diff(t, fmt.Sprint(5, nil), fmt.Sprint(len(every), err))
}

func TestServices(t *testing.T) {
	c, _ := answering(t, 200, `{"response":[
		{"name":"web","source_type":"image","git_ref":null,"image_name":"acme/web","image_tag":"v1","desired_count":2},
		{"name":"job","source_type":"git","git_ref":"main","desired_count":"1"}]}`)
	got, err := c.Services(t.Context(), "abc")
	if err != nil {
		t.Fatal(err)
	}
	diff(t, []Service{
		{Name: "web", ImageTag: "v1"}, {Name: "job", GitRef: "main"},
	}, got)
}
