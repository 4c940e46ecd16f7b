package commands

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/storage"
)

// What a subscription can be narrowed to, in the order in which it is shown.
var (
	events = []string{string(storage.Started), string(storage.Succeeded), string(storage.Failed), string(storage.Cancelled), storage.Reverted, string(storage.Slow)}
	vias   = []string{string(cloud66.ViaWeb), string(cloud66.ViaAPI), string(cloud66.ViaHook)}

	deployTypes = []string{
		string(cloud66.TypeBuild), string(cloud66.TypeRedeploy), string(cloud66.TypeScale), string(cloud66.TypeFirstBuild), string(cloud66.TypeRevert),
	}
)

// synonyms are words that people use for those of a subscription's options.
var synonyms = map[string]string{
	"start": "started", "running": "started", "success": "succeeded", "live": "succeeded", "failure": "failed", "fail": "failed", "canceled": "cancelled",
	"cancel": "cancelled", "rollback": "reverted", "rolled_back": "reverted", "dashboard": "web", "git": "hook", "first-build": "first_build",
}

// choose reads some of the words that there are, with commas between them, and gives them in their order.
func choose(what, typed string, all []string) (string, error) {
	chosen := map[string]bool{}
	for word := range strings.SplitSeq(typed, ",") {
		word = strings.ToLower(strings.TrimSpace(word))
		if other, ok := synonyms[word]; ok && slices.Contains(all, other) {
			word = other
		}
		if !slices.Contains(all, word) {
			near := ""
			if n := nearest(word, all); n != "" {
				near = fmt.Sprintf(" Did you mean %s?", n)
			}
			return "", fmt.Errorf("%s is no %s.%s There are %s", quoted(word), what, near, strings.Join(all, ", "))
		}
		chosen[word] = true
	}
	return strings.Join(slices.DeleteFunc(slices.Clone(all), func(word string) bool { return !chosen[word] }), ","), nil
}

func setEvents(i *Invocation, v string) (err error) {
	i.Events, err = choose("event", v, events)
	return err
}

func setVia(i *Invocation, v string) (err error) {
	i.Via, err = choose("way to start a deployment", v, vias)
	return err
}

func setTypes(i *Invocation, v string) (err error) {
	i.Types, err = choose("kind of deployment", v, deployTypes)
	return err
}

// setTrigger takes a part of what Cloud 66 calls somebody. It knows nobody of Slack.
func setTrigger(i *Invocation, v string) error {
	by := Invocation{}
	if err := setBy(&by, v); err != nil {
		return err
	}
	if UserOf(by.By) != "" {
		return errors.New("nobody is known to Cloud 66 by a name of Slack's: give a part of the name or address that it shows for a deployment")
	}
	i.By = by.By
	return nil
}

// setMention takes whom a failure mentions: a person or a group, and nobody else.
func setMention(i *Invocation, v string) error {
	who, err := parseWho(v)
	switch {
	case err == nil && who != authz.Everyone:
		i.Mention = who
		return nil
	case strings.HasPrefix(v, "@") && !strings.EqualFold(v, "@"+authz.Everyone):
		return err
	default:
		return fmt.Errorf("%s cannot be mentioned by a failure: it takes one @name or one @group", quoted(v))
	}
}

// wordsOf takes words apart that commas separate.
func wordsOf(joined string) []string {
	if joined == "" {
		return nil
	}
	return strings.Split(joined, ",")
}
