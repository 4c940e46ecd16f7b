package cloud66

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/url"
	"strconv"
	"time"
)

// Action is something that was done to a stack, a deployment for example (Cloud 66 API, Stack actions).
type Action struct {
	ID              int64
	User            string
	ResourceType    string // "stack"
	Action          string // "application_deployment" for a deployment
	ResourceID      string
	StartedVia      string
	StartedAt       time.Time
	FinishedAt      time.Time
	FinishedSuccess *bool // nil while it is not known
	FinishedMessage string
	FinishedResult  string
	UserReference   string // what the one who started it gave with it
}

// ActionFilter narrows a list of actions; an empty UserReference does not.
type ActionFilter struct {
	UserReference string
}

// Actions yields the actions of a stack that the filter lets through.
func (c *Client) Actions(ctx context.Context, uid string, f ActionFilter) iter.Seq2[Action, error] {
	path, err := stackPath(uid, "actions")
	if err != nil {
		return failed[Action](err)
	}
	l := listing[Action]{client: c, path: path, pages: fewPages, item: each(c.action)}
	if f.UserReference != "" {
		l.query = url.Values{"user_reference": {f.UserReference}}
	}
	return func(yield func(Action, error) bool) {
		for a, err := range all(ctx, l, func(a Action) int64 { return a.ID }) {
			if err == nil && f.UserReference != "" && a.UserReference != f.UserReference {
				continue // not every server knows the filter
			}
			if !yield(a, err) {
				return
			}
		}
	}
}

// Action returns one action of a stack.
func (c *Client) Action(ctx context.Context, uid string, id int64) (Action, error) {
	return fetchOne(ctx, c, uid, c.action, "actions", strconv.FormatInt(id, 10))
}

type wireAction struct {
	ID              text          `json:"id"`
	User            text          `json:"user"`
	ResourceType    text          `json:"resource_type"`
	Action          text          `json:"action"`
	ResourceID      text          `json:"resource_id"`
	StartedVia      text          `json:"started_via"`
	StartedAt       text          `json:"started_at"`
	FinishedAt      text          `json:"finished_at"`
	FinishedSuccess text          `json:"finished_success"`
	FinishedMessage text          `json:"finished_message"`
	FinishedResult  text          `json:"finished_result"`
	Metadata        userReference `json:"metadata"`
}

// userReference is the part of an action's metadata that is read; metadata that is no object has none.
type userReference text

// UnmarshalJSON takes any value.
func (u *userReference) UnmarshalJSON(data []byte) error {
	*u = ""
	if data[0] != '{' {
		return nil
	}
	var metadata struct {
		UserReference text `json:"user_reference"`
	}
	err := json.Unmarshal(data, &metadata)
	*u = userReference(metadata.UserReference)
	return err
}

func (c *Client) action(w wireAction) (Action, error) {
	a := Action{
		ID:              w.ID.int(),
		User:            string(w.User),
		ResourceType:    string(w.ResourceType),
		Action:          string(w.Action),
		ResourceID:      string(w.ResourceID),
		StartedVia:      string(w.StartedVia),
		StartedAt:       firstTime(c.oddTime, w.StartedAt),
		FinishedAt:      firstTime(c.oddTime, w.FinishedAt),
		FinishedSuccess: w.FinishedSuccess.truth(),
		FinishedMessage: string(w.FinishedMessage),
		FinishedResult:  string(w.FinishedResult),
		UserReference:   string(w.Metadata),
	}
	if a.ID <= 0 {
		return Action{}, errors.New("an action in it has no id")
	}
	return a, nil
}
