package watch

import (
	"cmp"
	"time"
)

// returnFor is how long after an absence the ends that are found count as of the absence.
const returnFor = 3 * time.Minute

// Absence is a time in which nobody could look. It decides only whether ends are told together.
type Absence struct {
	Since     time.Time // when it began
	Returning bool      // it has just ended, so that deployments which ended in it are found now
}

// presence is when Cloud 66 was last heard of. A new process was away before.
type presence struct {
	since    time.Time // when the last absence began: after the last answer, or with the process
	back     time.Time // the first answer after it; zero before there is one
	answered time.Time // the last answer
	failing  time.Time // the first failed look since one was answered; zero if there is none
}

// hears records an answer of Cloud 66, to a look or with a page of the list. Looks may fail while the list is read, so that their failures
// count apart. Longest is the longest time between two answers as long as all is well.
func (p *presence) hears(at time.Time, look bool, longest time.Duration) {
	away := max(outage, 2*longest)
	switch {
	case p.back.IsZero():
		p.back = at
	case look && !p.failing.IsZero() && at.Sub(p.failing) >= away:
		p.since, p.back = p.failing, at
	case at.Sub(p.answered) >= away:
		p.since, p.back = p.answered, at
	}
	if p.answered = at; look {
		p.failing = time.Time{}
	}
}

func (p *presence) fails(at time.Time) { p.failing = cmp.Or(p.failing, at) }

// Back returns when the last absence ended, or when the process began if nothing was answered yet.
func (w *Watcher) Back() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return cmp.Or(w.presence.back, w.presence.since)
}
