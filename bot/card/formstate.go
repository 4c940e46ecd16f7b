package card

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"c66bot/bot/card/kit"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
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
	Shown    string   `json:"n,omitempty"` // the stack's name@environment
	Asked    string   `json:"a,omitempty"` // the fields that it has beside the stack and the reason: r, s, v and p, each for one

	// Typed is what was typed before the stack, or the channel, was chosen.
	Typed commands.Invocation `json:"t,omitzero"`
}

// optional are the fields that not every form has: their letters in Asked, and the blocks.
var optional = []struct {
	letter string
	block  func(uid string) string
}{
	{"r", refBlock}, {"s", servicesBlock}, {"v", versionBlock}, {"p", func(string) string { return blockProfile }},
}

// The blocks of the fields that belong to one stack.
func refBlock(uid string) string      { return blockRef + markup.Shorten(uid, wording.MaxName) }
func servicesBlock(uid string) string { return blockServices + markup.Shorten(uid, wording.MaxName) }
func versionBlock(uid string) string  { return blockVersion + markup.Shorten(uid, wording.MaxName) }

// stackBlock is the block of the stack's own field. Another one is chosen in another block, since Slack keeps what was chosen in the same.
func stackBlock(uid string) string {
	if uid == "" {
		return blockStack
	}
	return blockStack + "/" + markup.Shorten(uid, wording.MaxName)
}

// maxWrong is how much is said beside a field that is wrong, in characters.
const maxWrong = 2000

// maxState is how long private_metadata may be.
const maxState = 3000

func stateOf(r commands.FormReply) FormState {
	state := FormState{Channel: r.Channel, Choose: r.Choose}
	if r.Stack == nil {
		return state.WithTyped(r.Fill)
	}
	state.UID, state.Shown, state.Newest, state.AskedAt = r.Stack.UID, r.Stack.String(), r.Fill.Newest, r.Fill.AskedAt
	if r.Version != nil {
		state.Version = r.Version.GitHash
	}
	for i, has := range []bool{r.Git, r.Docker, r.Version != nil, len(r.Profiles) > 0} {
		if has {
			state.Asked += optional[i].letter
		}
	}
	if r.Docker && r.Fill.Services == "" {
		state.Services = digest(oneList(current(r.Services)))
	}
	if len(state.encode()) > maxState { // no stack of Cloud 66's has such names: a form that knows none does nothing
		return FormState{Choose: r.Choose}
	}
	state.Profiles = state.fitting(r.Profiles)
	if len(state.Profiles) == 0 {
		state.Asked = strings.ReplaceAll(state.Asked, "p", "")
	}
	return state
}

// WithTyped remembers what was typed, if it fits.
func (s FormState) WithTyped(inv commands.Invocation) FormState {
	typed := s
	typed.Typed = inv.Again()
	if len(typed.encode()) > maxState {
		return s
	}
	return typed
}

