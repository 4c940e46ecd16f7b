package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/commands/typography"
)

// Verb names what is to be done. Each verb of a command is the word that people type.
type Verb string

// Specs lists the commands in the order of the help, what people do most first, then what only buttons ask for. Each is described in its
// own file.
var Specs []Spec

func init() {
	Specs = []Spec{
		redeploySpec, showSpec, listSpec, stacksSpec, cancelSpec, followSpec, subscribeSpec, unsubscribeSpec, subscriptionsSpec, accessSpec,
		allowSpec, denySpec, revokeSpec, statusSpec, helpSpec,
		refreshSpec, dismissSpec, askSpec, grantSpec,
	}
}

// Spec describes one command: its grammar, who may use it, how it is explained and what it does.
type Spec struct {
	Verb     Verb
	Button   bool         // only buttons ask for it; it cannot be typed
	Right    authz.Action // "" where anyone may
	Args     []Arg        // the words behind the verb
	Options  []Option     // in the order of the help
	Summary  string
	Examples []string // without the slash command itself

	Changes  bool                             // it changes something, or leaves something in the channel
	Writes   bool                             // it asks Cloud 66 for a change
	Form     bool                             // it asks by the form of a redeploy
	asks     func(i Invocation) bool          // it asks before it does anything; nil for never
	check    func(s Spec, i Invocation) error // whether what is given goes together; nil where anything does
	rightOf  func(i Invocation) authz.Action  // where the right depends on what is asked for; else nil
	ownNonce bool                             // its nonce belongs to it alone, and not to a question

	// gate decides whether the request may be. Without one, the right and the arguments tell who decides.
	gate func(h *Handler, ctx context.Context, c *call) error
	run  func(h *Handler, ctx context.Context, c *call) (Reply, error)
}

// call is one request while it is decided and carried out.
type call struct {
	Request

	spec     Spec
	standing authz.Standing
	stack    cloud66.Stack                            // of a command on one stack
	run      func(ctx context.Context) (Reply, error) // the command's, unless the gate found something else to do
}

// Arg is one word behind the verb.
type Arg struct {
	Word    string // for the help: in brackets where it may be left out
	Missing string // what is said where it is left out; %s is the verb
	Example string // a part of the example that shows how it is written; "" for the simplest
	opt     Opt
	// take and show read and write what is no option: the stack, or the deployment.
	take func(i *Invocation, word string) error
	show func(i Invocation) string
}

// errBlank says that a word holds nothing.
var errBlank = errors.New("there is nothing in it")

// The arguments of several commands.
var (
	argStack = Arg{
		Word: "<stack>", Missing: "Which stack? Write its name behind %s.", take: takeStack, show: func(i Invocation) string { return i.Stack },
	}
	argID     = Arg{Word: "[ID]", Example: "1042", take: takeID, show: Invocation.which}
	argStacks = Arg{Word: "<stacks>", Missing: "Which stacks? Write a name, a pattern or * behind %s.", opt: Glob}
)

func takeStack(i *Invocation, word string) error {
	if strings.TrimSpace(word) == "" {
		return errBlank
	}
	i.Stack = word
	return plain("name of the stack", word, maxStackName)
}

func (a Arg) optional() bool { return strings.HasPrefix(a.Word, "[") }

// read takes a word as this argument.
func (a Arg) read(i *Invocation, w word) error {
	o := pick(a.opt)[0]
	value := w.name()
	if a.take == nil && (a.opt == Glob || a.opt == Text) {
		value = w.glob()
	}
	if o.kind != aMention {
		value = spoken(value)
	}
	if a.take != nil {
		return a.take(i, value)
	}
	return i.set(o, value)
}

// in gives the word of this argument as it stands in an invocation, "" where it was left out.
func (a Arg) in(i Invocation) string {
	if a.show != nil {
		return a.show(i)
	}
	return i.Options[a.opt]
}

// Words are the words behind the verb, for the help.
func (s Spec) Words() []string {
	words := make([]string, len(s.Args))
	for i, arg := range s.Args {
		words[i] = arg.Word
	}
	return words
}

// exampleStack is the stack of the examples. Help replaces it by one that the person may see.
const exampleStack = "mystack@production"

// OnStack reports whether the command concerns one stack.
func (s Spec) OnStack() bool { return len(s.Args) > 0 && s.Args[0].Word == argStack.Word }

// specOf finds a command by its word.
func specOf(word string) (Spec, bool) {
	s := Invocation{Verb: Verb(word)}.spec()
	return s, s.Verb != "" && !s.Button
}

// spec describes what is asked for. It is the zero value where there is no such verb.
func (i Invocation) spec() Spec {
	at := slices.IndexFunc(Specs, func(s Spec) bool { return s.Verb == i.Verb })
	if at < 0 {
		return Spec{}
	}
	return Specs[at]
}

// option finds the command's own description of an option, or the general one.
func (s Spec) option(opt Opt) Option {
	if i := slices.IndexFunc(s.Options, func(o Option) bool { return o.Opt == opt }); i >= 0 {
		return s.Options[i]
	}
	return pick(opt)[0]
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
	return meant[typography.Nearest(word, tried)]
}

// usage makes an error with the first example that has these words in it, with the simplest one where none has them.
func (s Spec) usage(words, format string, args ...any) *UsageError {
	at := slices.IndexFunc(s.Examples, func(e string) bool { return strings.Contains(e, words) })
	return &UsageError{What: fmt.Sprintf(format, args...), Example: s.Examples[max(0, at)]}
}
