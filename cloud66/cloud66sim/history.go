package cloud66sim

import (
	"slices"
	"time"
)

// past is a deployment that ended before the simulation began.
type past struct {
	start    Start
	state    State
	services []string
}

// pastOf appends a past deployment to a stack; datePast gives it its times.
func (st *stack) pastOf(s *Sim, p past) {
	if len(st.deployments) == 0 {
		p.start.Type = "first_build"
	}
	d := s.newDeployment(st, p.start)
	d.State, d.Services = p.state, p.services
	st.deployments = append(st.deployments, d)
	st.head = d
	if p.state == Success {
		st.goLive(d)
	}
}

// datePast spreads the past deployments of a stack over the time before now, some hours apart. The last one ended about three hours ago.
func (s *Sim) datePast(st *stack, now time.Time) {
	if len(st.deployments) == 0 {
		return
	}
	apart := 7*time.Hour + st.UsualDuration
	end := now.Add(-3 * time.Hour)
	for _, d := range slices.Backward(st.deployments) {
		percent := 85 + pick(31, "duration", d.ID)
		d.FinishedAt = end.Add(-time.Duration(pick(120, "pause", d.ID)) * time.Minute)
		d.StartedAt = d.FinishedAt.Add(-s.scaled(st.UsualDuration * time.Duration(percent) / 100))
		d.CreatedAt = d.StartedAt
		end = end.Add(-apart)
	}
	st.touch(st.head.FinishedAt)
	st.createdAt = st.deployments[0].StartedAt.Add(-time.Hour)
}