// fitting gives as many of the profiles as can be chosen from and fit.
func (s FormState) fitting(profiles []string) []string {
	room := maxState - len(s.encode()) - len(`,"p":[]`)
	for i, p := range profiles {
		quoted, err := json.Marshal(p)
		if room -= len(quoted) + len(","); err != nil || room < 0 || i == kit.MaxOptions {
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

// field gives the one element of a block, which is none where the form came back without it.
func (f Fields) field(block string) (field Field, shown bool) {
	for _, element := range f[block] {
		return element, true
	}
	return Field{}, false
}

// Typed is what stands in a form that was not sent, to be filled in again. What is wrong in it is left out.
func Typed(state FormState, fields Fields) commands.Invocation {
	if state.UID == "" {
		return state.Typed
	}
	inv := commands.Invocation{Verb: commands.Redeploy, UID: state.UID}
	formReader{state: state, fields: fields, inv: &inv, wrong: map[string]string{}}.read()
	return inv.Again()
}

// blocks are those that a form has, all of which come back when it is sent.
func (s FormState) blocks() []string {
	blocks := []string{stackBlock(s.UID)}
	if s.UID == "" {
		return blocks
	}
	blocks = append(blocks, blockReason)
	for _, o := range optional {
		if strings.Contains(s.Asked, o.letter) {
			blocks = append(blocks, o.block(s.UID))
		}
	}
	return blocks
}

// ReadForm makes a request of a form that was sent. What is wrong in a field is said by the id of its block; nothing outside this process is
// asked. Blocks that did not come back are among what is wrong.
func ReadForm(state FormState, fields Fields) (commands.Invocation, map[string]string) {
	inv := commands.Invocation{
		Verb: commands.Redeploy, UID: state.UID, Shown: state.Shown, Yes: true, Form: true, Newest: state.Newest, AskedAt: state.AskedAt,
	}
	wrong := map[string]string{}
	for _, block := range state.blocks() {
		if _, shown := fields.field(block); !shown {
			wrong[block] = "This field did not come back."
		}
	}
	if state.stale(fields) {
		wrong[stackBlock(state.UID)] = "I am still looking at this stack: send it again in a moment."
	}
	if len(wrong) > 0 {
		return inv, wrong
	}
	formReader{state: state, fields: fields, inv: &inv, wrong: wrong}.read()
	return inv, wrong
}

// formReader reads the fields of a form, each into the request or into what is wrong.
type formReader struct {
	state  FormState
	fields Fields
	inv    *commands.Invocation
	wrong  map[string]string
}

// read reads the fields that the form has, the reference before the version that may stand for it.
func (r formReader) read() {
	for i, read := range []func(){r.ref, r.services, r.version, r.profile} {
		if strings.Contains(r.state.Asked, optional[i].letter) {
			read()
		}
	}
	r.reason()
}

func (r formReader) set(option, value, block string) {
	if err := r.inv.Set(option, value); err != nil {
		r.wrong[block] = markup.Shorten(commands.Sentence(err), maxWrong)
	}
}

func (r formReader) ref() {
	field, _ := r.fields.field(refBlock(r.state.UID))
	r.set("ref", commands.Field(field.Value), refBlock(r.state.UID))
}

func (r formReader) version() {
	block := versionBlock(r.state.UID)
	field, _ := r.fields.field(block)
	switch chosen := field.SelectedOption.Value; {
	case chosen == newestVersion:
	case chosen != thisVersion || r.state.Version == "":
		r.wrong[block] = "I do not know this version any more: open the form again."
	case r.inv.Ref != "" && r.inv.Ref != r.state.Version:
		r.wrong[refBlock(r.state.UID)] = "Choose one: this version, or a branch, tag or commit."
	default:
		r.set("ref", r.state.Version, block)
	}
}

func (r formReader) services() {
	block := servicesBlock(r.state.UID)
	field, _ := r.fields.field(block)
	switch list := oneList(field.Value); {
	case digest(list) == r.state.Services:
	case list == "":
		r.wrong[block] = "Name at least one service, or leave the list as it was: then all are redeployed."
	default:
		r.set("services", list, block)
	}
}

func (r formReader) profile() {
	field, _ := r.fields.field(blockProfile)
	if name, known := r.state.profile(field.SelectedOption.Value); known {
		r.set("profile", name, blockProfile)
	} else {
		r.wrong[blockProfile] = "I do not know this profile any more: open the form again."
	}
}

func (r formReader) reason() {
	field, _ := r.fields.field(blockReason)
	r.set("reason", strings.TrimSpace(field.Value), blockReason)
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

// stale reports whether another stack or channel was chosen than the form has been filled for.
func (s FormState) stale(fields Fields) bool {
	stack, _ := fields.field(stackBlock(s.UID))
	channel, _ := fields.field(blockChannel)
	other := func(chosen, filled string) bool { return chosen != "" && chosen != filled }
	return s.UID == "" || other(stack.SelectedOption.Value, s.UID) || other(channel.SelectedConversation, s.Channel)
}

// oneList writes services that stand in lines as the option takes them, without what formats them, as a block of code does.
func oneList(lines string) string {
	var words []string
	for word := range strings.FieldsFuncSeq(lines, func(r rune) bool { return r == '\n' || r == ',' || r == '\r' }) {
		if word = commands.Field(strings.Trim(word, "` ")); word != "" {
			words = append(words, word)
		}
	}
	return strings.Join(words, ",")
}
