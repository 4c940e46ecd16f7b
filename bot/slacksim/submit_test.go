package slacksim

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestASubmission(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		l := r.connect()
		view := r.show(l, modal(`[`+strings.Join([]string{
			textInput("Ref", "", `,"optional":true`), input("Size", `"type":"static_select"`+options("Small"), ""),
			input("Parts", `"type":"checkboxes"`+options("Api"), `,"optional":true`),
			input("Where", `"type":"conversations_select","response_url_enabled":true`, ""),
			strings.Trim(actionsBlock("More"), "[]"),
		}, ",")+`]`, submitGo+`,"callback_id":"deploy"`))
		p := r.w.Person(lin)
		r.must(p.Choose("Size", "Small"))
		r.must(p.Choose("Where", "#general"))
		d := r.must(p.Submit())
		e := l.read()
		if e["type"] != "interactive" || e["accepts_response_payload"] != true {
			t.Errorf("the envelope is %v", e)
		}
		view["state"] = map[string]any{"values": map[string]any{
			"ref":   map[string]any{"ref": map[string]any{"type": "plain_text_input", "value": nil}},
			"size":  map[string]any{"size": map[string]any{"type": "static_select", "selected_option": map[string]any{"text": plainJSON("Small"), "value": "small"}}},
			"parts": map[string]any{"parts": map[string]any{"type": "checkboxes", "selected_options": []any{}}},
			"where": map[string]any{"where": map[string]any{"type": "conversations_select", "selected_conversation": general}},
		}}
		want := map[string]any{
			"type": "view_submission", "api_app_id": "A0C66", "token": verificationToken, "enterprise": nil, "is_enterprise_install": false,
			"user": map[string]any{"id": lin, "username": "lin", "name": "lin", "team_id": "T0HOME"},
			"team": map[string]any{"id": "T0HOME", "domain": "home"}, "trigger_id": d.TriggerID, "view": view,
			"response_urls": []any{map[string]any{"block_id": "where", "action_id": "where", "channel_id": general, "response_url": d.ResponseURL}},
		}
		if diff := cmp.Diff(want, e["payload"]); diff != "" {
			t.Error(diff)
		}
		if _, err := p.Submit(); err == nil {
			t.Error("it was submitted twice")
		}
		l.ack(e, "")
		if _, err := d.Wait(soon(t)); err != nil {
			t.Error(err)
		}
		if _, open := p.View(); open {
			t.Error("the view is still open")
		}
		if a := r.respond(d.ResponseURL, `{"text":"done","response_type":"in_channel"}`); a.body != "ok" || r.last(sam, general).Text != "done" {
			t.Errorf("the response_url answered %s", a.body)
		}
		if _, err := p.Submit(); err == nil {
			t.Error("nothing was submitted")
		}
		r.noViolations()
	})
}

func TestWhatTheClientRefusesIsNotSent(t *testing.T) {
	tests := map[string]struct {
		block string
		fill  string // "" leaves the field
		want  string // beside the field, "" where it is sent
	}{
		"an empty field":               {textInput("F", "", ""), "", "Please complete this required field."},
		"an empty optional field":      {textInput("F", `,"min_length":3`, `,"optional":true`), "", ""},
		"spaces":                       {textInput("F", "", ""), "  ", "Please complete this required field."},
		"an empty menu":                {input("F", `"type":"static_select"`+options("A"), ""), "", "Please complete this required field."},
		"an empty menu of several":     {input("F", `"type":"multi_static_select"`+options("A"), ""), "", "Please complete this required field."},
		"an empty menu, optional":      {input("F", `"type":"multi_static_select"`+options("A"), `,"optional":true`), "", ""},
		"too little":                   {textInput("F", `,"min_length":3`, ""), "äb", "This entry is too short, it needs at least 3 characters."},
		"just enough":                  {textInput("F", `,"min_length":3,"max_length":3`, ""), "äbc", ""},
		"too much":                     {textInput("F", `,"max_length":3`, ""), "äbcd", "This entry is too long, it takes at most 3 characters."},
		"3000 where no limit is given": {textInput("F", "", ""), long(3000), ""},
		"3001 where no limit is given": {textInput("F", "", ""), long(3001), "This entry is too long, it takes at most 3000 characters."},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(r *rig) {
				t := r.t
				r.show(r.connect(), form(tt.block))
				p := r.w.Person(lin)
				if tt.fill != "" {
					if err := p.Fill("F", tt.fill); err != nil {
						t.Fatal(err)
					}
				}
				d, err := p.Submit()
				if (err != nil) != (tt.want != "") || (d == nil) != (tt.want != "") || r.view().Errors["f"] != tt.want {
					t.Errorf("%v, %v, beside the field %q", d, err, r.view().Errors["f"])
				}
				if tt.want != "" && !strings.Contains(r.view().Plain(), " ! "+tt.want) {
					t.Errorf("it shows %q", r.view().Plain())
				}
			})
		})
	}
}

