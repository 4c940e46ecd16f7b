// Package wording is the vocabulary shared by cards and replies. It names stacks, deployment states, times, people and commits.
package wording

import (
	"cmp"
	"regexp"
	"strings"

	"c66bot/authz"
	"c66bot/bot/card/markup"
	"c66bot/cloud66"
	"c66bot/storage"
)

// MaxName is the number of characters shown of a name, so that it cannot displace other texts.
const MaxName = 100

// Stack formats a stack by the name that can be typed, as in "*web@production*", with its tag if it has one: "*web@production · acme*".
func Stack(s storage.StackRef) markup.Text {
	if s.Tag == "" {
		return markup.Format("*%s*", Name(s, MaxName))
	}
	return markup.Format("*%s · %s*", Name(s, MaxName), markup.Shorten(markup.OneLine(s.Tag), MaxName))
}

// Name returns name@environment, each cut to a number of characters. The UID stands for a blank name.
func Name(s storage.StackRef, most int) string {
	name := markup.Shorten(cmp.Or(markup.OneLine(s.Name), markup.OneLine(s.UID), "a stack without a name"), most)
	if environment := markup.OneLine(s.Environment); environment != "" {
		name += "@" + markup.Shorten(environment, most)
	}
	return name
}

// Stacks describes the stacks that a glob matches.
func Stacks(glob string) markup.Text {
	if glob == "*" {
		return markup.Format("every stack")
	}
	return markup.Code(glob)
}

// Scope describes what a rule is about: the only stack, as it was named and by the beginning of its UID, or what a glob matches.
func Scope(glob, uid, shown string) markup.Text {
	if uid == "" {
		return Stacks(glob)
	}
	return markup.Format("%s (UID %s)", markup.Code(markup.Shorten(cmp.Or(shown, glob), MaxName)), markup.Code(markup.Shorten(uid, 12)))
}

// Party mentions a user or group by id, or names everyone. Posting a mention pings its target.
func Party(id string) markup.Text {
	switch {
	case id == authz.Everyone:
		return markup.Format("everyone")
	case strings.HasPrefix(id, "S"):
		return markup.Group(id)
	default:
		return markup.User(id)
	}
}

// Some lists the first items, as in "a, b and 3 more".
func Some(all []markup.Text, most int) markup.Text {
	if len(all) <= most {
		return markup.Join(all, ", ")
	}
	return markup.Format("%s and %d more", markup.Join(all[:most], ", "), len(all)-most)
}

// Plural returns the plural s for a count.
func Plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// Started describes who started a deployment and how, as in "kim@example.com in the dashboard".
func Started(d cloud66.Deployment) markup.Text {
	return markup.Join([]markup.Text{markup.Format("%s", markup.Shorten(d.TriggeredBy, MaxName)), Via(d.TriggeredVia).Trim()}, " ")
}

// Via describes how a deployment was started, as a suffix.
func Via(via cloud66.Value[cloud66.Via]) markup.Text {
	switch {
	case via.Kind == cloud66.ViaWeb:
		return markup.Format(" in the dashboard")
	case via.Kind == cloud66.ViaAPI:
		return markup.Format(" through the API")
	case via.Kind == cloud66.ViaHook:
		return markup.Format(" through a git hook")
	case via.String() == "":
		return markup.Text{}
	default:
		return markup.Format(" via %s", markup.Shorten(via.String(), MaxName))
	}
}

// ShortHash returns the usual seven-character prefix of a commit hash.
func ShortHash(hash string) string {
	runes := []rune(markup.OneLine(hash))
	return string(runes[:min(7, len(runes))])
}

// commitHash matches a full or abbreviated commit hash.
var commitHash = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// commitPage returns the web page of a deployment's commit. It returns the zero Address if the hash is invalid or the URL does not contain
// it, so that a link never misrepresents its target.
func commitPage(d cloud66.Deployment) markup.Address {
	hash := strings.ToLower(d.GitHash)
	if !commitHash.MatchString(hash) {
		return markup.Address{}
	}
	_, path, _ := strings.Cut(strings.ToLower(d.CommitURL), "://")
	_, path, _ = strings.Cut(path, "/")
	for word := range strings.FieldsFuncSeq(path, func(r rune) bool { return strings.ContainsRune("/?&=#;", r) }) {
		if commitHash.MatchString(word) && (strings.HasPrefix(hash, word) || strings.HasPrefix(word, hash)) {
			return markup.WebAddress(d.CommitURL)
		}
	}
	return markup.Address{}
}

// Commit shows a commit by a full or abbreviated hash, linked to its page if it has one.
func Commit(d cloud66.Deployment, shown string) markup.Text {
	return markup.Link(commitPage(d), markup.Code(shown))
}
