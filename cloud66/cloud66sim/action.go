package cloud66sim

import (
	"cmp"
	"strconv"
	"time"
)

// action is the stack action of a deployment (Cloud 66 API, Stack actions).
type action struct {
	id         int64
	user       string
	via        string
	reference  string
	startedAt  time.Time
	finishedAt time.Time
	success    bool
	message    string
}

func (s *Sim) newAction(st *stack, d *deployment) *action {
	s.lastAction++
	a := &action{id: s.lastAction, user: d.By, via: d.Via, reference: d.UserReference, startedAt: d.CreatedAt}
	st.actions = append(st.actions, a)
	return a
}

// endings maps final states to the messages of actions. Any other state is a failure.
var endings = map[State]string{Success: "Deployment completed successfully", Cancelled: "Deployment cancelled"}

func (a *action) finish(d *deployment) {
	a.finishedAt, a.success = d.FinishedAt, d.State == Success
	a.message = cmp.Or(endings[d.State], "Deployment failed")
}

type wireAction struct {
	ID              int64        `json:"id"`
	User            string       `json:"user"`
	ResourceType    string       `json:"resource_type"`
	Action          string       `json:"action"`
	ResourceID      string       `json:"resource_id"`
	StartedVia      string       `json:"started_via"`
	StartedAt       string       `json:"started_at"`
	FinishedAt      *string      `json:"finished_at"`
	FinishedSuccess *bool        `json:"finished_success"`
	FinishedMessage *string      `json:"finished_message"`
	FinishedResult  *string      `json:"finished_result"`
	Metadata        wireMetadata `json:"metadata"`
}

type wireMetadata struct {
	UserReference *string `json:"user_reference"`
}

func (s *Sim) renderAction(st *stack, a *action) any {
	wire := wireAction{
		ID: a.id, User: a.user, ResourceType: "stack", Action: "application_deployment", ResourceID: strconv.FormatInt(st.number, 10),
		StartedVia: a.via, StartedAt: s.iso(a.startedAt), FinishedAt: s.optionalTime(a.finishedAt), FinishedMessage: optional(a.message),
		Metadata: wireMetadata{UserReference: optional(a.reference)},
	}
	if !a.finishedAt.IsZero() {
		wire.FinishedSuccess = &a.success
	}
	return wire
}
