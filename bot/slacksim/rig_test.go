package slacksim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"c66bot/bot/slacksim/memnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	lin     = "U0LIN"
	sam     = "U0SAM"
	general = "C0GENERAL"
	secret  = "G0SECRET"
	random  = "C0RANDOM"
)

// rig is a workspace behind an in-memory server, with a raw HTTP client.
type rig struct {
	t      *testing.T
	w      *Workspace
	net    *memnet.Listener
	client *http.Client
	base   string
}

// inBubble runs f with a populated workspace in a synctest bubble.
func inBubble(t *testing.T, o Options, f func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := New(o)
		w.AddUser(User{ID: lin, Name: "lin", RealName: "Lin"})
		w.AddUser(User{ID: sam, Name: "sam", RealName: "Sam"})
		w.AddChannel(Channel{ID: general, Name: "general", Members: []string{lin, sam}, BotIsMember: true})
		w.AddChannel(Channel{ID: random, Name: "random", Members: []string{lin}})
		w.AddChannel(Channel{ID: secret, Name: "secret", Private: true, Members: []string{lin}})
		l := memnet.Listen()
		server := &http.Server{Handler: w, ReadHeaderTimeout: time.Minute}
		served := make(chan error, 1)
		go func() { served <- server.Serve(l) }()
		r := &rig{t: t, w: w, net: l, client: &http.Client{Transport: &http.Transport{DialContext: l.DialContext}}, base: "http://slack.test"}
		t.Cleanup(func() {
			w.Close()
			if err := server.Close(); err != nil {
				t.Error(err)
			}
			if err := <-served; !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
			r.client.CloseIdleConnections()
			l.CloseAll()
		})
		f(r)
	})
}

// appWith returns the options of the default app with the shortcut redeploy and with events.
func appWith(events ...string) Options {
	const settings = "settings: {"
	declared := fmt.Sprintf("%sevent_subscriptions: {bot_events: [%s]}, ", settings, strings.Join(events, ", "))
	shortcut := "features:\n  shortcuts: [{name: Redeploy, type: global, callback_id: redeploy, description: Opens the form}]\n"
	manifest := strings.Replace(usualManifest, settings, declared, 1)
	return Options{Manifest: []byte(strings.Replace(manifest, "features:\n", shortcut, 1))}
}

// reply is the response to a call.
type reply struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

func (a reply) code() string {
	return a.str("error")
}

// word returns a decoded JSON value as a string.
func word(v any) string {
	s, _ := v.(string)
	return s
}

func (a reply) str(name string) string {
	return word(a.json[name])
}

// post sends a POST request and reads the whole response.
func (r *rig) post(path, contentType, token, body string) (reply, error) {
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.base+path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Content-Type", contentType)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := r.client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return reply{}, err
	}
	a := reply{status: res.StatusCode, header: res.Header, body: string(raw)}
	if bytes.HasPrefix(raw, []byte("{")) {
		err = json.Unmarshal(raw, &a.json)
	}
	return a, err
}

// call calls a method with the bot token. args are alternating names and values.
func (r *rig) call(method string, args ...string) reply {
	r.t.Helper()
	return r.callAs(r.w.opts.BotToken, method, args...)
}

func (r *rig) callAs(token, method string, args ...string) reply {
	r.t.Helper()
	form := url.Values{}
	for i := 0; i < len(args); i += 2 {
		form.Set(args[i], args[i+1])
	}
	a, err := r.post("/api/"+method, "application/x-www-form-urlencoded", token, form.Encode())
	if err != nil {
		r.t.Fatalf("%s: %v", method, err)
	}
	return a
}

// ok calls a method and fails the test unless it succeeds.
func (r *rig) ok(method string, args ...string) reply {
	r.t.Helper()
	a := r.call(method, args...)
	if a.json["ok"] != true {
		r.t.Fatalf("%s %v: %s", method, args, a.body)
	}
	return a
}

// refused calls a method and fails the test unless it is refused with the code.
func (r *rig) refused(code, method string, args ...string) reply {
	r.t.Helper()
	a := r.call(method, args...)
	if a.code() != code || a.json["ok"] != false {
		r.t.Fatalf("%s %v answered %s, want %s", method, args, a.body, code)
	}
	return a
}

// respond posts JSON to a response_url.
func (r *rig) respond(address, body string) reply {
	r.t.Helper()
	a, err := r.post(strings.TrimPrefix(address, r.base), "application/json", "", body)
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// last returns the newest message that a user sees in a channel.
func (r *rig) last(user, channel string) Message {
	r.t.Helper()
	seen := r.w.Person(user).Sees(channel)
	if len(seen) == 0 {
		r.t.Fatalf("%s sees nothing in %s", user, channel)
	}
	return seen[len(seen)-1]
}

// link is the client's end of a Socket Mode connection.
type link struct {
	t     *testing.T
	conn  *websocket.Conn
	hello map[string]any
	pings []string // text pings, and control pings with a star
}

// dial opens a socket, which is closed at the end of the test.
func (r *rig) dial() *link {
	r.t.Helper()
	a := r.callAs(r.w.opts.AppToken, "apps.connections.open")
	if a.json["ok"] != true {
		r.t.Fatalf("apps.connections.open: %s", a.body)
	}
	conn, err := r.open(a.str("url"))
	if err != nil {
		r.t.Fatal(err)
	}
	l := &link{t: r.t, conn: conn}
	conn.SetPingHandler(func(data string) error {
		l.pings = append(l.pings, data+"*")
		return conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(time.Second))
	})
	r.t.Cleanup(func() { _ = conn.Close() })
	return l
}

func (r *rig) open(address string) (*websocket.Conn, error) {
	var d websocket.Dialer
	if r.net != nil {
		d.NetDialContext = r.net.DialContext
	}
	conn, res, err := d.DialContext(r.t.Context(), address, http.Header{"Origin": {"https://api.slack.com"}})
	if res != nil && res.Body != nil {
		_ = res.Body.Close()
	}
	return conn, err
}

// connect opens a socket and reads its hello.
func (r *rig) connect() *link {
	r.t.Helper()
	l := r.dial()
	l.hello = l.read()
	if l.hello["type"] != "hello" {
		r.t.Fatalf("the first frame is %v", l.hello)
	}
	return l
}

// next reads frames until the next JSON frame.
func (l *link) next() (map[string]any, error) {
	for {
		_, raw, err := l.conn.ReadMessage()
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(raw, []byte("Ping")) {
			l.pings = append(l.pings, string(raw))
			continue
		}
		var v map[string]any
		return v, json.Unmarshal(raw, &v)
	}
}

func (l *link) read() map[string]any {
	l.t.Helper()
	v, err := l.next()
	if err != nil {
		l.t.Fatalf("read a frame: %v", err)
	}
	return v
}

func (l *link) send(text string) {
	l.t.Helper()
	if err := l.conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		l.t.Fatal(err)
	}
}

// ack acknowledges an envelope. payload is JSON or empty.
func (l *link) ack(envelope map[string]any, payload string) {
	l.t.Helper()
	if payload != "" {
		payload = `,"payload":` + payload
	}
	l.send(`{"envelope_id":"` + word(envelope["envelope_id"]) + `"` + payload + `}`)
	synctest.Wait()
}

// soon returns a context that ends after a minute on the bubble's clock.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// noViolations fails the test if there are violations of the protocol.
func (r *rig) noViolations() {
	r.t.Helper()
	if v := r.w.Violations(); len(v) > 0 {
		r.t.Errorf("violations: %q", v)
	}
}
