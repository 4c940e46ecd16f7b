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
	"c66bot/bot/outbox"
	"c66bot/cloud66"
	"c66bot/cloud66/panics"
	"c66bot/cloud66/watch"
	"c66bot/storage"
)

const (
	// awayAfter is how long looks at a stack must fail before the stack counts as away.
	awayAfter = time.Minute
	// gatherFor is the longest delay of an end while the other stacks are looked at again.
	gatherFor = 90 * time.Second
	// A round is late after lateRounds times the duration of the last one, and after lateAfter at least.
	lateRounds = 3
	lateAfter  = 2 * time.Minute
	// fewEnds is how many ends of one channel are announced in the threads of their cards; more become one message.
	fewEnds = 5
)

// absence tracks the stacks that could not be seen because the bot or Cloud 66 was down. Ends found afterwards are held back until all
// those stacks have been looked at again, and then announced together. Progress.mu guards its fields.
type absence struct {
	catchingUp bool          // the first round over all stacks since a start or an outage has not ended
	swept      time.Time     // when the last round ended
	between    time.Duration // between the last two rounds
	unanswered time.Time     // since when no look at any stack was answered; zero if the last was
	away       map[string]*away
	ends       map[string]end // held-back ends, by follow
	limit      *time.Timer    // runs while an end is held back
	due        chan struct{}  // signals that the ends are due
}

// away is a stack that was not seen for a while.
type away struct {
	since time.Time
	vain  bool // another look has failed since, so no end waits for the stack any more
}

// end is an end that is held back, as the look that showed it.
type end struct {
	channel string
	look    watch.Look
	trace   trace
}

// left marks a stack as away, unless it is already.
func (a *absence) left(stack string, since time.Time) {
	if a.away[stack] == nil {
		a.away[stack] = &away{since: since}
	}
}

// back ends the absence of a stack that was seen, or that no follow watches any more.
func (a *absence) back(stack string) {
	delete(a.away, stack)
	a.tellIfAll()
}

// tellIfAll makes the ends due once they wait for no stack.
func (a *absence) tellIfAll() {
	if len(a.ends) == 0 || a.catchingUp {
		return
	}
	for _, s := range a.away {
		if !s.vain {
			return
		}
	}
	a.tell()
}

func (a *absence) tell() {
	select {
	case a.due <- struct{}{}:
	default:
	}
}

// expire makes the ends due when gatherFor has passed.
func (p *Progress) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.absence.away {
		s.vain = true
	}
	p.absence.tell()
}

// keep holds an end back.
func (p *Progress) keep(follow string, e end) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := &p.absence
	a.ends[follow] = e
	if a.limit == nil {
		a.limit = time.AfterFunc(gatherFor, p.expire)
	}
}

// keeps reports whether the end of a follow is held back, so that no later look announces it.
func (p *Progress) keeps(follow string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.absence.ends[follow]
	return ok
}

// returns records a look. It returns since when the look's stack was away (zero if it was not), and whether the first round since a start
// or an outage is still in progress. A stack is away if its looks have failed for awayAfter. All followed stacks are away if no look was
// answered for awayAfter, since few looks are made while requests are throttled or over budget.
func (p *Progress) returns(look watch.Look) (since time.Time, catchingUp bool) {
	idle := len(p.current().active) == 0
	p.mu.Lock()
	defer p.mu.Unlock()
	a := &p.absence
	if late := max(lateAfter, lateRounds*a.between); idle {
		a.catchingUp = false // no round will come
	} else if !a.swept.IsZero() && look.At.Sub(a.swept) > late {
		a.catchingUp = true
	}
	if answered(look) {
		a.unanswered = time.Time{}
	} else {
		if a.unanswered.IsZero() {
			a.unanswered = look.At
		}
		if look.At.Sub(look.Silent) >= awayAfter {
			a.left(look.Stack, look.Silent)
		}
		if look.At.Sub(a.unanswered) >= awayAfter {
			for _, t := range p.open {
				a.left(t.stack, a.unanswered)
			}
		}
		if s := a.away[look.Stack]; s != nil && len(a.ends) > 0 {
			s.vain = true
			a.tellIfAll()
		}
	}
	if s := a.away[look.Stack]; s != nil {
		since = s.since
	}
	return since, a.catchingUp
}

func answered(look watch.Look) bool {
	return look.Err == nil || errors.Is(look.Err, cloud66.ErrNotFound)
}

// returned ends a stack's absence and triggers looks at the other absent stacks.
func (p *Progress) returned(stack string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.absence.back(stack)
	for other := range p.absence.away {
		p.watch.Due(other, time.Now())
	}
}

