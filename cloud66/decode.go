package cloud66

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

// text is any JSON scalar as text; null, lists and objects are empty. All wire types use it, since answers mix numbers and strings.
type text string

// UnmarshalJSON accepts any value.
func (t *text) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case '"':
		return json.Unmarshal(data, (*string)(t))
	case '{', '[', 'n':
		*t = ""
	default:
		*t = text(data)
	}
	return nil
}

// number parses the text as a whole number, and reports whether it is one.
func (t text) number() (int64, bool) {
	s := strings.TrimSpace(string(t))
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
	b, err := strconv.ParseBool(strings.TrimSpace(string(t)))
	if err != nil {
		return nil
	}
	return &b
}

// bool returns the text as a boolean, or false.
func (t text) bool() bool {
	b := t.truth()
	return b != nil && *b
}

// layouts are the time formats of answers (Cloud 66 API, Transport).
var layouts = []string{time.RFC3339, "2006-01-02 15:04:05 UTC", "2006-01-02 15:04:05 -0700"}

// firstTime returns the first parsable time of the candidates in UTC, or the zero time. It passes unparsable ones to odd.
func firstTime(odd func(raw string), candidates ...text) time.Time {
	for _, t := range candidates {
		s := strings.TrimSpace(string(t))
		if s == "" {
			continue
		}
		for _, layout := range layouts {
			if at, err := time.Parse(layout, s); err == nil {
				return at.UTC()
			}
		}
		odd(s)
	}
	return time.Time{}
}

// oddTime logs an unparsable time; the field counts as absent.
func (c *Client) oddTime(raw string) {
	c.log.Debug("took an unreadable time of Cloud 66's as absent", "time", c.safe(raw))
}

// envelope is the outer object of answers. Response is nil if the answer has none.
type envelope struct {
	Response   json.RawMessage `json:"response"`
	Pagination pagination      `json:"pagination"`
}

// pagination is the position of a page in its list; page numbers start at 1.
type pagination struct {
	Next    text `json:"next"`
	PerPage text `json:"per_page"`
	Count   text `json:"count"`
	Pages   text `json:"pages"`
}

var errEmpty = errors.New("it holds nothing")

// single decodes an answer about one object, with or without the envelope: the documentation has both.
func single[W any](body []byte) (W, error) {
	var thing W
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return thing, err
	}
	content := e.Response
	if content == nil {
		content = body
	}
	return thing, json.Unmarshal(content, &thing)
}
