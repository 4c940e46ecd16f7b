package commands

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"c66bot/storage"
)

// How long a button or a form may be used for a change. A form takes time to fill in, and a request for a right takes time to be seen.
const (
	questionAge = 15 * time.Minute
	formAge     = time.Hour
	requestAge  = 24 * time.Hour
)

// Limits of input in characters; maxValue is in bytes.
const (
	maxText      = 3000
	maxStackName = 200
	maxRef       = 255
	maxServices  = 1000
	maxProfile   = 100
	maxReason    = 500
	maxPage      = 100_000
	maxTrail     = 500
	maxValue     = 2000
)

// Invocation is something asked for: typed, or carried by a button as its value.
type Invocation struct {
	Verb       Verb
	Stack      string // as it was typed
	UID        string // the stack that a button means; wins over Stack
	Deployment int64  // 0 where none is named
	Options    Options

	// What a question, a form or a card adds.
	Yes     bool   // the answer to a question
	Nonce   string // the question's own key: answered twice it is one wish
	Newest  int64  // the newest deployment when the question was asked
	Shown   string // the stack's name@environment as it was shown, where that counts
	AskedAt int64  // Unix seconds when the question or the choice was shown
	Follow  string // the card that is to be refreshed
	Form    bool   // a form was sent, which may stay open longer than a question counts
	Fill    bool   // the form is to be opened, filled in with the options
}

// given is the value of an option that takes none.
const given = "true"

// Number gives the value of an option that is a number, 0 where it is not given.
func (i Invocation) Number(opt Opt) int {
	n, _ := strconv.Atoi(i.Options[opt]) // checked
	return n
}

// OnPage is the invocation for a page, which counts from 1; 0 leaves it open.
func (i Invocation) OnPage(page int) Invocation {
	i.Options[Page] = ""
	if page != 0 {
		i.Options[Page] = strconv.Itoa(page)
	}
	return i
}

// Set sets an option of the command to what was written in the field of a form. An empty value leaves it out.
func (i *Invocation) Set(opt Opt, value string) error {
	at := slices.IndexFunc(i.spec().Options, func(o Option) bool { return o.Opt == opt })
	switch {
	case at < 0:
		return fmt.Errorf("%s has no such option", i.Verb)
	case value == "":
		return nil
	}
	return i.set(i.spec().Options[at], value)
}

func (i *Invocation) set(o Option, value string) error {
	checked, err := o.check(value)
	if err == nil {
		i.Options[o.Opt] = checked
	}
	return err
}

// field is one field of a button's value: its key and a pointer to the value.
type field struct {
	key   string
	value any
	kind  kind
}

// fields lists the fields of a button's value in their order. Shorter keys leave more room for long options.
func (i *Invocation) fields() []field {
	all := []field{{key: "v", value: &i.Verb}, {key: "s", value: &i.Stack}, {key: "u", value: &i.UID}, {key: "d", value: &i.Deployment}}
	for opt, o := range options {
		all = append(all, field{o.key, &i.Options[opt], o.kind})
	}
	return append(all, []field{
		{key: "a", value: &i.Yes}, {key: "k", value: &i.Nonce}, {key: "l", value: &i.Newest}, {key: "$", value: &i.Shown},
		{key: "m", value: &i.AskedAt}, {key: "f", value: &i.Follow}, {key: "z", value: &i.Form}, {key: "_", value: &i.Fill},
	}...)
}

// MarshalJSON writes the fields that are set.
func (i Invocation) MarshalJSON() ([]byte, error) {
	var parts [][]byte
	for _, f := range i.fields() {
		if reflect.ValueOf(f.value).Elem().IsZero() {
			continue
		}
		value, err := json.Marshal(f.value)
		if err != nil {
			return nil, err
		}
		if f.kind == aNumber || f.kind == aFlag {
			value = bytes.Trim(value, `"`)
		}
		parts = append(parts, fmt.Appendf(nil, `"%s":%s`, f.key, value))
	}
	return fmt.Appendf(nil, "{%s}", bytes.Join(parts, []byte(","))), nil
}

// UnmarshalJSON reads what MarshalJSON writes. What is no field of it is left out.
func (i *Invocation) UnmarshalJSON(b []byte) error {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(b, &object); err != nil {
		return err
	}
	for _, f := range i.fields() {
		value, ok := object[f.key]
		if !ok {
			continue
		}
		if f.kind == aNumber || f.kind == aFlag {
			value = fmt.Appendf(nil, "%q", value)
		}
		if err := json.Unmarshal(value, f.value); err != nil {
			return err
		}
	}
	return nil
}

// Value encodes an invocation as a button's value. It fails where Slack would not take it, which long options can bring about.
func (i Invocation) Value() (string, error) {
	b, err := json.Marshal(i)
	if err != nil {
		return "", fmt.Errorf("encode a button's value: %w", err)
	}
	if len(b) > maxValue {
		return "", fmt.Errorf("a button's value of %d bytes is above %d", len(b), maxValue)
	}
	return string(b), nil
}

