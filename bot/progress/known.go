package progress

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"c66bot/bot/notify"
	"c66bot/cloud66"
	"c66bot/cloud66/watch"
	"c66bot/commands"
	"c66bot/storage"
)

// known is what the database holds about the stack of a look. A plan that was made from it holds as long as it is the same.
type known struct {
	subscribed *subscriptions
	of         map[string][]storage.Subscription // to the stack, by channel
	stack      storage.StackRef                  // zero if the stack's name is unknown: the look is for a card alone
	position   *storage.Position                 // nil if the stack has none
	health     *storage.HealthWatch              // nil if the stack's health is not watched
	follows    []storage.Follow                  // open, oldest first
	cards      map[string]storage.Message        // what they show, by the id of the follow; without a key the card is not recorded
	about      map[int64]about                   // of the deployments of the look and of the follows
	corrected  []storage.Follow                  // told an end that Cloud 66 tells otherwise now, or are about to
	unlisted   []storage.Follow                  // ended without a deployment that Cloud 66 shows
	turned     map[int64]storage.State           // deployments whose end Cloud 66 tells otherwise now, and what it was
	damaged    string                            // why some follows could not be read
}

// about is what the bot knows of a deployment.
type about struct {
	cancel    *storage.Cancel
	wish      string            // the follow whose redeploy started it, or ""
	asker     string            // who requested that
	services  string            // that were requested, as in storage.Wish
	reference string            // of its stack action
	heard     map[string]string // the follows that announce it, by channel, if it is news
	kept      storage.Deployed  // its history
}

// compared is a look with what it was compared with.
type compared struct {
	look    watch.Look
	known   *known
	changes uint64 // of the database, before that was read
}

// knownOf returns what a look is compared with: that of the last look at the stack if both show the same and the database has not changed.
func (p *Progress) knownOf(ctx context.Context, look watch.Look) (k *known, err error) {
	changes := p.Records.Changes()
	if kept, ok := p.lasts.Load(look.Stack); ok {
		if l, _ := kept.(compared); l.changes == changes && sameShown(l.look, look) {
			return l.known, nil
		}
	}
	err = p.Records.View(ctx, func(tx storage.Tx) (err error) {
		if k, err = p.read(tx, look); err == nil {
			p.subscriptions.Store(k.subscribed)
		}
		return err
	})
	if err == nil && len(k.follows) > 0 && len(k.turned)+len(k.unlisted) == 0 { // what is corrected depends on the time too
		p.lasts.Store(look.Stack, compared{look, k, changes})
	} else {
		p.lasts.Delete(look.Stack)
	}
	return k, err
}

// sameShown reports whether two looks at a stack are compared with the same.
func sameShown(a, b watch.Look) bool {
	return reflect.DeepEqual(a.Listed, b.Listed) && reflect.DeepEqual(a.Newest, b.Newest) && reflect.DeepEqual(a.Others, b.Others)
}

// read reads what a look is compared with. An error of single follows is reported in known.damaged.
func (p *Progress) read(tx storage.Tx, look watch.Look) (k *known, err error) {
	k = &known{cards: map[string]storage.Message{}, about: map[int64]about{}, turned: map[int64]storage.State{}}
	if k.subscribed, err = p.subscribed(tx); err != nil {
		return nil, err
	}
	position, there, err := storage.Positions.Find(tx, look.Stack)
	if err != nil {
		return nil, err
	}
	if k.stack = position.Stack; there {
		k.position = &position
	}
	if look.Listed != nil {
		k.stack = commands.RefOf(*look.Listed)
	}
	if k.stack.UID != "" {
		k.of = fitting(slices.Concat(k.subscribed.active, k.subscribed.locks), k.stack)
	}
	if w, watched, err := storage.Health.Find(tx, look.Stack); err != nil {
		return nil, err
	} else if watched {
		k.health = &w
	}
	var wrong error
	if k.follows, wrong = storage.OpenFollows(tx, look.Stack); wrong != nil {
		k.damaged = wrong.Error()
	}
	for _, f := range k.follows {
		err = errors.Join(err, k.card(tx, f), k.learn(tx, look.Stack, f.Deployment))
		if f.Wish != nil {
			err = errors.Join(err, k.learn(tx, look.Stack, f.Wish.Claimed))
		}
	}
	err = errors.Join(err, k.missing(tx, look))
	shown := slices.Concat(look.Newest, look.Others)
	for _, d := range shown {
		err = errors.Join(err, k.learn(tx, look.Stack, d.ID))
		if kept := k.about[d.ID].kept; d.Ended() && kept.Outcome != d.Outcome.String() && look.At.Sub(kept.SeenAt) < correctable {
			k.turned[d.ID] = outcomeNamed(kept.Outcome)
			err = errors.Join(err, k.correct(tx, look.Stack, d.ID))
		}
	}
	if len(k.of) > 0 {
		for _, d := range slices.Concat(notify.News(k.since(look), shown), notify.NewlyReverted(k.position, shown)) {
			err = errors.Join(err, k.hear(tx, look.Stack, d.ID))
		}
	}
	return k, err
}

