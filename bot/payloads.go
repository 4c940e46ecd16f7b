package bot

import (
	"encoding/json"
	"regexp"
	"strings"

	"c66bot/bot/card"
	"c66bot/bot/socket"
	"c66bot/cloud66/secret"
)

// Payloads are decoded with the fields in use, leniently; see socket.Word.

// These find the author in a frame that is not valid JSON. They match nothing inside a string, where quotes are escaped.
var (
	brokenUser    = regexp.MustCompile(`"(?:user_id"|user"\s*:\s*\{[^{}]*?"id")\s*:\s*"([UW][A-Z0-9]+)"`)
	brokenChannel = regexp.MustCompile(`"(?:channel_id"|channel"\s*:\s*\{[^{}]*?"id")\s*:\s*"([CDG][A-Z0-9]+)"`)
	brokenURL     = regexp.MustCompile(`"response_url"\s*:\s*"(https?:[^"]+)"`)
)

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
	Command     socket.Word `json:"command"`
	Text        socket.Word `json:"text"`
	UserID      socket.Word `json:"user_id"`
	ChannelID   socket.Word `json:"channel_id"`
	ResponseURL secret.Text `json:"response_url"`
	TriggerID   socket.Word `json:"trigger_id"`
}

// interaction holds the fields in use of a click, a search in a select element, a submitted form and a shortcut.
type interaction struct {
	Type        socket.Word `json:"type"`
	TriggerID   socket.Word `json:"trigger_id"`
	CallbackID  socket.Word `json:"callback_id"` // in a shortcut
	ResponseURL secret.Text `json:"response_url"`
	Value       socket.Word `json:"value"` // text typed into a select element
	User        socket.Word `json:"user"`
	Channel     socket.Word `json:"channel"`
	Container   struct {
		ChannelID socket.Word `json:"channel_id"`
		Ephemeral socket.Word `json:"is_ephemeral"`
		Thread    socket.Word `json:"thread_ts"`
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
	ID              socket.Word     `json:"id"`
	PrivateMetadata socket.Word     `json:"private_metadata"`
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
	ActionID       socket.Word `json:"action_id"`
	Value          socket.Word `json:"value"`
	SelectedOption struct {
		Value socket.Word `json:"value"`
	} `json:"selected_option"`
	SelectedConversation socket.Word `json:"selected_conversation"`
}

// happening holds the fields in use of an event's payload.
type happening struct {
	EventID socket.Word `json:"event_id"`
	Event   event       `json:"event"`
}

type event struct {
	Type     socket.Word `json:"type"`
	User     socket.Word `json:"user"`
	Text     socket.Word `json:"text"`
	Channel  socket.Word `json:"channel"`
	TS       socket.Word `json:"ts"`
	ThreadTS socket.Word `json:"thread_ts"`
	BotID    socket.Word `json:"bot_id"` // set in a bot's message
	Edited   any         `json:"edited"` // an object if the message was edited

	// Message and Previous are the new and the old version in an event about a change of a message.
	Message  *event `json:"message"`
	Previous *event `json:"previous_message"`
	// In the event for a changed channel id.
	OldChannel socket.Word `json:"old_channel_id"`
	NewChannel socket.Word `json:"new_channel_id"`
	EventTS    socket.Word `json:"event_ts"`
}