func TestAnErrorGoesWhenItsFieldChanges(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		r.show(r.connect(), form(textInput("F", "", ""), textInput("G", "", "")))
		p := r.w.Person(lin)
		if _, err := p.Submit(); err == nil {
			r.t.Fatal("it was sent")
		}
		if err := p.Fill("F", "x"); err != nil {
			r.t.Fatal(err)
		}
		if got := r.view().Errors; len(got) != 1 || got["g"] == "" {
			r.t.Errorf("the errors are %v", got)
		}
	})
}

func TestAViewWithoutSubmitIsNotSubmitted(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		r.show(r.connect(), modal(oneLine, ""))
		if _, err := r.w.Person(lin).Submit(); err == nil {
			r.t.Error("it was")
		}
	})
}

func TestWhatAnAnswerToASubmissionDoes(t *testing.T) {
	more := modal(`[{"type":"section","text":{"type":"mrkdwn","text":"Next"}}]`, `,"external_id":"mine"`)
	tests := map[string]struct {
		depth     int // views below the submitted one
		answer    string
		shows     string // what the person looks at, "" for nothing
		stack     int
		violation string
	}{
		"nothing closes the view":              {0, ``, "", 0, ""},
		"an empty one too":                     {0, `{}`, "", 0, ""},
		"nothing brings back the view below":   {1, ``, "Title\nRef: (main)\n[More]\n[Go]", 1, ""},
		"clear closes the whole modal":         {2, `{"response_action":"clear"}`, "", 0, ""},
		"update replaces it":                   {1, `{"response_action":"update","view":` + more + `}`, "Title\nNext", 2, ""},
		"push goes over it":                    {1, `{"response_action":"push","view":` + more + `}`, "Title\nNext", 3, ""},
		"errors stand beside the fields":       {0, `{"response_action":"errors","errors":{"ref":"No such branch."}}`, "Title\nRef: v1 ! No such branch.\n[More]\n[Go]", 1, ""},
		"push over three does not":             {2, `{"response_action":"push","view":` + more + `}`, trouble, 3, "push_limit_reached"},
		"errors for a block that is not there": {0, `{"response_action":"errors","errors":{"nobody":"x"}}`, trouble, 1, `"nobody", which is no input block`},
		"errors for a block that is no input":  {0, `{"response_action":"errors","errors":{"row":"x"}}`, trouble, 1, `"row", which is no input block`},
		"errors that are none":                 {0, `{"response_action":"errors","errors":{}}`, trouble, 1, "no errors by block_id"},
		"errors without text":                  {0, `{"response_action":"errors","errors":{"ref":""}}`, trouble, 1, "is no text"},
		"an update without a view":             {0, `{"response_action":"update"}`, trouble, 1, "no view"},
		"an update to a faulty view":           {0, `{"response_action":"update","view":{"type":"modal"}}`, trouble, 1, "missing required field: title"},
		"a push of a faulty view":              {0, `{"response_action":"push","view":{"type":"modal"}}`, trouble, 1, "missing required field: title"},
		"another action":                       {0, `{"response_action":"close"}`, trouble, 1, `unknown response_action "close"`},
		"a message":                            {0, `{"text":"done"}`, trouble, 1, `"text" does not belong`},
		"an update with errors":                {0, `{"response_action":"update","view":` + more + `,"errors":{}}`, trouble, 1, `"errors" does not belong`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(r *rig) {
				t := r.t
				l := r.connect()
				r.stacked(l, tt.depth)
				d := r.must(r.w.Person(lin).Submit())
				l.ack(l.read(), tt.answer)
				if _, err := d.Wait(soon(t)); err != nil {
					t.Error(err)
				}
				views, got := r.w.Person(lin).Views(), ""
				if len(views) > 0 {
					got = views[len(views)-1].Plain()
				}
				if got != tt.shows || len(views) != tt.stack {
					t.Errorf("%d views, on top %q", len(views), got)
				}
				v := strings.Join(r.w.Violations(), "\n")
				if (v == "") != (tt.violation == "") || !strings.Contains(v, tt.violation) {
					t.Errorf("violations %q", v)
				}
			})
		})
	}
}

const trouble = "Title\nRef: v1\n! We had some trouble connecting. Try again?\n[More]\n[Go]"

// stacked opens a form over depth others and fills it in.
func (r *rig) stacked(l *link, depth int) {
	r.t.Helper()
	view := modal(`[`+textInput("Ref", `,"placeholder":{"type":"plain_text","text":"main"}`, "")+`,`+strings.Trim(actionsBlock("More"), "[]")+`]`, submitGo)
	r.show(l, view)
	p := r.w.Person(lin)
	for range depth {
		d := r.must(p.ClickView("More"))
		l.ack(l.read(), "")
		r.ok("views.push", "trigger_id", d.TriggerID, "view", view)
	}
	if err := p.Fill("Ref", "v1"); err != nil {
		r.t.Fatal(err)
	}
}

