package bot

import (
	"encoding/json"
	"errors"
	"strconv"
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

// word is a string; a number or a truth value as it is written; or the id of an object.
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
	case '{':
		var object struct {
			ID word `json:"id"`
		}
		if err := lenient(b, &object); err != nil {
			return err
		}
		*w = object.ID
	case '[', 'n':
	default:
		*w = word(b)
	}
	return nil
}

// holds reports whether a word says yes.
func (w word) holds() bool { return w == "true" || w == "1" }

// count is the number that a word says; 0 for none and for one beyond reason.
func (w word) count() int {
	const most = 1e6
	if n, err := strconv.ParseFloat(string(w), 64); err == nil && n >= 0 && n <= most {
		return int(n)
	}
	return 0
}
