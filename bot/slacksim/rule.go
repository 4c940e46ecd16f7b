package slacksim

import (
	"bytes"
	"cmp"
	_ "embed" // for the rules
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

var (
	//go:embed blocks.yaml
	blockFile []byte
	//go:embed manifest.yaml
	manifestFile []byte
)

// rule is the schema of a value. blocks.yaml documents the fields.
type rule struct {
	Type     string
	Min, Max int
	Empty    bool
	Enum     []string
	Pattern  string
	Says     string
	Of       *rule
	Distinct string
	Resets   string
	Fields   map[string]*rule
	Required []string
	Any      []string
	Among    string
	Kinds    []string
	Read     bool
	Unique   string
}

// ruleSet is the merged content of the embedded files.
type ruleSet struct {
	Shared any
	Rules  map[string]*rule
	Events map[string][]string // alternative scopes by event
}

var rules = sync.OnceValue(func() ruleSet {
	set := ruleSet{Rules: map[string]*rule{}}
	for _, file := range [][]byte{blockFile, manifestFile} {
		decoder := yaml.NewDecoder(bytes.NewReader(file))
		decoder.KnownFields(true)
		if err := decoder.Decode(&set); err != nil {
			panic(fmt.Sprintf("slacksim: the embedded rules: %v", err))
		}
	}
	return set
})

// checker collects the faults of one value.
type checker struct {
	problems []string
	ids      map[string]map[string]bool // ids seen so far, by kind
	read     int                        // characters in all texts marked read
}

// check validates a value by the named rule. The checker holds a message for each fault.
func check(name, at string, v any) *checker {
	c := &checker{ids: map[string]map[string]bool{}}
	c.value(at, v, rules().Rules[name])
	return c
}

func (c *checker) fault(at, format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf("[ERROR] "+format+" [json-pointer:%s]", append(args, at)...))
}

func (c *checker) value(at string, v any, r *rule) {
	switch r.Type {
	case "string":
		c.text(at, v, r)
	case "integer":
		n, isNumber := v.(float64)
		switch {
		case !isNumber || n != float64(int(n)):
			c.fault(at, "must be an integer")
		case int(n) < r.Min || int(n) > r.Max:
			c.fault(at, "must be from %d to %d", r.Min, r.Max)
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			c.fault(at, "must be a boolean")
		}
	case "list":
		c.list(at, v, r)
	case "object", "kind":
		c.object(at, v, r)
	}
}

func (c *checker) text(at string, v any, r *rule) {
	s, isString := v.(string)
	length := utf8.RuneCountInString(s)
	switch {
	case r.Enum != nil:
		if !slices.Contains(r.Enum, s) {
			c.fault(at, "must be one of %v", r.Enum)
		}
		return
	case !isString:
		c.fault(at, "must be a string")
		return
	case s == "" && !r.Empty:
		c.fault(at, "must be more than 0 characters")
	case length > r.Max:
		c.fault(at, "must be less than %d characters", r.Max+1)
	case length < r.Min:
		c.fault(at, "must be more than %d characters", r.Min-1)
	}
	if r.Pattern != "" && !regexp.MustCompile(r.Pattern).MatchString(s) {
		c.fault(at, "%s", cmp.Or(r.Says, "does not match the pattern "+r.Pattern))
	}
	if r.Read {
		c.read += length
	}
	if r.Unique != "" {
		if c.ids[r.Unique][s] {
			c.fault(at, "`%s` already exists: %s", r.Unique, s)
		}
		if c.ids[r.Unique] == nil {
			c.ids[r.Unique] = map[string]bool{}
		}
		c.ids[r.Unique][s] = true
	}
}

func (c *checker) list(at string, v any, r *rule) {
	l, isList := v.([]any)
	switch {
	case !isList:
		c.fault(at, "must be an array")
	case len(l) < r.Min:
		c.fault(at, "no less than %d items required", r.Min)
	case len(l) > r.Max:
		c.fault(at, "no more than %d items allowed", r.Max)
	}
	seen := map[string]bool{}
	for i, item := range l {
		delete(c.ids, r.Resets)
		c.value(fmt.Sprintf("%s/%d", at, i), item, r.Of)
		key := text(item)
		if r.Distinct != "." {
			key = text(object(item)[r.Distinct])
		}
		if key != "" && seen[key] {
			c.fault(at, "duplicate entry: %s", key)
		}
		seen[key] = true
	}
}

// object checks an object by the rule, or by the rule of its type if r lists kinds; r.Max then limits the object's text.
func (c *checker) object(at string, v any, r *rule) {
	o, isObject := v.(map[string]any)
	if !isObject {
		c.fault(at, "must be an object")
		return
	}
	limit := r.Max
	if r.Type == "kind" {
		kind := text(o["type"])
		switch {
		case kind == "":
			c.fault(at, "missing required field: type")
			return
		case !slices.Contains(r.Kinds, kind):
			c.fault(at+"/type", "unsupported type: %s", kind)
			return
		}
		o = maps.Clone(o)
		delete(o, "type")
		r = rules().Rules[kind]
	}
	for _, name := range r.Required {
		if _, given := o[name]; !given {
			c.fault(at, "missing required field: %s", name)
		}
	}
	given := func(name string) bool { return o[name] != nil }
	if len(r.Any) > 0 && !slices.ContainsFunc(r.Any, given) {
		c.fault(at, "missing required field: %s", r.Any[0])
	}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		field := r.Fields[name]
		if field == nil {
			c.fault(at, "invalid additional property: %s", name)
			continue
		}
		if field.Type == "string" && field.Max == 0 { // the text of a text object
			limited := *field
			limited.Max = limit
			field = &limited
		}
		c.value(at+"/"+name, o[name], field)
	}
	chosen := object(o[r.Among])
	same := func(offer map[string]any) bool {
		return fmt.Sprint(offer["value"]) == fmt.Sprint(chosen["value"]) && textOf(offer["text"]) == textOf(chosen["text"])
	}
	if chosen != nil && !slices.ContainsFunc(optionsOf(o), same) {
		c.fault(at+"/"+r.Among, "must match one of the options")
	}
}

// maxBlockText is the limit of characters in all texts of a message's blocks together.
const maxBlockText = 13000

// checkBlocks returns invalid_blocks with a message for each fault, msg_blocks_too_long, or nil.
func checkBlocks(blocks []map[string]any) error {
	items := make([]any, len(blocks))
	for i, b := range blocks {
		items[i] = b
	}
	c := check("message", "/blocks", items)
	switch {
	case len(c.problems) > 0:
		return &apiError{code: "invalid_blocks", extra: answer{
			"errors": c.problems, "response_metadata": map[string]any{"messages": c.problems},
		}}
	case c.read > maxBlockText:
		return refuse("msg_blocks_too_long")
	}
	return nil
}

func checkView(view map[string]any) []string {
	c := check("modal", "/view", view)
	isInput := func(b any) bool { return object(b)["type"] == "input" }
	if view["submit"] == nil && slices.ContainsFunc(list(view["blocks"]), isInput) {
		c.fault("/view", "must define `submit` to use an `input` block in modals")
	}
	return c.problems
}
