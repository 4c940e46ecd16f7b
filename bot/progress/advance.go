package progress

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"c66bot/bot/card"
	"c66bot/bot/notify"
	"c66bot/bot/outbox"
	"c66bot/cloud66"
	"c66bot/cloud66/watch"
	"c66bot/storage"
)

// seen brings every follow of a stack up to a look at it. What ended while the stack was away is told with what else did. It reports whether
// nothing is left to the next look.
func (p *Progress) seen(ctx context.Context, look watch.Look) (taken bool) {
	answered := look.Err == nil || errors.Is(look.Err, cloud66.ErrNotFound)
	p.missedBy(look, answered)
	since, wasAway := p.away.of(look.Stack)
	err := safely(func() error { return p.discover(ctx, look) })
	taken = err == nil
	switch {
	case taken || ctx.Err() != nil:
	case errors.Is(err, errChanged), errors.Is(err, errHeld):
		p.Log.Debug("a look is left to the next one", "stack", look.Stack, "why", err)
	default:
		p.Log.Error("what is new on a stack could not be told; the next look tries again", "stack", look.Stack, "error", err)
	}
	for _, id := range p.openOf(look.Stack) {
		err := safely(func() error { return p.advance(ctx, id, look, since) })
		if taken = taken && err == nil; err != nil && ctx.Err() == nil {
			p.Log.Error("a follow could not be brought up to date; the next look tries again", "follow", id, "error", err)
		}
	}
	if wasAway && answered {
		for _, other := range p.away.back(look.Stack) {
			p.watch.Now(other)
		}
	}
	return taken
}

// missedBy notes which stacks are away: one that alone fails for a while, and all where nothing is answered for as long, since throttled or
// out of budget few are asked for at all.
func (p *Progress) missedBy(look watch.Look, answered bool) {
	if answered {
		p.away.answered()
		return
	}
	if look.At.Sub(look.Silent) >= awayAfter {
		p.away.left(look.Stack, look.Silent)
	}
	if silent := p.away.unanswered(look.Stack, look.At); look.At.Sub(silent) >= awayAfter {
		for _, stack := range p.openStacks() {
			p.away.left(stack, silent)
		}
	}
}

// safely turns a panic into an error: one follow's fault is not another's.
func safely(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return do()
}

// step is what a look makes of a follow: its new record and what there is to say.
type step struct {
	follow   storage.Follow
	messages []storage.Message
	notices  []notify.Notice
	sight    view
	changed  bool
	fresh    bool // its card is yet to come
}

// advance brings one follow up to a look. An end that came about while the stack was away, since a time that is zero where it was not, is
// kept to be told with others.
func (p *Progress) advance(ctx context.Context, id string, look watch.Look, since time.Time) error {
	if p.away.keeps(id) {
		return nil
	}
	t, err := p.traceFor(ctx, id, look)
	if err != nil {
		return err
	}
	catchingUp := p.catchingUp(look.At)
	if (catchingUp || !since.IsZero()) && look.Err == nil {
		var s step
		err := p.Records.View(ctx, func(tx storage.Tx) (err error) {
			s, err = p.plan(tx, id, look, t)
			return err
		})
		if err != nil {
			return err
		}
		if s.endsNow() && (s.follow.AskedAt.Before(since) || (s.follow.Subscribed && s.fresh)) {
			p.away.keep(id, end{s.follow.Channel, look, t})
			return nil
		}
	}
	return p.bring(ctx, id, look, t)
}

// bring brings one follow up to a look: worked out on what is recorded, then written with its messages in one transaction, if it changes
// anything.
func (p *Progress) bring(ctx context.Context, id string, look watch.Look, t trace) error {
	var s step
	work := func(tx storage.Tx) (err error) {
		s, err = p.plan(tx, id, look, t)
		return err
	}
	err := p.Records.View(ctx, work)
	if s.follow.Phase == storage.PhaseEnded && !s.changed {
		p.track(s.follow) // it was ended elsewhere
	}
	if err != nil || !s.changed {
		return err
	}
	err = p.Records.Update(ctx, func(tx storage.Tx) error {
		if err := work(tx); err != nil {
			return err
		}
		return write(tx, s)
	})
	if err != nil {
		return err
	}
	p.done(ctx, s)
	return nil
}

// done does what follows the record of a step.
func (p *Progress) done(ctx context.Context, s step) {
	p.Outbox.Deliver(s.messages...)
	p.track(s.follow)
	for _, n := range s.notices {
		p.Log.InfoContext(ctx, "deployment", "state", n.State, "stack", s.follow.Stack.String(), "deployment", s.follow.Deployment,
			"channel", s.follow.Channel, "user", s.follow.Asker, "follow", s.follow.ID, "why", n.Why)
	}
}

// traceFor looks for the stack action of a follow's wish, where that helps.
func (p *Progress) traceFor(ctx context.Context, id string, look watch.Look) (trace, error) {
	var f storage.Follow
	err := p.Records.View(ctx, func(tx storage.Tx) (err error) {
		f, err = storage.Follows.Get(tx, id)
		return err
	})
	if err != nil || look.Err != nil {
		return trace{}, err
	}
	return p.traceOf(ctx, f), nil
}

