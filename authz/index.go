package authz

import (
	"math"
	"slices"
	"strings"
	"time"

	"c66bot/storage"
)

// index is the rules of one channel made ready for decisions. It is never changed.
type index struct {
	rules       []*compiled      // oldest first
	shelves     map[string]shelf // by whom the rules concern
	groupsUntil instant          // when the last rule that concerns a group has ended

	groupDeniesUntil instant // when the last of those that deny has ended
}

// shelf holds the rules that concern one user, one group or everyone.
type shelf struct{ deny, allow *pile }

// pile is rules with the same effect on the same people. What names one stack's name is found by that name; what has a wildcard in the name is
// gone through.
type pile struct {
	rules []*compiled // oldest first
	named map[string][]*compiled
	wild  []wildcard
	until instant // when the last of them has ended
}

// wildcard is a compiled rule behind what tells most often that it does not fit.
type wildcard struct {
	name, environment letters
	actions           actionSet
	rule              *compiled
}

// compiled is a rule with its pattern read.
type compiled struct {
	rule    *storage.Rule
	pattern Pattern
	actions actionSet
	until   instant
}

// instant is a time in microseconds since 1970.
type instant int64

const never instant = math.MaxInt64

func now() instant { return instant(time.Now().UnixMicro()) }

func untilOf(r *storage.Rule) instant {
	if r.Until.IsZero() {
		return never
	}
	return instant(r.Until.UnixMicro())
}

func newIndex(rules []storage.Rule) *index {
	slices.SortStableFunc(rules, older)
	ix := &index{shelves: map[string]shelf{}}
	for i := range rules {
		c := compile(&rules[i])
		ix.rules = append(ix.rules, c)
		who := c.rule.Who
		s, ok := ix.shelves[who]
		if !ok {
			s = shelf{deny: &pile{}, allow: &pile{}}
			ix.shelves[who] = s
		}
		if c.rule.Deny {
			s.deny.add(c)
		} else {
			s.allow.add(c)
		}
		if isGroup(who) {
			ix.groupsUntil = max(ix.groupsUntil, c.until)
			if c.rule.Deny {
				ix.groupDeniesUntil = max(ix.groupDeniesUntil, c.until)
			}
		}
	}
	return ix
}

func older(a, b storage.Rule) int {
	if n := a.At.Compare(b.At); n != 0 {
		return n
	}
	return strings.Compare(a.ID, b.ID)
}

// compile reads a rule. One whose stacks cannot be read, as a later version may have written it, allows nothing and denies everything.
func compile(r *storage.Rule) *compiled {
	c := &compiled{rule: r, until: untilOf(r)}
	for _, a := range r.Actions {
		c.actions |= setOf(Action(a))
	}
	var err error
	if c.pattern, err = ParsePattern(r.Stacks); err == nil {
		return c
	}
	c.pattern, _ = ParsePattern("*")
	if !r.Deny {
		c.actions = 0
	}
	return c
}

func (p *pile) add(c *compiled) {
	p.rules = append(p.rules, c)
	p.until = max(p.until, c.until)
	if name, ok := c.pattern.name.exact(); ok {
		if p.named == nil {
			p.named = map[string][]*compiled{}
		}
		p.named[name] = append(p.named[name], c)
		return
	}
	p.wild = append(p.wild, wildcard{c.pattern.name.need, c.pattern.environment.need, c.actions, c})
}

// find gives a rule that is about one of the actions on the stack; nil where there is none.
func (p *pile) find(f *folded, actions actionSet, at instant) *compiled {
	if c := p.findNamed(f.name, f, actions, at); c != nil {
		return c
	}
	if c := p.findNamed(f.uid, f, actions, at); c != nil {
		return c
	}
	for i := range p.wild {
		w := &p.wild[i]
		if w.actions&actions != 0 && w.name.within(f.nameLetters) && w.environment.within(f.environmentLetters) &&
			at < w.rule.until && w.rule.pattern.match(f) {
			return w.rule
		}
	}
	return nil
}

func (p *pile) findNamed(name string, f *folded, actions actionSet, at instant) *compiled {
	for _, c := range p.named[name] {
		if c.actions&actions != 0 && at < c.until && c.pattern.match(f) {
			return c
		}
	}
	return nil
}

// about gives a rule that is about one of the actions, on whatever stacks, or on all of them; nil where there is none.
func (p *pile) about(actions actionSet, everything bool, at instant) *compiled {
	for _, c := range p.rules {
		if c.actions&actions != 0 && at < c.until && (!everything || c.pattern.Everything()) {
			return c
		}
	}
	return nil
}
