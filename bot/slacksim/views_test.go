package slacksim

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTheAnswerHoldsTheWholeView(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		l := r.connect()
		got := r.show(l, modal(`[`+textInput("Ref", `,"initial_value":"main"`, "")+`]`, submitGo+
			`,"close":{"type":"plain_text","text":"Leave"},"private_metadata":"secret","callback_id":"deploy","external_id":"mine",`+
			`"notify_on_close":true`))
		if id, _ := got["id"].(string); !strings.HasPrefix(id, "V") {
			t.Errorf("the id is %q", id)
		}
		want := map[string]any{
			"id": got["id"], "team_id": "T0HOME", "type": "modal", "hash": got["hash"], "state": map[string]any{"values": map[string]any{}},
			"title": plainJSON("Title"), "submit": plainJSON("Go"), "close": plainJSON("Leave"),
			"private_metadata": "secret", "callback_id": "deploy", "external_id": "mine", "clear_on_close": false, "notify_on_close": true,
			"root_view_id": got["id"], "previous_view_id": nil, "app_id": "A0C66", "app_installed_team_id": "T0HOME", "bot_id": "B0C66",
			"blocks": []any{map[string]any{
				"type": "input", "block_id": "ref", "label": plainJSON("Ref"),
				"element": map[string]any{"type": "plain_text_input", "action_id": "ref", "initial_value": "main"},
			}},
		}
		if diff := cmp.Diff(want, got); diff != "" || got["hash"] == "" {
			t.Error(diff)
		}
		v := r.view()
		if v.ID != got["id"] || v.PrivateMetadata != "secret" {
			t.Errorf("the view is %+v", v)
		}
		r.noViolations()
	})
}

func plainJSON(text string) map[string]any { return map[string]any{"type": "plain_text", "text": text} }

func TestATriggerIsGoodForThreeSecondsAndOnce(t *testing.T) {
	tests := map[string]struct {
		before func(r *rig, id string)
		id     string // instead of the real one
		want   string
	}{
		"at once":             {},
		"after 3 s":           {before: func(*rig, string) { time.Sleep(3 * time.Second) }},
		"after more than 3 s": {before: func(*rig, string) { time.Sleep(3*time.Second + time.Millisecond) }, want: "expired_trigger_id"},
		"the second time": {
			before: func(r *rig, id string) { r.ok("views.open", "trigger_id", id, "view", modal(oneLine, "")) },
			want:   "exchanged_trigger_id",
		},
		"after a refused view": {
			before: func(r *rig, id string) { r.refused("invalid_arguments", "views.open", "trigger_id", id, "view", "{}") },
		},
		"one that nobody gave out": {id: "132456.7890123.abcdef", want: "invalid_trigger_id"},
		"one of another form":      {id: "please", want: "invalid_trigger_id"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(r *rig) {
				id := r.trigger(r.connect())
				if tt.before != nil {
					tt.before(r, id)
				}
				if tt.id != "" {
					id = tt.id
				}
				got := r.call("views.open", "trigger_id", id, "view", modal(oneLine, ""))
				if got.code() != tt.want {
					r.t.Errorf("answered %s", got.body)
				}
			})
		})
	}
}

func TestEveryInteractionGivesItsOwnTrigger(t *testing.T) {
	inBubble(t, appWith(), func(r *rig) {
		l := r.connect()
		p := r.w.Person(lin)
		r.ok("chat.postMessage", "channel", general, "text", "x", "blocks", twoButtons)
		for name, do := range map[string]func() *Delivery{
			"a command":  func() *Delivery { return p.Command(general, "/c66") },
			"a click":    func() *Delivery { return r.must(p.Click(general, r.last(lin, general), "Show")) },
			"a shortcut": func() *Delivery { return p.Shortcut("redeploy") },
		} {
			d := do()
			e := object(l.read()["payload"])
			if e["trigger_id"] != d.TriggerID || d.TriggerID == "" {
				r.t.Errorf("%s has the trigger %v", name, e["trigger_id"])
			}
			r.ok("views.open", "trigger_id", d.TriggerID, "view", modal(oneLine, ""))
			if _, open := p.View(); !open {
				r.t.Errorf("after %s no view is open", name)
			}
		}
	})
}

