package slacksim

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestViewsAreHeldToTheirLimits(t *testing.T) {
	titled := func(text string) string {
		return `{"type":"modal","title":{"type":"plain_text","text":"` + text + `"},"blocks":` + oneLine + `}`
	}
	block := func(b string) string { return modal("["+b+"]", submitGo) }
	menu := func(kind, fields string) string { return block(input("F", `"type":"`+kind+`"`+fields, "")) }
	const at = "[json-pointer:/view/blocks/0/element"
	tests := map[string]struct {
		view string
		want string // the problem, "" for none
	}{
		"100 blocks": {modal(repeat(100, `{"type":"divider"}`), ""), ""},
		"101 blocks": {
			modal(repeat(101, `{"type":"divider"}`), ""),
			"no more than 100 items allowed [json-pointer:/view/blocks]",
		},
		"no blocks":     {modal("[]", ""), "no less than 1 items required [json-pointer:/view/blocks]"},
		"a title of 24": {titled(long(24)), ""},
		"a title of 25": {titled(long(25)), "must be less than 25 characters [json-pointer:/view/title/text]"},
		"a submit of 25": {
			modal(oneLine, `,"submit":{"type":"plain_text","text":"`+long(25)+`"}`),
			"must be less than 25 characters [json-pointer:/view/submit/text]",
		},
		"a close of 25": {
			modal(oneLine, `,"close":{"type":"plain_text","text":"`+long(25)+`"}`),
			"must be less than 25 characters [json-pointer:/view/close/text]",
		},
		"a title in mrkdwn": {
			`{"type":"modal","title":{"type":"mrkdwn","text":"T"},"blocks":` + oneLine + `}`,
			"unsupported type: mrkdwn [json-pointer:/view/title/type]",
		},
		"metadata of 3000": {modal(oneLine, `,"private_metadata":"`+long(3000)+`"`), ""},
		"metadata of 3001": {
			modal(oneLine, `,"private_metadata":"`+long(3001)+`"`),
			"must be less than 3001 characters [json-pointer:/view/private_metadata]",
		},
		"empty metadata": {modal(oneLine, `,"private_metadata":"","callback_id":"","external_id":""`), ""},
		"a callback_id of 256": {
			modal(oneLine, `,"callback_id":"`+long(256)+`"`),
			"must be less than 256 characters [json-pointer:/view/callback_id]",
		},
		"an external_id of 256": {
			modal(oneLine, `,"external_id":"`+long(256)+`"`),
			"must be less than 256 characters [json-pointer:/view/external_id]",
		},
		"a field that modals do not have": {
			modal(oneLine, `,"submit_disabled":true`),
			"invalid additional property: submit_disabled [json-pointer:/view]",
		},
		"notify_on_close as text": {
			modal(oneLine, `,"notify_on_close":"true"`),
			"must be a boolean [json-pointer:/view/notify_on_close]",
		},
		"texts of more than 13,000": {modal(repeat(6, section(long(3000))), ""), ""},

		"an input with submit": {block(textInput("F", "", "")), ""},
		"an input without submit": {
			modal("["+textInput("F", "", "")+"]", ""),
			"must define `submit` to use an `input` block in modals [json-pointer:/view]",
		},
		"an input without a label": {
			block(`{"type":"input","element":{"type":"plain_text_input"}}`),
			"missing required field: label [json-pointer:/view/blocks/0]",
		},
		"an input without an element": {
			block(`{"type":"input","label":{"type":"plain_text","text":"L"}}`),
			"missing required field: element [json-pointer:/view/blocks/0]",
		},
		"a label of 2001": {
			block(textInput(long(2001), "", "")),
			"must be less than 2001 characters [json-pointer:/view/blocks/0/label/text]",
		},
		"a hint of 2000": {block(textInput("F", "", `,"hint":{"type":"plain_text","text":"`+long(2000)+`"}`)), ""},
		"a hint of 2001": {
			block(textInput("F", "", `,"hint":{"type":"plain_text","text":"`+long(2001)+`"}`)),
			"must be less than 2001 characters [json-pointer:/view/blocks/0/hint/text]",
		},
		"a button in an input": {menu("button", `,"text":{"type":"plain_text","text":"b"}`), "unsupported type: button " + at + "/type]"},
		"a text field in an actions": {
			modal(`[{"type":"actions","elements":[{"type":"plain_text_input"}]}]`, ""),
			"unsupported type: plain_text_input [json-pointer:/view/blocks/0/elements/0/type]",
		},
		"a text field in a section": {
			modal(`[{"type":"section","text":{"type":"mrkdwn","text":"s"},"accessory":{"type":"plain_text_input"}}]`, ""),
			"unsupported type: plain_text_input [json-pointer:/view/blocks/0/accessory/type]",
		},
		"a table": {
			modal(`[{"type":"table","rows":[[{"type":"raw_text","text":"c"}]]}]`, ""),
			"unsupported type: table [json-pointer:/view/blocks/0/type]",
		},
		"a markdown block": {
			modal(`[{"type":"markdown","text":"m"}]`, ""),
			"unsupported type: markdown [json-pointer:/view/blocks/0/type]",
		},
		"a block_id twice": {
			block(textInput("F", "", "") + "," + textInput("F", "", "")),
			"`block_id` already exists: f [json-pointer:/view/blocks/1/block_id]",
		},
		"an action_id in two blocks": {
			block(textInput("F", "", "") + "," + strings.Replace(textInput("F", "", ""), `"block_id":"f"`, `"block_id":"g"`, 1)),
			"",
		},
		"lengths at their limits": {block(textInput("F", `,"max_length":3000,"multiline":true`, "")), ""},
		"a max_length of 0":       {block(textInput("F", `,"max_length":0`, "")), "must be from 1 to 3000 " + at + "/max_length]"},
		"a max_length of 1.5":     {block(textInput("F", `,"max_length":1.5`, "")), "must be an integer " + at + "/max_length]"},
		"a placeholder of 151": {
			block(textInput("F", `,"placeholder":{"type":"plain_text","text":"`+long(151)+`"}`, "")),
			"must be less than 151 characters " + at + "/placeholder/text]",
		},

		"an initial option of the menu": {menu("static_select", options("A", "B")+`,"initial_option":`+optionJSON("B")), ""},
		"an initial option of nowhere": {
			menu("static_select", options("A")+`,"initial_option":`+optionJSON("C")),
			"must match one of the options " + at + "/initial_option]",
		},
		"a radio button of nowhere": {
			menu("radio_buttons", options("A")+`,"initial_option":`+optionJSON("C")),
			"must match one of the options " + at + "/initial_option]",
		},
		"an external select's own option": {menu("external_select", `,"min_query_length":0,"initial_option":`+optionJSON("C")), ""},
		"a menu without options":          {menu("static_select", ""), "missing required field: options " + at + "]"},
		"an external select with options": {menu("external_select", options("A")), "invalid additional property: options " + at + "]"},
		"a menu's option in mrkdwn": {
			menu("static_select", `,"options":[{"text":{"type":"mrkdwn","text":"o"},"value":"v"}]`),
			"unsupported type: mrkdwn " + at + "/options/0/text/type]",
		},
		"a radio button in mrkdwn": {menu("radio_buttons", `,"options":[{"text":{"type":"mrkdwn","text":"o"},"value":"v"}]`), ""},
		"an option's text of 76": {
			menu("static_select", options(long(76))),
			"must be less than 76 characters " + at + "/options/0/text/text]",
		},
		"a value of 151": {
			menu("static_select", `,"options":[{"text":{"type":"plain_text","text":"o"},"value":"`+long(151)+`"}]`),
			"must be less than 151 characters " + at + "/options/0/value]",
		},
		"a menu's option with an address": {
			menu("static_select", `,"options":[{"text":{"type":"plain_text","text":"o"},"value":"v","url":"https://x.test"}]`),
			"invalid additional property: url " + at + "/options/0]",
		},
		"11 radio buttons": {
			menu("radio_buttons", `,"options":`+repeat(11, `{"text":{"type":"plain_text","text":"o"},"value":"%d"}`)),
			"no more than 10 items allowed " + at + "/options]",
		},
		"a filter of channels": {
			menu("conversations_select", `,"filter":{"include":["public","private"],"exclude_bot_users":true}`),
			"",
		},
		"a filter of something else": {
			menu("conversations_select", `,"filter":{"include":["secret"]}`),
			"must be one of [im mpim private public] " + at + "/filter/include/0]",
		},
		"a response_url outside of inputs": {
			modal(`[{"type":"actions","elements":[{"type":"conversations_select","response_url_enabled":true}]}]`, ""),
			"invalid additional property: response_url_enabled [json-pointer:/view/blocks/0/elements/0]",
		},
		"menus in sections and in actions": {
			modal(
				`[{"type":"section","text":{"type":"mrkdwn","text":"s"},"accessory":{"type":"external_select"}},{"type":"actions",`+
					`"elements":[{"type":"conversations_select"}]}]`,
				"",
			),
			"",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var view map[string]any
			if err := json.Unmarshal([]byte(tt.view), &view); err != nil {
				t.Fatal(err)
			}
			got := checkView(view)
			if tt.want == "" && len(got) > 0 || tt.want != "" && !slices.Contains(got, "[ERROR] "+tt.want) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMessagesHaveNoInputs(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		r.refused("invalid_blocks", "chat.postMessage", "channel", general, "text", "x", "blocks", "["+textInput("F", "", "")+"]")
		r.ok(
			"chat.postMessage",
			"channel",
			general,
			"text",
			"x",
			"blocks",
			`[{"type":"section","text":{"type":"mrkdwn","text":"s"},"accessory":{"type":"static_select"`+options("A")+`}}]`,
		)
		r.refused("invalid_blocks", "chat.postMessage", "channel", general, "text", "x", "blocks",
			`[{"type":"actions","elements":[{"type":"static_select"`+options("A")+`,"initial_option":`+optionJSON("B")+`}]}]`)
	})
}

func FuzzViewsNeverBreakTheWorkspace(f *testing.F) {
	f.Add(
		form(
			textInput("Ref", `,"initial_value":"main"`, ""),
			input("Size", `"type":"radio_buttons"`+options("A", "B"), `,"hint":{"type":"plain_text","text":"h"}`),
		),
	)
	f.Add(modal(actionsBlock("More"), ""))
	f.Add(`{"type":"modal","title":null,"blocks":[null,{"type":"input","element":[]}]}`)
	f.Fuzz(func(t *testing.T, raw string) {
		var view map[string]any
		if json.Unmarshal([]byte(raw), &view) != nil || len(checkView(view)) > 0 {
			return
		}
		w := New(Options{})
		defer w.Close()
		v := &viewState{id: "V1", user: lin}
		w.show(v, view)
		w.views[lin] = v
		w.show(v, view)
		shown, open := w.Person(lin).View()
		if !open || !strings.HasPrefix(shown.Plain(), shown.Title) || len(shown.Fields()) != len(v.fields()) {
			t.Errorf("it shows %q", shown.Plain())
		}
	})
}
