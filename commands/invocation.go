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

	"c66bot/commands/typography"
	"c66bot/storage"
)

// Lifetimes of buttons and forms that change something. A form takes time to fill in, and a request for a right takes time to be
// noticed.
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

// Invocation is a request, typed or encoded in a button's value.
type Invocation struct {
	Verb       Verb
	Stack      string // as typed
	UID        string // the stack of a button; takes precedence over Stack
	Deployment int64  // 0 for none
	Options    Options

	// Set by a question, a form or a card.
	Yes     bool   // the answer to a question
	Nonce   string // the question's key: repeated answers are one request
	Newest  int64  // the newest deployment at the time of the question
	Shown   string // name@environment as shown to the user, if it must still match
	AskedAt int64  // Unix seconds of the question or the choice
	Follow  string // the card to refresh, or whose values fill the form
	Form    bool   // submitted by a form, which lives longer than a question
	In      string // the channel that a form belongs to, if its button is in a direct message
	Fill    bool   // open the form, filled in with the options
	Onto    string // UID of the stack that a promotion goes to
	Then    string // what a right is asked for, as a button's value
	Granted bool   // goes on once a right was granted, and lasts as long as that
	Sight   string // a digest of what a question showed, which must still hold
}

// given is the value of a flag.
const given = "true"

// Number returns the value of a numeric option, 0 if it is not given.
func (i Invocation) Number(opt Opt) int {
	n, _ := strconv.Atoi(i.Options[opt]) // validated before
	return n
}

// OnPage returns the invocation for a page, counted from 1; 0 leaves it unset.
func (i Invocation) OnPage(page int) Invocation {
	i.Options[Page] = ""
	if page != 0 {
		i.Options[Page] = strconv.Itoa(page)
	}
	return i
}

// Set sets an option of the command from a form field. An empty value removes it.
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

// set cleans and checks a value, whichever way it was given.
func (i *Invocation) set(o Option, value string) error {
	checked, err := o.read(value)
	if err == nil {
		i.Options[o.Opt] = checked
	}
	return err
}

// read cleans a value and checks it. Invisible characters go, and so does what formats or quotes the whole value, as far as the rest is a
// legal value. Around a legal value stars, underlines and tildes stay: where they are formatting, they were taken off before.
func (o Option) read(value string) (string, error) {
	if o.kind == exact {
		if name := mentioned(value); name != "" {
			return "", fmt.Errorf("slack made a mention of %s; put the %s in backticks", quoted(name), o.Name)
		}
	}
	if o.kind != aMention {
		value = spoken(value)
	}
	if o.kind == prose || o.kind == aFlag {
		return o.check(value)
	}
	value = strings.TrimSpace(typography.Normal(value))
	checked, err := o.check(value)
	for {
		inside, mark := peel(value)
		if inside == value || inside == "" || o.kind == aGlob && mark != '`' {
			break
		}
		value = inside
		if err == nil && strings.ContainsRune(marks, mark) {
			continue
		}
		if rest, wrong := o.check(value); wrong == nil {
			checked, err = rest, nil
		}
	}
	return checked, err
}

// field is a field of a button's value: its key and a pointer to the value.
type field struct {
	key   string
	value any
	kind  kind
}

// fields lists the fields of a button's value in encoding order. Short keys leave more room for long options.
func (i *Invocation) fields() []field {
	all := []field{{key: "v", value: &i.Verb}, {key: "s", value: &i.Stack}, {key: "u", value: &i.UID}, {key: "d", value: &i.Deployment}}
	for opt, o := range options {
		all = append(all, field{o.key, &i.Options[opt], o.kind})
	}
	return append(all, []field{
		{key: "a", value: &i.Yes}, {key: "k", value: &i.Nonce}, {key: "l", value: &i.Newest}, {key: "$", value: &i.Shown},
		{key: "m", value: &i.AskedAt}, {key: "f", value: &i.Follow}, {key: "z", value: &i.Form}, {key: "_", value: &i.Fill},
		{key: "+", value: &i.Then}, {key: "sn", value: &i.Sight}, {key: "on", value: &i.Onto}, {key: "in", value: &i.In},
		{key: "gr", value: &i.Granted},
	}...)
}

// MarshalJSON encodes the fields that are set.
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

// UnmarshalJSON decodes the output of MarshalJSON. It ignores unknown fields.
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

// Value encodes an invocation as a button's value. It fails if the value is too long for Slack, which long options can cause.
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

// FromValue decodes and validates a button's value.
func FromValue(value string) (Invocation, error) {
	var inv Invocation
	if err := json.Unmarshal([]byte(value), &inv); err != nil || !inv.sound() {
		return Invocation{}, errButton
	}
	return inv, nil
}

