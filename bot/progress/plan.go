package progress

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// sight is the input of a plan: a look, the subscriptions, and the stack's position.
type sight struct {
	look       watch.Look
	subscribed *subscriptions
	position   storage.Position // the zero value if no channel subscribes to the stack
	before     storage.Position // the one before the look, which knows the starts of deployments that it sees end
}

// step is the planned change of a follow: its new record and messages.
type step struct {
	before, follow storage.Follow
	messages       []storage.Message
	notices        []notify.Notice
	view           view
	changed        bool
	fresh          bool // its card is not recorded yet
}

// view is the state of a follow's deployment beyond its record.
type view struct {
	card.View

	tell []string // recipients of a direct message if the channel accepts no message about the end
	loud bool     // a subscription of the channel includes the failure
}

// planOf plans for the recorded follow with an id.
func planOf(tx storage.Tx, id string, s sight, t trace) (step, error) {
	f, err := storage.Follows.Get(tx, id)
	if err != nil {
		return step{}, err
	}
	return plan(tx, f, s, t)
}

// plan computes the step of a follow. It only reads.
func plan(tx storage.Tx, before storage.Follow, seen sight, t trace) (step, error) {
	s, look := step{before: before, follow: before}, seen.look
	if before.Phase == storage.PhaseEnded {
		return s, nil
	}
	if before.Phase == storage.PhaseSending { // the result of the request could not be recorded
		before.Phase = storage.PhaseFinding
		s.follow.Phase = storage.PhaseFinding
	}
	var err error
	if before.Phase == storage.PhaseFinding && look.Err == nil {
		if s.follow, err = find(tx, notify.Heard(before), look, t); err != nil {
			return step{}, err
		}
		if s.follow.Phase == storage.PhaseEnded {
			s.notices = []notify.Notice{{State: s.follow.State, At: look.At, Why: s.follow.Said}}
		}
	}
	if s.view, err = viewOf(tx, s.follow, seen); err != nil {
		return step{}, err
	}
	v, unseen := &s.view, look.ErrOf(s.follow.Deployment)
	var d cloud66.Deployment
	if v.Deployment != nil {
		d = *v.Deployment
	}
	if s.follow.Phase == storage.PhaseFollowing || unseen != nil {
		s.follow, s.notices = notify.Advance(s.follow, notify.Sight{
			At: look.At, Deployment: d, Found: v.Deployment != nil, Err: unseen, Silent: look.Silent,
			Usual: cloud66.UsualDuration(look.Newest, d.Type()), Began: v.Began, Cancelled: v.Cancelled,
		})
	}
	failed := slices.ContainsFunc(s.notices, isFailure)
	if failed || s.follow.State.End() {
		stack := s.follow.Stack
		if seen.position.Stack.UID != "" { // it may have been renamed since
			stack = seen.position.Stack
		}
		of := seen.subscribed.to(stack)[s.follow.Channel]
		if failed {
			v.Mentions, v.loud = notify.HearOfFailure(of, d)
		}
		if s.follow.State.End() {
			v.tell = concerned(s.follow, of, d)
		}
	}
	// A deployment that was not seen leaves its card unchanged.
	if shows := unseen == nil && (v.Deployment != nil || s.follow.Deployment == 0); shows || len(s.notices) > 0 {
		if err := s.say(tx); err != nil {
			return step{}, err
		}
	}
	v.Follow = s.follow
	s.changed = s.changed || differs(before, s.follow)
	return s, nil
}

// say renders the card and the thread lines.
func (s *step) say(tx storage.Tx) error {
	old, there, err := storage.Messages.Find(tx, cardKey(s.follow.ID))
	if err != nil {
		return err
	}
	s.fresh = !there
	s.view.Follow, s.view.Born = s.follow, s.bornEnded()
	c, err := s.view.card()
	if err != nil {
		return err
	}
	c.Urgent = urgent(s.follow, s.notices...)
	if s.bornEnded() {
		c.Tell = s.view.tell
	}
	if s.fresh || !outbox.Same(old, c) {
		s.messages, s.changed = append(s.messages, c), true
	}
	if s.bornEnded() {
		return nil
	}
	for _, n := range s.notices {
		line, err := s.view.step(n)
		if err != nil {
			return err
		}
		s.messages = append(s.messages, line)
	}
	return nil
}

