package slacksim

import (
	"net/http"
	"testing"
	"time"
)

const twoButtons = `[{"type":"section","block_id":"s","text":{"type":"mrkdwn","text":"pick"}},` +
	`{"type":"actions","block_id":"row","elements":[` +
	`{"type":"button","action_id":"show:1","value":"v1","style":"primary","text":{"type":"plain_text","text":"Show"}},` +
	`{"type":"button","action_id":"docs","url":"https://docs.test/x","text":{"type":"plain_text","text":"Docs"}},` +
	`{"type":"button","action_id":"cancel:1","value":"v2","text":{"type":"plain_text","text":"Cancel"},"confirm":` +
	`{"title":{"type":"plain_text","text":"Sure?"},"text":{"type":"mrkdwn","text":"web goes"},"confirm":{"type":"plain_text","text":"Yes"},` +
	`"deny":{"type":"plain_text","text":"No"}}}]}]`

// commanded sends a command that is acknowledged.
func (r *rig) commanded(l *link, text string) *Delivery {
	r.t.Helper()
	d := r.w.Person(lin).Command(general, text)
	if d.Err() != nil {
		r.t.Fatal(d.Err())
	}
	l.ack(l.read(), "")
	return d
}

// clicked clicks a button and has it acknowledged.
func (r *rig) clicked(l *link, m Message, label string) *Delivery {
	r.t.Helper()
	d, err := r.w.Person(lin).Click(general, m, label)
	if err != nil {
		r.t.Fatal(err)
	}
	l.ack(l.read(), "")
	return d
}

func TestAResponseURLShowsItsAnswer(t *testing.T) {
	tests := map[string]struct {
		body      string
		status    int
		answer    string
		shown     string
		ephemeral bool
	}{
		"to the one who asked, unless said":            {`{"text":"a"}`, 200, "ok", "a", true},
		"to the whole channel":                         {`{"text":"a","response_type":"in_channel"}`, 200, "ok", "a", false},
		"with blocks":                                  {`{"blocks":[` + section("*b*") + `]}`, 200, "ok", "b", true},
		"anew, where a command has nothing to replace": {`{"text":"a","replace_original":true}`, 200, "ok", "a", true},
		"not with blocks beyond the limits":            {`{"blocks":[{"type":"x"}]}`, 400, "invalid_blocks", "", false},
		"not with nothing":                             {`{}`, 400, "no_text", "", false},
		"not with broken JSON":                         {`{`, 400, "invalid_json", "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(r *rig) {
				t := r.t
				d := r.commanded(r.connect(), "/c66")
				got := r.respond(d.ResponseURL, tt.body)
				if got.status != tt.status || got.body != tt.answer || got.header.Get("Content-Type") != "text/html; charset=utf-8" {
					t.Errorf("answered %d %s %v", got.status, got.body, got.header)
				}
				seen := r.w.Person(lin).Sees(general)
				switch {
				case tt.shown == "" && len(seen) > 0:
					t.Errorf("shown %+v", seen)
				case tt.shown != "" && (len(seen) != 1 || seen[0].Plain() != tt.shown || seen[0].Ephemeral != tt.ephemeral):
					t.Errorf("shown %+v", seen)
				}
				if c := r.w.Calls(ResponseURL); len(c) != 1 || c[0].Status != tt.status {
					t.Errorf("calls %v", c)
				}
			})
		})
	}
}

func TestAResponseURLEnds(t *testing.T) {
	t.Run("after five uses, of which a refused one is none", func(t *testing.T) {
		inBubble(t, Options{}, func(r *rig) {
			t := r.t
			d := r.commanded(r.connect(), "/c66")
			r.respond(d.ResponseURL, `{}`)
			for range 5 {
				if got := r.respond(d.ResponseURL, `{"text":"a"}`); got.body != "ok" {
					t.Errorf("answered %s", got.body)
				}
			}
			if got := r.respond(d.ResponseURL, `{"text":"a"}`); got.status != http.StatusNotFound || got.body != "used_url" {
				t.Errorf("answered %d %s", got.status, got.body)
			}
		})
	})
	t.Run("after thirty minutes", func(t *testing.T) {
		inBubble(t, Options{}, func(r *rig) {
			t := r.t
			d := r.commanded(r.connect(), "/c66")
			time.Sleep(30 * time.Minute)
			if got := r.respond(d.ResponseURL, `{"text":"a"}`); got.body != "ok" {
				t.Errorf("answered %s", got.body)
			}
			time.Sleep(time.Second)
			if got := r.respond(d.ResponseURL, `{"text":"a"}`); got.status != http.StatusNotFound || got.body != "expired_url" {
				t.Errorf("answered %d %s", got.status, got.body)
			}
			if got := r.respond(r.base+"/hooks/guess", `{"text":"a"}`); got.body != "expired_url" {
				t.Errorf("a guess answered %s", got.body)
			}
		})
	})
}

func TestAClicksResponseURLChangesTheMessageThatItCameFrom(t *testing.T) {
	for name, method := range map[string]string{"an ephemeral one": "chat.postEphemeral", "a public one": "chat.postMessage"} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(r *rig) {
				t := r.t
				l := r.connect()
				r.ok(method, "channel", general, "user", lin, "text", "x", "blocks", twoButtons)
				m := r.last(lin, general)
				d := r.clicked(l, m, "Show")
				r.respond(d.ResponseURL, `{"text":"page 2","replace_original":true}`)
				now := r.last(lin, general)
				if now.TS != m.TS || now.Plain() != "page 2" || now.Ephemeral != m.Ephemeral {
					t.Errorf("replaced by %+v", now)
				}
				r.respond(d.ResponseURL, `{"text":"more"}`)
				if n := len(r.w.Person(lin).Sees(general)); n != 2 {
					t.Errorf("%d messages", n)
				}
				if m.Ephemeral {
					return
				}
				r.ok("chat.delete", "channel", general, "ts", m.TS)
				if got := r.respond(d.ResponseURL, `{"text":"x","replace_original":true}`); got.status != http.StatusNotFound {
					t.Errorf("a deleted message was replaced: %s", got.body)
				}
				r.noViolations()
			})
		})
	}
}

func TestFaultsOfResponseURLs(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		d := r.commanded(r.connect(), "/c66")
		r.w.BreakCall(ResponseURL, http.StatusInternalServerError, 1)
		if got := r.respond(d.ResponseURL, `{"text":"a"}`); got.status != http.StatusInternalServerError {
			t.Errorf("answered %d", got.status)
		}
		r.w.FailCall(ResponseURL, "", 1, true)
		if _, err := r.post(d.ResponseURL[len(r.base):], "application/json", "", `{"text":"a"}`); err == nil {
			t.Error("the answer arrived")
		}
		if r.last(lin, general).Text != "a" {
			t.Error("the effect is missing")
		}
		r.w.FailCall(ResponseURL, "expired_url", 1, false)
		if got := r.respond(d.ResponseURL, `{"text":"b"}`); got.status != http.StatusNotFound || got.body != "expired_url" {
			t.Errorf("answered %d %s", got.status, got.body)
		}
	})
}