func TestWhatViewsOpenDoesNotTake(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		l := r.connect()
		r.show(l, modal(oneLine, `,"external_id":"mine"`))
		for name, tt := range map[string]struct {
			args []string
			code string
			says string
		}{
			"no view":                {nil, "invalid_arguments", "missing required field: view [json-pointer:/view]"},
			"a view that is no JSON": {[]string{"view", "{"}, "invalid_arguments", "must be a JSON object [json-pointer:/view]"},
			"a view that is a list":  {[]string{"view", "[]"}, "invalid_arguments", "must be a JSON object [json-pointer:/view]"},
			"a view with faults": {[]string{"view", `{"type":"modal"}`}, "invalid_arguments", "missing required field: title " +
				"[json-pointer:/view]"},
			"no trigger": {[]string{"trigger_id", "", "view", modal(oneLine, "")}, "invalid_arguments", "missing required field: " +
				"trigger_id [json-pointer:/trigger_id]"},
			"a view above 250 KB":   {[]string{"view", modal(oneLine, `,"private_metadata":"`+long(256000)+`"`)}, "view_too_large", ""},
			"another's external_id": {[]string{"view", modal(oneLine, `,"external_id":"mine"`)}, "duplicate_external_id", ""},
			"a view for the home page": {[]string{"view", `{"type":"home","blocks":` + oneLine + `}`}, "invalid_arguments",
				"must be one of [modal] [json-pointer:/view/type]"},
		} {
			args := append([]string{"trigger_id", r.trigger(l)}, tt.args...)
			got := r.refused(tt.code, "views.open", args...)
			messages := list(object(got.json["response_metadata"])["messages"])
			if tt.says != "" && !slices.Contains(messages, any("[ERROR] "+tt.says)) {
				t.Errorf("%s: the messages are %q", name, messages)
			}
		}
	})
}

func actionsBlock(label string) string {
	return `[{"type":"actions","block_id":"row","elements":[{"type":"button","action_id":"` + strings.ToLower(label) +
		`","value":"v","text":{"type":"plain_text","text":"` + label + `"}}]}]`
}

func TestAViewIsUpdatedByItsIDAndHash(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		l := r.connect()
		first := r.show(l, modal(actionsBlock("More"), `,"external_id":"mine"`))
		id, hash := word(first["id"]), word(first["hash"])
		other := r.w.Person(sam).Command(general, "/c66")
		r.ok("views.open", "trigger_id", other.TriggerID, "view", modal(oneLine, `,"external_id":"other"`))

		next := modal(`[{"type":"section","text":{"type":"mrkdwn","text":"Two"}}]`, `,"external_id":"mine"`)
		second := object(r.ok("views.update", "view_id", id, "hash", hash, "view", next).json["view"])
		if second["id"] != id || second["hash"] == hash {
			t.Errorf("the updated view is %v", second)
		}
		if v := r.view(); v.Plain() != "Title\nTwo" {
			t.Errorf("the view shows %q", v.Plain())
		}
		r.refused("hash_conflict", "views.update", "view_id", id, "hash", hash, "view", next)
		r.ok("views.update", "external_id", "mine", "view", next)
		r.refused("not_found", "views.update", "external_id", "nobody", "view", next)
		r.refused("not_found", "views.update", "view_id", "V0", "view", next)
		r.refused("duplicate_external_id", "views.update", "view_id", id, "view", modal(oneLine, `,"external_id":"other"`))
		r.refused("invalid_arguments", "views.update", "view", next)
		r.refused("invalid_arguments", "views.update", "view_id", id, "external_id", "mine", "view", next)
		r.refused("invalid_arguments", "views.update", "view_id", id, "view", "{}")
		r.w.Person(lin).CloseView()
		r.refused("not_found", "views.update", "view_id", id, "view", next)
	})
}

func TestWhatPeopleFilledInSurvivesAnUpdateWhereTheIDsStay(t *testing.T) {
	ref := func(more string) string { return textInput("Ref", more, "") }
	size := func(more string) string { return input("Size", `"type":"static_select"`+more, "") }
	first := form(ref(`,"initial_value":"main"`), size(options("Small", "Large")+`,"initial_option":`+optionJSON("Small")))
	tests := map[string]struct {
		fill       bool
		next       string
		ref, sizes string
	}{
		"what was typed and chosen": {
			fill: true, next: form(ref(`,"initial_value":"other"`), size(options("Large", "Small")+`,"initial_option":`+optionJSON("Small"))),
			ref: "v1", sizes: "Large",
		},
		"what nobody touched": {
			next: form(ref(`,"initial_value":"other"`), size(options("Small", "Large")+`,"initial_option":`+optionJSON("Large"))),
			ref:  "main", sizes: "Small",
		},
		"not where the action_id is another": {
			fill: true, next: form(strings.ReplaceAll(ref(`,"initial_value":"other"`), `"action_id":"ref"`, `"action_id":"ref2"`),
				size(options("Small", "Large"))),
			ref: "other", sizes: "Large",
		},
		"not where the block_id is another": {
			fill: true, next: form(strings.ReplaceAll(ref(`,"initial_value":"other"`), `"block_id":"ref"`, `"block_id":"ref2"`),
				size(options("Small", "Large"))),
			ref: "other", sizes: "Large",
		},
		"not where there is no block_id": {
			fill: true, next: form(strings.ReplaceAll(ref(`,"initial_value":"other"`), `"block_id":"ref",`, ""), size(options("Small", "Large"))),
			ref: "other", sizes: "Large",
		},
		"not where the option is no longer offered": {
			fill: true, next: form(ref(""), size(options("Small", "Huge")+`,"initial_option":`+optionJSON("Huge"))),
			ref: "v1", sizes: "Huge",
		},
		"not where the element is of another kind": {
			fill: true, next: form(ref(""), input("Size", `"type":"radio_buttons"`+options("Small", "Large"), "")),
			ref: "v1", sizes: "",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(r *rig) {
				id := word(r.show(r.connect(), first)["id"])
				if tt.fill {
					if err := r.w.Person(lin).Fill("Ref", "v1"); err != nil {
						r.t.Fatal(err)
					}
					r.must(r.w.Person(lin).Choose("Size", "Large"))
				}
				r.ok("views.update", "view_id", id, "view", tt.next)
				if v := r.view(); v.Value("Ref") != tt.ref || v.Value("Size") != tt.sizes {
					r.t.Errorf("the fields hold %q and %q", v.Value("Ref"), v.Value("Size"))
				}
			})
		})
	}
}

