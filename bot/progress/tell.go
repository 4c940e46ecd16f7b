package progress

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"c66bot/authz/guard"
	"c66bot/bot/card"
	"c66bot/bot/notify"
	"c66bot/bot/outbox"
	"c66bot/bot/routine"
	"c66bot/cloud66"
	"c66bot/cloud66/panics"
	"c66bot/cloud66/watch"
	"c66bot/commands/versions"
	"c66bot/storage"
)

// sinceAtMost bounds how far back a stack's first position starts. It starts at the stack's last activity, by Cloud 66's clock, which may
// be off.
const sinceAtMost = time.Hour

// author identifies the author of a channel's subscriptions.
type author struct{ user, channel string }

// answers is what a look needs to know that the database does not hold.
type answers struct {
	may    map[author]bool  // who may subscribe to the stack now; no entry: that is not known
	traces map[string]trace // of the wishes whose deployment is sought, by follow
	// services is what those of a docker stack were deployed from, by deployment, for the history.
	services map[int64]string
	starters map[int64]string // who started a deployment, by its e-mail address; "" for nobody
	reasons  map[int64]string // what Cloud 66 says of failures, by deployment
}

// tale is what a look has to tell. It is computed from the look, from what the database holds and from the answers alone.
type tale struct {
	*known

	look    watch.Look
	page    func(storage.StackRef) string // of a stack in the dashboard
	after   time.Duration                 // how long the health is watched after a deployment went live
	answers answers

	sought           []sought         // wishes without a deployment
	certain, guesses map[string]int64 // their deployments, by follow

	steps    []step
	ended    []storage.Deployed   // for the history
	position *storage.Position    // to write; nil if it stays
	health   *storage.HealthWatch // to begin; nil for none
	unwatch  bool                 // the watch over the health ends, because another deployment has come
	whys     []string
	began    map[int64]time.Time // when deployments that are open, or were, began, as the bot saw it
	held     bool                // something must wait for the next look, so the position stays
	unjudged bool                // so must a roll-back
	err      error
}

// tell tells what a look shows, and returns what the next one is to read. It plans from a snapshot, asks for what the database does not
// hold if there is something new, and writes in one transaction: the plan if the database still holds the same, else a new one. A look that
// changes nothing costs no commit. A look that lacks what the database asks for tells nothing: the watcher completes it.
func (p *Progress) tell(ctx context.Context, look watch.Look) (watch.Aim, error) {
	k, err := p.knownOf(ctx, look)
	if err != nil {
		return watch.Aim{}, err
	}
	t := &tale{known: k, look: look, after: p.WatchAfter, page: p.Page}
	if aim := t.aim(); !look.Covers(aim) {
		return aim, nil
	}
	p.ask(ctx, t)
	if t.plan(); !t.changes() {
		return t.aim(), t.err
	}
	err = p.Records.Update(ctx, func(tx storage.Tx) error {
		now, err := p.read(tx, look)
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(now, t.known) {
			t = &tale{known: now, look: look, after: p.WatchAfter, page: p.Page, answers: t.answers}
			if look.Covers(t.aim()) {
				t.plan()
			}
		}
		return t.write(tx)
	})
	if err != nil {
		return watch.Aim{}, fmt.Errorf("record what a look at %s shows: %w", look.Stack, err)
	}
	for _, why := range t.whys {
		p.Log.InfoContext(ctx, "told by subscription", "stack", t.stack.String(), "why", why)
	}
	p.done(ctx, t.steps...)
	if t.health != nil {
		routine.Signal(p.watched)
	}
	return t.aim(), t.err
}

// aim returns what a look is to read, after the plan if there is one.
func (t *tale) aim() watch.Aim {
	follows := map[string]storage.Follow{}
	for _, f := range t.follows { // one that could not be planned stays as it is
		follows[f.ID] = f
	}
	for _, s := range t.steps {
		if s.follow.ID != "" {
			follows[s.follow.ID] = s.follow
		}
	}
	aim := aimOf(len(t.of) > 0, cmp.Or(t.position, t.known.position), slices.Collect(maps.Values(follows)))
	aim.Again = t.held
	for _, a := range t.about {
		aim.Ended = watch.Later(aim.Ended, a.kept.SeenAt)
	}
	for _, d := range t.ended {
		aim.Ended = watch.Later(aim.Ended, d.SeenAt)
	}
	for _, f := range t.unlisted {
		aim.Ended = watch.Later(aim.Ended, f.EndedAt)
	}
	if t.look.At.Sub(aim.Ended) > correctable {
		aim.Ended = time.Time{}
	}
	return aim
}

