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
	"c66bot/bot/routine"
	"c66bot/cloud66"
	"c66bot/cloud66/watch"
	"c66bot/storage"
)

// step is the next step of a follow, its new record and messages, or a message that belongs to none.
type step struct {
	follow   storage.Follow
	at       time.Time // when it happened, if it belongs to no follow
	of       int64     // the deployment, in that case
	mistaken int64     // the deployment that was taken for its own until now, or 0
	view     view
	notices  []notify.Notice
	messages []storage.Message
	changed  bool
}

func (s step) number() int64 { return cmp.Or(s.of, s.follow.Deployment) }

// when returns when the newest of what a step tells happened, at the latest when it was seen: Cloud 66's clock may be ahead. A step that
// tells nothing goes before.
func (s step) when(seen time.Time) time.Time {
	at := s.at
	for _, n := range s.notices {
		at = watch.Later(at, n.At)
	}
	if at.After(seen) {
		return seen
	}
	return at
}

// view is the state of a follow's deployment beyond its record. While the end is untold, it is part of the record.
type view struct {
	card.View

	Tell []string // recipients of a direct message if the channel accepts no message about the end
	Loud bool     // a subscription of the channel includes the failure
}

// untold is what PhaseUntold keeps of an end.
type untold struct {
	View    view
	Notices []notify.Notice
}

// step plans the next step of a follow.
func (t *tale) step(before storage.Follow) (s step) {
	s.follow = before
	switch {
	case before.Phase == storage.PhaseFollowing && t.look.Err == nil:
		var waits bool
		if s.follow, waits = t.doubt(before); waits {
			s.changed = differs(before, s.follow)
			return s
		}
		if s.follow.Deployment != before.Deployment {
			s.mistaken = before.Deployment
		}
	case before.Phase == storage.PhaseFollowing:
	case !seeks(before, t.look.At):
		return s
	case t.look.Err == nil:
		s.follow = t.find(notify.Heard(before), t.answers.traces[before.ID])
		if s.follow.Phase == storage.PhaseEnded {
			s.notices = []notify.Notice{{State: s.follow.State, At: t.look.At, Why: s.follow.Said}}
		}
	}
	s.view = t.view(s.follow)
	v, unseen := &s.view, t.look.ErrOf(s.follow.Deployment)
	var d cloud66.Deployment
	if v.Deployment != nil {
		d = *v.Deployment
	}
	if s.follow.Phase == storage.PhaseFollowing || unseen != nil && s.follow.Phase != storage.PhaseEnded {
		s.follow, s.notices = notify.Advance(s.follow, notify.Sight{
			At: t.look.At, Deployment: d, Found: v.Deployment != nil, Err: unseen, Silent: t.look.Silent,
			Usual: cloud66.UsualDuration(t.look.Newest, d.Type()), Began: v.Began, Cancelled: v.Cancelled, Overtaken: v.Overtaken,
		})
	}
	if v.Deployment != nil && s.follow.State.End() {
		s.follow.Said = t.said(s.follow.State, s.follow.Deployment)
	}
	failed := slices.ContainsFunc(s.notices, isFailure)
	if failed || s.follow.State.End() {
		of := t.subscribed.to(t.nameOf(s.follow))[s.follow.Channel]
		if failed {
			v.Mentions, v.Loud = notify.HearOfFailure(of, d)
			v.Mentions = named(v.Mentions, t.starter(d))
		}
		if s.follow.State.End() {
			v.Tell = concerned(s.follow, of, d)
		}
	}
	old := t.cards[s.follow.ID]
	ends := s.follow.Phase == storage.PhaseEnded && s.follow.Deployment != 0 // a wish without a deployment is always told by itself
	switch s.changed = differs(before, s.follow); {
	case ends && t.look.Err == nil && covers(t.look.Away, s.follow, old.Key != ""):
		s.follow.Phase = storage.PhaseUntold
		s.follow.Untold = encoded(untold{s.view, s.notices})
	// A deployment that was not seen leaves its card unchanged.
	case unseen == nil && (v.Deployment != nil || s.follow.Deployment == 0), len(s.notices) > 0:
		s.say(old)
	}
	if s.mistaken != 0 {
		s.messages = append(s.messages, s.view.retraction(s.mistaken))
	}
	return s
}

// retraction says in the thread that a guess was wrong. The lines about it become those of the right deployment.
func (v view) retraction(mistaken int64) storage.Message {
	m := storage.Message{
		Key: fmt.Sprintf("step/%s/not/%d", v.Follow.ID, mistaken), Channel: v.Follow.Channel, Parent: cardKey(v.Follow.ID), Last: true,
	}
	return outbox.Say(m, card.Mistaken(v.View, mistaken))
}

