package commands

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"c66bot/authz"
	"c66bot/typography"
)

// A name that Slack has resolved stands between these two characters while a text is read, so that it is told from one that was typed.
const (
	nameOpens = '\uE000'
	nameShuts = '\uE001'
)

var (
	// slackName is what Slack makes of a name in the text of a command: <@U…>, <@U…|name>, <!subteam^S…|@handle>, <#C…|channel>, <!here>.
	slackName = regexp.MustCompile(`<([@#!][^<>]*)>`)
	readName  = regexp.MustCompile(string(nameOpens) + `([@#!])([^|]*?)(?:\|(.*?))?` + string(nameShuts))
	userID    = regexp.MustCompile(`^[UW][A-Z0-9]{1,29}$`)
	groupID   = regexp.MustCompile(`^S[A-Z0-9]{1,29}$`)
)

// markNames marks the names that Slack has resolved. Each becomes one word, whatever its label holds.
func markNames(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == nameOpens || r == nameShuts {
			return -1
		}
		return r
	}, text)
	return slackName.ReplaceAllStringFunc(text, func(name string) string {
		return string(nameOpens) + strings.Map(inOneWord, name[1:len(name)-1]) + string(nameShuts)
	})
}

// inOneWord turns what would end a word, or begin a quote in it, into a line below.
func inOneWord(r rune) rune {
	if unicode.IsSpace(r) || typography.IsQuote(r) || r == '\\' || r == '`' {
		return '_'
	}
	return r
}

// nameOf gives the sign, the id and the label of the name that a word is.
func nameOf(word string) (sign, id, label string, ok bool) {
	parts := readName.FindStringSubmatch(word)
	if len(parts) == 0 || parts[0] != word {
		return "", "", "", false
	}
	return parts[1], parts[2], parts[3], true
}

// UserOf gives the id of a user whom a word names alone, "" where it names none.
func UserOf(word string) string {
	if sign, id, _, ok := nameOf(word); ok && sign == "@" && userID.MatchString(id) {
		return id
	}
	if userID.MatchString(word) && idLike(word) { // as an id stands in a profile
		return word
	}
	return ""
}

// idLike tells an id from a word in capitals: what is shorter than Slack's own ids and has no digit is a word.
func idLike(word string) bool { return len(word) >= 9 || strings.ContainsAny(word, "0123456789") }

// parseWho reads whom a rule is for: a Slack id of a user or a group, or authz.Everyone. A name that Slack did not resolve is refused, since
// nobody can know whose it is.
func parseWho(word string) (string, error) {
	if id := UserOf(word); id != "" {
		return id, nil
	}
	if groupID.MatchString(word) && idLike(word) {
		return word, nil
	}
	lower := strings.ToLower(word)
	if lower == authz.Everyone || lower == "@"+authz.Everyone {
		return authz.Everyone, nil
	}
	sign, id, _, ok := nameOf(word)
	if !ok {
		if strings.HasPrefix(word, "@") {
			return "", fmt.Errorf("%s is a name that Slack did not resolve, so I cannot know who it is: choose the name from the list that Slack shows while you type it", quoted(word))
		}
		return "", fmt.Errorf("%s is nobody: write @name, @group or everyone", quoted(word))
	}
	group, isGroup := strings.CutPrefix(id, "subteam^")
	switch {
	case sign == "!" && isGroup && groupID.MatchString(group):
		return group, nil
	case sign == "!" && id == authz.Everyone:
		return authz.Everyone, nil
	case sign == "!" && !isGroup:
		return "", errors.New("a rule is for a person, a group or everyone, not for whoever is here now: write everyone")
	default:
		return "", fmt.Errorf("%s is nobody: write @name, @group or everyone", quoted(word))
	}
}

// spoken shows the names in a text as people read them: @name for a mention with its name, #channel for a channel.
func spoken(text string) string {
	return readName.ReplaceAllStringFunc(text, func(name string) string {
		sign, id, label, _ := nameOf(name)
		if label = strings.TrimLeft(label, "@#"); label == "" {
			label = strings.TrimPrefix(id, "subteam^")
		}
		if sign == "#" {
			return "#" + label
		}
		return "@" + label
	})
}