// ask finds out which authors may subscribe to the stack, for channels with something new to hear, and looks up the stack actions of wishes
// without a deployment, and why deployments failed.
func (p *Progress) ask(ctx context.Context, t *tale) {
	t.answers = answers{may: map[author]bool{}, traces: map[string]trace{}, services: p.services(ctx, t)}
	var channels []string
	t.eachNew(func(channel string, _ cloud66.Deployment, _ bool) { channels = append(channels, channel) })
	t.answers.starters = p.starters(ctx, t)
	for _, channel := range channels {
		for _, s := range t.of[channel] {
			key, judge := authorOf(s), p.May
			if s.Lock != nil {
				judge = p.MayLock
			}
			if _, asked := t.answers.may[key]; asked {
				continue
			}
			may, err := judge(ctx, s.Author, channel, t.stack)
			if err != nil {
				p.Log.WarnContext(ctx, "whether a channel may hear of a stack cannot be found out; the next look asks again", "channel", channel,
					"user", s.Author, "error", err)
				continue
			}
			t.answers.may[key] = may
		}
	}
	for _, f := range t.follows {
		if t.look.Err == nil && (seeks(f, t.look.At) || t.doubtful(f)) {
			t.answers.traces[f.ID] = p.traceOf(ctx, f)
		}
	}
	for _, f := range t.unlisted {
		if t.look.Err == nil && t.searchable(f) {
			t.answers.traces[f.ID] = p.traceOf(ctx, f)
		}
	}
	t.answers.reasons = p.reasons(ctx, t)
}

// plan computes what to write. An error of one follow does not keep the others from being told.
func (t *tale) plan() {
	if t.damaged != "" {
		t.err = errors.New(t.damaged)
	}
	t.began = map[int64]time.Time{}
	if t.known.position != nil {
		maps.Copy(t.began, t.known.position.Began)
	}
	if t.look.Err == nil {
		t.seek()
		t.held = len(t.of) > 0 && t.waits()
		if len(t.of) > 0 {
			t.discover()
		}
	}
	for _, f := range t.follows {
		t.add(f, t.step)
	}
	if t.look.Err == nil {
		t.resume()
	}
	lost := map[int64]bool{}
	for id := range t.turned {
		lost[id] = t.held // a channel may have to hear of it yet
	}
	for _, f := range t.corrected {
		lost[f.Deployment] = !t.add(f, t.correct) || lost[f.Deployment]
	}
	if t.look.Err == nil {
		t.remember(lost)
	}
	if t.look.Err == nil {
		t.watchHealth()
	}
	t.order()
}

// order puts the steps in the order of what happened. What comes before an urgent message is as urgent.
func (t *tale) order() {
	slices.SortStableFunc(t.steps, func(a, b step) int {
		return cmp.Or(a.when(t.look.At).Compare(b.when(t.look.At)), cmp.Compare(a.number(), b.number()), a.at.Compare(b.at))
	})
	urgent := map[string]bool{} // by channel
	for _, s := range slices.Backward(t.steps) {
		for i := range slices.Backward(s.messages) {
			m := &s.messages[i]
			urgent[m.Channel] = urgent[m.Channel] || m.Urgent
			m.Urgent = urgent[m.Channel]
		}
	}
}

// add plans the next step of a follow, and reports whether it could.
func (t *tale) add(f storage.Follow, plan func(storage.Follow) step) bool {
	err := panics.Catch(func() error {
		t.steps = append(t.steps, plan(f))
		return nil
	})
	if err != nil {
		t.err = errors.Join(t.err, fmt.Errorf("follow %s: %w", f.ID, err))
	}
	return err == nil
}

func (t *tale) changes() bool {
	return t.position != nil || t.health != nil || t.unwatch || len(t.ended) > 0 ||
		slices.ContainsFunc(t.steps, func(s step) bool { return s.changed })
}

func (t *tale) write(tx storage.Tx) (err error) {
	for _, d := range t.ended {
		err = errors.Join(err, storage.History.Put(tx, storage.DeploymentKey(d.Stack, d.Number), d))
	}
	if t.position != nil {
		err = errors.Join(err, storage.Positions.Put(tx, t.look.Stack, *t.position))
	}
	switch {
	case t.health != nil:
		err = errors.Join(err, storage.Health.Put(tx, t.look.Stack, *t.health))
	case t.unwatch:
		err = errors.Join(err, storage.Health.Delete(tx, t.look.Stack))
	}
	return errors.Join(err, writeAll(tx, t.steps))
}