// correct plans the correction of an end that was told: Cloud 66 tells another one now. Each change is told once, in the thread and where a
// failure goes. An end that is not told yet is told as it is now.
func (t *tale) correct(f storage.Follow) step {
	s := step{follow: f, view: t.view(f), changed: true}
	v := &s.view
	state := notify.Outcome(t.sight(*v.Deployment))
	if state == f.State.Deployed() {
		return s
	}
	of := t.subscribed.to(t.nameOf(f))[f.Channel]
	v.Mentions, v.Loud = notify.HearOfFailure(of, *v.Deployment)
	v.Mentions = named(v.Mentions, t.starter(*v.Deployment))
	if f.Phase == storage.PhaseUntold {
		s.follow.Said = t.said(state, f.Deployment)
		s.mend(state, of)
		return s
	}
	v.Corrects, s.follow.State, s.follow.Said = f.State.Deployed(), state, t.said(state, f.Deployment)
	if len(f.Told) < maxTold {
		s.follow.Told = append(slices.Clone(f.Told), state)
		s.notices = []notify.Notice{{State: state, At: t.look.At, Why: "Cloud 66 said before: " + string(f.State)}}
	}
	v.Loud = v.Loud || slices.ContainsFunc(of, func(sub storage.Subscription) bool { return notify.Wants(sub, string(storage.Failed)) })
	v.Tell = concerned(s.follow, of, *v.Deployment)
	if old := t.cards[f.ID]; old.Key != "" || f.Subscribed { // one of a subscription was told with others, and gets its card now
		s.say(old)
	}
	return s
}

// maxTold bounds what a follow tells, should Cloud 66 change an end again and again.
const maxTold = 12

// mend replaces an end that is not told yet.
func (s *step) mend(state storage.State, of []storage.Subscription) {
	var end untold
	if err := json.Unmarshal(s.follow.Untold, &end); err != nil {
		panic(fmt.Sprintf("the end that is not told yet cannot be read: %v", err))
	}
	was, d := s.follow.State, s.view.Deployment
	s.follow.State, s.follow.Told = state, slices.Clone(s.follow.Told)
	for i, told := range s.follow.Told {
		if told == was {
			s.follow.Told[i] = state
		}
	}
	for i, n := range end.Notices {
		if n.State == was {
			end.Notices[i] = notify.Notice{State: state, At: cmp.Or(d.FinishedAt, n.At), Why: "its outcome is " + d.Outcome.String() + " now"}
		}
	}
	s.view.Tell = concerned(s.follow, of, *d)
	s.follow.Untold = encoded(untold{s.view, end.Notices})
}

// nameOf returns the name under which channels know a follow's stack, which may have been renamed since.
func (t *tale) nameOf(f storage.Follow) storage.StackRef {
	if t.known.position != nil {
		return t.known.position.Stack
	}
	return f.Stack
}

// view returns what a card shows beside its follow.
func (t *tale) view(f storage.Follow) view {
	v := view{View: card.View{Dashboard: t.page(f.Stack), At: t.look.At, Gap: t.look.Gap}}
	if f.Deployment == 0 {
		return v
	}
	if d, ok := t.look.Find(f.Deployment); ok {
		v.Deployment = &d
	}
	for _, d := range t.look.Newest {
		if d.IsLive && v.Live == 0 {
			v.Live = d.ID
		}
		if d.ID > f.Deployment && d.Ended() && d.Duration() > 0 { // not one that was cancelled in the queue
			v.Overtaken = max(v.Overtaken, d.ID)
		}
	}
	if v.Deployment != nil {
		v.Before, v.Earlier = before(t.look.Newest, *v.Deployment)
	}
	v.Ahead = ahead(t.look.Newest, f.Deployment)
	v.Began = t.began[f.Deployment]
	if v.Began.IsZero() && f.Wish != nil {
		var started time.Time
		if v.Deployment != nil {
			started = v.Deployment.StartedAt
		}
		if started.Before(f.AskedAt) || started.After(t.look.At) && !slices.Contains(f.Told, storage.Queued) {
			v.Began = f.AskedAt // it cannot start earlier, nor in the future: Cloud 66's clock is off
		}
	}
	if !slices.ContainsFunc(f.Told, storage.State.End) {
		v.Corrects = t.turned[f.Deployment]
	}
	a := t.about[f.Deployment]
	if v.Cancelled = a.cancel; f.Subscribed {
		v.By = a.asker
	}
	return v
}

