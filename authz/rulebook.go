package authz

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"c66bot/cloud66/panics"
	"c66bot/storage"
)

// maxChannels is the capacity of the cache. A full cache is emptied.
const maxChannels = 1000

// rulebook caches the parsed rules of channels until a rule changes.
type rulebook struct {
	records  storage.DB
	changes  atomic.Int64 // of the rules of any channel
	channels sync.Map     // rulesets by channel; one of an earlier change does not count, so that a read in flight stores no stale rules
	kept     atomic.Int64
	reads    singleflight.Group
}

// of returns the rules of a channel. Concurrent callers share one read.
func (b *rulebook) of(ctx context.Context, channel string) (*ruleset, error) {
	changes := b.changes.Load()
	stored, _ := b.channels.Load(channel)
	if known, ok := stored.(*ruleset); ok && known.changes == changes {
		return known, nil
	}
	shared := context.WithoutCancel(ctx)
	read := b.reads.DoChan(fmt.Sprint(channel, "/", changes), func() (any, error) {
		var rules []storage.Rule
		var failed error
		err := panics.Catch(func() error {
			rules, failed = storage.Read(shared, b.records, func(tx storage.Tx) ([]storage.Rule, error) {
				return storage.Rules.All(tx, storage.ChannelKey(channel, ""))
			})
			return nil
		})
		if err != nil {
			return panicked{err}, nil //nolint:nilerr // the waiting request panics with it
		}
		if err = failed; err != nil {
			return nil, fmt.Errorf("read the rules of %s: %w", channel, err)
		}
		set := newRuleset(rules)
		set.changes = changes
		if b.kept.Add(1) > maxChannels {
			b.forget()
		}
		b.channels.Store(channel, set)
		return set, nil
	})
	select {
	case r := <-read:
		if fault, ok := r.Val.(panicked); ok {
			panic(fault) // it ends the request, as if the caller had read
		}
		set, _ := r.Val.(*ruleset)
		return set, r.Err
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the rules of %s: %w", channel, ctx.Err())
	}
}

// panicked is a panic in a shared read.
type panicked struct{ error }

func (b *rulebook) forget() {
	b.kept.Store(0)
	b.channels.Clear()
}

// ruleset is the immutable, parsed form of a channel's rules.
type ruleset struct {
	rules  []storage.Rule   // oldest first
	about  map[string]about // by user id, group id or Everyone
	groups about            // those whose subject is a group

	changes int64 // the rulebook's when they were read
}

// about holds the rules of a subject.
type about struct{ denies, allows list }

func (a *about) add(c *compiled) {
	if c.Deny {
		a.denies.rules = append(a.denies.rules, c)
	} else {
		a.allows.rules = append(a.allows.rules, c)
	}
}

// list holds the rules of one kind about one subject, those with a literal name first.
type list struct {
	rules []*compiled
	on    *sync.Map // cache: the rules that match a stack, by StackRef; nil for a list that is short
}

// short is the length up to which matching a list is about as fast as the cache.
const short = 32

// sort prefers a rule with a literal name as the reason.
func (l *list) sort() {
	slices.SortStableFunc(l.rules, func(a, b *compiled) int {
		return cmp.Compare(min(1, len(a.pattern.name.steps)), min(1, len(b.pattern.name.steps)))
	})
	if len(l.rules) > short {
		l.on = new(sync.Map)
	}
}

// near returns the rules of the list that match a stack, and maybe others.
func (l *list) near(stack storage.StackRef, f *folded) []*compiled {
	if l.on == nil {
		return l.rules
	}
	stack.Tag = ""
	known, ok := l.on.Load(stack)
	if !ok {
		known = slices.DeleteFunc(slices.Clone(l.rules), func(c *compiled) bool { return !c.pattern.match(f) })
		l.on.Store(stack, known)
	}
	rules, _ := known.([]*compiled)
	return rules
}

// compiled is a rule with its parsed pattern and rights.
type compiled struct {
	*storage.Rule
	pattern Pattern
	rights  set
}

func newRuleset(rules []storage.Rule) *ruleset {
	slices.SortStableFunc(rules, func(a, b storage.Rule) int { return cmp.Or(a.At.Compare(b.At), strings.Compare(a.ID, b.ID)) })
	s := &ruleset{rules: rules, about: map[string]about{}}
	for i := range rules {
		c := &compiled{Rule: &rules[i], rights: setOf(actionsOf(rules[i])...)}
		var err error
		if c.pattern, err = PatternOf(rules[i]); err != nil {
			// A later version may have written it. Fail closed: ignore an allow, and apply a deny to everything.
			if c.pattern, _ = ParsePattern("*"); !c.Deny {
				continue
			}
		}
		theirs := s.about[c.Who]
		theirs.add(c)
		s.about[c.Who] = theirs
		if isGroup(c.Who) {
			s.groups.add(c)
		}
	}
	for who, theirs := range s.about {
		theirs.denies.sort()
		theirs.allows.sort()
		s.about[who] = theirs
	}
	return s
}

func actionsOf(r storage.Rule) []Action {
	actions := make([]Action, len(r.Actions))
	for i, word := range r.Actions {
		actions[i] = Action(word)
	}
	return actions
}

// holds reports whether a rule has not expired.
func holds(r *storage.Rule, at time.Time) bool { return r.Until.IsZero() || at.Before(r.Until) }