// plan works out what a look makes of a follow. It only reads.
func (p *Progress) plan(tx storage.Tx, id string, look watch.Look, t trace) (step, error) {
	before, err := storage.Follows.Get(tx, id)
	if err != nil || before.Phase == storage.PhaseEnded {
		return step{follow: before}, err
	}
	if before.Phase == storage.PhaseSending { // what became of it could not be recorded
		before.Phase = storage.PhaseFinding
	}
	s := step{follow: before}
	if before.Phase == storage.PhaseFinding && look.Err == nil {
		if s.follow, err = find(tx, notify.Heard(before), look, t); err != nil {
			return step{}, err
		}
		if s.follow.Phase == storage.PhaseEnded {
			s.notices = []notify.Notice{{State: s.follow.State, At: look.At, Why: s.follow.Said}}
		}
	}
	v, err := viewOf(tx, s.follow, look)
	if err != nil {
		return step{}, err
	}
	unseen := look.ErrOf(s.follow.Deployment)
	if s.follow.Phase == storage.PhaseFollowing || unseen != nil {
		s.follow, s.notices = notify.Advance(s.follow, notify.Sight{
			At: look.At, Deployment: v.deployment, Found: v.found, Err: unseen, Silent: look.Silent,
			Usual: cloud66.UsualDuration(look.Newest), Began: v.began, Cancelled: v.cancelled,
		})
	}
	if slices.ContainsFunc(s.notices, isFailure) {
		v.mentions, v.loud = notify.HearOfFailure(p.index.of(s.follow), v.deployment)
	}
	if s.follow.State.End() {
		v.tell = p.concerned(s.follow, v.deployment)
	}
	s.sight = v
	// What was not seen leaves the card as it is.
	if shows := unseen == nil && (v.found || s.follow.Deployment == 0); shows || len(s.notices) > 0 {
		if err := s.say(tx, v); err != nil {
			return step{}, err
		}
	}
	s.changed = s.changed || differs(before, s.follow)
	return s, nil
}

// say renders the card and the lines of the thread.
func (s *step) say(tx storage.Tx, v view) error {
	old, err := storage.Messages.Get(tx, cardKey(s.follow.ID))
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	s.fresh = err != nil
	v.born = s.bornEnded()
	c, err := cardOf(s.follow, v)
	if err != nil {
		return err
	}
	c.Urgent = urgent(s.follow, s.notices...)
	if s.bornEnded() {
		c.Tell = v.tell
	}
	if s.fresh || old.Text != c.Text || !bytes.Equal(old.Blocks, c.Blocks) || old.Last != c.Last {
		s.messages, s.changed = append(s.messages, c), true
	}
	if s.bornEnded() {
		return nil
	}
	for _, n := range s.notices {
		line, err := stepOf(s.follow, v, n)
		if err != nil {
			return err
		}
		s.messages = append(s.messages, line)
	}
	return nil
}

// bornEnded reports whether the card itself is the first that a channel hears, and the last: then its thread has nothing to add.
func (s *step) bornEnded() bool {
	return s.fresh && s.follow.Subscribed && s.follow.Phase == storage.PhaseEnded
}

// urgent reports whether somebody waits for what is new of a follow. What a subscription brings waits behind that, but for a failure.
func urgent(f storage.Follow, notices ...notify.Notice) bool {
	return len(notices) > 0 && (!f.Subscribed || slices.ContainsFunc(notices, isFailure))
}

func isFailure(n notify.Notice) bool { return n.State == storage.Failed }

// differs reports whether two records of a follow are stored differently.
func differs(a, b storage.Follow) bool {
	left, errA := json.Marshal(a)
	right, errB := json.Marshal(b)
	return errA != nil || errB != nil || !bytes.Equal(left, right)
}

func write(tx storage.Tx, s step) error {
	for _, m := range s.messages {
		if err := outbox.Put(tx, m); err != nil {
			return err
		}
	}
	f := s.follow
	if f.Wish != nil && f.Deployment != 0 {
		key := storage.DeploymentKey(f.Stack.UID, f.Deployment)
		if err := storage.Wishes.Put(tx, key, storage.WishOf{Follow: f.ID, At: f.AskedAt}); err != nil {
			return err
		}
	}
	return errors.Join(storage.Follows.Put(tx, f.ID, f), register(tx, f))
}

// finish ends a follow whose wish came to nothing.
func (p *Progress) finish(ctx context.Context, id string, state storage.State, said string) error {
	var s step
	err := p.Records.Update(context.WithoutCancel(ctx), func(tx storage.Tx) error {
		s = step{}
		f, err := storage.Follows.Get(tx, id)
		if err != nil || f.Phase == storage.PhaseEnded {
			s.follow = f
			return err
		}
		now := time.Now()
		s.follow = ended(f, state, said, now)
		if state != storage.Unposted {
			s.notices = []notify.Notice{{State: state, At: now, Why: said}}
		}
		if err := s.say(tx, view{at: now, tell: p.concerned(s.follow, cloud66.Deployment{})}); err != nil {
			return err
		}
		return write(tx, s)
	})
	if err != nil {
		return fmt.Errorf("record the end of follow %s: %w", id, err)
	}
	p.Outbox.Deliver(s.messages...)
	p.track(s.follow)
	return nil
}

