package page_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/bot/slacksim/page"
)

const lin, general = "U0LIN", "C0GENERAL"

// newPage serves a workspace with a channel and no app.
func newPage(tb testing.TB) (*slacksim.Workspace, string) {
	tb.Helper()
	slack := slacksim.New(slacksim.Options{NoRateLimits: true})
	slack.AddUser(slacksim.User{ID: lin, Name: "lin", RealName: "Lin Park"})
	slack.AddUser(slacksim.User{ID: "U0SAM", Name: "sam", RealName: "Sam Okafor"})
	slack.AddChannel(slacksim.Channel{ID: general, Name: "general", Members: []string{lin, "U0SAM"}, BotIsMember: true})
	handler := page.New(page.Config{
		Workspace: slack, Team: "Acme", Home: "general", People: []page.Person{{ID: lin, Role: "admin"}, {ID: "U0SAM", Role: "developer"}},
		Commands: []page.Command{{Name: "/c66", Description: "Deploys", Hint: "help"}},
	})
	server := httptest.NewServer(handler)
	tb.Cleanup(func() {
		handler.Close()
		slack.Close()
		server.Close()
	})
	return slack, server.URL
}

// headers are headers of a request.
type headers map[string]string

func TestThePageAnswersOnlyToItself(t *testing.T) {
	_, url := newPage(t)
	host := strings.TrimPrefix(url, "http://")
	tests := []struct {
		name, method, path string
		host               string
		header             headers
		want               int
	}{
		{
			name: "a link that is followed", method: "GET", path: "/?as=U0LIN", want: 200,
			header: headers{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
		},
		{name: "nobody in particular", method: "GET", path: "/", want: 302},
		{name: "by localhost", method: "GET", path: "/page.js", host: "localhost:1", want: 200},
		{name: "by IPv6", method: "GET", path: "/page.js", host: "[::1]:1", want: 200},
		{name: "by a name that somebody resolves to loopback", method: "GET", path: "/page.js", host: "evil.example", want: 421},
		{name: "by a name that begins like loopback", method: "GET", path: "/page.js", host: "127.0.0.1.evil.example", want: 421},
		{name: "its events elsewhere", method: "GET", path: "/events?as=U0LIN", header: headers{"Origin": "http://evil.example"}, want: 403},
		{name: "its events at another port", method: "GET", path: "/events?as=U0LIN", header: headers{"Origin": "http://127.0.0.1:1"}, want: 403},
		{name: "its script elsewhere", method: "GET", path: "/page.js", header: headers{"Sec-Fetch-Site": "cross-site"}, want: 403},
		{name: "the events of nobody", method: "GET", path: "/events?as=U0NOBODY", want: 404},
		{name: "an act of a form", method: "POST", path: "/act", header: headers{"Content-Type": "text/plain"}, want: 415},
		{name: "an act of a foreign page", method: "POST", path: "/act", header: headers{"Origin": "null"}, want: 403},
		{name: "an act of its own", method: "POST", path: "/act", header: headers{"Origin": url}, want: 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), tt.method, url+tt.path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			request.Host = host
			if tt.host != "" {
				request.Host = tt.host
			}
			request.Header.Set("Content-Type", "application/json")
			for name, value := range tt.header {
				request.Header.Set(name, value)
			}
			response, err := http.DefaultTransport.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }()
			if response.StatusCode != tt.want {
				t.Errorf("status %d, want %d", response.StatusCode, tt.want)
			}
			policy := response.Header.Get("Content-Security-Policy")
			if !strings.Contains(policy, "script-src 'self';") || strings.Contains(policy, "unsafe") {
				t.Errorf("the content security policy is %q", policy)
			}
		})
	}
}

// ask sends a request of the page's own and returns the body of its answer.
func ask(t *testing.T, method, url, body string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v", url, response.StatusCode, err)
	}
	return answer
}

func TestAnActIsOfSomebodyAndSomething(t *testing.T) {
	_, url := newPage(t)
	for given, want := range map[string]string{
		`{"as":"U0LIN","do":"fly"}`:                                       "nothing that one can do",
		`{"as":"U0C66BOT","do":"say","channel":"C0GENERAL","text":"hi"}`:  "nobody here",
		`{"as":"U0LIN","do":"say","channel":"C0NONE","text":"hi"}`:        "cannot post in C0NONE",
		`{"as":"U0LIN","do":"command","channel":"C0GENERAL","text":"/x"}`: "/x is not a valid command.",
		`{"as":"U0LIN","do":"say","colour":"red"}`:                        "unknown field",
		`{"as":"U0LIN","do":"say","channel":"C0GENERAL","text":"hi"}`:     `"result":null`,
	} {
		if body := ask(t, http.MethodPost, url+"/act", given); !strings.Contains(string(body), want) {
			t.Errorf("%s: %s, want %q", given, body, want)
		}
	}
}

func TestThePageIsSmall(t *testing.T) {
	_, url := newPage(t)
	total := 0
	for _, name := range []string{"/?as=U0LIN", "/page.js", "/page.css"} {
		var compressed bytes.Buffer
		writer, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		_, err = writer.Write(ask(t, http.MethodGet, url+name, ""))
		if err := errors.Join(err, writer.Close()); err != nil {
			t.Fatal(err)
		}
		total += compressed.Len()
	}
	if total > 400_000 {
		t.Errorf("it is %d bytes, compressed", total)
	}
}

func TestClosingEndsTheEvents(t *testing.T) {
	slack := slacksim.New(slacksim.Options{})
	defer slack.Close()
	slack.AddUser(slacksim.User{ID: lin, Name: "lin"})
	handler := page.New(page.Config{Workspace: slack, People: []page.Person{{ID: lin}}})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		request := httptest.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, "http://127.0.0.1/events?as=U0LIN", nil)
		handler.ServeHTTP(httptest.NewRecorder(), request)
	}()
	handler.Close()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the events go on")
	}
}
