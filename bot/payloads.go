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

// Frames and payloads are decoded into types of this package with the fields in use. slack-go's types would reject a whole command for one
// odd field.

// frame is one message on the socket: an envelope, a hello or a disconnect.
type frame struct {
	envelope

	Reason         word `json:"reason"`          // in a disconnect
	NumConnections word `json:"num_connections"` // in a hello, like the fields below
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
	Again   word            `json:"retry_attempt"` // number of earlier deliveries of an event
}

// acknowledgement is the response to an envelope.
type acknowledgement struct {
	ID      word `json:"envelope_id"`
	Payload any  `json:"payload,omitempty"`
}

// unreadable is this package's type for an envelope that is not valid JSON. The payload is then the whole frame.
const unreadable = "unreadable"

// These find the id and the author in a frame that is not valid JSON. They match nothing inside a string, where quotes are escaped.
var (
	brokenEnvelope = regexp.MustCompile(`"envelope_id"\s*:\s*"([^"\\]+)"`)
	brokenUser     = regexp.MustCompile(`"(?:user_id"|user"\s*:\s*\{[^{}]*?"id")\s*:\s*"([UW][A-Z0-9]+)"`)
	brokenChannel  = regexp.MustCompile(`"(?:channel_id"|channel"\s*:\s*\{[^{}]*?"id")\s*:\s*"([CDG][A-Z0-9]+)"`)
	brokenURL      = regexp.MustCompile(`"response_url"\s*:\s*"(https?:[^"]+)"`)
)

// readFrame decodes a frame. It returns false for data that is neither a JSON object nor an envelope, such as a ping.
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

// decode decodes a payload, which is an object or a string that contains one.
func (e envelope) decode(v any) error {
	data := []byte(e.Payload)
	var text string
	if json.Unmarshal(data, &text) == nil && strings.HasPrefix(strings.TrimSpace(text), "{") {
		data = []byte(text)
	}
	return lenient(data, v)
}

// authorOf extracts the destination of a reply from an unreadable envelope.
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

// command holds the fields in use of a slash command's payload.
type command struct {
	Command     word        `json:"command"`
	Text        word        `json:"text"`
	UserID      word        `json:"user_id"`
	ChannelID   word        `json:"channel_id"`
	ResponseURL secret.Text `json:"response_url"`
	TriggerID   word        `json:"trigger_id"`
}

// interaction holds the fields in use of a click, a search in a select element, a submitted form and a shortcut.
type interaction struct {
	Type        word        `json:"type"`
	TriggerID   word        `json:"trigger_id"`
	CallbackID  word        `json:"callback_id"` // in a shortcut
	ResponseURL secret.Text `json:"response_url"`
	Value       word        `json:"value"` // text typed into a select element
	User        word        `json:"user"`
	Channel     word        `json:"channel"`
	Container   struct {
		ChannelID word `json:"channel_id"`
		Ephemeral word `json:"is_ephemeral"`
	} `json:"container"`
	View    view          `json:"view"`
	Actions []clickAction `json:"actions"`
}

// action returns the clicked action. Its ActionID is empty if there is none.
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

// fields returns the state of the view's fields. It fails if they do not have Slack's format.
func (v view) fields() (card.Fields, error) {
	var state struct {
		Values card.Fields `json:"values"`
	}
	err := json.Unmarshal(v.State, &state) // strict: a form is carried out exactly as filled in or not at all
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

// happening holds the fields in use of an event's payload.
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
	BotID    word `json:"bot_id"` // set in a bot's message
	Edited   any  `json:"edited"` // an object if the message was edited

	// Message and Previous are the new and the old version in an event about a change of a message.
	Message  *event `json:"message"`
	Previous *event `json:"previous_message"`
	// In the event for a changed channel id.
	OldChannel word `json:"old_channel_id"`
	NewChannel word `json:"new_channel_id"`
	EventTS    word `json:"event_ts"`
}

// Slack's data is decoded field by field. A field of an undocumented type is converted if possible and otherwise treated as absent. Code
// that needs the field reports that; nothing else is affected.

// lenient decodes whatever is decodable. It fails only if data is not valid JSON.
func lenient(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	if _, odd := errors.AsType[*json.UnmarshalTypeError](err); odd {
		return nil // encoding/json skips that field and continues
	}
	return err
}

// word is a string, the literal text of a number or boolean, or the id of an object.
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

// holds reports whether a word is true.
func (w word) holds() bool { return w == "true" || w == "1" }

// count returns the number in a word. It returns 0 if there is none or if it is implausible.
func (w word) count() int {
	const most = 1e6
	if n, err := strconv.ParseFloat(string(w), 64); err == nil && n >= 0 && n <= most {
		return int(n)
	}
	return 0
}
