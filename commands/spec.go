package commands

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"c66bot/authz"
)

// Verb names what is to be done. Each verb of a command is the word that people type.
type Verb string

// The verbs. From Refresh on they belong to buttons alone.
const (
	Help     Verb = "help"
	Stacks   Verb = "stacks"
	List     Verb = "list"
	Show     Verb = "show"
	Redeploy Verb = "redeploy"
	Cancel   Verb = "cancel"
	Follow   Verb = "follow"
	Allow    Verb = "allow"
	Deny     Verb = "deny"
	Revoke   Verb = "revoke"
	Access   Verb = "access"
	Status   Verb = "status"

	Subscribe     Verb = "subscribe"
	Unsubscribe   Verb = "unsubscribe"
	Subscriptions Verb = "subscriptions"

	Refresh Verb = "refresh"
	Dismiss Verb = "dismiss"
	Ask     Verb = "ask"
	Grant   Verb = "grant"
)

// ButtonVerbs are those that belong to buttons alone.
var ButtonVerbs = []Verb{Refresh, Dismiss, Ask, Grant}

// Spec describes one command: its grammar, who may use it and how it is explained.
type Spec struct {
	Verb     Verb
	Right    authz.Action // "" where anyone may
	Words    []string     // what may stand behind the verb; what is not in brackets must
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

// exampleStack is the stack of the examples. No team has one of that name, so that an example tells of none; help puts one in its place that
// the person may see.
const exampleStack = "mystack@production"

// Specs lists the commands, what people do most first.
var Specs = []Spec{
	{
		Verb: Redeploy, Right: authz.Redeploy, Words: []string{"<stack>"},
		Options: []Option{
			{"ref", "REF", "branch, tag or commit, for stacks without docker", setRef, []string{"branch", "tag", "commit"}},
			{"services", "a:tag,b", "only these services, for docker stacks", setServices, nil},
			{"profile", "NAME", "a deployment profile", setProfile, nil},
			{"reason", "TEXT", "why; the card shows it", setReason, nil},
			{"now", "", "as it is, without the form", setNow, nil},
		},
		Summary: "Redeploys a stack and follows it to its end. Without an option it opens a form first.",
		Examples: []string{
			"redeploy mystack@production", `redeploy mystack@production --ref main --reason "fix the login"`,
			"redeploy mystack@staging --services api:1.4.2,worker --now", "redeploy mystack@staging --profile canary",
		},
	},
	{
		Verb: Show, Right: authz.View, Words: []string{"<stack>", "[ID|latest|live|head]"},
		Summary:  "Shows one deployment, the latest unless you say which.",
		Examples: []string{"show mystack@production", "show mystack@production live", "show mystack@production 1042"},
	},
	{
		Verb: List, Right: authz.View, Words: []string{"<stack>"},
		Options: []Option{
			{"outcome", "O", "only those with one outcome: " + outcomeWords, setOutcome, []string{"state", "status", "result"}},
			{"by", "TEXT", "only those of a person, by name or @mention", setBy, []string{"who", "user", "from"}},
			{"page", "N", "the page to begin with", setPage, nil},
		},
		Summary:  "Lists the deployments of a stack, newest first.",
		Examples: []string{"list mystack@production", `list "my stack@staging" --page 2`, "list mystack@production --outcome failed", "list mystack@production --by lin"},
	},
	{
		Verb: Stacks, Right: authz.View, Words: []string{"[text]"},
		Summary:  "Lists the stacks that you may see here, with their state and last deployment.",
		Examples: []string{"stacks", "stacks web", "stacks '*@production'"},
	},
	{
		Verb: Cancel, Right: authz.Cancel, Words: []string{"<stack>", "[ID]"},
		Summary:  "Cancels what is deploying. It asks once.",
		Examples: []string{"cancel mystack@production", "cancel mystack@production 1042"},
	},
	{
		Verb: Follow, Right: authz.View, Words: []string{"<stack>", "[ID]"},
		Summary:  "Follows a deployment in this channel, whoever started it.",
		Examples: []string{"follow mystack@production", "follow mystack@production 1042"},
	},
	{
		Verb: Subscribe, Right: authz.Subscribe, Words: []string{"<stacks>"},
		Options: []Option{
			{"events", "EVENTS", "only these of " + eventWords + "; all of them unless said", setEvents, []string{"event", "on", "outcome"}},
			{"by", "TEXT", "only deployments of whoever has it in the name or address that Cloud 66 shows", setTrigger, []string{"who", "user", "from"}},
			{"via", "WAYS", "only those that were started in these ways: " + strings.Join(vias, ", "), setVia, []string{"through", "source"}},
			{"type", "TYPES", "only these kinds of deployments: " + strings.Join(deployTypes, ", "), setTypes, []string{"types", "kind"}},
			{"mention", "WHO", "the @user or @group whom a failure mentions", setMention, []string{"ping", "notify", "tell"}},
		},
		Summary: "This channel hears of every deployment of these stacks, whoever starts it and however. <stacks> may hold wildcards, and * is every stack.",
		Examples: []string{
			"subscribe mystack@production", "subscribe '*@production' --events failed,reverted", "subscribe mystack@production --events failed --mention @deployers",
			"subscribe mystack@staging --via web,hook --type build,redeploy", "subscribe mystack@staging --by lin",
		},
	},
	{
		Verb: Unsubscribe, Right: authz.Subscribe, Words: []string{"<stacks>"},
		Summary:  "Takes back what this channel subscribes to: all of these stacks, written as they were, or one by the id that subscriptions shows.",
		Examples: []string{"unsubscribe mystack@production", "unsubscribe '*@production'", "unsubscribe k3f9"},
	},
	{
		Verb: Subscriptions, Right: authz.View,
		Summary:  "Shows what this channel subscribes to.",
		Examples: []string{"subscriptions"},
	},
	{
		Verb: Access, Right: authz.View, Words: []string{"[why", "ACTION", "<stack>", "[@user]]"},
		Summary:  "Shows who may do what in this channel; with why, the rule that decides.",
		Examples: []string{"access", "access why redeploy mystack@production", "access why cancel mystack@production @lin"},
	},
	{
		Verb: Allow, Right: authz.Admin, Words: []string{"WHO", "ACTIONS", "<stacks>"},
		Summary: "Allows a person, a group or everyone to do something in this channel. ACTIONS are " + actionWords +
			" or all, with commas between them. <stacks> may hold wildcards, and * is every stack.",
		Examples: []string{"allow @lin view,redeploy mystack@production", "allow @deployers all 'my*@staging'", "allow everyone view *", "allow @lin admin *"},
	},
	{
		Verb: Deny, Right: authz.Admin, Words: []string{"WHO", "ACTIONS", "<stacks>"},
		Summary:  "Denies it to them in this channel. A deny beats every allow, but the bot's own admins.",
		Examples: []string{"deny everyone redeploy,cancel '*@production'", "deny @lin all *"},
	},
	{
		Verb: Revoke, Right: authz.Admin, Words: []string{"RULE"},
		Summary:  "Takes a rule of this channel back, by the id that access shows.",
		Examples: []string{"revoke k3f9"},
	},
	{
		Verb:     Status,
		Summary:  "Says how the bot itself is: its connections, the API budget, what it follows.",
		Examples: []string{"status"},
	},
	{
		Verb: Help, Words: []string{"[command]"},
		Summary:  "Says what you can do here.",
		Examples: []string{"help", "help redeploy"},
	},
}

// actionWords and outcomeWords list what may be given, for people to read.
var (
	actionWords  = joinActions()
	outcomeWords = strings.Join(outcomes, ", ")
	eventWords   = strings.Join(events, ", ")
)

func joinActions() string {
	words := make([]string, len(authz.Actions))
	for i, a := range authz.Actions {
		words[i] = string(a)
	}
	return strings.Join(words, ", ")
}

// OnStack reports whether the command concerns one stack.
func (s Spec) OnStack() bool { return len(s.Words) > 0 && s.Words[0] == "<stack>" }

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
