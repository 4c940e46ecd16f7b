package slacksim

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFieldsTakeWhatTheyOffer(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		l := r.connect()
		p := r.w.Person(lin)
		r.w.AddChannel(Channel{ID: "C0OLD", Name: "old", Members: []string{lin}, Archived: true})
		r.w.AddChannel(Channel{ID: "C0PARTNERS", Name: "partners", Members: []string{lin}, Shared: true})
		r.show(l, form(
			textInput("Ref", "", ""), textInput("Notes", `,"multiline":true`, ""),
			input("Size", `"type":"static_select"`+options("Small", "Large"), ""),
			input("Any", `"type":"conversations_select"`, ""),
			input("Own", `"type":"conversations_select","filter":{"include":["private"]}`, ""),
			input("Stack", `"type":"external_select"`, ""),
		))
		for _, tt := range []struct {
			label, choose string
			want          string // what the field holds then
			refused       bool
		}{
			{"Size", "Large", "Large", false}, {"Size", "Huge", "Large", true}, {"Ref", "x", "", true}, {"Nothing", "x", "", true},
			{"Any", "#general", "#general", false}, {"Any", "#secret", "#secret", false}, {"Any", "#partners", "#partners", false},
			{"Any", "#old", "#partners", true}, {"Any", "#none", "#partners", true}, {"Any", "@sam", "#partners", true},
			{"Own", "#general", "", true}, {"Own", "#secret", "#secret", false},
			{"Stack", "web", "", true},
		} {
			d, err := p.Choose(tt.label, tt.choose)
			if (err != nil) != tt.refused || d != nil || r.view().Value(tt.label) != tt.want {
				t.Errorf("%s of %s: %v, %v, it holds %q", tt.choose, tt.label, d, err, r.view().Value(tt.label))
			}
		}
		for label, tt := range map[string]struct {
			text    string
			refused bool
		}{"Ref": {"a\nb", true}, "Notes": {"a\nb", false}, "Size": {"Small", true}} {
			if err := p.Fill(label, tt.text); (err != nil) != tt.refused {
				t.Errorf("%q into %s: %v", tt.text, label, err)
			}
		}
		if _, err := r.w.Person(sam).Choose("Size", "Large"); err == nil {
			t.Error("somebody without a view chooses")
		}
	})
}

func TestWhatAnotherPersonCannotSeeIsNotOffered(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		l := r.connect()
		d := r.w.Person(sam).Command(general, "/c66")
		l.ack(l.read(), "")
		r.ok("views.open", "trigger_id", d.TriggerID, "view", form(input("Where", `"type":"conversations_select"`, "")))
		if _, err := r.w.Person(sam).Choose("Where", "#secret"); err == nil {
			r.t.Error("a private channel of others was chosen")
		}
	})
}

func TestAClickInAView(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		l := r.connect()
		view := r.show(l, modal(`[`+textInput("Ref", "", "")+`,`+strings.Trim(actionsBlock("More"), "[]")+`]`, submitGo))
		p := r.w.Person(lin)
		if err := p.Fill("Ref", "v1"); err != nil {
			t.Fatal(err)
		}
		d := r.must(p.ClickView("More"))
		e := l.read()
		if e["type"] != "interactive" || e["accepts_response_payload"] != false || d.ResponseURL != "" {
			t.Errorf("the envelope is %v", e)
		}
		got := object(e["payload"])
		action := object(list(got["actions"])[0])
		if _, ok := parseTS(word(action["action_ts"])); !ok {
			t.Errorf("action_ts %v", action["action_ts"])
		}
		delete(action, "action_ts")
		view["state"] = map[string]any{
			"values": map[string]any{"ref": map[string]any{"ref": map[string]any{"type": "plain_text_input", "value": "v1"}}},
		}
		want := map[string]any{
			"type": "block_actions", "api_app_id": "A0C66", "token": verificationToken, "enterprise": nil, "is_enterprise_install": false,
			"user": map[string]any{"id": lin, "username": "lin", "name": "lin", "team_id": "T0HOME"},
			"team": map[string]any{"id": "T0HOME", "domain": "home"}, "trigger_id": d.TriggerID, "view": view,
			"container": map[string]any{"type": "view", "view_id": view["id"]},
			"actions": []any{map[string]any{
				"type": "button", "block_id": "row", "action_id": "more", "value": "v", "text": plainJSON("More"),
			}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if _, err := p.ClickView("Less"); err == nil {
			t.Error("a button that is not there was clicked")
		}
		if _, err := r.w.Person(sam).ClickView("More"); err == nil {
			t.Error("somebody without a view clicked")
		}
		if _, err := d.Wait(soon(t)); failureOf(t, err) != "operation_timeout" ||
			!strings.Contains(r.view().Plain(), "! We had some trouble connecting") {
			t.Errorf("unanswered: %v, the view shows %q", err, r.view().Plain())
		}
	})
}