// bornEnded reports whether a subscription's card is first posted after the end, so that its thread has nothing to add.
func (s *step) bornEnded() bool {
	return s.fresh && s.follow.Subscribed && s.follow.Phase == storage.PhaseEnded
}

// urgent reports whether users wait for these notices: the asker for any, subscribers for a failure.
func urgent(f storage.Follow, notices ...notify.Notice) bool {
	return len(notices) > 0 && (!f.Subscribed || slices.ContainsFunc(notices, isFailure))
}

func isFailure(n notify.Notice) bool { return n.State == storage.Failed }

// differs reports whether two records differ in their stored form.
func differs(a, b any) bool {
	left, errA := json.Marshal(a)
	right, errB := json.Marshal(b)
	return errA != nil || errB != nil || !bytes.Equal(left, right)
}

// writeAll writes the steps that change something.
func writeAll(tx storage.Tx, steps []step) (err error) {
	for _, s := range steps {
		if !s.changed {
			continue
		}
		f := s.follow
		err = errors.Join(err, putAll(tx, s.messages), storage.Follows.Put(tx, f.ID, f), register(tx, f))
		if f.Wish != nil && f.Deployment != 0 {
			key := storage.DeploymentKey(f.Stack.UID, f.Deployment)
			err = errors.Join(err, storage.Wishes.Put(tx, key, storage.WishOf{Follow: f.ID, At: f.AskedAt}))
		}
	}
	return err
}

// done delivers, tracks and logs recorded steps.
func (p *Progress) done(ctx context.Context, steps ...step) {
	for _, s := range steps {
		p.Outbox.Deliver(s.messages...)
		p.track(s.follow)
		for _, n := range s.notices {
			p.Log.InfoContext(ctx, "deployment", "state", n.State, "stack", s.follow.Stack.String(), "deployment", s.follow.Deployment,
				"channel", s.follow.Channel, "user", s.follow.Asker, "follow", s.follow.ID, "why", n.Why)
		}
	}
}

// finish ends a follow whose wish led to no deployment.
func (p *Progress) finish(ctx context.Context, id string, state storage.State, said string) error {
	var s step
	err := p.Records.Update(context.WithoutCancel(ctx), func(tx storage.Tx) error {
		f, err := storage.Follows.Get(tx, id)
		s = step{follow: f}
		if err != nil || f.Phase == storage.PhaseEnded {
			return err
		}
		subscribed, err := p.subscribed(tx)
		if err != nil {
			return err
		}
		now := time.Now()
		s.follow = ended(f, state, said, now)
		if state != storage.Unposted {
			s.notices = []notify.Notice{{State: state, At: now, Why: said}}
		}
		s.view.At, s.view.tell = now, concerned(s.follow, subscribed.to(f.Stack)[f.Channel], cloud66.Deployment{})
		s.changed = true
		if err := s.say(tx); err != nil {
			return err
		}
		return writeAll(tx, []step{s})
	})
	if err != nil {
		return fmt.Errorf("record the end of follow %s: %w", id, err)
	}
	p.done(ctx, s)
	return nil
}

