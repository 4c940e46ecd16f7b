package progress

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"c66bot/bot/card"
	"c66bot/bot/notify"
	"c66bot/cloud66"
	"c66bot/cloud66/panics"
	"c66bot/cloud66/watch"
	"c66bot/commands"
	"c66bot/storage"
)

// sinceAtMost bounds how far back a stack's first position starts. It starts at the stack's last activity, by Cloud 66's clock, which may
// be off.
const sinceAtMost = time.Hour

// author identifies the author of a channel's subscriptions.
type author struct{ user, channel string }

// tell is the result of one look at a stack: new follows for its subscribers, and steps of the open follows.
type tell struct {
	look       watch.Look
	since      time.Time // since when the stack was away; zero if it was not
	catchingUp bool      // the first round since a start or an outage has not ended

	// Looked up between the two passes; nil in the first pass, which treats everybody as allowed.
	may    map[author]bool
	traces map[string]trace // by follow

	// Read by a pass.
	stack storage.StackRef
	of    map[string][]storage.Subscription // by channel
	hears map[string]bool                   // channels with something new to hear
	known sight
	finds []storage.Follow // follows that search for their deployment

	// To be written.
	begun    []storage.Follow // follows of deployments that are new to a channel
	steps    []step
	ends     map[string]end // ends to hold back
	messages []storage.Message
	moved    bool // the stack's position moves to known.position
	whys     []string
	held     bool  // something must wait, so the position stays
	failed   error // errors of single follows
}

// seen tells what a look shows, and returns the stack's aim after it.
func (p *Progress) seen(ctx context.Context, look watch.Look) (watch.Aim, error) {
	if aim, err := p.aimOf(ctx, look); err != nil || !look.Covers(aim) {
		return aim, err
	}
	t := &tell{look: look}
	t.since, t.catchingUp = p.returns(look)
	err := panics.Catch(func() error { return p.tell(ctx, t) })
	if !t.since.IsZero() && answered(look) {
		p.returned(look.Stack)
	}
	aim, wrong := p.aimOf(ctx, look)
	aim.Again = t.held
	return aim, errors.Join(err, t.failed, wrong)
}

// tell plans the changes of a look in a view. If there are any, it looks up what the database does not hold (permissions, stack actions),
// then plans again and writes, in one update.
func (p *Progress) tell(ctx context.Context, t *tell) error {
	if _, err := p.latest(ctx); err != nil {
		return err
	}
	pass := func(tx storage.Tx) error { return p.pass(tx, t) }
	if err := p.Records.View(ctx, pass); err != nil {
		return err
	}
	if t.changes() {
		p.ask(ctx, t)
		err := p.Records.Update(ctx, func(tx storage.Tx) error {
			if err := pass(tx); err != nil {
				return err
			}
			return t.write(tx)
		})
		if err != nil {
			return fmt.Errorf("record what a look at %s shows: %w", t.look.Stack, err)
		}
	}
	for _, f := range t.begun {
		p.track(f)
	}
	for id, e := range t.ends {
		p.keep(id, e)
	}
	for _, why := range t.whys {
		p.Log.InfoContext(ctx, "told by subscription", "stack", t.stack.String(), "why", why)
	}
	p.Outbox.Deliver(t.messages...)
	p.done(ctx, t.steps...)
	return nil
}

// changes reports whether there is anything to write.
func (t *tell) changes() bool {
	return t.moved || len(t.begun)+len(t.messages)+len(t.finds) > 0 || slices.ContainsFunc(t.steps, func(s step) bool { return s.changed })
}

// ask checks which authors may subscribe to the stack, for channels with something new to hear, and looks up the stack actions of wishes
// without a deployment.
func (p *Progress) ask(ctx context.Context, t *tell) {
	t.may, t.traces = map[author]bool{}, map[string]trace{}
	for channel := range t.hears {
		for _, s := range t.of[channel] {
			key := author{s.Author, channel}
			if _, asked := t.may[key]; asked {
				continue
			}
			may, err := p.May(ctx, s.Author, channel, t.stack)
			if err != nil {
				p.Log.WarnContext(ctx, "whether a channel may hear of a stack cannot be found out; the next look asks again", "channel", channel,
					"user", s.Author, "error", err)
				continue
			}
			t.may[key] = may
		}
	}
	for _, f := range t.finds {
		t.traces[f.ID] = p.traceOf(ctx, f)
	}
}