// aimOf returns what a look at a stack is to read.
func aimOf(subscribed bool, position *storage.Position, follows []storage.Follow) watch.Aim {
	aim := watch.Aim{Subscribed: subscribed, Position: position, Followed: map[int64]bool{}}
	for _, f := range follows {
		id := f.Deployment
		switch {
		case f.Phase == storage.PhaseCarded || f.Phase == storage.PhaseUntold || f.Phase == storage.PhaseEnded:
			continue
		case id == 0:
			if claims(*f.Wish) {
				id = f.Wish.Claimed
			}
			aim.Sought = watch.Later(aim.Sought, f.Wish.SentAt)
		}
		aim.Followed[id] = aim.Followed[id] || !f.Subscribed
	}
	return aim
}

// learn reads what is known of a deployment.
func (k *known) learn(tx storage.Tx, stack string, id int64) error {
	if _, done := k.about[id]; done || id == 0 {
		return nil
	}
	var a about
	key := storage.DeploymentKey(stack, id)
	cancel, asked, err := storage.Cancels.Find(tx, key)
	if asked {
		a.cancel = &cancel
	}
	wish, _, errWish := storage.Wishes.Find(tx, key)
	if a.wish = wish.Follow; a.wish != "" {
		f, _, wrong := storage.Follows.Find(tx, a.wish)
		a.asker, err = f.Asker, errors.Join(err, wrong)
		if f.Wish != nil {
			a.services, a.reference = f.Wish.Services, f.Wish.Reference
		}
	}
	var errKept error
	a.kept, _, errKept = storage.History.Find(tx, key)
	k.about[id] = a
	return errors.Join(err, errWish, errKept)
}

// hear reads which channels have heard of a deployment.
func (k *known) hear(tx storage.Tx, stack string, id int64) error {
	a := k.about[id]
	a.heard = map[string]string{}
	k.about[id] = a
	return storage.Heard.Scan(tx, storage.DeploymentKey(stack, id)+"/", func(key string, by storage.WishOf) error {
		a.heard[key[strings.LastIndexByte(key, '/')+1:]] = by.Follow
		return nil
	})
}

// correctable is how long after an end Cloud 66's change of it is told.
const correctable = 24 * time.Hour

// outcomes are the ends that Cloud 66 may tell otherwise later.
var outcomes = []storage.State{storage.Succeeded, storage.Failed, storage.Cancelled, storage.Over}

// outcomeNamed returns the end of a deployment whose outcome is kept in the history.
func outcomeNamed(kept string) storage.State {
	switch cloud66.Outcome(kept) {
	case cloud66.OutcomeSuccess:
		return storage.Succeeded
	case cloud66.OutcomeFailed:
		return storage.Failed
	case cloud66.OutcomeCancelled:
		return storage.Cancelled
	default:
		return storage.Over
	}
}

// correct reads which follows have told the end of a deployment, or are about to, and what their cards show.
func (k *known) correct(tx storage.Tx, stack string, id int64) error {
	err := k.hear(tx, stack, id)
	for _, channel := range slices.Sorted(maps.Keys(k.about[id].heard)) {
		f, there, wrong := storage.Follows.Find(tx, k.about[id].heard[channel])
		if err = errors.Join(err, wrong); there && slices.Contains(outcomes, f.State.Deployed()) {
			k.corrected = append(k.corrected, f)
			err = errors.Join(err, k.card(tx, f))
		}
	}
	return err
}

// card reads what a follow's card shows.
func (k *known) card(tx storage.Tx, f storage.Follow) error {
	m, _, err := storage.Messages.Find(tx, cardKey(f.ID))
	k.cards[f.ID] = storage.Message{Key: m.Key, Text: m.Text, Blocks: m.Blocks, Running: m.Running, Last: m.Last, TS: m.TS}
	return err
}

// since returns the position that later deployments are news to; nil for none, to which only what runs is news.
func (k *known) since(look watch.Look) *storage.Position {
	if k.position != nil {
		return k.position
	}
	if made := k.made(look); !made.IsZero() {
		return &storage.Position{Since: made}
	}
	return nil
}

// first returns the position of a stack of which no deployments were read.
func (k *known) first(look watch.Look) storage.Position {
	at := storage.Position{Stack: k.stack, Since: look.At.Add(-sinceAtMost), Mark: look.Mark, At: look.At}
	if look.Listed != nil {
		at.Healthy = notify.Healthy(false, *look.Listed)
	}
	made := k.made(look)
	switch {
	case !made.IsZero(): // without a mark, its deployments are looked at
		at.Since, at.Mark = made, ""
	case look.Listed != nil && look.Listed.LastActivity.After(at.Since):
		at.Since = look.Listed.LastActivity
	}
	return at
}

// made returns the time just before a stack was created, if that was recent and a channel subscribed to its name earlier: then all its
// deployments are news. Else it returns zero.
func (k *known) made(look watch.Look) time.Time {
	if look.Listed == nil {
		return time.Time{}
	}
	made := look.Listed.CreatedAt
	for _, of := range k.of {
		if made.After(look.At.Add(-sinceAtMost)) && slices.ContainsFunc(of, func(s storage.Subscription) bool { return made.After(s.At) }) {
			return made.Add(-time.Second)
		}
	}
	return time.Time{}
}
