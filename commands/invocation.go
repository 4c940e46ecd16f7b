package commands

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"c66bot/authz"
	"c66bot/storage"
)

// How long what changes something counts: a button's message shows what is older than people remember after that. A form takes time to fill
// in, a request for a right time to be seen.
const (
	questionAge = 15 * time.Minute
	formAge     = time.Hour
	requestAge  = 24 * time.Hour
)

// Limits of what is taken, in characters. A button's value holds 2,000 bytes in all.
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
	Verb       Verb   `json:"v"`
	Stack      string `json:"s,omitempty"` // as it was typed
	UID        string `json:"u,omitempty"` // the stack that a button means; wins over Stack
	Which      string `json:"w,omitempty"` // "", "latest", "live" or "head"
	Deployment int64  `json:"d,omitempty"` // 0: Which decides
	Ref        string `json:"r,omitempty"`
	Services   string `json:"i,omitempty"`
	Profile    string `json:"p,omitempty"`
	Reason     string `json:"y,omitempty"`
	Now        bool   `json:"n,omitempty"`
	Page       int    `json:"g,omitempty"` // from 1
	Topic      string `json:"t,omitempty"` // the command that help is wanted on
	Text       string `json:"x,omitempty"` // what the names of the stacks to list hold, or a glob
	Outcome    string `json:"o,omitempty"` // of the deployments to list
	By         string `json:"j,omitempty"` // who asked for them: a Slack user id, or what a name holds; of a subscription only the latter
	Trail      string `json:"q,omitempty"` // where each filtered page so far began, the last one first to be shown

	Who     string `json:"h,omitempty"` // a Slack id of a user or a group, or "everyone"
	Actions string `json:"b,omitempty"` // rights, with commas between them
	Glob    string `json:"c,omitempty"` // the stacks of a rule, or of a subscription
	Rule    string `json:"e,omitempty"` // a rule's id, or a subscription's

	Events  string `json:"ev,omitempty"` // that a channel wants to hear of, with commas between them; "" for all
	Via     string `json:"vi,omitempty"` // the ways in which they were started
	Types   string `json:"ty,omitempty"` // the kinds of deployments
	Mention string `json:"at,omitempty"` // a Slack id of a user or a group

	Yes     bool   `json:"a,omitempty"` // the answer to a question
	Nonce   string `json:"k,omitempty"` // the question's own key: answered twice it is one wish
	Newest  int64  `json:"l,omitempty"` // the newest deployment when the question was asked
	Shown   string `json:"$,omitempty"` // the stack's name@environment as it was shown, where that counts
	AskedAt int64  `json:"m,omitempty"` // Unix seconds when the question or the choice was shown
	Follow  string `json:"f,omitempty"` // the card that is to be refreshed
	Form    bool   `json:"z,omitempty"` // a form was sent, which may stay open longer than a question counts
	Fill    bool   `json:"_,omitempty"` // the form is to be opened, filled in with the options
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

// sound reports whether the invocation can be of this version's making: typed, or on one of its buttons.
func (i Invocation) sound() bool {
	spec, typed := specOf(string(i.Verb))
	_, topic := specOf(i.Topic)
	switch {
	case !typed && !slices.Contains(ButtonVerbs, i.Verb),
		spec.OnStack() && i.UID == "" && strings.TrimSpace(i.Stack) == "",
		i.Topic != "" && !topic,
		!slices.Contains([]string{"", "latest", "live", "head"}, i.Which),
		i.Deployment < 0 || i.Newest < 0 || i.Page < 0 || i.Page > maxPage,
		i.Verb == Cancel && i.Yes && i.Deployment == 0,
		i.Form, // a form is sent by a form
		!i.soundRule():
		return false
	}
	for _, name := range []string{i.Stack, i.UID, i.Nonce, i.Follow, i.Text, i.Shown} {
		if plain("name", name, maxStackName) != nil {
			return false
		}
	}
	again := i
	for _, option := range []struct {
		value string
		set   func(*Invocation, string) error
	}{
		{i.Ref, setRef}, {i.Services, setServices}, {i.Profile, setProfile}, {i.Reason, setReason}, {i.Outcome, setOutcome}, {i.By, setBy},
		{i.Trail, setTrail}, {i.Glob, setGlob}, {i.Actions, setActions}, {i.Rule, setRule},
		{i.Events, setEvents}, {i.Via, setVia}, {i.Types, setTypes}, {i.Mention, setMention},
	} {
		if option.value != "" && option.set(&again, option.value) != nil {
			return false
		}
	}
	return again == i // Parse would not have left it otherwise
}

