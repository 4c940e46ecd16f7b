package cloud66

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

// text is any JSON scalar as text; null, a list and an object are empty. All wire types use it, since answers mix numbers and strings.
type text string

// UnmarshalJSON takes any value.
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

// number returns the whole number that the text is, and whether it is one.
func (t text) number() (int64, bool) {
	s := strings.TrimSpace(string(t))
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(s, 64)
	n := int64(f)
	return n, err == nil && float64(n) == f && n < 1<<53 && n > -1<<53
}

// int returns the whole number that the text is, else 0.
func (t text) int() int64 {
	n, ok := t.number()
	if !ok {
		return 0
	}
	return n
}

// truth returns the boolean that the text is, else nil.
func (t text) truth() *bool {
	b, err := strconv.ParseBool(strings.TrimSpace(string(t)))
	if err != nil {
		return nil
	}
	return &b
}

// bool returns the boolean that the text is, else false.
func (t text) bool() bool {
	b := t.truth()
	return b != nil && *b
}

// layouts are the forms of a time in answers (Cloud 66 API, Transport).
var layouts = []string{time.RFC3339, "2006-01-02 15:04:05 UTC", "2006-01-02 15:04:05 -0700"}

// firstTime returns the first readable time of the texts in UTC, else the zero time. Those that are unreadable go to odd.
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

// oddTime logs a time that cannot be read; the field counts as absent.
func (c *Client) oddTime(raw string) {
	c.log.Debug("took an unreadable time of Cloud 66's as absent", "time", c.safe(raw))
}

// envelope is what answers come in; the response is nil where the answer has none.
type envelope struct {
	Response   json.RawMessage `json:"response"`
	Pagination pagination      `json:"pagination"`
}

// pagination says where in a list a page is; page numbers count from 1.
type pagination struct {
	Next    text `json:"next"`
	PerPage text `json:"per_page"`
	Count   text `json:"count"`
	Pages   text `json:"pages"`
}

var errEmpty = errors.New("it holds nothing")

// single decodes an answer about one thing, with the envelope or without it: the documentation has both.
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
