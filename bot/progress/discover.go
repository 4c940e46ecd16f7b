package progress

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"c66bot/bot/card"
	"c66bot/bot/notify"
	"c66bot/bot/outbox"
	"c66bot/cloud66"
	"c66bot/cloud66/watch"
	"c66bot/storage"
)

// sinceAtMost is how long ago what happened last on a stack may be, at the first sight of it, so that a later deployment is news by Cloud 66's
// clock too, which may be off.
const sinceAtMost = time.Hour

// discovery is what a look at a stack makes known to the channels that subscribe to it.
type discovery struct {
	look    watch.Look
	stack   storage.StackRef
	of      map[string][]storage.Subscription // by channel
	version int                               // of the subscriptions
	before  *storage.Position                 // nil at the first sight
	after   storage.Position
	news    []cloud66.Deployment
	reverts []cloud66.Deployment

	// What comes of it, worked out on what is recorded.
	follows  []storage.Follow
	messages []storage.Message
	whys     []string
	held     bool // something of it can be told only later, so that the position stays as it is
}

// discover tells the channels that subscribe to a stack of what is new on it: a follow is recorded for each deployment and channel, in one
// transaction with the stack's position. Its card comes with the follow's first step.
func (p *Progress) discover(ctx context.Context, look watch.Look) error {
	d, ok := p.discovery(look)
	if !ok {
		return nil
	}
	if len(d.news)+len(d.reverts) > 0 {
		if err := p.keepAllowed(ctx, d); err != nil {
			return err
		}
	}
	p.following.Lock()
	defer p.following.Unlock()
	work := func(tx storage.Tx) error { return p.work(tx, d) }
	if err := p.Records.View(ctx, work); err != nil {
		return err
	}
	if !d.changes() {
		return d.later()
	}
	err := p.Records.Update(ctx, func(tx storage.Tx) error {
		if !p.index.is(d.version) {
			return errChanged
		}
		if err := work(tx); err != nil {
			return err
		}
		return d.write(tx)
	})
	if err != nil {
		return fmt.Errorf("record what is new on %s: %w", d.stack, err)
	}
	if !d.held {
		p.index.moved(d.version, d.after)
	}
	for _, f := range d.follows {
		p.track(f)
	}
	for _, why := range d.whys {
		p.Log.InfoContext(ctx, "told by subscription", "stack", d.stack.String(), "why", why)
	}
	p.Outbox.Deliver(d.messages...)
	return d.later()
}

// errHeld says that something is to be told that cannot be told yet.
var errHeld = errors.New("it cannot be told yet")

// later is errHeld where something is left to the next look.
func (d *discovery) later() error {
	if d.held {
		return errHeld
	}
	return nil
}

// discovery compares a look with the stack's position; it is false where nobody subscribes to the stack, or nothing of it was seen.
func (p *Progress) discovery(look watch.Look) (*discovery, bool) {
	if look.Err != nil {
		return nil, false
	}
	d := &discovery{look: look}
	before, known := p.index.Position(look.Stack)
	switch {
	case look.Listed != nil:
		d.stack = refOf(*look.Listed)
	case known:
		d.stack = before.Stack
	default:
		return nil, false // looked at for a card alone, under a name that is not known here
	}
	if d.of, d.version = p.index.fitting(d.stack); len(d.of) == 0 {
		return nil, false
	}
	d.after = storage.Position{Stack: d.stack}
	if known {
		d.before, d.after = &before, before // under its old name, until everybody is told of the new one
	}
	made := d.made()
	switch {
	case len(look.Newest) > 0:
		from, seen := d.before, slices.Concat(look.Newest, look.Others)
		if !known && !made.IsZero() {
			from = &storage.Position{Since: made}
		}
		d.news, d.reverts = notify.News(from, seen), notify.NewlyReverted(d.before, seen)
		d.after = notify.Moved(d.after, seen, look.Errs, look.At, known && !p.catchingUp(look.At))
	case !known && !made.IsZero(): // without a mark, so that its deployments are looked at
		d.after.Since, d.after.At = made, look.At
		return d, true
	case !known:
		d.after.Since, d.after.At = firstSight(look), look.At
	}
	if look.Listed != nil {
		d.after.Mark = look.Mark
	}
	return d, true
}

