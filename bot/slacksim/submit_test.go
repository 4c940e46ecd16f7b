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
			input("Where", `"type":"conversations_select"`, ""),
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
			"ref": map[string]any{"ref": map[string]any{"type": "plain_text_input", "value": nil}},
			"size": map[string]any{
				"size": map[string]any{"type": "static_select", "selected_option": map[string]any{"text": plainJSON("Small"), "value": "small"}},
			},
			"where": map[string]any{"where": map[string]any{"type": "conversations_select", "selected_conversation": general}},
		}}
		want := map[string]any{
			"type": "view_submission", "api_app_id": "A0C66", "token": verificationToken, "enterprise": nil, "is_enterprise_install": false,
			"user": map[string]any{"id": lin, "username": "lin", "name": "lin", "team_id": "T0HOME"},
			"team": map[string]any{"id": "T0HOME", "domain": "home"}, "trigger_id": d.TriggerID, "view": view,
			"response_urls": []any{},
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
		"an empty optional field":      {textInput("F", "", `,"optional":true`), "", ""},
		"spaces":                       {textInput("F", "", ""), "  ", "Please complete this required field."},
		"an empty menu":                {input("F", `"type":"static_select"`+options("A"), ""), "", "Please complete this required field."},
		"an empty menu, optional":      {input("F", `"type":"static_select"`+options("A"), `,"optional":true`), "", ""},
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
		answer    string
		shows     string // what the person looks at, "" for nothing
		violation string
	}{
		"nothing closes the view": {``, "", ""},
		"an empty one too":        {`{}`, "", ""},
		"clear closes it":         {`{"response_action":"clear"}`, "", ""},
		"update replaces it":      {`{"response_action":"update","view":` + more + `}`, "Title\nNext", ""},
		"errors stand beside the fields": {
			`{"response_action":"errors","errors":{"ref":"No such branch."}}`,
			"Title\nRef: v1 ! No such branch.\n[More]\n[Go]",
			"",
		},
		"errors for a block that is not there": {
			`{"response_action":"errors","errors":{"nobody":"x"}}`,
			trouble,
			`"nobody", which is no input block`,
		},
		"errors for a block that is no input": {`{"response_action":"errors","errors":{"row":"x"}}`, trouble, `"row", which is no input block`},
		"errors that are none":                {`{"response_action":"errors","errors":{}}`, trouble, "no errors by block_id"},
		"errors without text":                 {`{"response_action":"errors","errors":{"ref":""}}`, trouble, "is no text"},
		"an update without a view":            {`{"response_action":"update"}`, trouble, "no view"},
		"an update to a faulty view": {
			`{"response_action":"update","view":{"type":"modal"}}`,
			trouble,
			"missing required field: title",
		},
		"another action":            {`{"response_action":"close"}`, trouble, `unknown response_action "close"`},
		"a push, which is not used": {`{"response_action":"push","view":` + more + `}`, trouble, `"view" does not belong`},
		"a message":                 {`{"text":"done"}`, trouble, `"text" does not belong`},
		"an update with errors": {
			`{"response_action":"update","view":` + more + `,"errors":{}}`,
			trouble,
			`"errors" does not belong`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(r *rig) {
				t := r.t
				l := r.connect()
				r.filled(l)
				d := r.must(r.w.Person(lin).Submit())
				l.ack(l.read(), tt.answer)
				if _, err := d.Wait(soon(t)); err != nil {
					t.Error(err)
				}
				got := ""
				if v, open := r.w.Person(lin).View(); open {
					got = v.Plain()
				}
				if got != tt.shows {
					t.Errorf("it shows %q", got)
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

// filled opens a form and fills it in.
func (r *rig) filled(l *link) {
	r.t.Helper()
	view := modal(
		`[`+textInput("Ref", `,"placeholder":{"type":"plain_text","text":"main"}`, "")+`,`+strings.Trim(actionsBlock("More"), "[]")+`]`,
		submitGo,
	)
	r.show(l, view)
	if err := r.w.Person(lin).Fill("Ref", "v1"); err != nil {
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
				r.filled(l)
				d := r.must(r.w.Person(lin).Submit())
				tt.do(r, l)
				if tt.code == "" {
					if _, open := r.w.Person(lin).View(); d.Err() != nil || open {
						t.Errorf("%v, open %t", d.Err(), open)
					}
					return
				}
				if failureOf(t, d.Err()) != tt.code || r.view().Plain() != trouble {
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
		r.filled(r.connect())
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
		r.filled(l)
		r.must(r.w.Person(lin).Submit())
		r.w.Person(lin).CloseView()
		l.ack(l.read(), `{"response_action":"clear"}`)
		r.noViolations()
	})
}

func TestClosingAView(t *testing.T) {
	tests := map[string]struct {
		more    string
		told    bool
		cleared bool
	}{
		"in silence":              {``, false, false},
		"with a word to the app":  {`,"notify_on_close":true`, true, false},
		"with clear_on_close too": {`,"notify_on_close":true,"clear_on_close":true`, true, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(r *rig) {
				t := r.t
				l := r.connect()
				p := r.w.Person(lin)
				view := r.show(l, modal(oneLine, tt.more+`,"private_metadata":"m"`))
				d := p.CloseView()
				if _, open := p.View(); open || (d != nil) != tt.told {
					t.Fatalf("told %v, open %t", d, open)
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
