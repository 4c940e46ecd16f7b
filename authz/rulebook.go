package authz

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"c66bot/storage"
)

// maxChannels is the capacity of the cache. A full cache is emptied.
const maxChannels = 1000

// rulebook caches the parsed rules of channels until they change.
type rulebook struct {
	records storage.DB

	mu       sync.Mutex
	channels map[string]*channelRules
}

// channelRules is a cache entry. Invalidation replaces the entry, so a read in flight cannot store stale rules.
type channelRules struct {
	turn  chan struct{} // a mutex whose waiters respect a context; it guards rules
	rules *ruleset      // nil until read
}

// of returns the rules of a channel. Concurrent callers share one read.
func (b *rulebook) of(ctx context.Context, channel string) (*ruleset, error) {
	c := b.cached(channel)
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the rules of %s: %w", channel, ctx.Err())
	}
	if c.rules != nil {
		return c.rules, nil
	}
	var rules []storage.Rule
	err := b.records.View(ctx, func(tx storage.Tx) error {
		rules = nil
		return storage.Rules.Scan(tx, storage.ChannelKey(channel, ""), func(_ string, r storage.Rule) error {
			rules = append(rules, r)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the rules of %s: %w", channel, err)
	}
	c.rules = newRuleset(rules)
	return c.rules, nil
}

func (b *rulebook) cached(channel string) *channelRules {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c, ok := b.channels[channel]; ok {
		return c
	}
	if b.channels == nil || len(b.channels) >= maxChannels {
		b.channels = map[string]*channelRules{}
	}
	c := &channelRules{turn: make(chan struct{}, 1)}
	b.channels[channel] = c
	return c
}

func (b *rulebook) forget(channel string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.channels, channel)
}

// ruleset is the immutable, parsed form of a channel's rules.
type ruleset struct {
	rules  []storage.Rule         // oldest first
	about  map[string][]*compiled // by user id, group id or Everyone
	groups []*compiled            // those whose subject is a group
}

// compiled is a rule with its parsed pattern.
type compiled struct {
	*storage.Rule
	pattern Pattern
}

func newRuleset(rules []storage.Rule) *ruleset {
	slices.SortStableFunc(rules, func(a, b storage.Rule) int { return cmp.Or(a.At.Compare(b.At), strings.Compare(a.ID, b.ID)) })
	s := &ruleset{rules: rules, about: map[string][]*compiled{}}
	for i := range rules {
		c := &compiled{Rule: &rules[i]}
		var err error
		if c.pattern, err = PatternOf(rules[i]); err != nil {
			// A later version may have written it. Fail closed: ignore an allow, and apply a deny to everything.
			if c.pattern, _ = ParsePattern("*"); !c.Deny {
				continue
			}
		}
		s.about[c.Who] = append(s.about[c.Who], c)
		if isGroup(c.Who) {
			s.groups = append(s.groups, c)
		}
	}
	for _, list := range s.about { // Prefer a rule with a literal name as the reason.
		slices.SortStableFunc(list, func(a, b *compiled) int {
			return cmp.Compare(min(1, len(a.pattern.name.steps)), min(1, len(b.pattern.name.steps)))
		})
	}
	return s
}

// holding returns the unexpired rules.
func holding(rules []*compiled, at time.Time) (left []*compiled) {
	for _, c := range rules {
		if holds(c.Rule, at) {
			left = append(left, c)
		}
	}
	return left
}

// holds reports whether a rule has not expired.
func holds(r *storage.Rule, at time.Time) bool { return r.Until.IsZero() || at.Before(r.Until) }
