package slacksim

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatAPersonReadsInAView(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		blocks := `[` + section("Deploys *web* for <@U0LIN>, see https://x.test") + `,` +
			textInput("Ref", `,"placeholder":{"type":"plain_text","text":"main"}`, `,"hint":{"type":"plain_text","text":"A branch"}`) + `,` +
			textInput("Reason", `,"initial_value":"a <b> & c"`, "") + `,` +
			input("Size", `"type":"static_select"`+options("Small", "Large")+`,"initial_option":`+optionJSON("Large"), "") + `,` +
			input("When", `"type":"radio_buttons"`+options("Now", "Later")+`,"initial_option":`+optionJSON("Now"), "") + `,` +
			input("Where", `"type":"conversations_select","initial_conversation":"C0GENERAL"`, "") + `,` +
			`{"type":"section","text":{"type":"mrkdwn","text":"*Profile*"},"accessory":{"type":"static_select","action_id":"p",` +
			`"placeholder":{"type":"plain_text","text":"Pick"}` + options("Fast") + `}},` +
			`{"type":"actions","elements":[{"type":"button","action_id":"m","text":{"type":"plain_text","text":"More"}},` +
			`{"type":"external_select","action_id":"e","placeholder":{"type":"plain_text","text":"Stack"}}]}]`
		r.show(r.connect(), modal(blocks, submitGo+`,"close":{"type":"plain_text","text":"Leave"}`))
		v := r.view()
		want := `Title
Deploys web for @lin, see https://x.test
Ref: (main)
A branch
Reason: a <b> & c
Size: Large
When: (x) Now, ( ) Later
Where: #general
Profile (Pick)
(Stack)
[More]
[Leave] [Go]`
		if diff := cmp.Diff(want, v.Plain()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"Ref", "Reason", "Size", "When", "Where", "Profile", "Stack"}, v.Fields()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"More"}, v.Buttons()); diff != "" {
			t.Error(diff)
		}
		for label, want := range map[string]string{"Ref": "", "Reason": "a <b> & c", "Size": "Large", "When": "Now", "Where": "#general",
			"Profile": "", "Nothing": ""} {
			if got := v.Value(label); got != want {
				t.Errorf("%s holds %q, want %q", label, got, want)
			}
		}
	})
}

func TestAViewIsAValue(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		r.show(r.connect(), form(textInput("Ref", "", "")))
		before := r.view()
		if err := r.w.Person(lin).Fill("Ref", "v1"); err != nil {
			r.t.Fatal(err)
		}
		if before.Value("Ref") != "" || r.view().Value("Ref") != "v1" {
			r.t.Errorf("before %q, after %q", before.Value("Ref"), r.view().Value("Ref"))
		}
	})
}

func TestOnlyItsOwnerSeesAView(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		r.show(r.connect(), modal(oneLine, ""))
		if _, open := r.w.Person(sam).View(); open {
			r.t.Error("another person sees it")
		}
		kinds := map[string]bool{}
		r.w.Person(lin).CloseView()
		for _, e := range r.w.Log() {
			if e.View != nil && e.View.Title == "Title" && e.User == lin {
				kinds[e.Kind] = true
			}
		}
		if diff := cmp.Diff(map[string]bool{"view_opened": true, KindViewClosed: true}, kinds); diff != "" {
			r.t.Error(diff)
		}
	})
}