// made gives the moment before a stack was made, where that was lately and while a channel subscribed to what it bears: all that has happened
// on it is news. Else it is zero.
func (d *discovery) made() time.Time {
	if d.look.Listed == nil {
		return time.Time{}
	}
	made := d.look.Listed.CreatedAt
	subscribed := func(s storage.Subscription) bool { return made.After(s.At) }
	for _, subscriptions := range d.of {
		if made.After(d.look.At.Add(-sinceAtMost)) && slices.ContainsFunc(subscriptions, subscribed) {
			return made.Add(-time.Second)
		}
	}
	return time.Time{}
}

func firstSight(look watch.Look) time.Time {
	since := look.At.Add(-sinceAtMost)
	if look.Listed != nil && look.Listed.LastActivity.After(since) {
		return look.Listed.LastActivity
	}
	return since
}

// keepAllowed leaves out the subscriptions of those who may not subscribe to the stack now. Each is asked about once, and only where there
// is something to tell. Where it cannot be found out, what there is to tell waits.
func (p *Progress) keepAllowed(ctx context.Context, d *discovery) error {
	concerned := map[string]bool{}
	err := p.Records.View(ctx, func(tx storage.Tx) (err error) {
		concerned, err = d.concerned(tx)
		return err
	})
	if err != nil {
		return err
	}
	type author struct{ user, channel string }
	may := map[author]bool{}
	for channel, subscriptions := range d.of {
		if !concerned[channel] {
			delete(d.of, channel)
			continue
		}
		for _, s := range subscriptions {
			key := author{s.Author, channel}
			if _, asked := may[key]; asked {
				continue
			}
			allowed, err := p.May(ctx, s.Author, channel, d.stack)
			if err != nil {
				p.Log.WarnContext(ctx, "whether a channel may hear of a stack cannot be found out; the next look asks again", "channel", channel, "user", s.Author, "error", err)
				d.held = true
			}
			may[key] = allowed && err == nil
		}
		d.of[channel] = slices.DeleteFunc(subscriptions, func(s storage.Subscription) bool { return !may[author{s.Author, channel}] })
	}
	return nil
}

// concerned gives the channels that would hear something.
func (d *discovery) concerned(tx storage.Tx) (map[string]bool, error) {
	concerned := map[string]bool{}
	for channel, subscriptions := range d.of {
		for _, deployment := range d.news {
			sight, err := d.sight(tx, deployment)
			if err != nil {
				return nil, err
			}
			heard, err := heardIn(tx, d.stack.UID, deployment.ID, channel)
			if err != nil {
				return nil, err
			}
			if _, hears := notify.Hear(subscriptions, sight); hears && heard == "" {
				concerned[channel] = true
			}
		}
		for _, deployment := range d.reverts {
			if _, hears := notify.HearOfRevert(subscriptions, deployment); hears {
				concerned[channel] = true
			}
		}
	}
	return concerned, nil
}

// heardIn gives the follow by which a channel hears or heard of a deployment, "" where it does not.
func heardIn(tx storage.Tx, stack string, deployment int64, channel string) (string, error) {
	heard, err := storage.Heard.Get(tx, storage.HeardKey(stack, deployment, channel))
	if errors.Is(err, storage.ErrNotFound) {
		return "", nil
	}
	return heard.Follow, err
}

func (d *discovery) sight(tx storage.Tx, deployment cloud66.Deployment) (notify.Sight, error) {
	s := notify.Sight{
		At: d.look.At, Deployment: deployment, Found: true, Usual: cloud66.UsualDuration(d.look.Newest), Began: d.after.Began[deployment.ID],
	}
	cancel, err := storage.Cancels.Get(tx, storage.DeploymentKey(d.stack.UID, deployment.ID))
	if errors.Is(err, storage.ErrNotFound) {
		return s, nil
	}
	s.Cancelled = &cancel
	return s, err
}

// work works out what comes of a discovery. It only reads.
func (p *Progress) work(tx storage.Tx, d *discovery) error {
	d.follows, d.messages, d.whys = nil, nil, nil
	for _, channel := range slices.Sorted(maps.Keys(d.of)) {
		for _, deployment := range d.news {
			if err := p.hear(tx, d, channel, deployment); err != nil {
				return err
			}
		}
		for _, deployment := range d.reverts {
			if err := d.hearOfRevert(tx, channel, deployment); err != nil {
				return err
			}
		}
	}
	if d.held { // it comes again with the next look
		d.messages = nil
	}
	return nil
}