// before returns what was live before a deployment, or is until it ends, and the last deployment before it that brought something else. The
// newest earlier success counts, as far as it was not rolled back since.
func before(newest []cloud66.Deployment, d cloud66.Deployment) (live cloud66.Deployment, another int64) {
	for _, other := range newest {
		if other.ID >= d.ID || other.Outcome.Kind != cloud66.OutcomeSuccess || other.Reverted {
			continue
		}
		if live.ID == 0 || other.IsLive && !live.IsLive {
			live = other
		}
		if another == 0 && (other.GitHash != d.GitHash || d.GitHash == "") {
			another = other.ID
		}
	}
	return live, another
}

// ahead returns the deployment that one which waits is behind: the nearest that waits before it too, else the one that runs, or 0.
func ahead(newest []cloud66.Deployment, id int64) (first int64) {
	for _, d := range newest {
		switch {
		case d.ID < id && d.Queued() && d.ID > first && !overtaken(newest, d.ID):
			first = d.ID
		case d.ID != id && d.Running() && first == 0:
			first = d.ID
		}
	}
	return first
}

// overtaken reports whether a newer deployment than a waiting one has ended.
func overtaken(newest []cloud66.Deployment, id int64) bool {
	return slices.ContainsFunc(newest, func(d cloud66.Deployment) bool { return d.ID > id && d.Ended() && d.Duration() > 0 })
}

// say renders the card and the thread lines. A card is written only if it shows something else than the old one, if there is one.
func (s *step) say(old storage.Message) {
	there := old.Key != ""
	born := !there && s.follow.Subscribed && s.follow.Phase == storage.PhaseEnded // its thread has nothing to add
	s.view.Follow, s.view.Born, s.view.First = s.follow, born, !born && old.TS == ""
	c := s.view.card()
	if c.Urgent = urgent(s.follow, s.notices...); born {
		c.Tell = s.view.Tell
	}
	if !there || !outbox.Same(old, c) {
		s.messages, s.changed = append(s.messages, c), true
	}
	for i := 0; i < len(s.notices) && !born; i++ {
		s.messages = append(s.messages, s.view.step(s.notices[i]))
	}
}

// sayIn is say with the card as the transaction sees it.
func (s *step) sayIn(tx storage.Tx) error {
	old, _, err := storage.Messages.Find(tx, cardKey(s.follow.ID))
	if err == nil {
		s.say(old)
	}
	return err
}

// urgent reports whether users wait for these notices: the asker for any, subscribers for a failure.
func urgent(f storage.Follow, notices ...notify.Notice) bool {
	return len(notices) > 0 && (!f.Subscribed || slices.ContainsFunc(notices, isFailure))
}

func isFailure(n notify.Notice) bool {
	return n.State == storage.Failed || n.State == storage.Unhealthy
}

// differs reports whether two records differ in their stored form.
func differs(a, b any) bool { return !bytes.Equal(encoded(a), encoded(b)) }

// writeAll writes the steps that change something.
func writeAll(tx storage.Tx, steps []step) (err error) {
	for _, s := range steps {
		if !s.changed {
			continue
		}
		f := s.follow
		if err = errors.Join(err, outbox.PutAll(tx, s.messages)); f.ID == "" {
			continue
		}
		err = errors.Join(err, unregister(tx, f, s.mistaken), storage.PutFollow(tx, f), register(tx, f))
		if f.Phase == storage.PhaseEnded {
			err = errors.Join(err, putResults(tx, f))
		}
		if f.Wish != nil && f.Deployment != 0 {
			key := storage.DeploymentKey(f.Stack.UID, f.Deployment)
			err = errors.Join(err, storage.Wishes.Put(tx, key, storage.WishOf{Follow: f.ID, At: f.AskedAt}))
		}
	}
	return err
}

// putResults records the end of a follow as the result of its redeploy, and of the cancels of its deployment.
func putResults(tx storage.Tx, f storage.Follow) (err error) {
	result := storage.Result{Outcome: f.State, Deployment: f.Deployment, Said: f.Said}
	if f.Operation != "" {
		err = storage.PutResult(tx, f.Operation, result)
	}
	c, there, wrong := storage.Cancels.Find(tx, storage.DeploymentKey(f.Stack.UID, f.Deployment))
	if err = errors.Join(err, wrong); !there || f.Deployment == 0 {
		return err
	}
	for _, operation := range c.Operations {
		err = errors.Join(err, storage.PutResult(tx, operation, result))
	}
	if end := f.State.Deployed(); slices.Contains(outcomes, end) && c.Ended != end {
		c.Ended = end
		err = errors.Join(err, storage.Cancels.Put(tx, storage.DeploymentKey(f.Stack.UID, f.Deployment), c))
	}
	return err
}

