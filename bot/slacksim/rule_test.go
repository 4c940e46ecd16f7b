package slacksim

import (
	"regexp"
	"strings"
	"testing"
)

// limitAt is the limit of the rule that a path leads to: names of rules and of fields, and "of" for the items of a list.
func limitAt(t *testing.T, path string) int {
	t.Helper()
	names := strings.Fields(path)
	r := rules().Rules[names[0]]
	for _, name := range names[1:] {
		if r == nil {
			t.Fatalf("no rule leads to %s", path)
		}
		if name == "of" {
			r = r.Of
		} else {
			r = r.Fields[name]
		}
	}
	if r == nil {
		t.Fatalf("no rule leads to %s", path)
	}
	return r.Max
}

// TestTheRulesHaveSlacksLimits compares the rules with the figures of Slack's reference of blocks, elements and views.
func TestTheRulesHaveSlacksLimits(t *testing.T) {
	for path, want := range map[string]int{
		"message": 50, "modal blocks": 100,
		"section text": 3000, "section fields": 10, "section fields of": 2000, "section block_id": 255,
		"header text": 150, "context elements": 10, "actions elements": 25,
		"button text": 75, "button value": 2000, "button url": 3000, "button action_id": 255, "button accessibility_label": 75,
		"button confirm title": 100, "button confirm text": 300, "button confirm deny": 30,
		"static_select options":         100,
		"static_select options of text": 75, "static_select options of value": 150,
		"static_select placeholder": 150, "radio_buttons options": 10,
		"suggestion options": 100,
		"input label":        2000, "input hint": 2000, "plain_text_input max_length": 3000, "plain_text_input initial_value": 3000,
		"modal title": 24, "modal submit": 24, "modal close": 24, "modal private_metadata": 3000, "modal callback_id": 255,
		"modal external_id":                 255,
		"manifest display_information name": 35, "manifest display_information description": 140,
		"manifest features slash_commands": 50, "manifest features shortcuts": 10, "manifest features bot_user display_name": 80,
		"manifest settings event_subscriptions bot_events": 100, "manifest oauth_config scopes bot": 255,
	} {
		if got := limitAt(t, path); got != want {
			t.Errorf("the limit of %s is %d, want %d", path, got, want)
		}
	}
}

// TestTheRulesAreWhole finds misspelt types, kinds without a rule, and rules of no effect.
func TestTheRulesAreWhole(t *testing.T) {
	types := map[string]bool{"string": true, "integer": true, "boolean": true, "list": true, "object": true, "kind": true, "any": true}
	var walk func(at string, r *rule)
	walk = func(at string, r *rule) {
		if !types[r.Type] || (r.Type == "list") != (r.Of != nil) || (r.Type == "kind") != (r.Kinds != nil) ||
			(r.Type == "object") != (r.Fields != nil) {
			t.Errorf("%s has the type %q", at, r.Type)
		}
		if _, err := regexp.Compile(r.Pattern); err != nil {
			t.Errorf("%s: %v", at, err)
		}
		if bounded := r.Type == "integer" || r.Type == "list"; bounded && r.Max == 0 {
			t.Errorf("%s has no limit", at)
		}
		for _, kind := range r.Kinds {
			if rules().Rules[kind] == nil {
				t.Errorf("%s allows %s, which has no rule", at, kind)
			}
		}
		for _, names := range [][]string{r.Required, r.Any} {
			for _, name := range names {
				if r.Fields[name] == nil {
					t.Errorf("%s names the field %s, which it does not have", at, name)
				}
			}
		}
		for name, field := range r.Fields {
			walk(at+" "+name, field)
		}
		if r.Of != nil {
			walk(at+" of", r.Of)
		}
	}
	for name, r := range rules().Rules {
		walk(name, r)
	}
}
