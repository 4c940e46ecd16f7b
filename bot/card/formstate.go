package card

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	"c66bot/bot/card/kit"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/commands"
)

// FormState is the state that a form carries between payloads in its private_metadata, as JSON.
type FormState struct {
	Channel  string   `json:"c,omitempty"`
	Choose   bool     `json:"w,omitempty"` // the form has a channel selection
	UID      string   `json:"u,omitempty"` // stack of the form's fields
	Newest   int64    `json:"l,omitempty"` // newest deployment of the stack when the form was filled
	AskedAt  int64    `json:"m,omitempty"`
	Version  string   `json:"v,omitempty"` // commit of "this version"
	Services string   `json:"s,omitempty"` // digest of the prefilled services; an unchanged list is not a request
	Profiles []string `json:"p,omitempty"` // in the order of the options, as many as fit
	Shown    string   `json:"n,omitempty"` // name@environment of the stack
	Asked    string   `json:"a,omitempty"` // letters of the optional fields present in the form

	// Wants is the value of the button that takes a reason, for which the form asks.
	Wants string `json:"y,omitempty"`

	// Typed is the input made before the stack or the channel was selected.
	Typed commands.Invocation `json:"t,omitzero"`
}

// optional lists the fields that not every form has, with their letters in Asked. The reference is read before the version, which may
// replace it.
var optional = []struct {
	letter, block string
	read          func(r formReader, block string, field Field)
}{
	{"r", blockRef, formReader.ref}, {"s", blockServices, formReader.services}, {"v", blockVersion, formReader.version},
	{"p", blockProfile, formReader.profile},
}

// blockOf returns the block id of a field. Per-stack fields carry the stack's UID.
func blockOf(name, uid string) string {
	if strings.HasSuffix(name, "/") {
		return name + markup.Shorten(uid, wording.MaxName)
	}
	return name
}

// stackBlock is the block id of the stack search. It changes with the stack, because Slack keeps the selection of a block whose id stays
// the same.
func stackBlock(uid string) string {
	if uid == "" {
		return blockStack
	}
	return blockStack + "/" + markup.Shorten(uid, wording.MaxName)
}

const (
	maxWrong = 2000 // characters in the error of a field
	maxState = 3000 // bytes of private_metadata
)

func stateOf(r commands.FormReply) FormState {
	state := FormState{Channel: r.Channel, Choose: r.Choose}
	if r.Stack == nil {
		return state.WithTyped(r.Fill)
	}
	state.UID, state.Shown, state.Newest, state.AskedAt = r.Stack.UID, commands.ShownAs(r.Stack.String()), r.Fill.Newest, r.Fill.AskedAt
	if r.Version != nil {
		state.Version = r.Version.GitHash
	}
	for i, has := range []bool{!r.Docker, r.Docker, r.Version != nil, len(r.Profiles) > 0} {
		if has {
			state.Asked += optional[i].letter
		}
	}
	if r.Docker && r.Fill.Options[commands.Services] == "" {
		state.Services = digest(oneList(current(r.Services)))
	}
	if len(state.encode()) > maxState { // no real stack has names that long
		return FormState{Choose: r.Choose}
	}
	state.Profiles = state.fitting(r.Profiles)
	if len(state.Profiles) == 0 {
		state.Asked = strings.ReplaceAll(state.Asked, "p", "")
	}
	return state
}

// WithTyped returns a copy that also holds inv as Typed, or s itself if that does not fit.
func (s FormState) WithTyped(inv commands.Invocation) FormState {
	typed := s
	typed.Typed = inv.Again()
	if len(typed.encode()) > maxState {
		return s
	}
	return typed
}

// fitting returns the leading profiles that fit into both the select element and the state.
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

