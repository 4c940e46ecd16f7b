package progress

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"c66bot/bot/card"
	"c66bot/bot/notify"
	"c66bot/cloud66"
	"c66bot/cloud66/panics"
	"c66bot/storage"
)

// watchHealth begins the watch over the stack's health if the look shows that a deployment went live that somebody follows or hears of. A
// newer deployment, or that this one is not live any more, ends the watch.
func (t *tale) watchHealth() {
	if t.known.health != nil {
		d, shown := t.look.Find(t.known.health.Deployment)
		newer := func(n cloud66.Deployment) bool { return n.ID > t.known.health.Deployment }
		t.unwatch = shown && !isLive(d) || slices.ContainsFunc(t.look.Newest, newer)
	}
	if t.after <= 0 || len(t.look.Newest) == 0 || !isLive(t.look.Newest[0]) {
		return
	}
	d := t.look.Newest[0]
	if t.known.health != nil && t.known.health.Deployment == d.ID {
		return
	}
	w := storage.HealthWatch{Stack: t.stack, Deployment: d.ID, LiveAt: notify.LiveAt(t.sight(d))}
	if recent := t.look.At.Add(-awayAfter); !t.away.returning && w.LiveAt.Before(recent) {
		w.LiveAt = recent // it ended since the look before, whatever Cloud 66's clock says
	}
	heard := false
	for _, s := range t.steps {
		if f := s.follow; f.Deployment == d.ID && f.State == storage.Succeeded {
			heard, w.Healthy, w.Stack = true, w.Healthy || f.Healthy, f.Stack
		}
	}
	if !heard {
		news := notify.News(t.since(t.look), t.look.Newest)
		heard = slices.ContainsFunc(news, func(n cloud66.Deployment) bool { return n.ID == d.ID }) && len(t.hearing(d)) > 0
	}
	if at := t.known.position; at != nil {
		w.Healthy, w.Stack = w.Healthy || at.Healthy, at.Stack
	}
	if w.Until = w.LiveAt.Add(t.after); heard && t.look.At.Before(w.Until) {
		t.health = &w
	}
}

// hearing returns the channels that subscribe to the health of the stack after a deployment.
func (t *tale) hearing(d cloud66.Deployment) (channels []string) {
	for channel, of := range t.of {
		if _, hears := notify.HearOfHealth(of, d); hears {
			channels = append(channels, channel)
		}
	}
	return channels
}

func isLive(d cloud66.Deployment) bool {
	return d.Ended() && d.IsLive && !d.Reverted && d.Outcome.Kind == cloud66.OutcomeSuccess
}

// sights are the last sights of the stacks whose health is watched. They only save requests: what was seen before is in the records.
type sights struct {
	wake chan struct{}

	mu sync.Mutex // guards last
	// last holds the sight of each watched stack that is not told yet, and when it was seen.
	last map[string]*sight
}

type sight struct {
	stack *cloud66.Stack // nil once it is told
	at    time.Time
}

func newSights() sights {
	return sights{wake: make(chan struct{}, 1), last: map[string]*sight{}}
}

// begin notes that a stack is watched from now on. The list of stacks may show it before it is asked for.
func (s *sights) begin(uid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last[uid] = &sight{at: time.Now()}
	s.signal()
}

// see notes sights of stacks, as far as they are watched.
func (s *sights) see(at time.Time, stacks ...cloud66.Stack) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stack := range stacks {
		if last := s.last[stack.UID]; last != nil {
			last.stack, last.at = &stack, at
			s.signal()
		}
	}
}

func (s *sights) signal() {
	select {
	case s.wake <- struct{}{}:
	default: // it is signalled already
	}
}

// asked notes when a stack was asked for.
func (s *sights) asked(uid string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := s.last[uid]; last != nil {
		last.at = at
	}
}

// take returns the sight of a watched stack that is not told yet, if any, and when the stack was last seen.
func (s *sights) take(uid string) (stack *cloud66.Stack, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last[uid] == nil {
		s.last[uid] = &sight{at: time.Now()}
	}
	stack, s.last[uid].stack = s.last[uid].stack, nil
	return stack, s.last[uid].at
}

// put puts a sight back that could not be told, unless there is a newer one.
func (s *sights) put(uid string, stack *cloud66.Stack) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := s.last[uid]; last != nil && last.stack == nil {
		last.stack = stack
	}
}

// keep forgets the stacks that are watched no more.
func (s *sights) keep(watched map[string]storage.HealthWatch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.last, func(uid string, _ *sight) bool { _, is := watched[uid]; return !is })
}

