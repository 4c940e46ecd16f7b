package slacksim

import (
	"fmt"
	"time"
)

// triggerLife is how long a trigger_id can be exchanged for a modal.
const triggerLife = 3 * time.Second

// trigger is what a trigger_id stands for: who acted, and where.
type trigger struct {
	user    string
	channel string // where the person was, "" where Slack does not tell
	view    string // the view that was acted on, "" for none
	until   time.Time
	used    bool
}

// newTrigger makes a trigger_id. The lock is held.
func (w *Workspace) newTrigger(t trigger) string {
	n := w.nextID()
	id := fmt.Sprintf("%d.%d.%032x", 7000000000000+n, 6000000000+n, n*2654435761)
	t.until = time.Now().Add(triggerLife)
	w.triggers[id] = &t
	return id
}

// trigger finds what a call's trigger_id stands for; it is not exchanged yet.
func (w *Workspace) trigger(c *apiCall) (*trigger, error) {
	id := c.args["trigger_id"]
	t := w.triggers[id]
	switch {
	case id == "":
		return nil, invalidArguments("[ERROR] missing required field: trigger_id [json-pointer:/trigger_id]")
	case t == nil:
		return nil, refuse("invalid_trigger_id")
	case t.used:
		return nil, refuse("exchanged_trigger_id")
	case time.Now().After(t.until):
		return nil, refuse("expired_trigger_id")
	}
	return t, nil
}

// invalidArguments is the refusal of arguments with a message for each fault.
func invalidArguments(problems ...string) error {
	return &apiError{code: "invalid_arguments", extra: answer{
		"response_metadata": map[string]any{"messages": problems},
	}}
}