// kept returns the held-back ends by channel and follow, and stops the timer.
func (p *Progress) kept() map[string]map[string]end {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.absence.limit != nil {
		p.absence.limit.Stop()
		p.absence.limit = nil
	}
	channels := map[string]map[string]end{}
	for follow, e := range p.absence.ends {
		if channels[e.channel] == nil {
			channels[e.channel] = map[string]end{}
		}
		channels[e.channel][follow] = e
	}
	return channels
}

// tellKept announces the held-back ends whenever they are due. An end that fails is left to the next look.
func (p *Progress) tellKept(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.absence.due:
		}
		for channel, ends := range p.kept() {
			err := panics.Catch(func() error { return p.tellEnds(ctx, ends) })
			p.mu.Lock()
			maps.DeleteFunc(p.absence.ends, func(follow string, _ end) bool { _, told := ends[follow]; return told })
			p.mu.Unlock()
			if err == nil || ctx.Err() != nil {
				continue
			}
			p.Log.Error("what ended meanwhile could not be told at once; the next look tries again", "channel", channel, "ends", len(ends),
				"error", err)
			for _, e := range ends {
				p.watch.Due(e.look.Stack, time.Now())
			}
		}
	}
}

// tellEnds announces the ends of one channel in one transaction: up to fewEnds in the threads of their cards, more in one message. In the
// latter case cards are corrected, and nothing is added to their threads.
func (p *Progress) tellEnds(ctx context.Context, ends map[string]end) error {
	var steps []step
	var messages []storage.Message
	err := p.Records.Update(ctx, func(tx storage.Tx) error {
		steps, messages = nil, nil
		subscribed, err := p.subscribed(tx)
		if err != nil {
			return err
		}
		for _, id := range slices.Sorted(maps.Keys(ends)) {
			e := ends[id]
			at, _, err := storage.Positions.Find(tx, e.look.Stack)
			if err != nil {
				return err
			}
			s, err := planOf(tx, id, sight{e.look, subscribed, at, at}, e.trace)
			if err != nil {
				return fmt.Errorf("follow %s: %w", id, err)
			}
			if len(ends) > fewEnds && s.endsNow() {
				steps = append(steps, s.withoutThread())
			} else if len(ends) <= fewEnds {
				steps = append(steps, s)
			}
		}
		if len(ends) > fewEnds && len(steps) > 0 {
			if messages, err = together(steps); err != nil {
				return err
			}
		}
		return errors.Join(putAll(tx, messages), writeAll(tx, steps))
	})
	if err != nil {
		return fmt.Errorf("tell %d ends: %w", len(ends), err)
	}
	p.Outbox.Deliver(messages...)
	p.done(ctx, steps...)
	return nil
}

func putAll(tx storage.Tx, messages []storage.Message) (err error) {
	for _, m := range messages {
		err = errors.Join(err, outbox.Put(tx, m))
	}
	return err
}

// endsNow reports whether a step ends a deployment. The end of a wish without a deployment is always announced by itself.
func (s *step) endsNow() bool {
	return s.changed && s.follow.Phase == storage.PhaseEnded && s.follow.Deployment != 0
}

// withoutThread drops a step's thread lines, and a card that would be new.
func (s step) withoutThread() step {
	s.messages = slices.DeleteFunc(slices.Clone(s.messages), func(m storage.Message) bool { return m.Parent != "" || s.bornEnded() })
	for i, n := range s.notices {
		s.notices[i] = notify.Notice{State: n.State, At: n.At, Why: n.Why + ", and much else ended while nobody could look"}
	}
	return s
}

// together renders the message about many ends, with replies for the overflow. Its key is unique, because it contains the id of a follow,
// which ends only once.
func together(steps []step) ([]storage.Message, error) {
	views := make([]card.View, len(steps))
	var tell []string
	for i, s := range steps {
		views[i] = s.view.View
		tell = append(tell, s.view.tell...)
	}
	slices.Sort(tell)
	tell = slices.Compact(tell)
	key := "ended/" + steps[0].follow.ID
	wait := slices.ContainsFunc(steps, func(s step) bool { return urgent(s.follow, s.notices...) })
	var messages []storage.Message
	for i, says := range card.Ended(views) {
		m := storage.Message{Key: key, Channel: steps[0].follow.Channel, Urgent: wait, Last: true, Tell: tell}
		if i > 0 {
			m.Key, m.Parent = fmt.Sprintf("%s/%d", key, i+1), key
		}
		m, err := saying(m, says)
		if err != nil {
			return nil, err
		}
		messages = append(messages, m)
	}
	return messages, nil
}
