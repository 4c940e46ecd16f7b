package cloud66

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"c66bot/cloud66/secret"
)

const testToken = "SECRET-TOKEN-0123456789"

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

type carrier func(*http.Request) (*http.Response, error)

func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	return c(r)
}

// seen is a request as a server got it.
type seen struct {
	Method, Path, Query, Body string
	Header                    http.Header
}

// server answers requests in process and keeps them.
type server struct {
	mu      sync.Mutex
	handler http.HandlerFunc
	got     []seen
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.got = append(s.got, seen{r.Method, r.URL.EscapedPath(), r.URL.Query().Encode(), string(body), r.Header.Clone()})
	s.mu.Unlock()
	w := httptest.NewRecorder()
	s.handler(w, r)
	return w.Result(), nil
}

func (s *server) requests() []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]seen(nil), s.got...)
}

// says answers everything with one status and body.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func newTestClient(t *testing.T, transport http.RoundTripper) *Client {
	t.Helper()
	return newClientWith(
		t,
		Config{BaseURL: "http://cloud66.test/api/3/", Token: secret.New(testToken), RequestsPerHour: 1_000_000, Transport: transport},
	)
}

func newClientWith(t *testing.T, cfg Config) *Client {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func answering(t *testing.T, status int, body string) (*Client, *server) {
	t.Helper()
	s := &server{handler: says(status, body)}
	return newTestClient(t, s), s
}

func testdata(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func diff(t *testing.T, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("differs (-want +got):\n%s", d)
	}
}

func TestNewNamesEveryFault(t *testing.T) {
	_, err := New(Config{BaseURL: "ftp://x", Token: secret.New("a\nb"), Account: "1\r\n2"})
	if err == nil {
		t.Fatal("a faulty configuration was accepted")
	}
	for _, part := range []string{"address", "token", "account", "budget of 0"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not name the fault of the %s", err, part)
		}
	}
}

func TestNewRefusesAddresses(t *testing.T) {
	for _, address := range []string{
		"", "app.cloud66.com/api/3", "http://", "https://user:pass@host/api", "https://host/api?x=y", "https://host/api#x", "https://ho st/%zz",
	} {
		_, err := New(Config{BaseURL: address, Token: secret.New(testToken), RequestsPerHour: 1})
		if err == nil || strings.Contains(err.Error(), "pass") {
			t.Errorf("%q gives %v", address, err)
		}
	}
}

func TestNoPrintShowsTheToken(t *testing.T) {
	cfg := Config{BaseURL: "https://host/api", Token: secret.New(testToken), RequestsPerHour: 1}
	c := newClientWith(t, cfg)
	type holder struct{ C *Client }
	var out bytes.Buffer
	for _, v := range []any{cfg, &cfg, c, *c, holder{c}, &holder{c}, []Config{cfg}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		for _, h := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
			slog.New(h).Info("config", "value", v)
		}
	}
	if err := json.NewEncoder(&out).Encode(cfg); err != nil {
		t.Fatal(err)
	}
	hex := fmt.Sprintf("%x", testToken)
	if s := out.String(); strings.Contains(s, testToken) || strings.Contains(s, hex) || !strings.Contains(s, "https://host/api") {
		t.Errorf("shows the token or not the address:\n%s", s)
	}
}

func TestNoErrorShowsTheToken(t *testing.T) {
	faults := map[string]http.RoundTripper{
		"a server that repeats it": &server{handler: says(422, `{"details":{"token":"`+testToken+`"}}`)},
		"a transport that repeats it": carrier(
			func(*http.Request) (*http.Response, error) { return nil, errors.New("bad header Bearer " + testToken) },
		),
		"an answer that is not JSON":          &server{handler: says(200, testToken)},
		"a refusal in an answer that is fine": &server{handler: says(200, `{"response":{"ok":false,"message":"`+testToken+`"}}`)},
	}
	for name, transport := range faults {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			c := newClientWith(t, Config{
				BaseURL: "https://host/api", Token: secret.New(testToken), RequestsPerHour: 100, Transport: transport,
				Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			})
			_, err := c.Redeploy(t.Context(), "x", RedeployRequest{})
			if err == nil {
				t.Fatal("no error")
			}
			said := fmt.Sprintf("%v %+v %#v %s", err, err, err, log.String())
			for cause := errors.Unwrap(err); cause != nil; cause = errors.Unwrap(cause) {
				said += fmt.Sprintf("%#v", cause)
			}
			if strings.Contains(said, testToken) {
				t.Errorf("the token is in %s", said)
			}
			if log.Len() == 0 {
				t.Error("nothing was logged")
			}
		})
	}
}

func TestCheckToken(t *testing.T) {
	tests := map[string]struct {
		status int
		body   string
		want   error
	}{
		"accepted":                {200, `{"ok":true,"message":"hello"}`, nil},
		"accepted in an envelope": {200, `{"response":{"ok":true}}`, nil},
		"refused by status":       {401, `{"error":"unauthenticated"}`, ErrUnauthenticated},
		"refused by word":         {200, `{"ok":false,"message":"no"}`, ErrUnauthenticated},
		"silent":                  {200, `{"message":"hello"}`, ErrUnreadable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, s := answering(t, tt.status, tt.body)
			if err := c.CheckToken(t.Context()); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			diff(t, "/api/3/ping/auth.json", s.requests()[0].Path)
		})
	}
}
