// Package wording says in one way, for cards and for answers, what things are called: stacks, states of deployments, times, people,
// commits.
package wording

import (
	"cmp"
	"regexp"
	"strings"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/cloud66"
	"c66bot/storage"
)

// MaxName is how much of a name is shown, in characters: one long text must not push out the others.
const MaxName = 100

// Stack shows a stack as in "*web* · production".
func Stack(s storage.StackRef) markup.Text {
	name := markup.Format("*%s*", Name(s))
	if s.Environment == "" {
		return name
	}
	return markup.Format("%s · %s", name, markup.Shorten(s.Environment, MaxName))
}

// Name is the stack's name, or what identifies it where that shows nothing.
func Name(s storage.StackRef) string {
	return markup.Shorten(cmp.Or(markup.OneLine(s.Name), markup.OneLine(s.UID), "a stack without a name"), MaxName)
}

// Stacks says in words which stacks a glob matches.
func Stacks(glob string) markup.Text {
	if glob == "*" {
		return markup.Format("every stack")
	}
	return markup.Code(glob)
}

// Party names a person, a group or everyone by id. A message that is posted with it pings them.
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

// Some lists a few of many, as in "a, b and 3 more".
func Some(all []markup.Text, most int) markup.Text {
	if len(all) <= most {
		return markup.Join(all, ", ")
	}
	return markup.Format("%s and %d more", markup.Join(all[:most], ", "), len(all)-most)
}

// Plural is the s behind a noun that is counted.
func Plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// Trigger says who started a deployment and how, to stand behind a word.
func Trigger(d cloud66.Deployment) markup.Text {
	if d.TriggeredBy == "" {
		return Via(d.TriggeredVia)
	}
	return markup.Format(" by %s%s", markup.Shorten(d.TriggeredBy, MaxName), Via(d.TriggeredVia))
}

// Via says how a deployment was started, to stand behind a name.
func Via(via cloud66.Value[cloud66.Via]) markup.Text {
	switch {
	case via.Kind == cloud66.ViaWeb:
		return markup.Format(" in the dashboard")
	case via.Kind == cloud66.ViaAPI:
		return markup.Format(" through the API")
	case via.Kind == cloud66.ViaHook:
		return markup.Format(" through a git hook")
	case via.Raw == "":
		return markup.Text{}
	default:
		return markup.Format(" via %s", markup.Shorten(via.String(), MaxName))
	}
}

// ShortHash gives the seven characters that people know a commit by.
func ShortHash(hash string) string {
	runes := []rune(markup.OneLine(hash))
	return string(runes[:min(7, len(runes))])
}

// commitHash is the name of a commit, as git gives it, or the beginning of one that people use.
var commitHash = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// commitPage is where a deployment's commit can be seen. It is none where the hash is no hash, or the address does not name that commit: no
// link is to claim what its target is not.
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

// Commit shows a commit by its hash, or the beginning of it, as a link to its page where there is one.
func Commit(d cloud66.Deployment, shown string) markup.Text {
	return markup.Link(commitPage(d), markup.Code(shown))
}

// CommitButton opens a commit's page, where there is one. A click on it changes nothing.
func CommitButton(d cloud66.Deployment) doc.Button {
	page := commitPage(d)
	if page.Empty() {
		return doc.Button{}
	}
	return doc.Button{ID: "commit", Label: markup.Line("Commit"), URL: page}
}
