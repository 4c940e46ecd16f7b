package cloud66

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"c66bot/cloud66/secret"
)

// record is a JSON object of an answer, such as a stack. Its fields may have any type, since answers mix numbers and strings.
type record []field

// field is a field of a record, with the JSON of its value.
type field struct {
	key   []byte
	value json.RawMessage
}

var errNoObject = errors.New("it is no JSON object")

// object decodes an object; anything else is an error and an empty record, except null.
func object(data []byte) (record, error) {
	if !json.Valid(data) {
		return nil, json.Unmarshal(data, new(any)) // which says why
	}
	return split(nil, data)
}

// split appends the fields of an object to r, like object. The data must be valid JSON; the fields are parts of it. A redeploy hook is
// dropped, because this secret address deploys the stack.
func split(r record, data []byte) (record, error) {
	data = bytes.TrimLeft(data, space)
	switch {
	case len(data) > 0 && data[0] == 'n':
		return r, nil
	case len(data) == 0 || data[0] != '{':
		return r, errNoObject
	}
	for data = bytes.TrimLeft(data[1:], space); data[0] != '}'; data = bytes.TrimLeft(data, space+",") {
		end := valueEnd(data)
		f := field{key: data[1 : end-1]}
		if bytes.IndexByte(f.key, '\\') >= 0 {
			var key string
			_ = json.Unmarshal(data[:end], &key)
			f.key = []byte(key)
		}
		data = bytes.TrimLeft(data[end:], space+":")
		end = valueEnd(data)
		f.value, data = data[:end:end], data[end:]
		if string(f.key) != "redeploy_hook" {
			r = append(r, f)
		}
	}
	return r, nil
}

const space = " \t\r\n"

// valueEnd returns the length of the value at the beginning of valid JSON.
func valueEnd(data []byte) int {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			for i++; data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		default:
			if depth > 0 {
				continue
			}
			if n := bytes.IndexAny(data[i:], ",]}"+space); n >= 0 {
				return i + n
			}
			return len(data)
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(data)
}

// get returns the JSON of a field, or nil. Of several with the key, the last counts.
func (r record) get(key string) json.RawMessage {
	for _, f := range slices.Backward(r) {
		if string(f.key) == key {
			return f.value
		}
	}
	return nil
}

// text returns a scalar field as text; null, lists and objects are empty.
func (r record) text(key string) text { return scalar(r.get(key)) }

// text is any JSON scalar as text.
type text string

func scalar(data json.RawMessage) text {
	if len(data) == 0 || strings.ContainsRune("{[n", rune(data[0])) {
		return ""
	}
	s := string(data)
	if quoted := data[0] == '"'; quoted && !strings.Contains(s, `\`) && utf8.ValidString(s) {
		s = s[1 : len(s)-1] // most strings: nothing to decode
	} else if quoted {
		_ = json.Unmarshal(data, &s) // it was read as part of valid JSON
	}
	return text(secret.WithoutUserinfo(s))
}

// number parses the text as a whole number, and reports whether it is one.
func (t text) number() (int64, bool) {
	s := strings.TrimSpace(string(t))
	if s == "" {
		return 0, false
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(s, 64)
	n := int64(f)
	return n, err == nil && float64(n) == f && n < 1<<53 && n > -1<<53
}

// int returns the text as a whole number, or 0.
func (t text) int() int64 {
	n, ok := t.number()
	if !ok {
		return 0
	}
	return n
}

// truth returns the text as a boolean, or nil.
func (t text) truth() *bool {
	if t == "" {
		return nil
	}
	b, err := strconv.ParseBool(strings.TrimSpace(string(t)))
	if err != nil {
		return nil
	}
	return &b
}

// bool returns a field as a boolean, or false.
func (r record) bool(key string) bool {
	b := r.text(key).truth()
	return b != nil && *b
}

// personKeys are the keys of a name or an address in an object that stands for a person, the best first.
var personKeys = []string{
	"email", "email_address", "mail", "name", "full_name", "display_name", "username", "user_name", "login", "nickname", "handle",
	"first_name", "last_name",
}

// person returns the field of a person. Where that is no text, it is a name or an address found inside.
func (r record) person(key string) string {
	if s := r.text(key); s != "" {
		return strings.TrimSpace(string(s))
	}
	return secret.WithoutUserinfo(personIn(r.value(key), 0))
}

func personIn(value any, depth int) string {
	if depth == messageDepth {
		return ""
	}
	switch v := value.(type) {
	case []any:
		var all []string
		for _, item := range v {
			if name := personIn(item, depth+1); name != "" {
				all = append(all, name)
			}
		}
		return strings.Join(all, ", ")
	case map[string]any:
		for _, key := range personKeys {
			if name, ok := v[key].(string); ok && strings.TrimSpace(name) != "" {
				if last, ok := v["last_name"].(string); ok && key == "first_name" {
					name += " " + last
				}
				return strings.TrimSpace(name)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			switch v[key].(type) {
			case []any, map[string]any:
				if name := personIn(v[key], depth+1); name != "" {
					return name
				}
			}
		}
		return ""
	}
	return phrase(value, depth)
}

// layouts are the time formats of answers (Cloud 66 API, Transport): with "T" or a space, with and without a zone, which is then UTC. Each
// reads fractions of a second.
var layouts = func() (all []string) {
	for _, between := range []string{"T", " "} {
		for _, zone := range []string{"Z07:00", "Z0700", "Z07", "", " UTC", " GMT", " Z07:00", " Z0700"} {
			all = append(all, "2006-01-02"+between+"15:04:05"+zone)
		}
	}
	return all
}()

// time returns the first parsable time of the fields in UTC, or the zero time. It logs unparsable ones.
func (c *Client) time(r record, keys ...string) time.Time {
	for _, key := range keys {
		s := strings.TrimSpace(string(r.text(key)))
		if s == "" {
			continue
		}
		if at, ok := parseTime(s); ok {
			return at
		}
		c.log.Debug("took an unreadable time of Cloud 66's as absent", "time", c.safe(s))
	}
	return time.Time{}
}

// parseTime parses a time. The beginning of the Unix epoch stands for no time.
func parseTime(s string) (time.Time, bool) {
	s = strings.ToUpper(s)
	for _, layout := range layouts {
		if at, err := time.Parse(layout, s); err == nil && at.Unix() > 0 {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

var errEmpty = errors.New("it holds nothing")

// single decodes an answer about one object, with or without the envelope: the documentation has both. refused is the error that the
// answer tells of, if any; the object may be there all the same.
func single(body []byte) (r record, refused, err error) {
	if r, err = object(body); err != nil {
		return nil, nil, err
	}
	refused = refusalIn(r)
	content := r.get("response")
	if content == nil {
		return r, refused, nil
	}
	r, err = split(nil, content)
	return r, cmp.Or(refused, refusalIn(r)), err
}
