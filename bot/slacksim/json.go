package slacksim

import "encoding/json"

// The functions below read decoded JSON. A value of another type yields the zero value.

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func isTrue(v any) bool {
	b, _ := v.(bool)
	return b
}

func textOf(v any) string { return text(object(v)["text"]) }

// asText converts a JSON value to an argument of a call: a string is taken as is, anything else stays JSON.
func asText(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) != nil {
		return string(v)
	}
	return s
}

func objects(v any) []map[string]any {
	var all []map[string]any
	for _, item := range list(v) {
		all = append(all, object(item))
	}
	return all
}

func texts(v any) []string {
	var all []string
	for _, item := range list(v) {
		all = append(all, text(item))
	}
	return all
}
