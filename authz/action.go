package authz

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// Action is a right that a command needs.
type Action string

// The rights. Admin is the right to make rules in a channel, not to deploy there: no right implies another.
const (
	View      Action = "view"
	Redeploy  Action = "redeploy"
	Cancel    Action = "cancel"
	Subscribe Action = "subscribe"
	Lock      Action = "lock"
	Approve   Action = "approve"
	Admin     Action = "admin"
)

// Actions lists the rights in the order in which people are shown them.
var Actions = []Action{View, Redeploy, Cancel, Subscribe, Lock, Approve, Admin}

// allWord stands for every right but Admin.
const allWord = "all"

// ParseActions reads rights as people write them: separated by commas, "all" for everything but admin. Upper and lower case are the same. Each
// comes once, in the order of Actions. The error is for the one who typed it.
func ParseActions(list string) ([]Action, error) {
	var set actionSet
	for word := range strings.SplitSeq(list, ",") {
		word = strings.ToLower(strings.TrimSpace(word))
		switch {
		case word == "":
			return nil, fmt.Errorf("a right is missing in “%s”: %s", list, knownActions())
		case word == allWord:
			set |= setOf(Actions...) &^ setOf(Admin)
		case slices.Contains(Actions, Action(word)):
			set |= setOf(Action(word))
		default:
			return nil, fmt.Errorf("there is no right “%s”%s: %s", word, nearestAction(word), knownActions())
		}
	}
	return set.actions(), nil
}

func knownActions() string {
	names := make([]string, len(Actions))
	for i, a := range Actions {
		names[i] = string(a)
	}
	return "the rights are " + strings.Join(names, ", ") + ", and all for everything but admin"
}

// nearestAction asks whether the right that is spelt most like the word was meant; it is silent where none is near.
func nearestAction(word string) string {
	const near = 0.5
	best, score := "", near
	for _, a := range append(slices.Clone(Actions), allWord) {
		if s := levenshtein.Similarity(word, string(a), nil); s >= score {
			best, score = string(a), s
		}
	}
	if best == "" {
		return ""
	}
	return " (did you mean “" + best + "”?)"
}

// actionSet has one bit for each of Actions.
type actionSet uint8

// setOf makes a set of rights. What is no right is left out.
func setOf(actions ...Action) actionSet {
	var set actionSet
	for _, a := range actions {
		if i := slices.Index(Actions, a); i >= 0 {
			set |= 1 << i
		}
	}
	return set
}

func (s actionSet) actions() []Action {
	var list []Action
	for i, a := range Actions {
		if s&(1<<i) != 0 {
			list = append(list, a)
		}
	}
	return list
}
