package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/commands/typography"
	"c66bot/storage"
)

// Verb names a command. Users type the verbs of all commands but those of buttons.
type Verb string

// Specs lists the commands in the order of the help, the most common first, then those of buttons. Each is defined in its own
// file.
var Specs []Spec

func init() {
	Specs = []Spec{
		redeploySpec, promoteSpec, rollbackSpec, showSpec, listSpec, stacksSpec, cancelSpec, followSpec, subscribeSpec, unsubscribeSpec,
		subscriptionsSpec, accessSpec, allowSpec, denySpec, revokeSpec, lockSpec, unlockSpec, locksSpec, protectSpec, unprotectSpec, auditSpec,
		statusSpec, helpSpec,
		refreshSpec, dismissSpec, tellSpec, askSpec, grantSpec, askUnlockSpec, approveSpec, rejectSpec, withdrawSpec,
	}
}

// Spec describes a command: its grammar, its authorization, its help and its function.
type Spec struct {
	Verb     Verb
	Button   bool         // used by buttons only; it cannot be typed
	Right    authz.Action // the required right, "" if anyone may use it
	Args     []Arg        // the words after the verb
	Options  []Option     // in the order of the help
	group    group
	Summary  string
	Examples []string // without the slash command's name

	Changes  bool                             // changes something or posts in the channel
	Writes   bool                             // requests a change from Cloud 66
	Begins   bool                             // begins with a card; the audit entry is written with it
	Form     bool                             // asks by the redeploy form
	asks     func(i Invocation) bool          // needs a question first; nil for never
	check    func(s Spec, i Invocation) error // validates the combination of values; nil if any is valid
	rightOf  func(i Invocation) authz.Action  // overrides Right if that depends on the request; else nil
	ownNonce bool                             // its nonce has its own scope; see Invocation.Asking

	// gate authorizes the request and adds to the call what it found. If it is nil, the right and the arguments select the gate.
	gate func(h *Handler, ctx context.Context, c *call) error
	run  func(h *Handler, ctx context.Context, c *call) (Reply, error)
}

// call is a request during authorization and execution.
type call struct {
	Request

	spec     Spec
	standing authz.Standing
	stack    cloud66.Stack                        // of a command on a stack
	source   cloud66.Stack                        // whose version a promotion brings to it; else zero
	judged   authz.Request                        // what was decided
	decision authz.Decision                       // that allows it
	decided  func(storage.Tx) error               // records why it is allowed
	follow   storage.Follow                       // of the card to refresh, if the user may see it
	covered  coverage                             // of a subscription
	meant    []storage.Subscription               // to delete
	locks    []storage.Lock                       // to delete
	queue    string                               // of rest
	rest     func(context.Context) (Reply, error) // set by then
}

// Arg is a word after the verb.
type Arg struct {
	Word    string // for the help: in brackets if it is optional
	Missing string // the error if it is missing; %s is the verb
	Example string // selects an example of the command by a part of it; "" for the simplest
	opt     Opt
	rest    bool // takes all words that are left
	// take parses and show formats a value that is not an option: the stack or the deployment.
	take func(i *Invocation, word string) error
	show func(i Invocation) string
}

// errBlank means that a word is blank.
var errBlank = errors.New("there is nothing in it")

// Arguments shared by several commands.
var (
	argStack = Arg{
		Word: "<stack>", Missing: "Which stack? Write its name after %s.", take: takeStack, show: func(i Invocation) string { return i.Stack },
	}
	argID     = Arg{Word: "[ID]", Example: "1042", take: takeID, show: Invocation.which}
	argStacks = Arg{Word: "<stacks>", Missing: "Which stacks? Write a name, a pattern or * after %s.", opt: Glob}

	argStacksOrID = Arg{
		Word: argStacks.Word, Missing: argStacks.Missing, opt: Glob,
		show: func(i Invocation) string { return cmp.Or(i.Options[Glob], i.Options[Rule]) }, // a button contains the id
	}
)

func takeStack(i *Invocation, word string) error {
	if strings.TrimSpace(word) == "" {
		return errBlank
	}
	i.Stack = word
	return plain("name of the stack", word, maxStackName)
}

func (a Arg) optional() bool { return strings.HasPrefix(a.Word, "[") }

// read parses a word as this argument.
func (a Arg) read(i *Invocation, w word) error {
	o := pick(a.opt)[0]
	switch {
	case a.take != nil:
		return a.take(i, spoken(w.name()))
	case o.kind == aGlob:
		return i.set(o, w.glob())
	default:
		return i.set(o, w.name())
	}
}

// in returns this argument's word in an invocation, "" if it is missing.
func (a Arg) in(i Invocation) string {
	if a.show != nil {
		return a.show(i)
	}
	return i.Options[a.opt]
}

// Words returns the words after the verb, for the help.
func (s Spec) Words() []string { return each(s.Args, func(a Arg) string { return a.Word }) }

// exampleStack is the stack in the examples. Help replaces it with one visible to the user.
const exampleStack = "mystack@production"

// otherExample is another one, where an example is about two.
const otherExample = "mystack@staging"

// OnStack reports whether the command is about a single stack.
func (s Spec) OnStack() bool { return len(s.Args) > 0 && s.Args[0].Word == argStack.Word }

func specOf(word string) (Spec, bool) {
	s := Invocation{Verb: Verb(word)}.spec()
	return s, s.Verb != "" && !s.Button
}

// spec returns the command of the invocation, the zero value if its verb is unknown.
func (i Invocation) spec() Spec {
	at := slices.IndexFunc(Specs, func(s Spec) bool { return s.Verb == i.Verb })
	if at < 0 {
		return Spec{}
	}
	return Specs[at]
}

// option returns the command's own description of an option, or the general one.
func (s Spec) option(opt Opt) Option {
	if i := slices.IndexFunc(s.Options, func(o Option) bool { return o.Opt == opt }); i >= 0 {
		return s.Options[i]
	}
	return pick(opt)[0]
}

// nearestOption returns the most similar option, "" if none is similar.
func (s Spec) nearestOption(word string) string {
	var tried []string
	meant := map[string]string{}
	for _, o := range s.Options {
		for _, name := range append([]string{o.Name}, o.also...) {
			tried, meant[name] = append(tried, name), o.Name
		}
	}
	return meant[typography.Nearest(word, tried)]
}

// usage returns a usage error with the first example that contains words, or else the simplest one.
func (s Spec) usage(words, format string, args ...any) *UsageError {
	at := slices.IndexFunc(s.Examples, func(e string) bool { return strings.Contains(e, words) })
	return &UsageError{What: fmt.Sprintf(format, args...), Example: s.Examples[max(0, at)]}
}
