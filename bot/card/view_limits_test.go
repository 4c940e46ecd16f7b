package card

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"c66bot/bot/slacksim"
)

// decodedView gives a view as Slack gets it.
func decodedView(t *testing.T, v slack.ModalViewRequest) map[string]any {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var decoded map[string]any
	if err := json.Unmarshal(raw, &decoded); err != nil {
		t.Fatal(err)
	}
	return decoded
}

func object(v any) map[string]any { o, _ := v.(map[string]any); return o }

// brokenView gives the limits of Slack's that a view breaks (Slack's references of views and of Block Kit).
func brokenView(v map[string]any) []string {
	a := &audit{}
	if v["type"] != "modal" {
		a.fault("the type is %v", v["type"])
	}
	a.text("title", v["title"], "plain_text", 24)
	blocks := items(v["blocks"])
	a.number("blocks", len(blocks), 100)
	ids, inputs := map[string]bool{}, 0
	for i, b := range blocks {
		block := object(b)
		a.viewBlock(fmt.Sprintf("block %d", i), block)
		if id, given := block["block_id"].(string); given && id != "" {
			if ids[id] || utf8.RuneCountInString(id) > 255 {
				a.fault("block id %q twice, or too long", id)
			}
			ids[id] = true
		}
		if block["type"] == "input" {
			inputs++
		}
	}
	for _, button := range []string{"submit", "close"} {
		if v[button] != nil {
			a.text(button, v[button], "plain_text", 24)
		}
	}
	if inputs > 0 && v["submit"] == nil {
		a.fault("fields, and nothing to send them")
	}
	if metadata, _ := v["private_metadata"].(string); utf8.RuneCountInString(metadata) > 3000 {
		a.fault("private_metadata of %d characters", utf8.RuneCountInString(metadata))
	}
	return a.faults
}

// viewBlock checks one block of a view: fields may stand in it, and selects.
func (a *audit) viewBlock(at string, b map[string]any) {
	accessory := object(b["accessory"])
	switch {
	case b["type"] == "input":
		a.text(at+" label", b["label"], "plain_text", 2000)
		if b["hint"] != nil {
			a.text(at+" hint", b["hint"], "plain_text", 2000)
		}
		a.field(at, object(b["element"]))
	case accessory != nil && accessory["type"] != "button":
		a.text(at, b["text"], "mrkdwn", 3000)
		a.field(at, accessory)
	default:
		a.block(at, b)
	}
}

// field checks an element that holds a value.
func (a *audit) field(at string, e map[string]any) {
	if e["placeholder"] != nil {
		a.text(at+" placeholder", e["placeholder"], "plain_text", 150)
	}
	if id, _ := e["action_id"].(string); id == "" || len(id) > 255 {
		a.fault("%s: action id %q", at, id)
	}
	options := items(e["options"])
	for i, o := range options {
		a.option(fmt.Sprintf("%s option %d", at, i), o)
	}
	if e["initial_option"] != nil {
		a.option(at+" initial option", e["initial_option"])
	}
	switch e["type"] {
	case "plain_text_input":
		a.input(at, e)
	case "static_select", "radio_buttons":
		most := map[any]int{"static_select": 100, "radio_buttons": 10}[e["type"]]
		a.number(at+" options", len(options), most)
		if e["initial_option"] != nil && !among(options, e["initial_option"]) {
			a.fault("%s: what is chosen at first is no option", at)
		}
	case "external_select", "conversations_select":
	default:
		a.fault("%s: unexpected element %v", at, e["type"])
	}
}

// input checks a field for text.
func (a *audit) input(at string, e map[string]any) {
	value, _ := e["initial_value"].(string)
	most, limited := e["max_length"].(float64)
	n := utf8.RuneCountInString(value)
	if n > 3000 || limited && (n > int(most) || most < 1 || most > 3000) {
		a.fault("%s: %d characters at first, at most %v are allowed", at, n, most)
	}
	if !utf8.ValidString(value) || strings.ContainsRune(value, utf8.RuneError) {
		a.fault("%s: broken characters", at)
	}
}