func TestTheFaultsOfCallsWorkForViewsToo(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		l := r.connect()
		view := modal(oneLine, "")
		r.w.Throttle("views.open", 7*time.Second, 1)
		if a := r.call("views.open", "trigger_id", r.trigger(l), "view", view); a.status != http.StatusTooManyRequests ||
			a.header.Get("Retry-After") != "7" {
			t.Errorf("throttled: %d %s", a.status, a.body)
		}
		r.w.FailCall("views.open", "internal_error", 1, false)
		r.refused("internal_error", "views.open", "trigger_id", r.trigger(l), "view", view)
		r.w.BreakCall("views.open", http.StatusBadGateway, 1)
		if a := r.call("views.open", "trigger_id", r.trigger(l), "view", view); a.status != http.StatusBadGateway {
			t.Errorf("broken: %d", a.status)
		}
		if _, open := r.w.Person(lin).View(); open {
			t.Error("a call that failed opened a view")
		}
		r.w.FailCall("views.open", "", 1, true)
		_, err := r.post("/api/views.open", "application/json", r.w.opts.BotToken, `{"trigger_id":"`+r.trigger(l)+`","view":`+view+`}`)
		if !errors.Is(err, io.EOF) || r.view().Title != "Title" {
			t.Errorf("with its effect: %v", err)
		}
		r.w.SlowCall("views.open", 4*time.Second, 1)
		r.refused("expired_trigger_id", "views.open", "trigger_id", r.trigger(l), "view", view)
	})
}

func TestViewsHaveALimitOfAHundredAMinute(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		id := word(r.show(r.connect(), modal(oneLine, ""))["id"])
		for range 100 {
			r.ok("views.update", "view_id", id, "view", modal(oneLine, ""))
		}
		if a := r.call("views.update", "view_id", id, "view", modal(oneLine, "")); a.status != http.StatusTooManyRequests {
			r.t.Errorf("the call after answered %d", a.status)
		}
	})
}

func TestOpeningAModalFromAModalIsAgainstTheRules(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		l := r.connect()
		r.show(l, modal(actionsBlock("More"), ""))
		d := r.must(r.w.Person(lin).ClickView("More"))
		l.ack(l.read(), "")
		r.noViolations()
		r.ok("views.open", "trigger_id", d.TriggerID, "view", modal(oneLine, ""))
		if v := r.w.Violations(); len(v) != 1 || !strings.Contains(v[0], "views.update") {
			r.t.Errorf("violations %q", v)
		}
	})
}

func TestBlocksAndElementsWithoutIDsGetSome(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		l := r.connect()
		answer := r.show(l, form(
			`{"type":"input","label":{"type":"plain_text","text":"Ref"},"element":{"type":"plain_text_input"}}`,
			oneLine[1:len(oneLine)-1],
			`{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"More"}}]}`,
		))
		r.must(r.w.Person(lin).ClickView("More"))
		payload := object(l.read()["payload"])
		action, blocks := object(list(payload["actions"])[0]), list(answer["blocks"])
		button := object(list(object(blocks[2])["elements"])[0])
		if action["block_id"] != object(blocks[2])["block_id"] || action["action_id"] != button["action_id"] || button["action_id"] == "" {
			t.Errorf("the action is %v of %v", action, blocks[2])
		}
		id, field := word(object(blocks[0])["block_id"]), object(object(blocks[0])["element"])
		values := object(object(object(payload["view"])["state"])["values"])
		if state := object(values[id]); id == "" || len(state) != 1 || state[word(field["action_id"])] == nil {
			t.Errorf("the state is %v", values)
		}
	})
}