// remember adds the deployments that have ended to the history, and those that Cloud 66 tells otherwise now. A correction that could not be
// planned waits for the next look, which sees the change by the history.
func (t *tale) remember(but map[int64]bool) {
	for _, d := range slices.Concat(t.look.Newest, t.look.Others) {
		a := t.about[d.ID]
		now := versions.Ended(t.look.Stack, d)
		now.Asker, now.SeenAt, now.Services = a.asker, a.kept.SeenAt, a.kept.Services
		now.UnhealthyAt, now.Said = a.kept.UnhealthyAt, t.said(notify.Outcome(t.sight(d)), d.ID)
		if now.SeenAt.IsZero() {
			now.SeenAt = t.look.At
		}
		if now.Services == "" {
			now.Services = t.answers.services[d.ID]
		}
		if d.Ended() && !but[d.ID] && t.look.At.Sub(now.Over()) < storage.KeepHistory && differs(a.kept, now) {
			t.ended = append(t.ended, now)
		}
	}
}

// discover compares a look with the stack's position, and begins follows of new deployments.
func (t *tale) discover() {
	var before storage.Position
	if t.known.position != nil {
		before = *t.known.position
	}
	after := before // keeps the old name until all channels know of the new one
	fresh := t.known.position == nil
	if fresh {
		after.Stack = t.stack
	}
	if t.look.Listed != nil {
		after.Mark, after.Healthy = t.look.Mark, notify.Healthy(before.Healthy, *t.look.Listed)
	}
	switch {
	case len(t.look.Newest) > 0:
		after = notify.Moved(after, slices.Concat(t.look.Newest, t.look.Others), t.look.Errs, t.look.At, !fresh && !t.look.Away.Returning)
		maps.Copy(t.began, after.Began)
		t.hear()
	case fresh:
		after = t.first(t.look)
	}
	if t.held { // the next look finds the others again
		reverted := after.Reverted
		if after = before; !t.unjudged && !fresh {
			after.Reverted = reverted
		}
	}
	before.At = after.At // a new time of the look alone is not worth a commit
	if fresh && !t.held || differs(before, after) {
		t.position = &after
	}
}

// eachNew calls f for each new deployment, each whose end Cloud 66 tells otherwise now, and each roll-back, that a channel subscribes to
// and has not heard of.
func (t *tale) eachNew(f func(channel string, d cloud66.Deployment, reverted bool)) {
	if t.look.Err != nil || len(t.look.Newest) == 0 {
		return
	}
	shown := slices.Concat(t.look.Newest, t.look.Others)
	news, reverts := notify.News(t.since(t.look), shown), notify.NewlyReverted(t.known.position, shown)
	for _, channel := range slices.Sorted(maps.Keys(t.of)) {
		for _, d := range shown {
			if _, turned := t.turned[d.ID]; !turned && !slices.ContainsFunc(news, func(n cloud66.Deployment) bool { return n.ID == d.ID }) {
				continue
			}
			if _, hears := t.hears(t.of[channel], d); hears && t.about[d.ID].heard[channel] == "" {
				f(channel, d, false)
			}
		}
		for _, d := range reverts {
			if _, hears := notify.HearOfRevert(t.of[channel], d); hears {
				f(channel, d, true)
			}
		}
	}
}

func (t *tale) sight(d cloud66.Deployment) notify.Sight {
	return notify.Sight{
		At: t.look.At, Deployment: d, Found: true, Usual: cloud66.UsualDuration(t.look.Newest, d.Type()),
		Began: t.began[d.ID], Cancelled: t.about[d.ID].cancel,
	}
}

// hears decides whether a channel gets a card of a deployment that it has not heard of, and why.
func (t *tale) hears(of []storage.Subscription, d cloud66.Deployment) (why string, ok bool) {
	if _, turned := t.turned[d.ID]; turned {
		return notify.HearOfEnd(of, t.sight(d))
	}
	return notify.Hear(of, t.sight(d))
}