func (a *audit) option(at string, v any) {
	o := object(v)
	a.text(at, o["text"], "plain_text", 75)
	if value, _ := o["value"].(string); value == "" || utf8.RuneCountInString(value) > 150 {
		a.fault("%s: value %q", at, value)
	}
}

func among(options []any, chosen any) bool {
	for _, o := range options {
		if object(o)["value"] == object(chosen)["value"] {
			return true
		}
	}
	return false
}

// viewed gives what a reader sees of a view beside its fields.
func viewed(v map[string]any) slacksim.Message {
	var blocks []map[string]any
	for _, b := range items(v["blocks"]) {
		if block := object(b); block["type"] != "input" {
			blocks = append(blocks, block)
		}
	}
	return slacksim.Message{Blocks: blocks}
}

func TestEveryViewKeepsSlacksLimits(t *testing.T) {
	for name, v := range views() {
		for _, fault := range brokenView(decodedView(t, v)) {
			t.Errorf("%s: %s", name, fault)
		}
	}
}

func TestTheCheckerFindsWhatBreaksALimitOfViews(t *testing.T) {
	long := strings.Repeat("x", 3001)
	for name, spoil := range map[string]func(v *slack.ModalViewRequest){
		"a long title":  func(v *slack.ModalViewRequest) { v.Title.Text = long[:25] },
		"no title":      func(v *slack.ModalViewRequest) { v.Title = nil },
		"a long submit": func(v *slack.ModalViewRequest) { v.Submit.Text = long[:25] },
		"no submit":     func(v *slack.ModalViewRequest) { v.Submit = nil },
		"long metadata": func(v *slack.ModalViewRequest) { v.PrivateMetadata = long },
		"no blocks":     func(v *slack.ModalViewRequest) { v.Blocks.BlockSet = nil },
		"101 blocks":    func(v *slack.ModalViewRequest) { v.Blocks.BlockSet = slices.Repeat(v.Blocks.BlockSet[:1], 101) },
		"two equal block ids": func(v *slack.ModalViewRequest) {
			v.Blocks.BlockSet = slices.Repeat(v.Blocks.BlockSet[len(v.Blocks.BlockSet)-1:], 2)
		},
		"a long first value":   func(v *slack.ModalViewRequest) { firstField(v, "reason").InitialValue = long[:501] },
		"a long placeholder":   func(v *slack.ModalViewRequest) { firstField(v, "reason").Placeholder.Text = long[:151] },
		"an unlimited value":   func(v *slack.ModalViewRequest) { firstField(v, "reason").MaxLength = 3001 },
		"an element too many":  func(v *slack.ModalViewRequest) { v.Blocks.BlockSet[0] = slack.NewDividerBlock() },
		"a broken first value": func(v *slack.ModalViewRequest) { firstField(v, "reason").InitialValue = "\xff" },
	} {
		v := Form(gitForm())
		spoil(&v)
		if len(brokenView(decodedView(t, v))) == 0 {
			t.Errorf("%s is not found", name)
		}
	}
}

// firstField gives the field for text of a block.
func firstField(v *slack.ModalViewRequest, id string) *slack.PlainTextInputBlockElement {
	for _, b := range v.Blocks.BlockSet {
		if input, ok := b.(*slack.InputBlock); ok && input.BlockID == id {
			element, _ := input.Element.(*slack.PlainTextInputBlockElement)
			return element
		}
	}
	return nil
}

func TestHostileTextBreaksNoView(t *testing.T) {
	for name, bad := range hostile() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for where, v := range spoiledViews(bad) {
				decoded := decodedView(t, v)
				for _, fault := range brokenView(decoded) {
					t.Errorf("%s: %s", where, fault)
				}
				seen := viewed(decoded)
				if pings, links := seen.Pings(), seen.Links(); len(pings)+len(links) > 0 {
					t.Errorf("%s pings %v, links to %v:\n%s", where, pings, links, seen.Plain())
				}
			}
		})
	}
}
