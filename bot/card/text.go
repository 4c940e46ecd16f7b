// Package card renders what people see: replies and deployments as Block Kit, with a fallback text that says the same. Its functions are
// pure.
package card

import (
	"cmp"
	"regexp"
	"strings"

	"c66bot/bot/card/kit"
	"c66bot/bot/card/markup"
	"c66bot/cloud66"
	"c66bot/commands"
	"c66bot/storage"
)

// Message is what a message says.
type Message = kit.Message

// maxName is how much of a name is shown, in characters: one long text must not push out the others.
const maxName = 100

// stackName shows a stack as in "*web* · production".
func stackName(s storage.StackRef) markup.Text {
	name := markup.Format("*%s*", named(s))
	if s.Environment == "" {
		return name
	}
	return markup.Format("%s · %s", name, markup.Shorten(s.Environment, maxName))
}

// named is the stack's name, or what identifies it where that shows nothing.
func named(s storage.StackRef) string {
	return markup.Shorten(cmp.Or(markup.OneLine(s.Name), markup.OneLine(s.UID), "a stack without a name"), maxName)
}

// button makes a button whose action id begins with the word that it shows. It is none where the request does not fit into a button.
func button(label string, inv commands.Invocation, id string) kit.Button {
	value, err := inv.Value()
	if err != nil {
		return kit.Button{}
	}
	return kit.NewButton(id, value, markup.Line(label))
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

// commitLink shows a commit by its hash, or the beginning of it, as a link to its page where there is one.
func commitLink(d cloud66.Deployment, shown string) markup.Text {
	return markup.Link(commitPage(d), markup.Code(shown))
}

// commitButton opens a commit's page, where there is one. A click on it changes nothing.
func commitButton(d cloud66.Deployment) kit.Button {
	return kit.LinkButton("commit", markup.Line("Commit"), commitPage(d))
}
