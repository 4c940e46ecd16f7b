package authz

import (
	"fmt"
	"slices"
	"strings"

	"c66bot/commands/typography"
)

// Action is a right that a command needs.
type Action string

// The rights. Every right on a stack includes View; Admin permits managing the rules of a channel and includes nothing.
const (
	View      Action = "view"
	Redeploy  Action = "redeploy"
	Cancel    Action = "cancel"
	Subscribe Action = "subscribe"
	Lock      Action = "lock"
	Approve   Action = "approve"
	Admin     Action = "admin"
)

// Actions lists the rights in display order.
var Actions = []Action{View, Redeploy, Cancel, Subscribe, Lock, Approve, Admin}

// set is a set of rights. Words that are no right are in none.
type set uint8

// onStacks are the rights on a stack.
const onStacks set = 1<<6 - 1

func setOf(actions ...Action) (s set) {
	for i, a := range Actions {
		if slices.Contains(actions, a) {
			s |= 1 << i
		}
	}
	return s
}

// Includes reports whether a right, once held, includes another one on the same stack.
func (a Action) Includes(other Action) bool {
	return a == other || other == View && setOf(a)&onStacks != 0
}

// allWord stands for every right but Admin.
const allWord = "all"

// ParseActions parses a comma-separated, case-insensitive list of rights; "all" means every right but Admin. It returns each
// right once, in the order of Actions. The error message is meant for the user.
func ParseActions(list string) ([]Action, error) {
	chosen := map[Action]bool{}
	for word := range strings.SplitSeq(list, ",") {
		word = strings.ToLower(strings.TrimSpace(word))
		switch {
		case word == "":
			return nil, fmt.Errorf("a right is missing in “%s”: %s", list, knownActions)
		case word == allWord:
			for _, a := range Actions {
				chosen[a] = chosen[a] || a != Admin
			}
		case slices.Contains(Actions, Action(word)):
			chosen[Action(word)] = true
		default:
			return nil, fmt.Errorf("there is no right “%s”%s: %s", word, nearestAction(word), knownActions)
		}
	}
	return slices.DeleteFunc(slices.Clone(Actions), func(a Action) bool { return !chosen[a] }), nil
}

const knownActions = "the rights are view, redeploy, cancel, subscribe, lock, approve, admin, and all for everything but admin"

// nearestAction returns a hint with the most similarly spelled right, or "" if none is similar.
func nearestAction(word string) string {
	names := []string{allWord}
	for _, a := range Actions {
		names = append(names, string(a))
	}
	if near := typography.Nearest(word, names); near != "" && typography.Nearness(word, near) >= 0.5 { // rights are short words
		return " (did you mean “" + near + "”?)"
	}
	return ""
}
