package slacksim

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxInput is how many characters a text field takes where the app does not say.
const maxInput = 3000

// unfilled is what the client finds wrong with a view's inputs, by block_id.
func (v *viewState) unfilled() map[string]string {
	faults := map[string]string{}
	for _, f := range v.fields() {
		if !f.isInput() {
			continue
		}
		if fault := f.fault(v.values[f.key][f.kind.state]); fault != "" {
			faults[f.key.block] = fault
		}
	}
	return faults
}

func (f formField) fault(held any) string {
	optional, _ := f.block["optional"].(bool)
	text, isText := held.(string)
	several, isList := held.([]any)
	empty := held == nil || isText && strings.TrimSpace(text) == "" || isList && len(several) == 0
	least, _ := f.element["min_length"].(float64)
	most, limited := f.element["max_length"].(float64)
	if !limited {
		most = maxInput
	}
	length := utf8.RuneCountInString(text)
	switch {
	case empty && !optional:
		return "Please complete this required field."
	case empty || f.name() != "plain_text_input":
		return ""
	case length < int(least):
		return fmt.Sprintf("This entry is too short, it needs at least %v characters.", least)
	case length > int(most):
		return fmt.Sprintf("This entry is too long, it takes at most %v characters.", most)
	}
	return ""
}
