package watch

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"c66bot/cloud66"
	"c66bot/cloud66/panics"
)

const (
	page     = 30
	gapPages = 10 // maximum number of pages of deployments that are read to reach the stack's position
)

// Look is the state of a stack at one time.
type Look struct {
	Stack  string         // UID
	Listed *cloud66.Stack // its newest entry in the list of stacks; nil if it is not swept
	Mark   string         // of that entry, to be stored in the stack's position; empty if the look failed
	At     time.Time
	Newest []cloud66.Deployment // newest first, back to the position's newest
	Gap    bool                 // there are more since that position, which were not read
	Others []cloud66.Deployment // followed deployments, and open ones of the position, that are not in Newest
	Err    error                // the look failed
	Errs   map[int64]error      // errors of single deployments that are not in Newest, by id
	Silent time.Time            // time of the first consecutive failed look; zero if this one did not fail
	Away   Absence              // the last one before it; zero if the look failed

	asked    []int64 // ids of single deployments that were asked for
	all      bool    // there are no more deployments than those in Newest
	requests int
}

// Find returns the deployment with the id, if the look has it.
func (l Look) Find(id int64) (cloud66.Deployment, bool) {
	for _, list := range [][]cloud66.Deployment{l.Newest, l.Others} {
		for _, d := range list {
			if d.ID == id {
				return d, true
			}
		}
	}
	return cloud66.Deployment{}, false
}

// ErrOf returns the error that hid a deployment, or nil if it was read or does not exist.
func (l Look) ErrOf(id int64) error {
	if l.Err != nil {
		return l.Err
	}
	return l.Errs[id]
}

// Covers reports whether the look read all that an aim asks for. If not, it must not be told: what it lacks would be taken for missing. The
// watcher then completes it and hands it over again.
func (l Look) Covers(a Aim) bool {
	return l.Err != nil || l.reaches(a) && !slices.ContainsFunc(a.ids(), func(id int64) bool { return !l.has(id) })
}

// has reports whether a deployment is in the look, or was asked for in vain.
func (l Look) has(id int64) bool {
	_, ok := l.Find(id)
	return ok || slices.Contains(l.asked, id)
}

// reaches reports whether the look goes back to the position: to its newest deployment, or if there is none, to the time before which
// deployments are history.
func (l Look) reaches(a Aim) bool {
	if l.Gap || l.all || len(l.Newest) == 0 || a.Position == nil {
		return true
	}
	oldest := l.Newest[len(l.Newest)-1]
	switch at := a.Position; {
	case at.Newest > 0:
		return oldest.ID <= at.Newest
	case at.Since.IsZero():
		return true
	default:
		return oldest.Ended() && !cmp.Or(oldest.StartedAt, oldest.FinishedAt).After(at.Since)
	}
}

// ids returns the deployments that a look reads, also if they are not among the newest.
func (a Aim) ids() (ids []int64) {
	for id := range a.Followed {
		if id != 0 {
			ids = append(ids, id)
		}
	}
	if a.Position != nil {
		ids = append(ids, a.Position.Open...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// look makes one look and hands it over. If the aim that it gets back asks for more, it completes the look.
func (w *Watcher) look(ctx context.Context, s *stack) {
	w.mu.Lock()
	aim, look := s.aim, Look{Stack: s.uid, Listed: s.listed, Mark: s.mark, At: time.Now()}
	if look.At.Before(s.over) {
		look.Mark += " and more" // differs from the next entry's, which brings another look
	}
	w.mu.Unlock()
	var err error
	for again := false; ; again = true {
		look = w.see(ctx, aim, look)
		if ctx.Err() != nil {
			return
		}
		w.note(s, &look)
		told := aim
		if err = panics.Catch(func() (err error) { told, err = w.Seen(ctx, look); return err }); err == nil {
			aim = told
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil || again || look.Covers(aim) {
			break
		}
	}
	if err != nil {
		w.Log.Error("what a look shows could not all be told; the next one tries again", "stack", s.uid, "error", err)
	}
	w.finish(s, look, aim, err != nil || aim.Again || !look.Covers(aim))
}

// note records whether Cloud 66 answered a look, and since when it did not.
func (w *Watcher) note(s *stack, look *Look) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case look.Err == nil && len(look.Errs) == 0:
		s.silent = time.Time{}
	case s.silent.IsZero():
		s.silent = look.At
	}
	look.Silent = s.silent
	if look.Err != nil && !errors.Is(look.Err, cloud66.ErrNotFound) {
		w.presence.fails(look.At)
		return
	}
	w.presence.hears(look.At, true, w.Max)
	look.Away = Absence{w.presence.since, look.At.Sub(w.presence.back) < returnFor}
}

// see reads the newest deployments, and those that an aim asks for and that are not among them, as far as the look does not have them.
func (w *Watcher) see(ctx context.Context, a Aim, look Look) Look {
	ctx = cloud66.Background(ctx)
	if look.Newest == nil || !look.reaches(a) {
		if look.Err = w.readNewest(ctx, a, &look); look.Err != nil {
			look.Newest, look.Mark = nil, ""
			return look
		}
	}
	for _, id := range a.ids() {
		if look.has(id) {
			continue
		}
		look.requests++
		look.asked = append(look.asked, id)
		d, err := w.Cloud.Deployment(ctx, look.Stack, id)
		switch {
		case err == nil:
			look.Others = append(look.Others, d)
		case !errors.Is(err, cloud66.ErrNotFound):
			if look.Errs == nil {
				look.Errs = map[int64]error{}
			}
			look.Errs[id] = err
		}
	}
	return look
}

// readNewest reads the newest deployments back to the position, or reports a gap if they do not fit in gapPages pages.
func (w *Watcher) readNewest(ctx context.Context, a Aim, look *Look) error {
	look.Newest = []cloud66.Deployment{}
	for number := range gapPages {
		look.requests++
		part, err := w.Cloud.DeploymentRange(ctx, look.Stack, number*page, page)
		if err != nil {
			return err
		}
		for _, d := range part.Deployments { // the pages shift if a new one is added while they are read
			if n := len(look.Newest); n == 0 || d.ID < look.Newest[n-1].ID {
				look.Newest = append(look.Newest, d)
			}
		}
		look.all = len(part.Deployments) == 0 || part.Total <= (number+1)*page
		if look.reaches(a) {
			return nil
		}
	}
	look.Gap = true
	return nil
}

func (w *Watcher) finish(s *stack, look Look, aim Aim, again bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.signal()
	now := time.Now()
	s.looking, s.last, s.aim = false, now, aim
	w.looking--
	w.limit.credit -= float64(max(look.requests-1, 0)) // the first was counted when it was sent
	switch {
	case isRefusal(look.Err):
		w.limit.refused(now, look.Err)
		s.ask(now)
	case look.Err != nil:
		s.failures++
		w.Log.Debug("look failed", "stack", s.uid, "failures", s.failures, "error", look.Err)
	default:
		s.failures = 0
		w.limit.served()
		s.next, s.slow = now.Add(w.interval(s.aim, look)), turnsSlow(s.aim, look)
	}
	switch {
	case again:
		s.again++
		at := now.Add(w.backoff(s))
		if aim.Again && look.Err == nil && s.next.Before(at) && w.awaited(s, now) { // what must wait does not slow the others
			at = s.next
		}
		s.ask(at)
	case look.Err == nil && (s.listed == nil || s.settled()):
		s.again = 0
	case look.Err == nil:
		s.again++
	}
}
