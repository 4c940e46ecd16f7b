package watch

import (
	"cmp"
	"context"
	"errors"
	"time"

	"c66bot/cloud66"
	"c66bot/cloud66/panics"
	"c66bot/storage"
)

const (
	page            = 30
	gapPages        = 10 // maximum number of pages of deployments that are read to reach the stack's position
	unreadableAfter = 10 * time.Minute
	lateSights      = 3 // number of sweep intervals without a sight after which no page counts as showing the stack
)

// aim specifies what a look reads.
type aim struct {
	uid   string
	ids   []int64
	shown *cloud66.Stack
	mark  string
	only  bool // report the list entry, without a request

	// The stack's position: older deployments are not read again.
	since int64     // the newest known deployment
	from  time.Time // if there is none: deployments that began earlier are history
}

// reaches reports whether a deployment is at or before the position.
func (a aim) reaches(d cloud66.Deployment) bool {
	switch {
	case a.since > 0:
		return d.ID <= a.since
	case a.from.IsZero():
		return true
	default:
		return d.Ended() && !cmp.Or(d.StartedAt, d.FinishedAt).After(a.from)
	}
}

// look makes one look and schedules the next.
func (w *Watcher) look(ctx context.Context, s *stack) {
	var sight Look
	var position storage.Position
	var known, taken bool
	a := w.aim(s)
	began := time.Now()
	err := panics.Catch(func() error {
		if w.Interest != nil { // even before the list has shown the stack, because the look advances its position
			position, known = w.Interest.Position(a.uid)
			a.since, a.from = position.Newest, position.Since
			a.ids = append(a.ids, position.Open...)
		}
		sight = w.see(ctx, a)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		sight.Silent = w.silence(s, sight)
		taken = w.Seen(ctx, sight)
		if w.Interest != nil {
			position, known = w.Interest.Position(a.uid)
		}
		return nil
	})
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		w.Log.Error("a look ended early", "stack", a.uid, "error", err)
		sight.Stack, sight.At = a.uid, began
	}
	w.plan(s, sight, kept{position.Mark, position.Began, known, taken})
}

// kept is the position of a stack after a look, and whether the look was taken.
type kept struct {
	mark      string
	began     map[int64]time.Time
	ok, taken bool
}

func (w *Watcher) aim(s *stack) aim {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := aim{uid: s.uid, shown: s.shown, mark: s.mark, only: s.why == isListed && s.shown != nil}
	for id := range s.ids {
		if id != 0 {
			a.ids = append(a.ids, id)
		}
	}
	return a
}

// silence records whether a look failed, and returns the time of the first consecutive failure.
func (w *Watcher) silence(s *stack, look Look) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case look.Err == nil && len(look.Errs) == 0:
		s.silent = time.Time{}
	case s.silent.IsZero():
		s.silent = look.At
	}
	return s.silent
}

// see reads the newest deployments, and the watched ones that are not among them.
func (w *Watcher) see(ctx context.Context, a aim) Look {
	ctx = cloud66.Background(ctx)
	look := Look{Stack: a.uid, Listed: a.shown, Mark: a.mark, At: time.Now()}
	if a.only {
		return look
	}
	if look.Newest, look.Gap, look.Err = w.newest(ctx, a); look.Err != nil {
		look.Newest, look.Mark = nil, ""
		return look
	}
	for _, id := range a.ids {
		if _, ok := look.Find(id); ok {
			continue
		}
		w.spent(1)
		d, err := w.Cloud.Deployment(ctx, a.uid, id)
		switch {
		case err == nil:
			look.Others = append(look.Others, d)
		case !errors.Is(err, cloud66.ErrNotFound):
			look.Errs = addError(look.Errs, id, err)
		}
	}
	return look
}

// newest reads the newest deployments back to the position, and reports a gap if they do not fit in gapPages pages.
func (w *Watcher) newest(ctx context.Context, a aim) (found []cloud66.Deployment, gap bool, err error) {
	found = []cloud66.Deployment{}
	for number := range gapPages {
		w.spent(1)
		part, err := w.Cloud.DeploymentRange(ctx, a.uid, number*page, page)
		if err != nil {
			return nil, false, err
		}
		found = appendOlder(found, part.Deployments)
		if n := len(found); n == 0 || a.reaches(found[n-1]) || len(part.Deployments) == 0 || part.Total <= (number+1)*page {
			return found, false, nil
		}
	}
	return found, true, nil
}

// appendOlder appends only older deployments: the pages shift if a new one is added while they are read.
func appendOlder(found, part []cloud66.Deployment) []cloud66.Deployment {
	for _, d := range part {
		if n := len(found); n == 0 || d.ID < found[n-1].ID {
			found = append(found, d)
		}
	}
	return found
}

func addError(errs map[int64]error, id int64, err error) map[int64]error {
	if errs == nil {
		errs = map[int64]error{}
	}
	errs[id] = err
	return errs
}

// spent counts requests of looks.
func (w *Watcher) spent(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pace.spent(time.Now(), n, &w.pace.looks)
}
