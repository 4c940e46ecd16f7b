package cloud66

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/url"
)

// Action is something that was done to a stack, a deployment for example (Cloud 66 API, Stack actions).
type Action struct {
	ID              int64
	FinishedSuccess *bool // nil while it is not known
	FinishedMessage string
	UserReference   string // which the request that started it gave
}

// ActionFilter narrows a list of actions; an empty UserReference does not.
type ActionFilter struct {
	UserReference string
}

// Actions yields the actions of a stack that match the filter.
func (c *Client) Actions(ctx context.Context, uid string, f ActionFilter) iter.Seq2[Action, error] {
	path, err := stackPath(uid, "actions")
	l := listing[Action]{client: c, path: path, pages: fewPages, item: each(action)}
	if f.UserReference != "" {
		l.query = url.Values{"user_reference": {f.UserReference}}
	}
	return func(yield func(Action, error) bool) {
		if err != nil {
			yield(Action{}, err)
			return
		}
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

type wireAction struct {
	ID              text          `json:"id"`
	FinishedSuccess text          `json:"finished_success"`
	FinishedMessage text          `json:"finished_message"`
	Metadata        userReference `json:"metadata"`
}

// userReference is the part of an action's metadata that is read. It is empty where the metadata is not an object.
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

func action(w wireAction) (Action, error) {
	a := Action{
		ID: w.ID.int(), FinishedSuccess: w.FinishedSuccess.truth(), FinishedMessage: string(w.FinishedMessage), UserReference: string(w.Metadata),
	}
	if a.ID <= 0 {
		return Action{}, errors.New("an action in it has no id")
	}
	return a, nil
}
