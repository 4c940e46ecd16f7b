package progress

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"c66bot/bot/card"
	"c66bot/bot/notify"
	"c66bot/bot/routine"
	"c66bot/cloud66"
	"c66bot/storage"
)

// recently is the longest time between the end of a deployment and the look that shows it, as long as Cloud 66 answers.
const recently = 2 * time.Minute

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
	if recent := t.look.At.Add(-recently); !t.look.Away.Returning && w.LiveAt.Before(recent) {
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

// sight is what the list of stacks shows of one whose health is watched.
type sight struct {
	stack cloud66.Stack
	at    time.Time
}

// show hands the watched stacks of a page of the list to the watch over their health. One that finds no room is asked for instead.
func (p *Progress) show(tx storage.Tx, stacks []cloud66.Stack, at time.Time) error {
	return storage.Health.Scan(tx, "", func(uid string, _ storage.HealthWatch) error {
		if i := slices.IndexFunc(stacks, func(s cloud66.Stack) bool { return s.UID == uid }); i >= 0 {
			select {
			case p.sights <- sight{stacks[i], at}:
				routine.Signal(p.watched)
			default:
			}
		}
		return nil
	})
}

// lookAfter tells what the last sights of the watched stacks show, asks for those that the list of stacks did not show for a while, and
// ends the watches whose time is over. It returns how long nothing is due. Seen holds when each watched stack was seen or asked for last,
// which only saves requests.
func (p *Progress) lookAfter(ctx context.Context, seen map[string]time.Time) (wait time.Duration, err error) {
	watched, err := storage.Health.ByKey(ctx, p.Records)
	if err != nil {
		return 0, err
	}
	shown := p.shown()
	maps.DeleteFunc(seen, func(uid string, _ time.Time) bool { return watched[uid].Deployment == 0 })
	patience, next := max(p.PollMax, 2*p.watch.State().Interval), time.Now().Add(time.Hour)
	for _, uid := range slices.Sorted(maps.Keys(watched)) {
		w, now := watched[uid], time.Now()
		var stack *cloud66.Stack
		if s, is := shown[uid]; is && s.at.After(w.LiveAt) { // else it was seen before this deployment
			stack, seen[uid] = &s.stack, s.at
		} else if last, is := seen[uid]; !is {
			seen[uid] = now // the list may show it before it is asked for
		} else if now.Sub(last) >= patience && now.Before(w.Until) {
			stack, seen[uid] = p.askHealth(ctx, uid), time.Now()
		}
		due := earlier(w.Until, seen[uid].Add(patience))
		if wrong := p.tellHealth(ctx, uid, w, stack, seen[uid]); wrong != nil {
			seen[uid] = time.Time{} // the next time asks for it
			err, due = errors.Join(err, fmt.Errorf("tell the health of %s: %w", w.Stack, wrong)), time.Now().Add(tellAgain)
		}
		next = earlier(next, due)
	}
	return max(time.Until(next), time.Second), err
}

// shown returns the sights since the last call, by UID.
func (p *Progress) shown() map[string]sight {
	all := map[string]sight{}
	for {
		select {
		case s := <-p.sights:
			all[s.stack.UID] = s
		default:
			return all
		}
	}
}

// askHealth asks for a stack that the list does not show, and returns nil if Cloud 66 does not answer.
func (p *Progress) askHealth(ctx context.Context, uid string) *cloud66.Stack {
	stack, err := p.Cloud.Stack(cloud66.Background(ctx), uid)
	if err != nil {
		p.Log.DebugContext(ctx, "the health of a stack could not be read", "stack", uid, "error", err)
		return nil
	}
	return &stack
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
	newest     []cloud66.Deployment
	deployment cloud66.Deployment // the first of them
	may        map[author]bool    // who may have channels hear of the stack
	starter    string             // who started it, where a subscription mentions them; "" for nobody
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
		newest, err := p.stillLast(ctx, uid, w.Deployment)
		if err == nil && newest != nil {
			n.newest, n.deployment, n.may = newest, newest[0], map[author]bool{}
			err = p.askOthers(ctx, w.Stack, &n)
		}
		if err != nil {
			return err
		}
		if newest == nil {
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

// stillLast returns the newest deployments of a stack, if the last of them is the given one and live, else none.
func (p *Progress) stillLast(ctx context.Context, uid string, id int64) ([]cloud66.Deployment, error) {
	newest, err := p.Cloud.DeploymentRange(cloud66.Background(ctx), uid, 0, page)
	if err != nil && !errors.Is(err, cloud66.ErrNotFound) {
		return nil, err
	}
	if all := newest.Deployments; len(all) > 0 && all[0].ID == id && isLive(all[0]) {
		return all, nil
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
			Deployment: &d, Dashboard: p.Page(f.Stack),
			Cancelled: k.about[d.ID].cancel, Live: d.ID, LiveAt: n.watch.LiveAt, Impaired: n.impaired, At: n.at,
		}, Loud: hears}
		s.view.Before, s.view.Earlier = before(n.newest, d)
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
