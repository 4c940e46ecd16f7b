package cloud66sim

import (
	"slices"
	"strings"
	"time"
)

// cancelTakes is how long a running deployment goes on after its cancellation was accepted, before the speed divides it.
const cancelTakes = 5 * time.Second

// enqueue puts a new deployment behind those that run or wait, and begins it where there is none.
func (s *Sim) enqueue(st *stack, d *deployment, now time.Time) {
	d.CreatedAt = now
	d.action = s.newAction(st, d)
	st.deployments = append(st.deployments, d)
	st.queue = append(st.queue, d)
	st.touch(now)
	s.advanceStack(st, now)
}

// advanceStack ends and begins what should have ended and begun on the stack until now.
func (s *Sim) advanceStack(st *stack, now time.Time) {
	for {
		if st.running == nil && !s.beginNext(st) {
			return
		}
		if st.running.endsAt.After(now) {
			return
		}
		st.finishRunning()
	}
}

// beginNext begins the deployment that waits longest and tells whether there was one that could.
func (s *Sim) beginNext(st *stack) bool {
	if st.Busy || len(st.queue) == 0 {
		return false
	}
	d := st.queue[0]
	st.queue = st.queue[1:]
	next := st.takeNext()
	d.State, d.willBe = Running, next.state()
	d.StartedAt = d.CreatedAt
	if st.freeAt.After(d.StartedAt) {
		d.StartedAt = st.freeAt
	}
	d.endsAt = d.StartedAt.Add(s.scaled(next.Duration))
	st.running = d
	st.touch(d.StartedAt)
	return true
}

// takeNext removes and returns what was asked for with NextOutcome, completed by the usual.
func (st *stack) takeNext() Next {
	var next Next
	if len(st.nexts) > 0 {
		next, st.nexts = st.nexts[0], st.nexts[1:]
	}
	setDefault(&next.Duration, st.UsualDuration)
	return next
}

func (n Next) state() State {
	switch {
	case n.Outcome != "":
		return State(n.Outcome)
	case n.Fail:
		return Failed
	}
	return Success
}

func (st *stack) finishRunning() {
	d := st.running
	st.running, st.freeAt = nil, d.endsAt
	st.finish(d, d.willBe, d.endsAt)
	st.head = d
	if d.State == Success {
		st.goLive(d)
	}
}

// finish ends a deployment and its action.
func (st *stack) finish(d *deployment, state State, at time.Time) {
	d.State, d.FinishedAt = state, at
	if d.action != nil {
		d.action.finish(d)
	}
	st.touch(at)
}

// goLive puts a successful deployment on the servers. A revert marks what was there as reverted.
func (st *stack) goLive(d *deployment) {
	if d.Type == "revert" && st.live != nil {
		st.live.revertedBy = d
	}
	st.live = d
	for _, image := range d.Services {
		if name, tag, tagged := strings.Cut(image, ":"); tagged {
			st.setTag(name, tag)
		}
	}
}

func (st *stack) setTag(service, tag string) {
	for i := range st.Services {
		switch sv := &st.Services[i]; {
		case sv.Name != service:
		case sv.SourceType == "git":
			sv.GitRef = tag
		default:
			sv.ImageTag = tag
		}
	}
}

// cancel takes a queued deployment out of the queue and lets a running one end soon, unless it ends by itself before that.
func (s *Sim) cancel(st *stack, d *deployment, now time.Time) {
	setDefault(&d.CancelRequestedAt, now)
	st.touch(now)
	if d.State == Queued {
		st.queue = slices.DeleteFunc(st.queue, func(other *deployment) bool { return other == d })
		st.finish(d, Cancelled, now)
		return
	}
	ends := now
	if !s.opts.CancelInstant {
		ends = now.Add(s.scaled(cancelTakes))
	}
	if ends.Before(d.endsAt) {
		d.endsAt, d.willBe = ends, Cancelled
	}
	s.advanceStack(st, now)
}
