package slacksim

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
)

// ended reads frames until the connection ends and returns the last frame and the end.
func (l *link) ended() (map[string]any, error) {
	var last map[string]any
	for {
		v, err := l.next()
		if err != nil {
			return last, err
		}
		last = v
	}
}

func TestHelloTellsTheTrueNumberOfConnections(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		for want := 1.0; want <= 3; want++ {
			l := r.connect()
			if l.hello["num_connections"] != want {
				t.Errorf("hello %v, want %v", l.hello, want)
			}
			if object(l.hello["connection_info"])["app_id"] != "A0C66" || object(l.hello["debug_info"])["host"] == nil {
				t.Errorf("hello %v", l.hello)
			}
		}
	})
}

func TestATicketOpensOneSocketAndSoon(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		address := r.callAs(r.w.opts.AppToken, "apps.connections.open").str("url")
		if !strings.HasPrefix(address, "ws://slack.test/link/?ticket=") || !strings.HasSuffix(address, "&app_id=A0C66") {
			t.Errorf("address %s", address)
		}
		conn, err := r.open(address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		late := r.callAs(r.w.opts.AppToken, "apps.connections.open").str("url")
		time.Sleep(31 * time.Second)
		for name, bad := range map[string]string{"used": address, "expired": late, "unknown": "ws://slack.test/link/?ticket=x"} {
			if _, err := r.open(bad); !errors.Is(err, websocket.ErrBadHandshake) {
				t.Errorf("the %s ticket: %v", name, err)
			}
		}
	})
}

func TestTheEleventhSocketIsTooMany(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		for range 10 {
			r.connect()
		}
		l := r.dial()
		last, err := l.ended()
		if last["reason"] != "too_many_websockets" || !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
			t.Errorf("got %v, then %v", last, err)
		}
		if n := r.w.Sockets(); n != 10 {
			t.Errorf("%d sockets are open", n)
		}
	})
}

func TestTheServerPingsAsTextAndAsControlFramesByTurns(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		l := r.connect()
		time.AfterFunc(35*time.Second, r.w.Drop)
		if _, err := l.ended(); err == nil {
			r.t.Error("the socket did not end")
		}
		want := []string{"Ping from applink-1", "Ping from applink-1*", "Ping from applink-1"}
		if diff := cmp.Diff(want, l.pings); diff != "" {
			r.t.Error(diff)
		}
	})
}

func TestTheServerAnswersPings(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		l := r.connect()
		ponged := ""
		l.conn.SetPongHandler(func(data string) error { ponged = data; return nil })
		if err := l.conn.WriteMessage(websocket.PingMessage, []byte("there?")); err != nil {
			t.Fatal(err)
		}
		l.send("Ping from the client")
		_, raw, err := l.conn.ReadMessage()
		if err != nil || ponged != "there?" || string(raw) != "Pong from applink-1" {
			t.Errorf("got %q, %q, %v", ponged, raw, err)
		}
		r.noViolations()
	})
}

func TestAFrameAboveTheLimitClosesTheSocket(t *testing.T) {
	for name, overLoopback := range map[string]bool{"in memory": false, "over real sockets": true} {
		t.Run(name, func(t *testing.T) {
			serve := func(f func(*rig)) { inBubble(t, Options{}, f) }
			if overLoopback {
				serve = func(f func(*rig)) { overTCP(t, f) }
			}
			serve(func(r *rig) {
				t := r.t
				l := r.connect()
				envelope := `{"envelope_id":"` + strings.Repeat("x", maxFrame) + `"}`
				if err := l.conn.WriteMessage(websocket.TextMessage, []byte(envelope)); err != nil {
					t.Fatal(err)
				}
				if _, err := l.ended(); !websocket.IsCloseError(err, websocket.CloseMessageTooBig) {
					t.Errorf("ended with %v", err)
				}
				if err := r.w.WaitFor(soon(t), func() bool { return r.w.Sockets() == 0 }); err != nil {
					t.Error(err)
				}
				if v := r.w.Violations(); len(v) != 1 || !strings.Contains(v[0], "above 20480 bytes") {
					t.Errorf("violations: %q", v)
				}
			})
		})
	}
}

// overTCP runs f with a workspace behind a server on loopback.
func overTCP(t *testing.T, f func(*rig)) {
	t.Helper()
	w := New(Options{})
	w.AddUser(User{ID: lin, Name: "lin"})
	w.AddChannel(Channel{ID: general, Name: "general", Members: []string{lin}, BotIsMember: true})
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	t.Cleanup(w.Close)
	r := &rig{t: t, w: w, client: server.Client()}
	r.base = server.URL
	f(r)
}

func TestACommandOverRealSockets(t *testing.T) {
	overTCP(t, func(r *rig) {
		t := r.t
		l := r.connect()
		d := r.w.Person(lin).Command(general, "/c66 list web")
		envelope := l.read()
		l.send(`{"envelope_id":"` + word(envelope["envelope_id"]) + `"}`)
		if _, err := d.Wait(soon(t)); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(d.ResponseURL, r.base+"/hooks/") {
			t.Errorf("response_url %s", d.ResponseURL)
		}
		if got := r.respond(d.ResponseURL, `{"text":"hello"}`); got.body != "ok" {
			t.Errorf("answered %q", got.body)
		}
		r.noViolations()
	})
}

