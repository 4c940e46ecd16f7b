package bot

import (
	"encoding/json"

	"c66bot/bot/card"
	"c66bot/cloud66/secret"
)

// The payloads are read into types of our own: slack-go's refuse a whole command for one odd field.

// command is what is needed of a slash command's payload.
type command struct {
	Command     string      `json:"command"`
	Text        string      `json:"text"`
	UserID      string      `json:"user_id"`
	ChannelID   string      `json:"channel_id"`
	ResponseURL secret.Text `json:"response_url"`
	TriggerID   string      `json:"trigger_id"`
}

// interaction is what is needed of a click, of a search in a select, of a form that was sent, and of a shortcut.
type interaction struct {
	Type        string      `json:"type"`
	TriggerID   string      `json:"trigger_id"`
	CallbackID  string      `json:"callback_id"` // of a shortcut
	ResponseURL secret.Text `json:"response_url"`
	Value       string      `json:"value"` // what was typed into a select
	User        struct {
		ID string `json:"id"`
	} `json:"user"`
	Channel struct {
		ID string `json:"id"`
	} `json:"channel"`
	Container struct {
		ChannelID string `json:"channel_id"`
		Ephemeral bool   `json:"is_ephemeral"`
	} `json:"container"`
	View    view          `json:"view"`
	Actions []clickAction `json:"actions"`
}

type view struct {
	ID              string          `json:"id"`
	PrivateMetadata string          `json:"private_metadata"`
	State           json.RawMessage `json:"state"`
}

// fields are what the fields of the view hold. It fails where they are not of Slack's form.
func (v view) fields() (card.Fields, error) {
	var state struct {
		Values card.Fields `json:"values"`
	}
	err := json.Unmarshal(v.State, &state)
	return state.Values, err
}

type clickAction struct {
	ActionID       string `json:"action_id"`
	Value          string `json:"value"`
	SelectedOption struct {
		Value string `json:"value"`
	} `json:"selected_option"`
	SelectedConversation string `json:"selected_conversation"`
}

// happening is what is needed of an event's payload.
type happening struct {
	EventID string `json:"event_id"`
	Event   event  `json:"event"`
}

type event struct {
	Type     string `json:"type"`
	User     string `json:"user"`
	Text     string `json:"text"`
	Channel  string `json:"channel"`
	TS       string `json:"ts"`
	ThreadTS string `json:"thread_ts"`
	Edited   any    `json:"edited"` // not nil where the message was changed after it was sent
}
