package commands

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"c66bot/authz"
)

// Verb names what is to be done. Each verb of a command is the word that people type.
type Verb string

// The verbs. Refresh and Dismiss belong to buttons alone.
const (
	Help     Verb = "help"
	List     Verb = "list"
	Show     Verb = "show"
	Redeploy Verb = "redeploy"
	Cancel   Verb = "cancel"
	Follow   Verb = "follow"
	Refresh  Verb = "refresh"
	Dismiss  Verb = "dismiss"
)

// Spec describes one command: its grammar, who may use it and how it is explained.
type Spec struct {
	Verb     Verb
	Right    authz.Action // "" where anyone may
	Words    []string     // what may stand behind the verb, the first one required where Right is set
	Options  []Option
	Summary  string
	Examples []string // without the slash command itself
}

// Option is one --option of a command.
type Option struct {
	Name    string
	Value   string // what it takes, for the help; "" for one that takes nothing
	Summary string
	set     func(*Invocation, string) error
	also    []string // names that people try for it; they are not taken, but lead to it
}

// Specs lists the commands, what people do most first.
var Specs = []Spec{
	{
		Verb: Redeploy, Right: authz.Redeploy, Words: []string{"<stack>"},
		Options: []Option{
			{"ref", "REF", "branch, tag or commit, for stacks without docker", setRef, []string{"branch", "tag", "commit"}},
			{"services", "a:tag,b", "only these services, for docker stacks", setServices, nil},
			{"profile", "NAME", "a deployment profile", setProfile, nil},
			{"reason", "TEXT", "why; the card shows it", setReason, nil},
			{"now", "", "without asking first", setNow, nil},
		},
		Summary: "Redeploys a stack and follows it to its end. Without an option it asks first.",
		Examples: []string{
			"redeploy web@production", `redeploy web@production --ref main --reason "fix the login"`,
			"redeploy api@staging --services api:1.4.2,worker --now", "redeploy api@staging --profile canary",
		},
	},
	{
		Verb: Show, Right: authz.View, Words: []string{"<stack>", "[ID|latest|live|head]"},
		Summary:  "Shows one deployment, the latest unless you say which.",
		Examples: []string{"show web@production", "show web@production live", "show web@production 1042"},
	},
	{
		Verb: List, Right: authz.View, Words: []string{"<stack>"},
		Options:  []Option{{"page", "N", "the page to begin with", setPage, nil}},
		Summary:  "Lists the deployments of a stack, newest first.",
		Examples: []string{"list web@production", `list "awesome app@staging" --page 2`},
	},
	{
		Verb: Cancel, Right: authz.Cancel, Words: []string{"<stack>", "[ID]"},
		Summary:  "Cancels what is deploying. It asks once.",
		Examples: []string{"cancel web@production", "cancel web@production 1042"},
	},
	{
		Verb: Follow, Right: authz.View, Words: []string{"<stack>", "[ID]"},
		Summary:  "Follows a deployment in this channel, whoever started it.",
		Examples: []string{"follow web@production", "follow web@production 1042"},
	},
	{
		Verb: Help, Words: []string{"[command]"},
		Summary:  "Says what you can do here.",
		Examples: []string{"help", "help redeploy"},
	},
}

// specOf finds a command by its word.
func specOf(word string) (Spec, bool) {
	i := slices.IndexFunc(Specs, func(s Spec) bool { return string(s.Verb) == word })
	if i < 0 {
		return Spec{}, false
	}
	return Specs[i], true
}

func (s Spec) option(name string) (Option, bool) {
	i := slices.IndexFunc(s.Options, func(o Option) bool { return o.Name == name })
	if i < 0 {
		return Option{}, false
	}
	return s.Options[i], true
}

// nearestOption gives the option that the word was most likely meant to be, "" where none is near.
func (s Spec) nearestOption(word string) string {
	var tried []string
	meant := map[string]string{}
	for _, o := range s.Options {
		for _, name := range append([]string{o.Name}, o.also...) {
			tried, meant[name] = append(tried, name), o.Name
		}
	}
	return meant[nearest(word, tried)]
}

// example gives the first example with these words in it, the simplest one where none has them.
func (s Spec) example(words string) string {
	return s.Examples[max(0, slices.IndexFunc(s.Examples, func(e string) bool { return strings.Contains(e, words) }))]
}

// nearest gives the candidate that the word was most likely meant to be, "" where none is near.
func nearest(word string, candidates []string) string {
	best, score := "", 0.0
	for _, c := range candidates {
		if near := nearness(word, c); near > score {
			best, score = c, near
		}
	}
	return best
}

// nearness says how much alike two words are, from 0, where nobody would mix them up, to 1. Two letters swapped are still alike.
func nearness(a, b string) float64 {
	match := levenshtein.Match(a, b, nil)
	if distance := levenshtein.Distance(a, b, nil); match < 0.5 && (distance > 2 || distance >= min(len(a), len(b))) {
		return 0
	}
	return match
}