// pass plans the changes of a look. It only reads, and may run several times.
func (p *Progress) pass(tx storage.Tx, t *tell) error {
	*t = tell{
		look: t.look, since: t.since, catchingUp: t.catchingUp, may: t.may, traces: t.traces, hears: map[string]bool{}, ends: map[string]end{},
		known: sight{look: t.look},
	}
	var err error
	if t.known.subscribed, err = p.subscribed(tx); err != nil {
		return err
	}
	if err := p.discover(tx, t); err != nil {
		return err
	}
	for _, f := range t.begun {
		t.follow(f.ID, func() (step, error) { return plan(tx, f, t.known, trace{}) })
	}
	for _, id := range p.openOf(t.look.Stack, func(open target) bool { return !open.sending }) {
		if !p.keeps(id) {
			t.follow(id, func() (step, error) { return planOf(tx, id, t.known, t.traces[id]) })
		}
	}
	return nil
}

// follow adds the step of one follow. An end that happened while the stack was away is held back, to be announced with others.
func (t *tell) follow(id string, work func() (step, error)) {
	err := panics.Catch(func() error {
		s, err := work()
		if err != nil {
			return err
		}
		if phase := s.before.Phase; t.look.Err == nil && (phase == storage.PhaseFinding || phase == storage.PhaseSending) {
			t.finds = append(t.finds, s.before)
		}
		switch {
		case (t.catchingUp || !t.since.IsZero()) && t.look.Err == nil && s.endsNow() &&
			(s.follow.AskedAt.Before(t.since) || (s.follow.Subscribed && s.fresh)):
			t.ends[id] = end{s.follow.Channel, t.look, t.traces[id]}
		default:
			t.steps = append(t.steps, s)
		}
		return nil
	})
	if err != nil {
		t.failed = errors.Join(t.failed, fmt.Errorf("follow %s: %w", id, err))
	}
}

func (t *tell) write(tx storage.Tx) error {
	err := putAll(tx, t.messages)
	for _, f := range t.begun {
		err = errors.Join(err, storage.Follows.Put(tx, f.ID, f), register(tx, f))
	}
	if t.moved {
		err = errors.Join(err, storage.Positions.Put(tx, t.look.Stack, t.known.position))
	}
	return errors.Join(err, writeAll(tx, t.steps))
}

// discover compares a look with the stack's position, if channels subscribe to the stack, and begins follows of new deployments.
func (p *Progress) discover(tx storage.Tx, t *tell) error {
	look := t.look
	before, known, err := storage.Positions.Find(tx, look.Stack)
	if err != nil {
		return err
	}
	t.known.position, t.known.before, t.stack = before, before, before.Stack
	if look.Listed != nil {
		t.stack = commands.RefOf(*look.Listed)
	}
	if look.Err != nil || t.stack.UID == "" { // or the look is for a card alone, and the stack's name is unknown here
		return nil //nolint:nilerr // a stack that cannot be read has nothing new
	}
	if t.of = t.known.subscribed.to(t.stack); len(t.of) == 0 {
		return nil
	}
	after := before // keeps the old name until all channels know of the new one
	var from *storage.Position
	if known {
		from = &before
	} else {
		after.Stack = t.stack
	}
	made, mark := t.made(), look.Mark
	switch {
	case len(look.Newest) > 0:
		since, shown := from, slices.Concat(look.Newest, look.Others)
		if !known && !made.IsZero() {
			since = &storage.Position{Since: made}
		}
		after = notify.Moved(after, shown, look.Errs, look.At, known && !t.catchingUp)
		if err := p.hear(tx, t, notify.News(since, shown), notify.NewlyReverted(from, shown), after.Began); err != nil {
			return err
		}
	case !known && !made.IsZero(): // no mark, so that its deployments are looked at
		after.Since, after.At, mark = made, look.At, ""
	case !known:
		after.Since, after.At = look.At.Add(-sinceAtMost), look.At
		if look.Listed != nil && look.Listed.LastActivity.After(after.Since) {
			after.Since = look.Listed.LastActivity
		}
	}
	if look.Listed != nil {
		after.Mark = mark
	}
	if t.held { // the next look finds them again
		t.messages = nil
		return nil
	}
	t.known.position, t.moved = after, !known || moves(before, after)
	return nil
}

// moves reports whether a position has changed. A new time of the look alone is not worth a commit.
func moves(before, after storage.Position) bool {
	after.At = before.At
	return differs(before, after)
}

