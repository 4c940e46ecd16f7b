package slacksim

import (
	"fmt"
	"slices"
	"sync"
)

// maxViewBlocks is how many blocks a view holds.
const maxViewBlocks = 100

// viewShape is what a modal view may and must have, see "Modal views" in Slack's reference.
var viewShape = sync.OnceValue(func() shape {
	return shape{
		required: []string{"type", "title", "blocks"},
		fields: map[string]rule{
			"type": words("modal"), "title": plain(24), "submit": plain(24), "close": plain(24),
			"blocks":           items(1, maxViewBlocks, blockOf(modalBlocks)),
			"private_metadata": atMost(3000), "callback_id": atMost(255), "external_id": atMost(255),
			"clear_on_close": boolean, "notify_on_close": boolean,
		},
	}
})

// checkView returns a message for each fault of a view.
func checkView(view map[string]any) []string {
	c := &checker{blockIDs: map[string]bool{}}
	c.shape("/view", view, viewShape())
	isInput := func(b any) bool { return object(b)["type"] == "input" }
	if view["submit"] == nil && slices.ContainsFunc(list(view["blocks"]), isInput) {
		c.fault("/view", "must define `submit` to use an `input` block in modals")
	}
	return c.problems
}

// blockOf is a block of one of the given shapes; its action_ids are its own.
func blockOf(shapes func() map[string]shape) rule {
	return func(c *checker, at string, v any) {
		c.actionIDs = map[string]bool{}
		c.typed(at, v, shapes())
	}
}

// atMost is a string of at most n characters, which may be empty.
func atMost(n int) rule {
	return func(c *checker, at string, v any) {
		if s, isString := v.(string); !isString || s != "" {
			characters(n)(c, at, v)
		}
	}
}

// number is a whole number from lo to hi.
func number(lo, hi int) rule {
	return func(c *checker, at string, v any) {
		n, isNumber := v.(float64)
		switch {
		case !isNumber || n != float64(int(n)):
			c.fault(at, "must be an integer")
		case int(n) < lo || int(n) > hi:
			c.fault(at, "must be from %d to %d", lo, hi)
		}
	}
}

// record is an object of a fixed shape in which "type", if any, is a field like others.
func record(s shape) rule {
	return func(c *checker, at string, v any) {
		o, isObject := v.(map[string]any)
		if !isObject {
			c.fault(at, "must be an object")
			return
		}
		c.shape(at, o, s)
	}
}

// focus is the focus_on_load of one element, of which a view has one at most.
func focus(c *checker, at string, v any) {
	boolean(c, at, v)
	if on, _ := v.(bool); !on {
		return
	}
	if c.focused++; c.focused > 1 {
		c.fault(at, "only one element can have focus_on_load")
	}
}

// chosen checks that what an element holds at first is among its options.
func chosen(c *checker, at string, element map[string]any) {
	name, _ := element["type"].(string)
	kind := fieldKinds[name]
	held := list(element[kind.initial])
	if one := object(element[kind.initial]); one != nil {
		held = []any{one}
	}
	if name == "external_select" || !kind.options {
		return
	}
	offers := optionsOf(element)
	for _, o := range held {
		same := func(offer map[string]any) bool {
			return fmt.Sprint(offer["value"]) == fmt.Sprint(object(o)["value"]) && textOf(offer["text"]) == textOf(object(o)["text"])
		}
		if !slices.ContainsFunc(offers, same) {
			c.fault(at+"/"+kind.initial, "must match one of the options")
		}
	}
}