// watchHealth watches the health of stacks after a deployment went live, until the context ends.
func (p *Progress) watchHealth(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.sights.wake:
		case <-timer.C:
		}
		wait := tellAgain
		err := panics.Catch(func() (err error) {
			wait, err = p.lookAfter(ctx)
			return err
		})
		if err != nil && ctx.Err() == nil {
			p.Log.ErrorContext(ctx, "the health of stacks after their deployments could not all be told; it is tried again", "error", err)
		}
		timer.Reset(max(wait, time.Second))
	}
}

// lookAfter tells what the last sights of the watched stacks show, asks for those that the list of stacks did not show for a while, and
// ends the watches whose time is over. It returns how long nothing is due.
func (p *Progress) lookAfter(ctx context.Context) (wait time.Duration, err error) {
	watched := map[string]storage.HealthWatch{}
	err = p.Records.View(ctx, func(tx storage.Tx) error {
		clear(watched)
		return storage.Health.Scan(tx, "", func(uid string, w storage.HealthWatch) error { watched[uid] = w; return nil })
	})
	if err != nil {
		return tellAgain, err
	}
	p.sights.keep(watched)
	patience, next := p.unseenFor(), time.Now().Add(time.Hour)
	for _, uid := range slices.Sorted(maps.Keys(watched)) {
		w := watched[uid]
		stack, seen := p.sights.take(uid)
		if stack == nil && time.Since(seen) >= patience && time.Now().Before(w.Until) {
			stack, seen = p.askHealth(ctx, uid)
		}
		due := earlier(w.Until, seen.Add(patience))
		if wrong := p.tellHealth(ctx, uid, w, stack, seen); wrong != nil {
			p.sights.put(uid, stack)
			err, due = errors.Join(err, fmt.Errorf("tell the health of %s: %w", w.Stack, wrong)), time.Now().Add(tellAgain)
		}
		next = earlier(next, due)
	}
	return time.Until(next), err
}

// unseenFor is how long the list of stacks may not show a watched stack before it is asked for.
func (p *Progress) unseenFor() time.Duration { return max(p.PollMax, 2*p.watch.State().Interval) }