// digest hashes a text that is too long to store. The digest of "" is "".
func digest(text string) string {
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

func (s FormState) encode() string {
	b, err := json.Marshal(s)
	if err != nil {
		return ""
	}
	return string(b)
}

// ParseFormState reads a view's private_metadata. It returns the zero value if the metadata is invalid.
func ParseFormState(metadata string) FormState {
	var s FormState
	if json.Unmarshal([]byte(metadata), &s) != nil || s.Newest < 0 {
		return FormState{}
	}
	return s
}

// Field is the state of one element in a view's state.values.
type Field struct {
	Value          string `json:"value"`
	SelectedOption struct {
		Value string `json:"value"`
	} `json:"selected_option"`
	SelectedConversation string `json:"selected_conversation"`
}

// Fields holds the elements of a view by block id and action id.
type Fields map[string]map[string]Field

// field returns the single element of a block, if the payload contains it.
func (f Fields) field(block string) (field Field, shown bool) {
	for _, element := range f[block] {
		return element, true
	}
	return Field{}, false
}

// Typed returns the input of an unsent form for a refill. Invalid input is dropped.
func Typed(state FormState, fields Fields) commands.Invocation {
	if state.UID == "" {
		return state.Typed
	}
	inv := commands.Invocation{Verb: commands.Redeploy, UID: state.UID}
	formReader{state: state, fields: fields, inv: &inv, wrong: map[string]string{}}.read()
	return inv.Again()
}

// blocks returns the ids of the form's input blocks. A submission contains all of them.
func (s FormState) blocks() []string {
	blocks := []string{stackBlock(s.UID)}
	if s.UID == "" {
		return blocks
	}
	blocks = append(blocks, blockReason)
	for _, o := range optional {
		if strings.Contains(s.Asked, o.letter) {
			blocks = append(blocks, blockOf(o.block, s.UID))
		}
	}
	return blocks
}

// ReadForm converts a submitted form into an invocation. Errors are keyed by block id, including those for missing blocks. ReadForm uses
// local knowledge only.
func ReadForm(state FormState, fields Fields) (commands.Invocation, map[string]string) {
	if state.Wants != "" {
		return readReason(state, fields)
	}
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

// readReason converts a submitted reason into the invocation that lacked it.
func readReason(state FormState, fields Fields) (commands.Invocation, map[string]string) {
	wrong := map[string]string{}
	inv, err := commands.FromValue(state.Wants)
	field, shown := fields.field(blockReason)
	if err != nil || !shown {
		return inv, map[string]string{"": "It is of another version."}
	}
	formReader{state: state, fields: fields, inv: &inv, wrong: wrong}.set(commands.Reason, strings.TrimSpace(field.Value), blockReason)
	if inv.Options[commands.Reason] == "" || strings.TrimSpace(field.Value) == "" {
		wrong[blockReason] = "Write why."
	}
	inv.Fill, inv.Form = false, true
	return inv, wrong
}

// formReader reads each field of a form into inv or reports its error in wrong.
type formReader struct {
	state  FormState
	fields Fields
	inv    *commands.Invocation
	wrong  map[string]string
}

func (r formReader) read() {
	for _, o := range optional {
		if strings.Contains(r.state.Asked, o.letter) {
			block := blockOf(o.block, r.state.UID)
			field, _ := r.fields.field(block)
			o.read(r, block, field)
		}
	}
	field, _ := r.fields.field(blockReason)
	r.set(commands.Reason, strings.TrimSpace(field.Value), blockReason)
}

func (r formReader) set(option commands.Opt, value, block string) {
	if err := r.inv.Set(option, value); err != nil {
		r.wrong[block] = markup.Shorten(commands.Sentence(err), maxWrong)
	}
}

func (r formReader) ref(block string, field Field) {
	r.set(commands.Ref, commands.Field(field.Value), block)
}

func (r formReader) version(block string, field Field) {
	switch chosen := field.SelectedOption.Value; {
	case chosen == newestVersion:
	case chosen != thisVersion || r.state.Version == "":
		r.wrong[block] = "I do not know this version any more: open the form again."
	case r.inv.Options[commands.Ref] != "" && r.inv.Options[commands.Ref] != r.state.Version:
		r.wrong[blockOf(blockRef, r.state.UID)] = "Choose one: this version, or a branch, tag or commit."
	default:
		r.set(commands.Ref, r.state.Version, block)
	}
}

func (r formReader) services(block string, field Field) {
	switch list := oneList(field.Value); {
	case digest(list) == r.state.Services:
	case list == "":
		r.wrong[block] = "Name at least one service, or leave the list as it was: then all are redeployed."
	default:
		r.set(commands.Services, list, block)
	}
}

func (r formReader) profile(block string, field Field) {
	chosen := field.SelectedOption.Value
	if chosen == "" {
		return
	}
	for i, p := range r.state.Profiles {
		if chosen == strconv.Itoa(i) {
			r.set(commands.Profile, p, block)
			return
		}
	}
	r.wrong[block] = "I do not know this profile any more: open the form again."
}

// stale reports whether the form's fields still belong to another stack or channel than the selected one.
func (s FormState) stale(fields Fields) bool {
	stack, _ := fields.field(stackBlock(s.UID))
	channel, _ := fields.field(blockChannel)
	other := func(chosen, filled string) bool { return chosen != "" && chosen != filled }
	return s.UID == "" || other(stack.SelectedOption.Value, s.UID) || other(channel.SelectedConversation, s.Channel)
}

// oneList joins services from lines into the syntax of the services option, without formatting such as backticks.
func oneList(lines string) string {
	var words []string
	for word := range strings.FieldsFuncSeq(lines, func(r rune) bool { return r == '\n' || r == ',' || r == '\r' }) {
		if word = commands.Field(strings.Trim(word, "` ")); word != "" {
			words = append(words, word)
		}
	}
	return strings.Join(words, ",")
}