var errButton = errors.New("the button carries no request that this version knows")

// FromValue decodes a button's value and trusts nothing in it.
func FromValue(value string) (Invocation, error) {
	var inv Invocation
	if err := json.Unmarshal([]byte(value), &inv); err != nil || !inv.sound() {
		return Invocation{}, errButton
	}
	return inv, nil
}

// sound reports whether this version could have typed the invocation or put it on a button.
func (i Invocation) sound() bool {
	spec := i.spec()
	switch {
	case spec.Verb == "",
		i.Deployment < 0 || i.Newest < 0,
		i.Form, // a form is sent by a form
		spec.check != nil && spec.check(spec, i) != nil:
		return false
	}
	for _, name := range []string{i.Stack, i.UID, i.Nonce, i.Follow, i.Shown} {
		if plain("name", name, maxStackName) != nil {
			return false
		}
	}
	for opt, value := range i.Options {
		if value == "" {
			continue
		}
		if kept, err := spec.option(Opt(opt)).check(value); err != nil || kept != value { // Parse would not have left it
			return false
		}
	}
	i.Stack = cmp.Or(strings.TrimSpace(i.Stack), i.UID)
	for _, arg := range spec.Args {
		if arg.optional() {
			break // what follows may be left out with it
		}
		if arg.in(i) == "" {
			return false
		}
	}
	return true
}

// once prepares an invocation for the buttons of a message that is shown now: they count for a while only, and however often and whichever
// of them is clicked, it is one wish.
func (i Invocation) once() Invocation {
	now := time.Now()
	i.Nonce, i.AskedAt = storage.NewID(now), now.Unix()
	return i
}

// Asking names what the nonce of a button belongs to: the answers to one question are one, a request for a right and its grant are each
// another.
func (i Invocation) Asking() string {
	if i.spec().ownNonce {
		return string(i.Verb)
	}
	return "question"
}

// stale reports whether the invocation acts and is on a button of long ago. What was typed has no UID.
func (i Invocation) stale() bool { return i.UID != "" && !i.asks() && i.olderThan(i.lasts()) }

// lasts is how long the invocation counts.
func (i Invocation) lasts() time.Duration {
	if i.Form {
		return formAge
	}
	return questionAge
}

func (i Invocation) olderThan(age time.Duration) bool {
	return time.Since(time.Unix(i.AskedAt, 0)) > age
}

// Again is the request that opens the form again, filled in as it was.
func (i Invocation) Again() Invocation {
	again := Invocation{Verb: Redeploy, UID: i.UID, Options: i.Options, Fill: true}
	again.Options[Now] = ""
	return again
}

// Changes reports whether the invocation, carried out, changes something or leaves something in the channel.
func (i Invocation) Changes() bool { return i.spec().Changes && !i.asks() }

// Writes reports whether the invocation leads to a change by Cloud 66, though it may ask first.
func (i Invocation) Writes() bool { return i.spec().Writes }

// OpensForm reports whether the invocation asks for a redeploy and leaves open how.
func (i Invocation) OpensForm() bool { return i.spec().Form && i.asks() }

// asks reports whether the invocation wants a question before anything is done.
func (i Invocation) asks() bool {
	asks := i.spec().asks
	return asks != nil && asks(i)
}

// Typed is what is asked for as a command that could be typed, without the stack where a button names it by its UID alone.
func (i Invocation) Typed() string { return i.line(i.Stack) }

// Words names what is asked for in a few words, as in "redeploy web".
func (i Invocation) Words() string {
	words := []string{string(i.Verb)}
	for _, arg := range i.spec().Args {
		if word := arg.in(i); word != "" && !arg.optional() {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

// line is what is asked for as a command that could be typed, for the audit. The verbs of buttons are written like those of commands.
func (i Invocation) line(stack string) string {
	i.Stack = stack
	line := []string{string(i.Verb)}
	for _, arg := range i.spec().Args {
		if word := arg.in(i); word != "" {
			line = append(line, shellWord(word))
		}
	}
	return strings.TrimSpace(strings.Join(line, " ") + " " + i.OptionsTyped())
}

// OptionsTyped writes the options as they are typed.
func (i Invocation) OptionsTyped() string {
	var words []string
	for _, o := range i.spec().Options {
		switch value := i.Options[o.Opt]; {
		case value == "":
		case o.kind == aFlag:
			words = append(words, "--"+o.Name)
		case strings.HasPrefix(value, "--"): // which would be taken for an option
			words = append(words, "--"+o.Name+"="+shellWord(value))
		default:
			words = append(words, "--"+o.Name, shellWord(value))
		}
	}
	return strings.Join(words, " ")
}

// which is the deployment that is meant: its number, or what Which says of it.
func (i Invocation) which() string {
	if i.Deployment != 0 {
		return strconv.FormatInt(i.Deployment, 10)
	}
	return i.Options[Which]
}
