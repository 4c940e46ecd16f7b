package card

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"c66bot/commands"
)

// FormState is what a form remembers of itself between two payloads, in its private_metadata.
type FormState struct {
	Channel  string   `json:"c,omitempty"`
	Choose   bool     `json:"w,omitempty"` // the channel can be chosen in it
	UID      string   `json:"u,omitempty"` // the stack that its fields are of
	Newest   int64    `json:"l,omitempty"` // the stack's newest deployment when it was filled
	AskedAt  int64    `json:"m,omitempty"`
	Version  string   `json:"v,omitempty"` // the commit of "this version"
	Services string   `json:"s,omitempty"` // digest of the services as they were filled in: unchanged they say nothing
	Profiles []string `json:"p,omitempty"` // in the order of the choice, as many as fit
}

// maxState is how long private_metadata may be.
const maxState = 3000

func stateOf(r commands.FormReply) FormState {
	state := FormState{Channel: r.Channel, Choose: r.Choose}
	if r.Stack == nil {
		return state
	}
	state.UID, state.Newest, state.AskedAt = r.Stack.UID, r.Fill.Newest, r.Fill.AskedAt
	if r.Version != nil {
		state.Version = r.Version.GitHash
	}
	if r.Docker && r.Fill.Services == "" {
		state.Services = digest(oneList(current(r.Services)))
	}
	if len(state.encode()) > maxState { // no stack of Cloud 66's has such names: a form that knows none does nothing
		return FormState{Choose: r.Choose}
	}
	state.Profiles = state.fitting(r.Profiles)
	return state
}

// fitting gives as many of the profiles as can be chosen from and fit.
func (s FormState) fitting(profiles []string) []string {
	room := maxState - len(s.encode()) - len(`,"p":[]`)
	for i, p := range profiles {
		quoted, err := json.Marshal(p)
		if room -= len(quoted) + len(","); err != nil || room < 0 || i == maxOptions {
			return profiles[:i]
		}
	}
	return profiles
}

// digest stands for a text that is too long to be remembered; it is empty for an empty one.
func digest(text string) string {
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// encode writes the state.
func (s FormState) encode() string {
	b, err := json.Marshal(s)
	if err != nil {
		return ""
	}
	return string(b)
}

// ParseFormState reads a view's private_metadata; what this version did not write is the zero value.
func ParseFormState(metadata string) FormState {
	var s FormState
	if json.Unmarshal([]byte(metadata), &s) != nil || s.Newest < 0 {
		return FormState{}
	}
	return s
}

// Field is the state of one element of a view, as Slack sends it in state.values.
type Field struct {
	Value          string `json:"value"`
	SelectedOption struct {
		Value string `json:"value"`
	} `json:"selected_option"`
	SelectedConversation string `json:"selected_conversation"`
}

// Fields are the elements of a view by their block's id and their own.
type Fields map[string]map[string]Field

// field gives the one element of the block whose id begins so, and that id.
func (f Fields) field(block string) (Field, string) {
	for id, elements := range f {
		if id == strings.TrimSuffix(block, "/") || strings.HasPrefix(id, block) {
			for _, element := range elements {
				return element, id
			}
		}
	}
	return Field{}, block
}

// ReadForm makes a request of a form that was sent. What is wrong in a field is said by the id of its block; nothing outside this process is
// asked.
func ReadForm(state FormState, fields Fields) (commands.Invocation, map[string]string) {
	inv := commands.Invocation{
		Verb: commands.Redeploy, UID: state.UID, Yes: true, Form: true, Newest: state.Newest, AskedAt: state.AskedAt,
	}
	wrong := map[string]string{}
	set := func(option, value, block string) {
		if err := inv.Set(option, value); err != nil {
			wrong[block] = cut(commands.Sentence(err), maxHint)
		}
	}
	if block, stale := state.stale(fields); stale {
		wrong[block] = "I am still looking at this stack: send it again in a moment."
		return inv, wrong
	}
	ref, refBlock := fields.field(blockRef)
	set("ref", strings.TrimSpace(ref.Value), refBlock)
	if version, versionBlock := fields.field(blockVersion); version.SelectedOption.Value == thisVersion {
		switch {
		case inv.Ref != "" && inv.Ref != state.Version:
			wrong[refBlock] = "Choose one: this version, or a branch, tag or commit."
		case state.Version == "":
			wrong[versionBlock] = "I do not know this version any more: open the form again."
		default:
			set("ref", state.Version, versionBlock)
		}
	}
	services, block := fields.field(blockServices)
	switch list := oneList(services.Value); {
	case digest(list) == state.Services:
	case list == "":
		wrong[block] = "Name at least one service, or leave the list as it was: then all are redeployed."
	default:
		set("services", list, block)
	}
	reason, block := fields.field(blockReason)
	set("reason", strings.TrimSpace(reason.Value), block)
	profile, block := fields.field(blockProfile)
	if name, known := state.profile(profile.SelectedOption.Value); known {
		set("profile", name, block)
	} else {
		wrong[block] = "I do not know this profile any more: open the form again."
	}
	return inv, wrong
}

// profile gives the profile of a choice's number, "" where none was chosen.
func (s FormState) profile(number string) (name string, known bool) {
	for i, p := range s.Profiles {
		if number == numberOf(i) {
			return p, true
		}
	}
	return "", number == ""
}

// stale reports whether another stack or channel was chosen than the form has been filled for, and in which field that is to be said.
func (s FormState) stale(fields Fields) (block string, stale bool) {
	stack, block := fields.field(blockStack)
	channel, _ := fields.field(blockChannel)
	other := func(chosen, filled string) bool { return chosen != "" && chosen != filled }
	return block, s.UID == "" || other(stack.SelectedOption.Value, s.UID) || other(channel.SelectedConversation, s.Channel)
}

// oneList writes services that stand in lines as the option takes them.
func oneList(lines string) string {
	var words []string
	for word := range strings.FieldsFuncSeq(lines, func(r rune) bool { return r == '\n' || r == ',' || r == '\r' }) {
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, word)
		}
	}
	return strings.Join(words, ",")
}
