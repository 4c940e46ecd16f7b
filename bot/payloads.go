package bot

import (
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"c66bot/bot/card"
	"c66bot/cloud66/secret"
)

// Frames and payloads are read into types of our own with the fields in use: slack-go's types refuse a whole command for one odd field.

// frame is one message of the socket: an envelope, a hello or a disconnect.
type frame struct {
	envelope

	Reason         word `json:"reason"`          // of a disconnect
	NumConnections word `json:"num_connections"` // of a hello, as are the others
	ConnectionInfo struct {
		AppID word `json:"app_id"`
	} `json:"connection_info"`
	DebugInfo struct {
		Host word `json:"host"`
	} `json:"debug_info"`
}

// envelope is a delivery that the app must acknowledge.
type envelope struct {
	Type    word            `json:"type"`
	ID      word            `json:"envelope_id"`
	Payload json.RawMessage `json:"payload"`
	Accepts word            `json:"accepts_response_payload"`
	Again   word            `json:"retry_attempt"` // how often an event was sent before
}

// acknowledgement is the answer to an envelope.
type acknowledgement struct {
	ID      word `json:"envelope_id"`
	Payload any  `json:"payload,omitempty"`
}

// unreadable is our type for an envelope that is no JSON; its payload is the whole frame.
const unreadable = "unreadable"

// These find an envelope's id and author in a frame that is no JSON. They find nothing inside a string, where a quote follows a backslash.
var (
	brokenEnvelope = regexp.MustCompile(`"envelope_id"\s*:\s*"([^"\\]+)"`)
	brokenUser     = regexp.MustCompile(`"(?:user_id"|user"\s*:\s*\{[^{}]*?"id")\s*:\s*"([UW][A-Z0-9]+)"`)
	brokenChannel  = regexp.MustCompile(`"(?:channel_id"|channel"\s*:\s*\{[^{}]*?"id")\s*:\s*"([CDG][A-Z0-9]+)"`)
	brokenURL      = regexp.MustCompile(`"response_url"\s*:\s*"(https?:[^"]+)"`)
)

// readFrame reads a frame. It is false for text that is neither a JSON object nor an envelope, such as a ping.
func readFrame(data []byte) (frame, bool) {
	var f frame
	if lenient(data, &f) == nil {
		return f, true
	}
	id := brokenEnvelope.FindSubmatch(data)
	if id == nil {
		return frame{}, false
	}
	return frame{envelope: envelope{Type: unreadable, ID: word(id[1]), Payload: data}}, true
}

// decode reads a payload, which may be an object or a string that holds one.
func (e envelope) decode(v any) error {
	data := []byte(e.Payload)
	var text string
	if json.Unmarshal(data, &text) == nil && strings.HasPrefix(strings.TrimSpace(text), "{") {
		data = []byte(text)
	}
	return lenient(data, v)
}

// authorOf finds where the author of an envelope can be told that it could not be read.
func authorOf(data []byte) answer {
	found := func(in *regexp.Regexp) string {
		if match := in.FindSubmatch(data); match != nil {
			return string(match[1])
		}
		return ""
	}
	to := answer{user: found(brokenUser), channel: found(brokenChannel)}
	if url := found(brokenURL); url != "" {
		to.url = secret.New(strings.ReplaceAll(url, `\/`, "/"))
	}
	return to
}

// command is what is needed of a slash command's payload.
type command struct {
	Command     word        `json:"command"`
	Text        word        `json:"text"`
	UserID      word        `json:"user_id"`
	ChannelID   word        `json:"channel_id"`
	ResponseURL secret.Text `json:"response_url"`
	TriggerID   word        `json:"trigger_id"`
}

// interaction is what is needed of a click, of a search in a select, of a form that was sent, and of a shortcut.
type interaction struct {
	Type        word        `json:"type"`
	TriggerID   word        `json:"trigger_id"`
	CallbackID  word        `json:"callback_id"` // of a shortcut
	ResponseURL secret.Text `json:"response_url"`
	Value       word        `json:"value"` // what was typed into a select
	User        word        `json:"user"`
	Channel     word        `json:"channel"`
	Container   struct {
		ChannelID word `json:"channel_id"`
		Ephemeral word `json:"is_ephemeral"`
	} `json:"container"`
	View    view          `json:"view"`
	Actions []clickAction `json:"actions"`
}

// action is what was clicked; it has no id where nothing was.
func (in interaction) action() clickAction {
	for _, action := range in.Actions {
		if action.ActionID != "" {
			return action
		}
	}
	return clickAction{}
}

type view struct {
	ID              word            `json:"id"`
	PrivateMetadata word            `json:"private_metadata"`
	State           json.RawMessage `json:"state"`
}

// fields are what the fields of the view hold. It fails where they are not of Slack's form.
func (v view) fields() (card.Fields, error) {
	var state struct {
		Values card.Fields `json:"values"`
	}
	err := json.Unmarshal(v.State, &state) // strictly: a form is carried out as it was filled in, or not at all
	return state.Values, err
}

type clickAction struct {
	ActionID       word `json:"action_id"`
	Value          word `json:"value"`
	SelectedOption struct {
		Value word `json:"value"`
	} `json:"selected_option"`
	SelectedConversation word `json:"selected_conversation"`
}

// happening is what is needed of an event's payload.
type happening struct {
	EventID word  `json:"event_id"`
	Event   event `json:"event"`
}

type event struct {
	Type     word `json:"type"`
	User     word `json:"user"`
	Text     word `json:"text"`
	Channel  word `json:"channel"`
	TS       word `json:"ts"`
	ThreadTS word `json:"thread_ts"`
	BotID    word `json:"bot_id"` // of a bot's message
	Edited   any  `json:"edited"` // an object where the message was changed after it was sent

	// Message is the message as it is now, and Previous as it was, where the event is about the change itself.
	Message  *event `json:"message"`
	Previous *event `json:"previous_message"`
	// Of a channel whose id has changed.
	OldChannel word `json:"old_channel_id"`
	NewChannel word `json:"new_channel_id"`
	EventTS    word `json:"event_ts"`
}

// What Slack sends is read field by field: one of another type than the documents say is read as far as it can be, else it is as if it were
// not there. What needs it says so; nothing else is harmed.

// lenient decodes what can be read of JSON. It fails only where it is no JSON at all.
func lenient(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	if _, odd := errors.AsType[*json.UnmarshalTypeError](err); odd {
		return nil // encoding/json leaves that field as it is and goes on
	}
	return err
}

// word is a string; a number or a truth value as it is written; or the id of an object.
type word string

// UnmarshalJSON implements json.Unmarshaler.
func (w *word) UnmarshalJSON(b []byte) error {
	switch b[0] {
	case '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*w = word(s)
	case '{':
		var object struct {
			ID word `json:"id"`
		}
		if err := lenient(b, &object); err != nil {
			return err
		}
		*w = object.ID
	case '[', 'n':
	default:
		*w = word(b)
	}
	return nil
}

// holds reports whether a word says yes.
func (w word) holds() bool { return w == "true" || w == "1" }

// count is the number that a word says; 0 for none and for one beyond reason.
func (w word) count() int {
	const most = 1e6
	if n, err := strconv.ParseFloat(string(w), 64); err == nil && n >= 0 && n <= most {
		return int(n)
	}
	return 0
}
