package commands

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"c66bot/authz"
	"c66bot/commands/typography"
)

// These two characters enclose a name resolved by Slack during parsing, to distinguish it from a typed name.
const (
	nameOpens = '\uE000'
	nameShuts = '\uE001'
)

var (
	// slackName matches a name as Slack sends it in a command: <@U…>, <@U…|name>, <!subteam^S…|@handle>, <#C…|channel>, <!here>.
	slackName = regexp.MustCompile(`<([@#!][^<>]*)>`)
	readName  = regexp.MustCompile(string(nameOpens) + `([@#!])([^|]*?)(?:\|(.*?))?` + string(nameShuts))
	userID    = regexp.MustCompile(`^[UW][A-Z0-9]{1,29}$`)
	groupID   = regexp.MustCompile(`^S[A-Z0-9]{1,29}$`)
)

// markNames encloses the names resolved by Slack. Each becomes one word, whatever its label contains.
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

// inLabel is the offset added to characters of a label that would end a word or start a quote.
const inLabel = '\uE100'

// inOneWord shifts a character of a name that would end the word.
func inOneWord(r rune) rune {
	switch special := unicode.IsSpace(r) || typography.IsQuote(r) || r == '\\' || r == '`'; {
	case special && r <= unicode.MaxLatin1:
		return inLabel + r
	case special:
		return '_'
	default:
		return r
	}
}

func asLabelled(r rune) rune {
	if r >= inLabel && r <= inLabel+unicode.MaxLatin1 {
		return r - inLabel
	}
	return r
}

// nameOf splits a word that is a resolved name into its sign, id and label.
func nameOf(word string) (sign, id, label string, ok bool) {
	parts := readName.FindStringSubmatch(word)
	if len(parts) == 0 || parts[0] != word {
		return "", "", "", false
	}
	return parts[1], parts[2], parts[3], true
}

// UserOf returns the id of a user if the word is just that user's name, "" otherwise.
func UserOf(word string) string {
	if sign, id, _, ok := nameOf(word); ok && sign == "@" && userID.MatchString(id) {
		return id
	}
	if userID.MatchString(word) && idLike(word) { // an id as copied from a profile
		return word
	}
	return ""
}

// idLike distinguishes an id from a capitalized word: a word is shorter than Slack's ids and has no digit.
func idLike(word string) bool { return len(word) >= 9 || strings.ContainsAny(word, "0123456789") }

// parseWho parses the subject of a rule: a Slack id of a user or a group, or authz.Everyone. It rejects a name that Slack did not
// resolve, since that identifies nobody.
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
			return "", unresolved(word)
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

func unresolved(name string) error {
	return fmt.Errorf("%s is a name that Slack did not resolve, so I cannot know who it is: "+
		"choose the name from the list that Slack shows while you type it", quoted(name))
}

// spoken replaces the names in a text by their readable form: @name, #channel. A user or group without a label is unchanged.
func spoken(text string) string {
	return readName.ReplaceAllStringFunc(text, func(name string) string {
		sign, id, label, _ := nameOf(name)
		label = strings.TrimLeft(strings.Map(asLabelled, label), "@# ")
		group, isGroup := strings.CutPrefix(id, "subteam^")
		switch {
		case sign == "#":
			return "#" + cmp.Or(label, id)
		case label != "":
			return "@" + label
		case sign == "@" && userID.MatchString(id), isGroup && groupID.MatchString(group):
			return "<" + sign + id + ">"
		default:
			return "@" + id
		}
	})
}

// mentioned returns the first name in a text that Slack made a mention of, "" if there is none.
func mentioned(text string) string {
	name := readName.FindString(text)
	if name == "" {
		name = markNames(slackName.FindString(text)) // in a field of a form, or copied
	}
	return strings.Trim(spoken(name), "<>")
}

// unlabelled matches a user or group without a label, as Slack sends it.
var unlabelled = regexp.MustCompile(`<(?:@([UW][A-Z0-9]{1,29})|!subteam\^(S[A-Z0-9]{1,29}))\|?>`)

const maxLabelled = 10

// Label adds the missing labels of users and groups to a text from Slack.
func Label(text string, user, group func(id string) string) string {
	names := map[string]string{}
	return unlabelled.ReplaceAllStringFunc(text, func(mention string) string {
		ids := unlabelled.FindStringSubmatch(mention)
		id, lookup, prefix := ids[1], user, "@"
		if id == "" {
			id, lookup, prefix = ids[2], group, "!subteam^"
		}
		name, known := names[id]
		if !known && len(names) < maxLabelled {
			name = strings.Map(func(r rune) rune {
				if strings.ContainsRune("<>|", r) || unicode.IsControl(r) {
					return -1
				}
				return r
			}, lookup(id))
			names[id] = name
		}
		return "<" + prefix + id + "|" + cmp.Or(strings.TrimSpace(name), "someone") + ">"
	})
}

// Spoken returns a text from Slack with readable names. A user without a label becomes "someone".
func Spoken(text string) string {
	nobody := func(string) string { return "" }
	return spoken(markNames(Label(text, nobody, nobody)))
}