// hear begins a follow for each new deployment and channel that wants it, and tells channels about roll-backs.
func (t *tale) hear() {
	t.eachNew(func(channel string, d cloud66.Deployment, reverted bool) {
		of, judged := t.allowed(channel)
		t.held = t.held || !judged
		if reverted {
			t.unjudged = t.unjudged || !judged
			if why, hears := notify.HearOfRevert(of, d); hears {
				t.revert(channel, d, notify.Authors(of, d, storage.Reverted))
				t.whys = append(t.whys, fmt.Sprintf("the roll-back of #%d in %s: %s", d.ID, channel, why))
			}
			return
		}
		why, hears := t.hears(of, d)
		switch {
		case !hears, t.adopts(channel, d):
		case t.mayBeAskedIn(channel, d):
			t.held = true
		default:
			f := storage.Follow{Stack: t.stack, Deployment: d.ID, Channel: channel, Subscribed: true}
			t.add(newFollow(f, storage.PhaseFollowing), func(f storage.Follow) step {
				s := t.step(f)
				s.changed = true
				return s
			})
			t.whys = append(t.whys, fmt.Sprintf("#%d in %s: %s", d.ID, channel, why))
			t.beganLocked(t.steps[len(t.steps)-1].follow, of, d)
		}
	})
}

// beganLocked mentions the holders of locks, in the thread of a card and in the channel, that a deployment began in spite of them.
func (t *tale) beganLocked(f storage.Follow, of []storage.Subscription, d cloud66.Deployment) {
	for _, s := range of {
		if s.Lock == nil || f.Deployment != d.ID {
			continue
		}
		m := outbox.Say(storage.Message{
			Key: "locked/" + s.Lock.ID + "/" + storage.DeploymentKey(t.look.Stack, d.ID), Channel: f.Channel, Parent: cardKey(f.ID),
			Broadcast: true, Urgent: true, Last: true, Tell: []string{s.Lock.Holder},
		}, card.BeganLocked(t.stack, d, *s.Lock))
		t.steps = append(t.steps, step{messages: []storage.Message{m}, at: t.look.At, of: d.ID, changed: true})
	}
}

// authorOf identifies whose right decides whether a subscription is told: its author's, or that of the holder of a lock.
func authorOf(s storage.Subscription) author {
	if s.Lock != nil {
		return author{"lock " + s.Lock.ID, s.Channel}
	}
	return author{s.Author, s.Channel}
}

// allowed returns a channel's subscriptions whose authors may subscribe to the stack now. If that is unknown for one of them, the position
// stays for the next look.
func (t *tale) allowed(channel string) (of []storage.Subscription, judged bool) {
	judged = true
	return slices.DeleteFunc(slices.Clone(t.of[channel]), func(s storage.Subscription) bool {
		may, asked := t.answers.may[authorOf(s)]
		judged = judged && asked
		return !may || s.Lock != nil && !guard.Holds(*s.Lock, t.look.At)
	}), judged
}

// revert tells a channel that a deployment was rolled back, in the thread of its card if it has one.
func (t *tale) revert(channel string, d cloud66.Deployment, tell []string) {
	m := storage.Message{
		Key: "reverted/" + storage.HeardKey(t.look.Stack, d.ID, channel), Channel: channel, Last: true, Tell: tell,
	}
	if heard := t.about[d.ID].heard[channel]; heard != "" {
		m.Parent, m.Broadcast = cardKey(heard), true
	}
	m = outbox.Say(m, card.Reverted(t.stack, d))
	t.steps = append(t.steps, step{messages: []storage.Message{m}, at: cmp.Or(d.RevertedAt, t.look.At), of: d.ID, changed: true})
}

// heardIn returns the follow that announces a deployment to a channel, or "".
func heardIn(tx storage.Tx, stack string, deployment int64, channel string) (string, error) {
	heard, _, err := storage.Heard.Find(tx, storage.HeardKey(stack, deployment, channel))
	return heard.Follow, err
}

// register records the first follow that announces a deployment to a channel.
func register(tx storage.Tx, f storage.Follow) error {
	if f.Deployment == 0 {
		return nil
	}
	heard, err := heardIn(tx, f.Stack.UID, f.Deployment, f.Channel)
	if err != nil || heard != "" {
		return err
	}
	return storage.Heard.Put(tx, storage.HeardKey(f.Stack.UID, f.Deployment, f.Channel), storage.WishOf{Follow: f.ID, At: f.AskedAt})
}

// unregister takes back that a deployment is the one of a follow.
func unregister(tx storage.Tx, f storage.Follow, deployment int64) error {
	if deployment == 0 {
		return nil
	}
	key := storage.DeploymentKey(f.Stack.UID, deployment)
	err := storage.Wishes.Delete(tx, key)
	if heard, wrong := heardIn(tx, f.Stack.UID, deployment, f.Channel); wrong != nil || heard != f.ID {
		return errors.Join(err, wrong)
	}
	return errors.Join(err, storage.Heard.Delete(tx, storage.HeardKey(f.Stack.UID, deployment, f.Channel)))
}