// sound reports whether this version could have parsed the invocation or encoded it in a button.
func (i Invocation) sound() bool {
	spec := i.spec()
	switch {
	case spec.Verb == "",
		i.Deployment < 0 || i.Newest < 0,
		i.Form, // only a form submits one
		i.Then != "" && !thenSound(i),
		spec.check != nil && spec.check(spec, i) != nil, spec.reasonless(i) != nil:
		return false
	}
	for _, name := range []string{i.Stack, i.UID, i.Nonce, i.Follow, i.Shown, i.Sight, i.Onto} {
		if plain("name", name, maxStackName) != nil {
			return false
		}
	}
	for opt, value := range i.Options {
		if value == "" {
			continue
		}
		if kept, err := spec.option(Opt(opt)).check(value); err != nil || kept != value { // ParseHere would not produce it
			return false
		}
	}
	nowhere := i.nowhere()
	i.Stack = cmp.Or(strings.TrimSpace(i.Stack), i.UID)
	for _, arg := range spec.Args {
		if arg.optional() {
			break // further arguments are optional too
		}
		if arg.in(i) == "" && !nowhere {
			return false
		}
	}
	return true
}

// thenSound reports whether an invocation asks for a right, for something that a button can do.
func thenSound(i Invocation) bool {
	then, err := FromValue(i.Then)
	return err == nil && i.Verb == Ask && then.Then == "" && !then.spec().Button
}

// resumed returns the invocation as the value of a button that does it later, "" if there is no such button. A form opens anew, and a
// question is asked anew; an override is not part of what a right is asked for.
func (i Invocation) resumed() string {
	if i.Form && i.spec().Form {
		i = i.Again()
	}
	i.Form = false
	i.Yes, i.Nonce, i.Newest, i.AskedAt, i.Then, i.Granted, i.Options[Override] = false, "", 0, 0, "", false, ""
	value, err := i.Value()
	if _, wrong := FromValue(value); err != nil || wrong != nil || i.spec().Button {
		return ""
	}
	return value
}

// once prepares an invocation for the buttons of a message shown now. They expire, and any number of clicks on any of them is one
// request.
func (i Invocation) once() Invocation {
	now := time.Now()
	i.Nonce, i.AskedAt, i.Granted = storage.NewID(now), now.Unix(), false
	return i
}

// Asking returns the scope of a button's nonce. All answers to a question share one scope; a request for a right and its grant
// have separate scopes.
func (i Invocation) Asking() string {
	if i.spec().ownNonce {
		return string(i.Verb)
	}
	return "question"
}

// stale reports whether the invocation is a change by an expired button. Typed commands have neither a UID nor a time.
func (i Invocation) stale() bool {
	return (i.UID != "" || i.AskedAt != 0) && !i.asks() && i.olderThan(i.lasts())
}

func (i Invocation) lasts() time.Duration {
	switch {
	case i.Form:
		return formAge
	case i.Granted:
		return grantFor
	default:
		return questionAge
	}
}

func (i Invocation) olderThan(age time.Duration) bool {
	return time.Since(time.Unix(i.AskedAt, 0)) > age
}

// Again returns the invocation that reopens the form with its values.
func (i Invocation) Again() Invocation {
	again := Invocation{Verb: Redeploy, UID: i.UID, Options: i.Options, Fill: true}
	again.Options[Now], again.Options[Wait] = "", ""
	return again
}

// Changes reports whether executing the invocation changes something or posts in the channel.
func (i Invocation) Changes() bool { return i.spec().Changes && !i.asks() }

// Writes reports whether the invocation leads to a change at Cloud 66, possibly after a question.
func (i Invocation) Writes() bool { return i.spec().Writes }

// OpensForm reports whether the invocation is a redeploy that still needs its options.
func (i Invocation) OpensForm() bool { return i.spec().Form && i.asks() && !i.AsksReason() }

// nowhere reports whether the form that the invocation opens asks for the stack.
func (i Invocation) nowhere() bool {
	return i.OpensForm() && strings.TrimSpace(i.Stack) == "" && i.UID == ""
}

// asks reports whether the invocation needs a question first.
func (i Invocation) asks() bool {
	asks := i.spec().asks
	return asks != nil && asks(i)
}

// Typed returns the invocation as a command line, without the stack if a button identifies it only by UID.
func (i Invocation) Typed() string { return i.line(i.Stack) }

// Words describes the invocation in a few words, as in "redeploy web".
func (i Invocation) Words() string {
	words := []string{string(i.Verb)}
	for _, arg := range i.spec().Args {
		if word := arg.in(i); word != "" && !arg.optional() {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

// line returns the invocation as a command line for the audit. Verbs of buttons look like those of commands.
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

// OptionsTyped returns the options as a user would type them.
func (i Invocation) OptionsTyped() string {
	var words []string
	for _, o := range i.spec().Options {
		switch value := i.Options[o.Opt]; {
		case value == "":
		case o.kind == aFlag:
			words = append(words, "--"+o.Name)
		case strings.HasPrefix(value, "--"): // else it would be parsed as an option
			words = append(words, "--"+o.Name+"="+shellWord(value))
		default:
			words = append(words, "--"+o.Name, shellWord(value))
		}
	}
	return strings.Join(words, " ")
}

// which describes the deployment: its number, or the value of Which.
func (i Invocation) which() string {
	if i.Deployment != 0 {
		return strconv.FormatInt(i.Deployment, 10)
	}
	return i.Options[Which]
}