// done delivers and logs recorded steps.
func (p *Progress) done(ctx context.Context, steps ...step) {
	var messages []storage.Message
	for _, s := range steps {
		messages = append(messages, s.messages...)
		if s.follow.Phase == storage.PhaseUntold {
			routine.Signal(p.found)
		}
		if s.follow.State.End() {
			p.Waits()
		}
		for _, n := range s.notices {
			p.Log.InfoContext(ctx, "deployment", "state", n.State, "stack", s.follow.Stack.String(), "deployment", s.follow.Deployment,
				"channel", s.follow.Channel, "user", s.follow.Asker, "follow", s.follow.ID, "why", n.Why)
		}
	}
	p.Outbox.Deliver(messages...)
}

// finish ends a follow whose wish led to no deployment.
func (p *Progress) finish(ctx context.Context, id string, state storage.State, said string) error {
	var s step
	err := p.Records.Update(context.WithoutCancel(ctx), func(tx storage.Tx) error {
		f, err := storage.Follows.Get(tx, id)
		s = step{}
		if err != nil || f.Phase == storage.PhaseEnded {
			return err
		}
		subscribed, err := p.subscribed(tx)
		if err != nil {
			return err
		}
		now := time.Now()
		s = step{follow: ended(f, state, said, now), changed: true}
		if f.Wish != nil && state == storage.Refused {
			s.follow.Deployment, s.mistaken = 0, f.Deployment // a guess, while Cloud 66 took long to refuse it
		}
		if state != storage.Unposted {
			s.notices = []notify.Notice{{State: state, At: now, Why: said}}
		}
		s.view.Dashboard = p.Page(f.Stack)
		s.view.At, s.view.Tell = now, concerned(s.follow, subscribed.to(f.Stack)[f.Channel], cloud66.Deployment{})
		if err := s.sayIn(tx); err != nil {
			return err
		}
		if s.mistaken != 0 {
			s.messages = append(s.messages, s.view.retraction(s.mistaken))
		}
		return writeAll(tx, []step{s})
	})
	if err != nil {
		return fmt.Errorf("record the end of follow %s: %w", id, err)
	}
	p.done(ctx, s)
	return nil
}

// concerned returns the users who must learn of a follow's end: its asker, or the authors of the subscriptions that include it.
func concerned(f storage.Follow, of []storage.Subscription, d cloud66.Deployment) []string {
	if f.Asker != "" {
		return []string{f.Asker}
	}
	return notify.Authors(of, d, string(f.State))
}

func cardKey(follow string) string { return cardPrefix + follow }

const cardPrefix = "card/"

// FollowOf returns the follow whose card has the message key; it reports false for other messages.
func FollowOf(key string) (string, bool) { return strings.CutPrefix(key, cardPrefix) }

// card renders a follow's card as a message. A card with a running time is stored as of its start, so that it changes with its state only;
// the outbox draws it anew.
func (v view) card() storage.Message {
	m := storage.Message{Key: cardKey(v.Follow.ID), Channel: v.Follow.Channel, Urgent: true, Last: v.Follow.Phase == storage.PhaseEnded}
	if v.Runs() {
		v.At = v.Start()
		m.Running = encoded(v.View)
	}
	return outbox.Say(m, card.Deployment(v.View))
}

// Draw renders a running card as of a time, for the outbox.
func Draw(running []byte, at time.Time) (outbox.Body, error) {
	var v card.View
	if err := json.Unmarshal(running, &v); err != nil {
		return outbox.Body{}, fmt.Errorf("decode a running card: %w", err)
	}
	v.At = at
	says := card.Deployment(v)
	return outbox.Body{Text: says.Text(), Blocks: says.JSON()}, nil
}

// encoded returns what JSON can hold, as do all records, encoded.
func encoded(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("a record cannot be encoded: %v", err))
	}
	return b
}

// step renders a state as a line of the card's thread. A failure is also broadcast to the channel if the follow was asked for or a
// subscription includes it. An end has recipients for direct messages.
func (v view) step(n notify.Notice) storage.Message {
	f := v.Follow
	m := storage.Message{
		Key: fmt.Sprintf("step/%s/%s", f.ID, n.State), Channel: f.Channel, Parent: cardKey(f.ID), Urgent: urgent(f, n), Last: true,
		Broadcast: (isFailure(n) || v.Corrects == storage.Failed) && (v.Loud || !f.Subscribed),
	}
	switch {
	case n.State == storage.Lost, n.State == storage.Unhealthy, n.State == storage.Recovered: // may occur again
		m.Key += fmt.Sprintf("/%d", n.At.Unix())
	case v.Corrects != "":
		m.Key += fmt.Sprintf("/%d", len(f.Told))
	}
	if n.State.End() {
		m.Tell = v.Tell
	}
	return outbox.Say(m, card.Step(v.View, n.State, m.Broadcast))
}