// askHealth asks for a stack that the list does not show. Where Cloud 66 does not answer, it is asked again later.
func (p *Progress) askHealth(ctx context.Context, uid string) (*cloud66.Stack, time.Time) {
	stack, err := p.Cloud.Stack(cloud66.Background(ctx), uid)
	at := time.Now()
	p.sights.asked(uid, at)
	if err != nil {
		p.Log.DebugContext(ctx, "the health of a stack could not be read", "stack", uid, "error", err)
		return nil, at
	}
	return &stack, at
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// healthNews is what is to be told of a stack's health.
type healthNews struct {
	watch      storage.HealthWatch // after it
	state      storage.State
	at         time.Time
	impaired   bool
	deployment cloud66.Deployment
	may        map[author]bool // who may have channels hear of the stack
	starter    string          // who started it, where a subscription mentions them; "" for nobody
}

// tellHealth advances a watch by a sight, which may be nil, and tells what is new in one transaction. Before that it makes sure that no
// other deployment has come.
func (p *Progress) tellHealth(ctx context.Context, uid string, w storage.HealthWatch, stack *cloud66.Stack, at time.Time) error {
	n, over := healthNews{watch: w, at: at}, !time.Now().Before(w.Until)
	if stack != nil && at.Before(w.Until) {
		n.watch, n.state = notify.Observe(w, *stack, at)
		n.impaired = stack.Health == cloud66.HealthImpaired
	}
	if over && n.state == "" {
		n.watch, n.state = notify.Last(n.watch)
	}
	if n.state != "" {
		last, err := p.stillLast(ctx, uid, w.Deployment)
		if err == nil && last != nil {
			n.deployment, n.may = *last, map[author]bool{}
			err = p.askOthers(ctx, w.Stack, &n)
		}
		if err != nil {
			return err
		}
		if last == nil {
			n.state, over = "", true
		}
	}
	if n.state == "" && !over && !differs(w, n.watch) {
		return nil
	}
	var steps []step
	err := p.Records.Update(ctx, func(tx storage.Tx) error {
		steps = nil
		now, there, err := storage.Health.Find(tx, uid)
		if err != nil || !there || differs(now, w) { // a look was faster
			return err
		}
		if over {
			err = storage.Health.Delete(tx, uid)
		} else {
			err = storage.Health.Put(tx, uid, n.watch)
		}
		if err != nil || n.state == "" {
			return err
		}
		if steps, err = p.healthSteps(tx, uid, n); err != nil {
			return err
		}
		return writeAll(tx, steps)
	})
	if err == nil {
		p.done(ctx, steps...)
	}
	return err
}

// stillLast returns a deployment if it is the last of its stack and live, else nil.
func (p *Progress) stillLast(ctx context.Context, uid string, id int64) (*cloud66.Deployment, error) {
	newest, err := p.Cloud.DeploymentRange(cloud66.Background(ctx), uid, 0, 1)
	if err != nil && !errors.Is(err, cloud66.ErrNotFound) {
		return nil, err
	}
	for _, d := range newest.Deployments {
		if d.ID == id && isLive(d) {
			return &d, nil
		}
	}
	return nil, nil
}

// askOthers finds out which authors may have channels hear of the stack's health, and who started the deployment, where that is wanted.
func (p *Progress) askOthers(ctx context.Context, stack storage.StackRef, n *healthNews) error {
	subscribed, err := p.latest(ctx)
	if err != nil {
		return err
	}
	for channel, of := range subscribed.to(stack) {
		if _, hears := notify.HearOfHealth(of, n.deployment); !hears {
			continue
		}
		if n.starter == "" && slices.ContainsFunc(of, mentionsStarter) {
			n.starter = p.starter(ctx, n.deployment)
		}
		for _, s := range of {
			if n.may[author{s.Author, channel}], err = p.May(ctx, s.Author, channel, stack); err != nil {
				return fmt.Errorf("find out whether channel %s may hear of it: %w", channel, err)
			}
		}
	}
	return nil
}

// errUntold means that the end of the deployment is to be told first.
var errUntold = errors.New("the end of the deployment is not told yet")

// healthSteps plans what channels are told: those with a card of the deployment in its thread, those that subscribe to the health alone by
// a card.
func (p *Progress) healthSteps(tx storage.Tx, uid string, n healthNews) (steps []step, err error) {
	subscribed, err := p.subscribed(tx)
	if err != nil {
		return nil, err
	}
	d, of := n.deployment, subscribed.to(n.watch.Stack)
	k := &known{about: map[int64]about{}}
	if err := errors.Join(k.learn(tx, uid, d.ID), k.hear(tx, uid, d.ID)); err != nil {
		return nil, err
	}
	for channel := range of {
		if n.state == storage.Unhealthy && k.about[d.ID].heard[channel] == "" {
			k.about[d.ID].heard[channel] = "" // for a card
		}
	}
	for _, channel := range slices.Sorted(maps.Keys(k.about[d.ID].heard)) {
		allowed := of[channel]
		var f storage.Follow
		if id := k.about[d.ID].heard[channel]; id != "" {
			if f, _, err = storage.Follows.Find(tx, id); err != nil {
				return nil, err
			}
			if f.ID != "" && f.Phase != storage.PhaseEnded {
				return nil, errUntold
			}
		} else {
			allowed = slices.DeleteFunc(slices.Clone(allowed), func(s storage.Subscription) bool { return !n.may[author{s.Author, channel}] })
			f = newFollow(storage.Follow{Stack: n.watch.Stack, Deployment: d.ID, Channel: channel, Subscribed: true}, storage.PhaseEnded)
			f.State, f.StartedAt, f.EndedAt = storage.Succeeded, d.StartedAt, n.at
		}
		mentions, hears := notify.HearOfHealth(allowed, d)
		if !concerns(f, n.state, hears) {
			continue
		}
		s := step{follow: f, changed: true, notices: []notify.Notice{{State: n.state, At: n.at, Why: "the health of its stack"}}}
		s.follow.State = n.state
		s.view = view{View: card.View{
			Deployment: &d, Dashboard: p.page(f.Stack),
			Cancelled: k.about[d.ID].cancel, Live: d.ID, LiveAt: n.watch.LiveAt, Impaired: n.impaired, At: n.at,
		}, Loud: hears}
		s.view.Mentions = named(mentions, cmp.Or(k.about[d.ID].asker, n.starter))
		if f.Subscribed {
			s.view.By = k.about[d.ID].asker
		}
		s.view.Tell = concerned(s.follow, allowed, d)
		if err := s.sayIn(tx); err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	if kept := k.about[d.ID].kept; n.state == storage.Unhealthy && kept.Number == d.ID && kept.UnhealthyAt.IsZero() {
		kept.UnhealthyAt = n.at
		err = storage.History.Put(tx, storage.DeploymentKey(uid, d.ID), kept)
	}
	return steps, err
}

// concerns reports whether a follow is told of the health: that it fell ill after a success, and that one which was told so is well again.
func concerns(f storage.Follow, state storage.State, hears bool) bool {
	switch {
	case f.ID == "" || f.Subscribed && !hears:
		return false
	case state == storage.Recovered:
		return f.State == storage.Unhealthy
	default:
		return f.State.Deployed() == storage.Succeeded
	}
}
