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
	a.message = cmp.Or(endings[d.State], d.failsWith, "Deployment failed")
}

func (s *Sim) renderAction(st *stack, a *action) any {
	wire := Object{
		"id": a.id, "user": a.user, "resource_type": "stack", "action": "application_deployment", "resource_id": strconv.FormatInt(st.number, 10),
		"started_via": a.via, "started_at": s.iso(a.startedAt), "finished_at": s.optionalTime(a.finishedAt), "finished_success": nil,
		"finished_message": optional(a.message), "finished_result": nil, "metadata": Object{"user_reference": optional(a.reference)},
	}
	if !a.finishedAt.IsZero() {
		wire["finished_success"] = a.success
	}
	return wire
}
