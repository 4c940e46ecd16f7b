package slacksim

import (
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"
)

// Limits of messages, see the reference of Block Kit.
const (
	maxBlocks    = 50
	maxBlockText = 13000 // characters of all texts together
)

// checker collects what is wrong with the blocks of one message.
type checker struct {
	problems  []string
	blockIDs  map[string]bool
	actionIDs map[string]bool // of the block that is being checked
	tables    int
	focused   int // elements with focus_on_load
	total     int // characters of all texts
}

// rule checks the value v at the JSON pointer at.
type rule func(c *checker, at string, v any)

// shape is what an object may and must have beside its type.
type shape struct {
	required []string
	oneOf    []string // at least one of them
	fields   map[string]rule
	also     func(c *checker, at string, o map[string]any) // what concerns several fields, or nil
}

// checkBlocks returns an invalid_blocks error with a message for each fault, or nil.
func checkBlocks(blocks []map[string]any) error {
	c := &checker{blockIDs: map[string]bool{}}
	if len(blocks) > maxBlocks {
		c.fault("/blocks", "no more than %d items allowed", maxBlocks)
	}
	for i, b := range blocks {
		blockOf(messageBlocks)(c, fmt.Sprintf("/blocks/%d", i), b)
	}
	switch {
	case len(c.problems) > 0:
		return &apiError{code: "invalid_blocks", extra: answer{
			"errors": c.problems, "response_metadata": map[string]any{"messages": c.problems},
		}}
	case c.total > maxBlockText:
		return refuse("msg_blocks_too_long")
	}
	return nil
}

func (c *checker) fault(at, format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf("[ERROR] "+format+" [json-pointer:%s]", append(args, at)...))
}

// typed checks an object by the shape that its type names.
func (c *checker) typed(at string, v any, shapes map[string]shape) {
	o, isObject := v.(map[string]any)
	if !isObject {
		c.fault(at, "must be an object")
		return
	}
	kind, _ := o["type"].(string)
	s, known := shapes[kind]
	switch {
	case kind == "":
		c.fault(at, "missing required field: type")
	case !known:
		c.fault(at+"/type", "unsupported type: %s", kind)
	default:
		c.shape(at, o, s)
	}
}

func (c *checker) shape(at string, o map[string]any, s shape) {
	for _, name := range s.required {
		if _, given := o[name]; !given {
			c.fault(at, "missing required field: %s", name)
		}
	}
	if len(s.oneOf) > 0 && !slices.ContainsFunc(s.oneOf, func(name string) bool { return o[name] != nil }) {
		c.fault(at, "missing required field: %s", s.oneOf[0])
	}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		check, known := s.fields[name]
		switch {
		case name == "type" && !known:
		case !known:
			c.fault(at, "invalid additional property: %s", name)
		default:
			check(c, at+"/"+name, o[name])
		}
	}
	if s.also != nil {
		s.also(c, at, o)
	}
}

// text is a string of at least one and at most n characters that people read.
func text(n int) rule {
	return func(c *checker, at string, v any) {
		s, _ := v.(string)
		c.total += utf8.RuneCountInString(s)
		characters(n)(c, at, v)
	}
}

// characters is a string of at least one and at most n characters.
func characters(n int) rule {
	return func(c *checker, at string, v any) {
		s, isString := v.(string)
		switch {
		case !isString:
			c.fault(at, "must be a string")
		case s == "":
			c.fault(at, "must be more than 0 characters")
		case utf8.RuneCountInString(s) > n:
			c.fault(at, "must be less than %d characters", n+1)
		}
	}
}

// words is one of the given strings.
func words(allowed ...string) rule {
	return func(c *checker, at string, v any) {
		if s, _ := v.(string); !slices.Contains(allowed, s) {
			c.fault(at, "must be one of %v", allowed)
		}
	}
}

func boolean(c *checker, at string, v any) {
	if _, ok := v.(bool); !ok {
		c.fault(at, "must be a boolean")
	}
}

// anything is a value that the workspace does not look into.
func anything(*checker, string, any) {}

// items is a list of lo to hi values.
func items(lo, hi int, each rule) rule {
	return func(c *checker, at string, v any) {
		l, isList := v.([]any)
		switch {
		case !isList:
			c.fault(at, "must be an array")
		case len(l) < lo:
			c.fault(at, "no less than %d items required", lo)
		case len(l) > hi:
			c.fault(at, "no more than %d items allowed", hi)
		}
		for i, item := range l {
			each(c, fmt.Sprintf("%s/%d", at, i), item)
		}
	}
}

// one is an object of one of the given types.
func one(shapes map[string]shape) rule {
	return func(c *checker, at string, v any) { c.typed(at, v, shapes) }
}

// untyped is an object of a fixed shape without a type.
func untyped(s shape) rule {
	return func(c *checker, at string, v any) {
		o, isObject := v.(map[string]any)
		if !isObject || o["type"] != nil {
			c.fault(at, "must be an object without a type")
			return
		}
		c.shape(at, o, s)
	}
}

// fresh is an id that nothing else in ids() has.
func fresh(what string, ids func(*checker) map[string]bool) rule {
	return func(c *checker, at string, v any) {
		characters(255)(c, at, v)
		id, _ := v.(string)
		if ids(c)[id] {
			c.fault(at, "`%s` already exists: %s", what, id)
		}
		ids(c)[id] = true
	}
}
