package bot

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// What Slack sends is read field by field: one of another type than the documents say is read as far as it can be, else it is as if it were
// not there. What needs it says so; nothing else is harmed.

// lenient decodes what can be read of JSON. It fails only where it is no JSON at all.
func lenient(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	if _, odd := errors.AsType[*json.UnmarshalTypeError](err); odd {
		return nil // encoding/json leaves that field as it is and goes on
	}
	return err
}

// word is a string, or a number or a truth value as it is written.
type word string

// UnmarshalJSON implements json.Unmarshaler.
func (w *word) UnmarshalJSON(b []byte) error {
	switch b[0] {
	case '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*w = word(s)
	case '{', '[', 'n':
	default:
		*w = word(b)
	}
	return nil
}

// ref is an id, or that of an object.
type ref string

// UnmarshalJSON implements json.Unmarshaler.
func (r *ref) UnmarshalJSON(b []byte) error {
	var id word
	if b[0] == '{' {
		var object struct {
			ID word `json:"id"`
		}
		if err := lenient(b, &object); err != nil {
			return err
		}
		id = object.ID
	} else if err := id.UnmarshalJSON(b); err != nil {
		return err
	}
	*r = ref(id)
	return nil
}

// count is a number of things, in whatever way it is written.
type count int

// UnmarshalJSON implements json.Unmarshaler.
func (c *count) UnmarshalJSON(b []byte) error {
	const most = 1e6
	if n, err := strconv.ParseFloat(string(bytes.Trim(b, `" `)), 64); err == nil && n >= 0 && n <= most {
		*c = count(n)
	}
	return nil
}

// flag is a truth value, in whatever way it is written.
type flag bool

// UnmarshalJSON implements json.Unmarshaler.
func (f *flag) UnmarshalJSON(b []byte) error {
	text := strings.ToLower(string(bytes.Trim(b, `" `)))
	*f = text == "true" || text == "1"
	return nil
}

// presence tells that there is an object, or the word that there is one.
type presence bool

// UnmarshalJSON implements json.Unmarshaler.
func (p *presence) UnmarshalJSON(b []byte) error {
	var f flag
	_ = f.UnmarshalJSON(b) // it takes everything
	*p = presence(f) || b[0] == '{'
	return nil
}