func TestDisconnects(t *testing.T) {
	type step struct {
		After  time.Duration
		Reason string
	}
	tests := map[string]struct {
		do   func(*Workspace)
		life time.Duration
		want []step
	}{
		"a warning is followed by the refresh and the close": {
			do:   func(w *Workspace) { w.Disconnect("warning") },
			want: []step{{0, "warning"}, {10 * time.Second, "refresh_requested"}, {15 * time.Second, "closed"}},
		},
		"a refresh comes without a warning": {
			do:   func(w *Workspace) { w.Disconnect("refresh_requested") },
			want: []step{{0, "refresh_requested"}, {5 * time.Second, "closed"}},
		},
		"a disabled link closes": {
			do:   func(w *Workspace) { w.Disconnect("link_disabled") },
			want: []step{{0, "link_disabled"}, {5 * time.Second, "closed"}},
		},
		"an announcement alone changes nothing": {
			do: func(w *Workspace) {
				w.Announce("warning")
				time.AfterFunc(time.Minute, w.Drop)
			},
			want: []step{{0, "warning"}, {time.Minute, "cut"}},
		},
		"a cut comes without a word": {
			do:   func(w *Workspace) { w.Drop() },
			want: []step{{0, "cut"}},
		},
		"a socket lives for an hour": {
			do:   func(*Workspace) {},
			want: []step{{time.Hour, "warning"}, {time.Hour + 10*time.Second, "refresh_requested"}, {time.Hour + 15*time.Second, "closed"}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(r *rig) {
				t := r.t
				l := r.connect()
				start := time.Now()
				tt.do(r.w)
				var got []step
				for {
					v, err := l.next()
					reason, _ := v["reason"].(string)
					switch {
					case websocket.IsCloseError(err, websocket.CloseNormalClosure):
						reason = "closed"
					case err != nil:
						reason = "cut"
					}
					got = append(got, step{time.Since(start), reason})
					if err != nil {
						break
					}
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestAnOldSocketGetsEnvelopesUntilItCloses(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		old := r.connect()
		r.w.Disconnect("refresh_requested")
		old.read()
		r.connect()
		r.w.PreferOldest(true)
		d := r.w.Person(lin).Command(general, "/c66")
		if got := old.read(); got["envelope_id"] != d.EnvelopeID {
			t.Errorf("the old socket got %v", got)
		}
	})
}

func TestNothingFlowsOnAHalfOpenSocket(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		l := r.connect()
		r.w.HalfOpen()
		d := r.w.Person(lin).Command(general, "/c66")
		synctest.Wait()
		l.send(`{"envelope_id":"` + d.EnvelopeID + `"}`)
		if _, err := d.Wait(soon(t)); err == nil || r.w.Sockets() != 1 {
			t.Errorf("wait answered %v, %d sockets", err, r.w.Sockets())
		}
		fresh := r.connect()
		if got := fresh.read(); got["envelope_id"] != d.EnvelopeID {
			t.Errorf("the new socket got %v", got)
		}
		if len(l.pings) != 0 {
			t.Errorf("the half-open socket got %v", l.pings)
		}
	})
}

func TestCloseEndsSocketsAndTimers(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		l := r.connect()
		r.w.Disconnect("warning")
		r.w.Person(lin).Command(general, "/c66")
		r.w.Close()
		if _, err := l.ended(); err == nil {
			t.Error("the socket is open")
		}
		if got := r.call("auth.test"); got.status != 503 {
			t.Errorf("answered %d", got.status)
		}
		if err := r.w.WaitFor(t.Context(), func() bool { return false }); err == nil {
			t.Error("a closed workspace keeps a waiter")
		}
		r.w.Close()
	})
}

func TestAClosedSocketIsNotAnnouncedTo(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		l := r.connect()
		r.w.Disconnect("warning")
		l.read()
		if err := l.conn.Close(); err != nil {
			r.t.Fatal(err)
		}
		time.Sleep(time.Minute)
		announced := 0
		for _, e := range r.w.Log() {
			if e.Kind == "announced" {
				announced++
			}
		}
		if announced != 1 {
			r.t.Errorf("%d announcements", announced)
		}
	})
}

func TestAFrameCanBeSentAsItIs(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		l := r.connect()
		r.w.SendFrame(`{"type":"novelty","size":7}`)
		if got := l.read(); got["type"] != "novelty" || got["size"] != 7.0 {
			r.t.Errorf("got %v", got)
		}
		if d := r.w.Deliver("workflow_step", map[string]any{"a": "b"}, true); l.read()["envelope_id"] != d.EnvelopeID {
			r.t.Error("another kind of envelope is missing")
		}
	})
}