// soundRule reports whether all is there that a rule, the request for one, or the question which one decides, needs.
func (i Invocation) soundRule() bool {
	who, err := parseWho(i.Who)
	if i.Who != "" && (err != nil || who != i.Who) {
		return false
	}
	person, one := UserOf(i.Who) != "", i.Actions != "" && !strings.Contains(i.Actions, ",")
	switch i.Verb {
	case Allow, Deny:
		return i.Who != "" && i.Actions != "" && i.Glob != "" && adminEverywhere(i) == nil
	case Grant:
		return person && one && i.Actions != string(authz.Admin) && i.Glob != ""
	case Ask:
		return one && i.Actions != string(authz.Admin) && i.Glob != ""
	case Revoke:
		return i.Rule != ""
	case Subscribe:
		return i.Glob != "" && UserOf(i.By) == ""
	case Unsubscribe:
		return i.Glob != "" || i.Rule != ""
	case Access:
		return !i.why() || one && (person || i.Who == "") && i.UID+strings.TrimSpace(i.Stack) != ""
	default:
		return true
	}
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
	if i.Verb == Ask || i.Verb == Grant {
		return string(i.Verb)
	}
	return "question"
}

// stale reports whether the invocation changes something and is on a button of long ago. The Cancel of a card, which says what it ends
// and is asked for by Slack itself, never is; what was typed has no UID.
func (i Invocation) stale() bool {
	card := i.Verb == Cancel && i.AskedAt == 0
	changes := (i.Verb == Redeploy || i.Verb == Cancel) && !i.asks()
	return changes && i.UID != "" && !card && i.olderThan(i.lasts())
}

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
	return Invocation{Verb: Redeploy, UID: i.UID, Ref: i.Ref, Services: i.Services, Profile: i.Profile, Reason: i.Reason, Fill: true}
}

// Set sets what an option of the redeploy command sets, to what was written in the field of a form. An empty value leaves it out.
func (i *Invocation) Set(option, value string) error {
	spec, _ := specOf(string(Redeploy))
	o, ok := spec.option(option)
	if !ok {
		return fmt.Errorf("redeploy has no option %s", option)
	}
	if value == "" {
		return nil
	}
	return o.set(i, value)
}

// Changes reports whether the invocation, carried out, changes something or leaves something in the channel.
func (i Invocation) Changes() bool {
	switch i.Verb {
	case Follow, Allow, Deny, Revoke, Ask, Grant, Subscribe, Unsubscribe:
		return true
	case Redeploy, Cancel:
		return !i.asks()
	default:
		return false
	}
}

// OpensForm reports whether the invocation asks for a redeploy and leaves open how.
func (i Invocation) OpensForm() bool { return i.Verb == Redeploy && i.asks() }

// Typed is what is asked for as a command that could be typed, without the stack where a button names it by its UID alone.
func (i Invocation) Typed() string { return i.line(i.Stack) }

// Words names what is asked for in a few words, as in "redeploy web".
func (i Invocation) Words() string {
	return strings.Join(strings.Fields(strings.Join([]string{string(i.Verb), i.Stack, i.Who, i.Actions, i.Glob, i.Rule}, " ")), " ")
}

// line is what is asked for as a command that could be typed, for the audit. The verbs of buttons are written like those of commands.
func (i Invocation) line(stack string) string {
	words := []string{i.Who, i.Actions, i.Glob, i.Rule, i.Topic, i.Text, stack, i.Which}
	if i.why() {
		words = []string{"why", i.Actions, stack, i.Who}
	}
	if i.Deployment != 0 {
		words = append(words, strconv.FormatInt(i.Deployment, 10))
	}
	line := []string{string(i.Verb)}
	for _, w := range words {
		if w != "" {
			line = append(line, shellWord(w))
		}
	}
	return strings.TrimSpace(strings.Join(line, " ") + " " + i.OptionsTyped())
}

// OptionsTyped writes the options as they are typed.
func (i Invocation) OptionsTyped() string {
	var words []string
	for _, o := range []struct{ name, value string }{
		{"--ref", i.Ref}, {"--services", i.Services}, {"--profile", i.Profile}, {"--reason", i.Reason}, {"--outcome", i.Outcome},
		{"--events", i.Events}, {"--by", i.By}, {"--via", i.Via}, {"--type", i.Types}, {"--mention", i.Mention},
	} {
		switch {
		case o.value == "":
		case strings.HasPrefix(o.value, "--"): // which would be taken for an option
			words = append(words, o.name+"="+shellWord(o.value))
		default:
			words = append(words, o.name, shellWord(o.value))
		}
	}
	if i.Page > 0 && i.Verb == List {
		words = append(words, "--page", strconv.Itoa(i.Page))
	}
	if i.Now {
		words = append(words, "--now")
	}
	return strings.Join(words, " ")
}

// asks reports whether the invocation wants a question before anything is done: a cancel is always asked for once, a redeploy where
// no option says how.
func (i Invocation) asks() bool {
	switch i.Verb {
	case Cancel:
		return !i.Yes
	case Redeploy:
		return i.Fill || !i.Yes && !i.Now && i.Ref == "" && i.Services == "" && i.Profile == "" && i.Reason == ""
	default:
		return false
	}
}