// made returns the time just before a stack was created, if that was recent and a channel subscribed to its name earlier: then all its
// deployments are news. Else it returns zero.
func (t *tell) made() time.Time {
	if t.look.Listed == nil {
		return time.Time{}
	}
	made := t.look.Listed.CreatedAt
	for _, of := range t.of {
		if made.After(t.look.At.Add(-sinceAtMost)) && slices.ContainsFunc(of, func(s storage.Subscription) bool { return made.After(s.At) }) {
			return made.Add(-time.Second)
		}
	}
	return time.Time{}
}

// hear begins a follow for each new deployment and channel that wants it, and tells channels about roll-backs.
func (p *Progress) hear(tx storage.Tx, t *tell, news, reverts []cloud66.Deployment, began map[int64]time.Time) error {
	for _, channel := range slices.Sorted(maps.Keys(t.of)) {
		for _, d := range news {
			cancel, err := cancelOf(tx, t.stack.UID, d.ID)
			if err != nil {
				return err
			}
			heard, err := heardIn(tx, t.stack.UID, d.ID, channel)
			if err != nil {
				return err
			}
			seen := notify.Sight{
				At: t.look.At, Deployment: d, Found: true, Usual: cloud66.UsualDuration(t.look.Newest, d.Type()),
				Began: began[d.ID], Cancelled: cancel,
			}
			if _, hears := notify.Hear(t.of[channel], seen); !hears || heard != "" {
				continue
			}
			why, hears := notify.Hear(t.allowed(channel), seen)
			if !hears {
				continue
			}
			asked, err := p.mayBeAskedIn(tx, t.stack.UID, channel, d)
			if err != nil {
				return err
			}
			if asked {
				t.held = true
				continue
			}
			f := storage.Follow{Stack: t.stack, Deployment: d.ID, Channel: channel, Subscribed: true}
			t.begun = append(t.begun, newFollow(f, storage.PhaseFollowing))
			t.whys = append(t.whys, fmt.Sprintf("#%d in %s: %s", d.ID, channel, why))
		}
		for _, d := range reverts {
			if _, hears := notify.HearOfRevert(t.of[channel], d); !hears {
				continue
			}
			of := t.allowed(channel)
			why, hears := notify.HearOfRevert(of, d)
			if !hears {
				continue
			}
			if err := t.revert(tx, channel, d, notify.Authors(of, d, storage.Reverted)); err != nil {
				return err
			}
			t.whys = append(t.whys, fmt.Sprintf("the roll-back of #%d in %s: %s", d.ID, channel, why))
		}
	}
	return nil
}

// allowed returns a channel's subscriptions whose authors may subscribe to the stack now. If that is unknown for one of them, the position
// stays for the next look.
func (t *tell) allowed(channel string) []storage.Subscription {
	t.hears[channel] = true
	if t.may == nil {
		return t.of[channel]
	}
	return slices.DeleteFunc(slices.Clone(t.of[channel]), func(s storage.Subscription) bool {
		may, asked := t.may[author{s.Author, channel}]
		t.held = t.held || !asked
		return !may
	})
}

// mayBeAskedIn reports whether a deployment may result from a redeploy of this channel whose deployment is not found yet.
func (p *Progress) mayBeAskedIn(tx storage.Tx, stack, channel string, d cloud66.Deployment) (bool, error) {
	for _, id := range p.openOf(stack, func(open target) bool { return open.deployment == 0 || open.deployment == d.ID }) {
		f, err := storage.Follows.Get(tx, id)
		if err != nil {
			return false, err
		}
		if f.Channel == channel && f.Wish != nil && f.Deployment == 0 && f.Phase != storage.PhaseEnded && d.ID > f.Wish.NewestBefore &&
			fits(d, *f.Wish) {
			return true, nil
		}
	}
	return false, nil
}

// revert tells a channel that a deployment was rolled back, in the thread of its card if it has one.
func (t *tell) revert(tx storage.Tx, channel string, d cloud66.Deployment, tell []string) error {
	heard, err := heardIn(tx, t.stack.UID, d.ID, channel)
	if err != nil {
		return err
	}
	m := storage.Message{
		Key: "reverted/" + storage.HeardKey(t.stack.UID, d.ID, channel), Channel: channel, Last: true, Tell: tell,
	}
	if heard != "" {
		m.Parent, m.Broadcast = cardKey(heard), true
	}
	if m, err = saying(m, card.Reverted(t.stack, d)); err == nil {
		t.messages = append(t.messages, m)
	}
	return err
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
