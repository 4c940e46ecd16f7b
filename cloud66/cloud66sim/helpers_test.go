package cloud66sim

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// object is a decoded JSON object.
type object = map[string]any

// as is a decoded value as a T, the zero T where it is none.
func as[T any](value any) T {
	typed, _ := value.(T)
	return typed
}

// reply is a decoded answer.
type reply struct {
	status int
	header http.Header
	text   string
	body   object
}

// response is the answer's envelope's content where that is an object.
func (r reply) response() object {
	return as[object](r.body["response"])
}

// items are the answer's envelope's content where that is a list.
func (r reply) items() []object {
	var items []object
	for _, item := range as[[]any](r.body["response"]) {
		items = append(items, as[object](item))
	}
	return items
}

// ids are the ids of the items.
func (r reply) ids() []float64 {
	var ids []float64
	for _, item := range r.items() {
		ids = append(ids, as[float64](item["id"]))
	}
	return ids
}

// send makes a request in process with the demo token; headers are names and values in turn.
func send(t *testing.T, s *Sim, method, target, body string, headers ...string) reply {
	t.Helper()
	req := newRequest(t, method, "https://cloud66.example/api/3"+target, body, headers...)
	res, err := s.RoundTripper().RoundTrip(req)
	if err != nil {
		t.Errorf("%s %s: %v", method, target, err)
		return reply{}
	}
	return read(t, res)
}

func get(t *testing.T, s *Sim, target string) reply {
	t.Helper()
	return send(t, s, http.MethodGet, target, "")
}

func newRequest(t *testing.T, method, url, body string, headers ...string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+DemoToken)
	if strings.HasPrefix(body, "{") {
		req.Header.Set("Content-Type", "application/json")
	}
	for pair := range slices.Chunk(headers, 2) {
		req.Header.Set(pair[0], pair[1])
	}
	return req
}

func read(t *testing.T, res *http.Response) reply {
	t.Helper()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Errorf("read the answer: %v", err)
	}
	if err := res.Body.Close(); err != nil {
		t.Errorf("close the answer: %v", err)
	}
	r := reply{status: res.StatusCode, header: res.Header, text: string(text)}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		r.body = decode(t, text)
	}
	return r
}

func decode(t *testing.T, text []byte) object {
	t.Helper()
	var decoded object
	if err := json.Unmarshal(text, &decoded); err != nil {
		t.Errorf("decode %q: %v", text, err)
	}
	return decoded
}

func example(t *testing.T, name string) object {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, text)
}

// pass lets time pass on a bubble's clock.
func pass(d time.Duration) {
	<-time.After(d)
}

// railsStack is a stack whose deployments take ten minutes.
func railsStack() Stack {
	return Stack{UID: "rails", Name: "rails test", Git: "https://github.com/cloud66-samples/rails-test.git", UsualDuration: 10 * time.Minute}
}

func dockerStack() Stack {
	return Stack{
		UID: "docker", Name: "boxes", Framework: "docker", UsualDuration: 10 * time.Minute,
		Services: []Service{{Name: "web", ImageName: "acme/web", ImageTag: "v1"}, {Name: "worker", SourceType: "git", GitRef: "main"}},
	}
}

// withStack is a Sim with the rails stack alone.
func withStack(opts Options) *Sim {
	s := New(opts)
	s.AddStack(railsStack())
	return s
}

func mustView(t *testing.T, s *Sim, uid string, id int64) View {
	t.Helper()
	v, found := s.Deployment(uid, id)
	if !found {
		t.Fatalf("no deployment %d of %s", id, uid)
	}
	return v
}

func states(s *Sim, uid string) []State {
	var states []State
	for _, v := range s.Deployments(uid) {
		states = append(states, v.State)
	}
	return states
}