// view is what is known of a follow's deployment beyond its record.
type view struct {
	at         time.Time
	deployment cloud66.Deployment
	found      bool
	cancelled  *storage.Cancel
	by         string    // who asked for it in another channel
	began      time.Time // when it began by our own clock, zero where that is not known
	ahead      int64
	live       int64
	born       bool // its card comes into being with its end
	gap        bool // more deployments of its stack came than were read

	tell []string // who is told of an end that the channel does not take

	// Of a failure.
	mentions []string // the users and groups that the channel's subscriptions want to know of it
	loud     bool     // a subscription of the channel wants to hear of it
}

func viewOf(tx storage.Tx, f storage.Follow, look watch.Look) (view, error) {
	v := view{at: look.At, gap: look.Gap}
	if f.Deployment == 0 {
		return v, nil
	}
	v.deployment, v.found = look.Find(f.Deployment)
	for _, d := range look.Newest {
		switch {
		case d.IsLive && v.live == 0:
			v.live = d.ID
		case v.ahead == 0 && d.ID < f.Deployment && d.Running():
			v.ahead = d.ID
		}
	}
	at, err := storage.Positions.Get(tx, f.Stack.UID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return v, err
	}
	v.began = at.Began[f.Deployment]
	started, waited := v.deployment.StartedAt, slices.Contains(f.Told, storage.Queued)
	if v.began.IsZero() && f.Wish != nil && (started.Before(f.AskedAt) || started.After(look.At) && !waited) {
		v.began = f.AskedAt // no sooner, and not in the future: Cloud 66's clock is off
	}
	if v.by, err = askedBy(tx, f); err != nil {
		return v, err
	}
	cancel, err := storage.Cancels.Get(tx, storage.DeploymentKey(f.Stack.UID, f.Deployment))
	if errors.Is(err, storage.ErrNotFound) {
		return v, nil
	}
	v.cancelled = &cancel
	return v, err
}

// askedBy gives who asked the bot, in whichever channel, for the deployment that a subscription tells of; "" for nobody.
func askedBy(tx storage.Tx, f storage.Follow) (string, error) {
	if !f.Subscribed {
		return "", nil
	}
	wish, err := storage.Wishes.Get(tx, storage.DeploymentKey(f.Stack.UID, f.Deployment))
	if err == nil {
		f, err = storage.Follows.Get(tx, wish.Follow)
	}
	if errors.Is(err, storage.ErrNotFound) {
		return "", nil
	}
	return f.Asker, err
}

func (v view) on(f storage.Follow) card.View {
	shown := card.View{Follow: f, Cancelled: v.cancelled, By: v.by, Began: v.began, Ahead: v.ahead, Live: v.live, Mentions: v.mentions, Born: v.born, Gap: v.gap, At: v.at}
	if v.found {
		shown.Deployment = &v.deployment
	}
	return shown
}

func cardKey(follow string) string { return cardPrefix + follow }

const cardPrefix = "card/"

// FollowOf gives the follow whose card has a message key; it is false for what is no card.
func FollowOf(key string) (string, bool) { return strings.CutPrefix(key, cardPrefix) }

// cardOf renders a follow's card as a message.
func cardOf(f storage.Follow, v view) (storage.Message, error) {
	rendered := card.Deployment(v.on(f))
	blocks, err := rendered.JSON()
	return storage.Message{
		Key: cardKey(f.ID), Channel: f.Channel, Text: rendered.Text(), Blocks: blocks, Urgent: true, Last: f.Phase == storage.PhaseEnded,
	}, err
}

// stepOf renders a state as a line of the card's thread. A failure shows in the channel too; an end reaches the one who asked in any case.
func stepOf(f storage.Follow, v view, n notify.Notice) (storage.Message, error) {
	rendered := card.Step(v.on(f), n.State, n.At)
	blocks, err := rendered.JSON()
	m := storage.Message{
		Key: fmt.Sprintf("step/%s/%s", f.ID, n.State), Channel: f.Channel, Parent: cardKey(f.ID), Text: rendered.Text(), Blocks: blocks,
		Urgent: urgent(f, n), Last: true, Broadcast: isFailure(n) && (v.loud || !f.Subscribed),
	}
	if n.State == storage.Lost { // which may come again
		m.Key += fmt.Sprintf("/%d", n.At.Unix())
	}
	if n.State.End() {
		m.Tell = v.tell
	}
	return m, err
}

// concerned gives for whom the end of a follow is: the one who asked, or those whose subscriptions tell of it.
func (p *Progress) concerned(f storage.Follow, d cloud66.Deployment) []string {
	if f.Asker != "" {
		return []string{f.Asker}
	}
	return notify.Authors(p.index.of(f), d, string(f.State))
}