func TestASubmissionWithoutAnAnswerInTimeKeepsTheView(t *testing.T) {
	tests := map[string]struct {
		do   func(r *rig, l *link)
		code string
	}{
		"no answer":     {func(*rig, *link) { time.Sleep(3 * time.Second); synctest.Wait() }, "operation_timeout"},
		"a late answer": {func(_ *rig, l *link) { time.Sleep(3*time.Second + time.Millisecond); l.ack(l.read(), "") }, "operation_timeout"},
		"an answer on the next connection": {func(r *rig, l *link) {
			l.read()
			r.w.Drop()
			synctest.Wait()
			next := r.connect()
			next.ack(next.read(), "")
		}, ""},
		"an answer there, but much later": {func(r *rig, l *link) {
			l.read()
			time.Sleep(time.Minute)
			r.w.Drop()
			synctest.Wait()
			next := r.connect()
			next.ack(next.read(), "")
		}, "operation_timeout"},
		"a second answer to a second sight": {func(r *rig, l *link) {
			e := l.read()
			l.ack(e, "")
			r.w.Redeliver(word(e["envelope_id"]))
			l.ack(l.read(), "")
		}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(r *rig) {
				t := r.t
				l := r.connect()
				r.stacked(l, 1)
				d := r.must(r.w.Person(lin).Submit())
				tt.do(r, l)
				if tt.code == "" {
					if d.Err() != nil || len(r.w.Person(lin).Views()) != 1 {
						t.Errorf("%v, %d views", d.Err(), len(r.w.Person(lin).Views()))
					}
					return
				}
				if failureOf(t, d.Err()) != tt.code || r.view().Plain() != trouble || len(r.w.Person(lin).Views()) != 2 {
					t.Errorf("%v, it shows %q", d.Err(), r.view().Plain())
				}
				again := r.must(r.w.Person(lin).Submit())
				if r.view().Trouble != "" || again == nil {
					t.Errorf("the second try shows %q", r.view().Plain())
				}
			})
		})
	}
}

func TestASubmissionWithoutASocketFailsAtOnce(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		r.stacked(r.connect(), 0)
		r.w.Drop()
		synctest.Wait()
		d := r.must(r.w.Person(lin).Submit())
		if failureOf(r.t, d.Err()) != "dispatch_failed" || r.view().Plain() != trouble {
			r.t.Errorf("%v, it shows %q", d.Err(), r.view().Plain())
		}
	})
}

func TestAnAnswerToAClosedViewDoesNothing(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		l := r.connect()
		r.stacked(l, 1)
		r.must(r.w.Person(lin).Submit())
		r.w.Person(lin).CloseView()
		l.ack(l.read(), `{"response_action":"clear"}`)
		if n := len(r.w.Person(lin).Views()); n != 1 {
			r.t.Errorf("%d views", n)
		}
		r.noViolations()
	})
}

func TestClosingAView(t *testing.T) {
	tests := map[string]struct {
		more    string
		told    bool
		cleared bool
		left    int
	}{
		"in silence":                      {``, false, false, 1},
		"with a word to the app":          {`,"notify_on_close":true`, true, false, 1},
		"with all others":                 {`,"clear_on_close":true`, false, true, 0},
		"with all others and with a word": {`,"notify_on_close":true,"clear_on_close":true`, true, true, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(r *rig) {
				t := r.t
				l := r.connect()
				r.show(l, modal(actionsBlock("More"), `,"notify_on_close":true`))
				p := r.w.Person(lin)
				click := r.must(p.ClickView("More"))
				l.ack(l.read(), "")
				view := object(r.ok("views.push", "trigger_id", click.TriggerID, "view", modal(oneLine, tt.more+`,"private_metadata":"m"`)).json["view"])
				d := p.CloseView()
				if (d != nil) != tt.told || len(p.Views()) != tt.left {
					t.Fatalf("told %v, %d views left", d, len(p.Views()))
				}
				if !tt.told {
					return
				}
				e := l.read()
				payload := object(e["payload"])
				if e["accepts_response_payload"] != false || payload["type"] != "view_closed" || payload["is_cleared"] != tt.cleared {
					t.Errorf("the envelope is %v", e)
				}
				if diff := cmp.Diff(view, payload["view"]); diff != "" {
					t.Error(diff)
				}
				if _, given := payload["trigger_id"]; given {
					t.Error("a closed view gives a trigger")
				}
				l.ack(e, "")
				r.noViolations()
			})
		})
	}
	inBubble(t, Options{}, func(r *rig) {
		if r.w.Person(lin).CloseView() != nil {
			r.t.Error("nothing was closed")
		}
	})
}
