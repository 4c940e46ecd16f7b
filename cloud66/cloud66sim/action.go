package cloud66sim

import "time"

// action is the stack action that belongs to a deployment (Cloud 66 API, Stack actions).
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

func (a *action) finish(d *deployment) {
	a.finishedAt, a.success = d.FinishedAt, d.State == Success
	switch d.State {
	case Success:
		a.message = "Deployment completed successfully"
	case Cancelled:
		a.message = "Deployment cancelled"
	default:
		a.message = "Deployment failed"
	}
}