// hear has a channel follow a deployment, if it is to hear of it and has no card of it.
func (p *Progress) hear(tx storage.Tx, d *discovery, channel string, deployment cloud66.Deployment) error {
	sight, err := d.sight(tx, deployment)
	if err != nil {
		return err
	}
	why, hears := notify.Hear(d.of[channel], sight)
	heard, err := heardIn(tx, d.stack.UID, deployment.ID, channel)
	if err != nil || !hears || heard != "" {
		return err
	}
	asked, err := p.mayBeAskedIn(tx, d.stack.UID, channel, deployment)
	if err != nil {
		return err
	}
	if asked {
		d.held = true
		return nil
	}
	now := time.Now()
	d.follows = append(d.follows, storage.Follow{
		ID: storage.NewID(now), Stack: d.stack, Deployment: deployment.ID, Channel: channel, AskedAt: now, Phase: storage.PhaseFollowing,
		State: storage.Asked, Subscribed: true,
	})
	d.whys = append(d.whys, fmt.Sprintf("#%d in %s: %s", deployment.ID, channel, why))
	return nil
}

// mayBeAskedIn reports whether a deployment may be the one that a redeploy of this channel is looking for, which has its card.
func (p *Progress) mayBeAskedIn(tx storage.Tx, stack, channel string, deployment cloud66.Deployment) (bool, error) {
	for _, id := range p.sought(stack, channel, deployment.ID) {
		f, err := storage.Follows.Get(tx, id)
		if err != nil {
			return false, err
		}
		if f.Wish != nil && f.Deployment == 0 && f.Phase != storage.PhaseEnded && deployment.ID > f.Wish.NewestBefore && fits(deployment, *f.Wish) {
			return true, nil
		}
	}
	return false, nil
}

// sought gives the follows of a channel that look for a deployment of a stack, which may be the given one.
func (p *Progress) sought(stack, channel string, deployment int64) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ids []string
	for id, f := range p.sending {
		if f.Stack.UID == stack && f.Channel == channel {
			ids = append(ids, id)
		}
	}
	for id, t := range p.open[stack] {
		if t.channel == channel && (t.deployment == 0 || t.deployment == deployment) {
			ids = append(ids, id)
		}
	}
	return ids
}

// hearOfRevert tells a channel that a deployment was rolled back: in the thread of its card, where it has one.
func (d *discovery) hearOfRevert(tx storage.Tx, channel string, deployment cloud66.Deployment) error {
	why, hears := notify.HearOfRevert(d.of[channel], deployment)
	if !hears {
		return nil
	}
	heard, err := heardIn(tx, d.stack.UID, deployment.ID, channel)
	if err != nil {
		return err
	}
	rendered := card.Reverted(d.stack, deployment)
	blocks, err := rendered.JSON()
	if err != nil {
		return err
	}
	m := storage.Message{
		Key: "reverted/" + storage.HeardKey(d.stack.UID, deployment.ID, channel), Channel: channel, Text: rendered.Text(), Blocks: blocks, Last: true,
		Tell: notify.Authors(d.of[channel], deployment, storage.Reverted),
	}
	if heard != "" {
		m.Parent, m.Broadcast = cardKey(heard), true
	}
	d.messages, d.whys = append(d.messages, m), append(d.whys, fmt.Sprintf("the roll-back of #%d in %s: %s", deployment.ID, channel, why))
	return nil
}

// changes reports whether there is anything to write.
func (d *discovery) changes() bool {
	return len(d.follows)+len(d.messages) > 0 || (!d.held && d.moves())
}

// moves reports whether the position is another one than before. The time of the look alone is not worth a commit.
func (d *discovery) moves() bool {
	if d.before == nil {
		return true
	}
	after := d.after
	after.At = d.before.At
	return !reflect.DeepEqual(after, *d.before)
}

// write writes what came of it.
func (d *discovery) write(tx storage.Tx) error {
	for _, m := range d.messages {
		if err := outbox.Put(tx, m); err != nil {
			return err
		}
	}
	for _, f := range d.follows {
		if err := errors.Join(storage.Follows.Put(tx, f.ID, f), register(tx, f)); err != nil {
			return err
		}
	}
	if d.held {
		return nil
	}
	return storage.Positions.Put(tx, d.stack.UID, d.after)
}

// register keeps by which follow a channel hears of a deployment: the first one that has.
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