func viewOf(tx storage.Tx, f storage.Follow, seen sight) (view, error) {
	look := seen.look
	v := view{View: card.View{At: look.At, Gap: look.Gap}}
	if f.Deployment == 0 {
		return v, nil
	}
	if d, ok := look.Find(f.Deployment); ok {
		v.Deployment = &d
	}
	for _, d := range look.Newest {
		switch {
		case d.IsLive && v.Live == 0:
			v.Live = d.ID
		case v.Ahead == 0 && d.ID < f.Deployment && d.Running():
			v.Ahead = d.ID
		}
	}
	v.Began = cmp.Or(seen.position.Began[f.Deployment], seen.before.Began[f.Deployment])
	if v.Began.IsZero() && f.Wish != nil {
		var started time.Time
		if v.Deployment != nil {
			started = v.Deployment.StartedAt
		}
		if started.Before(f.AskedAt) || started.After(look.At) && !slices.Contains(f.Told, storage.Queued) {
			v.Began = f.AskedAt // it cannot start earlier, nor in the future: Cloud 66's clock is off
		}
	}
	var err error
	if v.By, err = askedBy(tx, f); err != nil {
		return v, err
	}
	v.Cancelled, err = cancelOf(tx, f.Stack.UID, f.Deployment)
	return v, err
}

// cancelOf returns the recorded cancel of a deployment, or nil.
func cancelOf(tx storage.Tx, stack string, deployment int64) (*storage.Cancel, error) {
	cancel, asked, err := storage.Cancels.Find(tx, storage.DeploymentKey(stack, deployment))
	if err != nil || !asked {
		return nil, err
	}
	return &cancel, nil
}

// askedBy returns the user who requested a subscription's deployment through the bot, in any channel, or "".
func askedBy(tx storage.Tx, f storage.Follow) (string, error) {
	if !f.Subscribed {
		return "", nil
	}
	wish, asked, err := storage.Wishes.Find(tx, storage.DeploymentKey(f.Stack.UID, f.Deployment))
	if err != nil || !asked {
		return "", err
	}
	f, _, err = storage.Follows.Find(tx, wish.Follow)
	return f.Asker, err
}

func cardKey(follow string) string { return cardPrefix + follow }

const cardPrefix = "card/"

// FollowOf returns the follow whose card has the message key; it reports false for other messages.
func FollowOf(key string) (string, bool) { return strings.CutPrefix(key, cardPrefix) }

// saying fills a message with rendered content.
func saying(m storage.Message, says card.Message) (storage.Message, error) {
	blocks, err := says.JSON()
	m.Text, m.Blocks = says.Text(), blocks
	return m, err
}

// card renders a follow's card as a message. A card with a running time is stored as of its start, so that it changes with its state only;
// the outbox draws it anew.
func (v view) card() (m storage.Message, err error) {
	m = storage.Message{Key: cardKey(v.Follow.ID), Channel: v.Follow.Channel, Urgent: true, Last: v.Follow.Phase == storage.PhaseEnded}
	if v.Runs() {
		v.At = v.Start()
		if m.Running, err = json.Marshal(v.View); err != nil {
			return m, fmt.Errorf("encode the card of %s: %w", v.Follow.ID, err)
		}
	}
	return saying(m, card.Deployment(v.View))
}

// Draw renders a running card as of a time, for the outbox.
func Draw(running []byte, at time.Time) (outbox.Body, error) {
	var v card.View
	if err := json.Unmarshal(running, &v); err != nil {
		return outbox.Body{}, fmt.Errorf("decode a running card: %w", err)
	}
	v.At = at
	says := card.Deployment(v)
	blocks, err := says.JSON()
	return outbox.Body{Text: says.Text(), Blocks: blocks}, err
}

// step renders a state as a line of the card's thread. A failure is also broadcast to the channel if the follow was asked for or a
// subscription includes it. An end has recipients for direct messages.
func (v view) step(n notify.Notice) (storage.Message, error) {
	f := v.Follow
	m := storage.Message{
		Key: fmt.Sprintf("step/%s/%s", f.ID, n.State), Channel: f.Channel, Parent: cardKey(f.ID), Urgent: urgent(f, n), Last: true,
		Broadcast: isFailure(n) && (v.loud || !f.Subscribed),
	}
	if n.State == storage.Lost { // may occur again
		m.Key += fmt.Sprintf("/%d", n.At.Unix())
	}
	if n.State.End() {
		m.Tell = v.tell
	}
	return saying(m, card.Step(v.View, n.State, n.At))
}
