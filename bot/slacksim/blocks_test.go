package slacksim

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func long(n int) string { return strings.Repeat("x", n) }

// repeat is n copies of an item as a JSON list; %d in it is the number of the copy.
func repeat(n int, item string) string {
	items := make([]string, n)
	for i := range items {
		items[i] = strings.ReplaceAll(item, "%d", fmt.Sprint(i))
	}
	return "[" + strings.Join(items, ",") + "]"
}

func section(text string) string {
	return `{"type":"section","text":{"type":"mrkdwn","text":"` + text + `"}}`
}

func actions(fields string) string {
	return `{"type":"actions","elements":[{"type":"button","action_id":"a","text":{"type":"plain_text","text":"Go"}` + fields + `}]}`
}

func TestBlocksAreHeldToTheirLimits(t *testing.T) {
	const plainText = `{"type":"plain_text","text":"%s"}`
	confirm := func(title, text, yes, no int) string {
		return fmt.Sprintf(`,"confirm":{"title":`+plainText+`,"text":`+plainText+`,"confirm":`+plainText+`,"deny":`+plainText+`}`,
			long(title), long(text), long(yes), long(no))
	}
	option := `{"text":{"type":"plain_text","text":"o"},"value":"%d"}`
	tests := map[string]struct {
		blocks string
		want   string // the problem, "" for none
	}{
		"50 blocks":                    {repeat(50, `{"type":"divider"}`), ""},
		"51 blocks":                    {repeat(51, `{"type":"divider"}`), "no more than 50 items allowed [json-pointer:/blocks]"},
		"a block without a type":       {`[{"text":"x"}]`, "missing required field: type [json-pointer:/blocks/0]"},
		"an unknown block":             {`[{"type":"banner"}]`, "unsupported type: banner [json-pointer:/blocks/0/type]"},
		"an unknown field":             {`[{"type":"divider","colour":"red"}]`, "invalid additional property: colour [json-pointer:/blocks/0]"},
		"a section of 3000 characters": {"[" + section(long(3000)) + "]", ""},
		"a section of 3000 umlauts":    {"[" + section(strings.Repeat("ü", 3000)) + "]", ""},
		"a section of 3001 characters": {
			"[" + section(long(3001)) + "]",
			"must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
		},
		"a section without text":       {"[" + section("") + "]", "must be more than 0 characters [json-pointer:/blocks/0/text/text]"},
		"a section with nothing":       {`[{"type":"section"}]`, "missing required field: text [json-pointer:/blocks/0]"},
		"a section's text as a string": {`[{"type":"section","text":"x"}]`, "must be an object [json-pointer:/blocks/0/text]"},
		"10 fields of 2000":            {`[{"type":"section","fields":` + repeat(6, `{"type":"mrkdwn","text":"`+long(2000)+`"}`) + `}]`, ""},
		"11 fields": {
			`[{"type":"section","fields":` + repeat(11, `{"type":"mrkdwn","text":"f"}`) + `}]`,
			"no more than 10 items allowed [json-pointer:/blocks/0/fields]",
		},
		"a field of 2001": {
			`[{"type":"section","fields":[{"type":"mrkdwn","text":"` + long(2001) + `"}]}]`,
			"must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
		},
		"a header of 150": {`[{"type":"header","text":` + fmt.Sprintf(plainText, long(150)) + `}]`, ""},
		"a header of 151": {
			`[{"type":"header","text":` + fmt.Sprintf(plainText, long(151)) + `}]`,
			"must be less than 151 characters [json-pointer:/blocks/0/text/text]",
		},
		"a header in mrkdwn": {
			`[{"type":"header","text":{"type":"mrkdwn","text":"x"}}]`,
			"unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]",
		},
		"10 things in a context": {`[{"type":"context","elements":` + repeat(10, `{"type":"mrkdwn","text":"c"}`) + `}]`, ""},
		"11 things in a context": {
			`[{"type":"context","elements":` + repeat(11, `{"type":"mrkdwn","text":"c"}`) + `}]`,
			"no more than 10 items allowed [json-pointer:/blocks/0/elements]",
		},
		"an empty context": {
			`[{"type":"context","elements":[]}]`,
			"no less than 1 items required [json-pointer:/blocks/0/elements]",
		},
		"a button in a context": {
			`[{"type":"context","elements":[{"type":"button"}]}]`,
			"unsupported type: button [json-pointer:/blocks/0/elements/0/type]",
		},
		"25 actions": {
			`[{"type":"actions","elements":` + repeat(25, `{"type":"button","action_id":"a%d","text":{"type":"plain_text","text":"b"}}`) + `}]`,
			"",
		},
		"26 actions": {
			`[{"type":"actions","elements":` + repeat(26, `{"type":"button","action_id":"a%d","text":{"type":"plain_text","text":"b"}}`) + `}]`,
			"no more than 25 items allowed [json-pointer:/blocks/0/elements]",
		},
		"an action_id twice in a block": {
			`[{"type":"actions","elements":` + repeat(2, `{"type":"button","action_id":"a","text":{"type":"plain_text","text":"b"}}`) + `}]`,
			"`action_id` already exists: a [json-pointer:/blocks/0/elements/1/action_id]",
		},
		"an action_id in two blocks": {"[" + actions("") + "," + actions("") + "]", ""},
		"a block_id twice": {
			repeat(2, `{"type":"divider","block_id":"d"}`),
			"`block_id` already exists: d [json-pointer:/blocks/1/block_id]",
		},
		"a block_id of 256": {
			`[{"type":"divider","block_id":"` + long(256) + `"}]`,
			"must be less than 256 characters [json-pointer:/blocks/0/block_id]",
		},
		"a button's text of 76": {
			`[{"type":"actions","elements":[{"type":"button","text":` + fmt.Sprintf(plainText, long(76)) + `}]}]`,
			"must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
		},
		"a button's text in mrkdwn": {
			`[{"type":"actions","elements":[{"type":"button","text":{"type":"mrkdwn","text":"b"}}]}]`,
			"unsupported type: mrkdwn [json-pointer:/blocks/0/elements/0/text/type]",
		},
		"a value of 2000": {"[" + actions(`,"value":"`+long(2000)+`"`) + "]", ""},
		"a value of 2001": {
			"[" + actions(`,"value":"`+long(2001)+`"`) + "]",
			"must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
		},
		"an address of 3001": {
			"[" + actions(`,"url":"https://`+long(2993)+`"`) + "]",
			"must be less than 3001 characters [json-pointer:/blocks/0/elements/0/url]",
		},
		"an address that is no web's": {
			"[" + actions(`,"url":"ftp://x"`) + "]",
			"must be a valid http or https URL [json-pointer:/blocks/0/elements/0/url]",
		},
		"a style of its own": {
			"[" + actions(`,"style":"warning"`) + "]",
			"must be one of [primary danger] [json-pointer:/blocks/0/elements/0/style]",
		},
		"a confirm at its limits": {"[" + actions(confirm(100, 300, 30, 30)) + "]", ""},
		"a confirm title of 101": {
			"[" + actions(confirm(101, 300, 30, 30)) + "]",
			"must be less than 101 characters [json-pointer:/blocks/0/elements/0/confirm/title/text]",
		},
		"a confirm text of 301": {
			"[" + actions(confirm(100, 301, 30, 30)) + "]",
			"must be less than 301 characters [json-pointer:/blocks/0/elements/0/confirm/text/text]",
		},
		"a confirm yes of 31": {
			"[" + actions(confirm(100, 300, 31, 30)) + "]",
			"must be less than 31 characters [json-pointer:/blocks/0/elements/0/confirm/confirm/text]",
		},
		"a confirm no of 31": {
			"[" + actions(confirm(100, 300, 30, 31)) + "]",
			"must be less than 31 characters [json-pointer:/blocks/0/elements/0/confirm/deny/text]",
		},
		"a select of 100 options": {`[{"type":"actions","elements":[{"type":"static_select","options":` + repeat(100, option) + `}]}]`, ""},
		"a select of 101 options": {
			`[{"type":"actions","elements":[{"type":"static_select","options":` + repeat(101, option) + `}]}]`,
			"no more than 100 items allowed [json-pointer:/blocks/0/elements/0/options]",
		},
		"rich text, which is not used": {`[{"type":"rich_text","elements":[]}]`, "unsupported type: rich_text [json-pointer:/blocks/0/type]"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var blocks []map[string]any
			if err := json.Unmarshal([]byte(tt.blocks), &blocks); err != nil {
				t.Fatal(err)
			}
			err := checkBlocks(blocks)
			if tt.want == "" {
				if err != nil {
					t.Errorf("refused: %+v", err)
				}
				return
			}
			refused, ok := errors.AsType[*apiError](err)
			if !ok || refused.code != "invalid_blocks" {
				t.Fatalf("answered %v", err)
			}
			if got, _ := refused.extra["errors"].([]string); !slices.Contains(got, "[ERROR] "+tt.want) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}

func TestEveryFaultOfTheBlocksIsNamed(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		got := r.refused("invalid_blocks", "chat.postMessage", "channel", general, "text", "x", "blocks", `[{"type":"a"},{"type":"b"}]`)
		if n := len(list(object(got.json["response_metadata"])["messages"])); n != 2 {
			t.Errorf("%d problems: %s", n, got.body)
		}
	})
}

func FuzzBlocksNeverBreakTheWorkspace(f *testing.F) {
	f.Add("[" + actions(`,"value":"v"`) + "," + section("*a* <!here> `b`") + "]")
	f.Add(`[null,{"type":"section","text":{"type":"mrkdwn","text":5},"accessory":[]}]`)
	f.Fuzz(func(t *testing.T, raw string) {
		var blocks []map[string]any
		if json.Unmarshal([]byte(raw), &blocks) != nil || checkBlocks(blocks) != nil {
			return
		}
		m := Message{Blocks: blocks}
		if lines := strings.Count(m.Plain(), "]"); lines < len(buttons(blocks)) {
			t.Errorf("%d buttons, but Plain is %q", len(buttons(blocks)), m.Plain())
		}
	})
}