func TestAChangeIsSentWhereTheAppAsksForIt(t *testing.T) {
	const dispatch = `,"dispatch_action":true`
	choose := func(p *Person) (*Delivery, error) { return p.Choose("F", "A") }
	fill := func(p *Person) (*Delivery, error) { return nil, p.Fill("F", "text") }
	menu := `"type":"static_select","confirm":{"title":{"type":"plain_text","text":"Sure?"},"text":{"type":"plain_text","text":"t"},` +
		`"confirm":{"type":"plain_text","text":"Yes"},"deny":{"type":"plain_text","text":"No"}}` + options(
		"A",
	)
	chosen := map[string]any{"type": "static_select", "selected_option": map[string]any{"text": plainJSON("A"), "value": "a"}}
	tests := map[string]struct {
		block string
		do    func(*Person) (*Delivery, error)
		want  map[string]any // the action, nil where nothing is sent
	}{
		"a menu in an input":                 {input("F", menu, ""), choose, nil},
		"a menu in an input that dispatches": {input("F", menu, dispatch), choose, chosen},
		"a menu beside a section": {
			`{"type":"section","text":{"type":"mrkdwn","text":"F"},"accessory":{"action_id":"f",` + menu + `}}`,
			choose,
			chosen,
		},
		"a menu in a row of actions": {
			`{"type":"actions","elements":[{"action_id":"f","placeholder":{"type":"plain_text","text":"F"},` + menu + `}]}`,
			choose,
			chosen,
		},
		"what is typed": {textInput("F", "", dispatch), fill, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(r *rig) {
				t := r.t
				l := r.connect()
				r.show(l, form(tt.block))
				d := r.must(tt.do(r.w.Person(lin)))
				synctest.Wait()
				if tt.want == nil {
					if d != nil || len(r.w.logged(KindClick)) > 0 {
						t.Errorf("it was sent: %v", d)
					}
					return
				}
				payload := object(l.read()["payload"])
				action := object(list(payload["actions"])[0])
				for _, name := range []string{"action_ts", "block_id", "placeholder"} {
					delete(action, name)
				}
				tt.want["action_id"] = "f"
				if diff := cmp.Diff(tt.want, action); diff != "" {
					t.Error(diff)
				}
				if d != nil && tt.want["type"] == "static_select" && (d.Confirm == nil || d.Confirm.Title != "Sure?") {
					t.Errorf("the confirm dialog is %v", d.Confirm)
				}
				if len(object(object(object(payload["view"])["state"])["values"])) != 1 {
					t.Errorf("the view's state is %v", object(payload["view"])["state"])
				}
			})
		})
	}
}

// logged are the recorded events of a kind.
func (w *Workspace) logged(kind string) []Event {
	var found []Event
	for _, e := range w.Log() {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

func TestWithoutInteractivityNothingInAViewReachesTheApp(t *testing.T) {
	manifest := `{"display_information":{"name":"x"},"features":{"bot_user":{"display_name":"c66bot"},"slash_commands":[{"command":"/c66",` +
		`"description":"d"}]},` +
		`"oauth_config":{"scopes":{"bot":["commands","chat:write"]}},"settings":{"socket_mode_enabled":true}}`
	inBubble(t, Options{Manifest: []byte(manifest)}, func(r *rig) {
		t := r.t
		l := r.connect()
		p := r.w.Person(lin)
		r.ok("chat.postMessage", "channel", general, "text", "x", "blocks", twoButtons)
		r.show(
			l,
			modal(
				`[`+input("Stack", `"type":"external_select"`, "")+`,`+strings.Trim(actionsBlock("More"), "[]")+`]`,
				submitGo+`,"notify_on_close":true`,
			),
		)
		click, err := p.Click(general, r.last(lin, general), "Show")
		r.must(click, err)
		inView := r.must(p.ClickView("More"))
		_, search, err := p.Search(soon(t), "Stack", "web")
		if err == nil || search == nil {
			t.Errorf("the search ended with %v", err)
		}
		for name, d := range map[string]*Delivery{"a click": click, "one in a view": inView, "a search": search, "a close": p.CloseView()} {
			if failureOf(t, d.Err()) != "interactivity_disabled" {
				t.Errorf("%s: %v", name, d.Err())
			}
		}
		r.show(l, modal(oneLine, submitGo))
		if d := r.must(p.Submit()); failureOf(t, d.Err()) != "interactivity_disabled" || r.view().Trouble == "" {
			t.Errorf("the submission: %v, %+v", d.Err(), r.view())
		}
		time.Sleep(time.Minute)
		r.noViolations()
	})
}
