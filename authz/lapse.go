package authz

import (
	"maps"
	"slices"
	"time"

	"c66bot/storage"
)

// Lapse is a deny that holds for a stack no longer, since the stack is called otherwise now or is gone.
type Lapse struct {
	Rule storage.Rule
	Was  storage.StackRef
	Now  storage.StackRef // zero if the stack is gone
}

// Denies reports whether a rule can lapse: it is an unexpired deny by name.
func Denies(r storage.Rule, at time.Time) bool {
	p, err := PatternOf(r)
	return r.Deny && holds(&r, at) && r.UID == "" && err == nil && !p.Everything()
}

// Lapsed returns the lapses of deny rules, and the stacks that they cover, by UID. known is what they covered before, under the names of
// that time. Of an absent stack only a rule that names it lapses, once gone confirms that it is gone; until then it stays covered.
func Lapsed(rules []storage.Rule, known map[string]storage.StackRef, stacks []storage.StackRef, gone func(uid string) bool) (
	lapses []Lapse, covered map[string]storage.StackRef,
) {
	catalogue, here := NewCatalogue(stacks), map[string]storage.StackRef{}
	for _, s := range stacks {
		s.Tag = ""
		here[s.UID] = s
	}
	covered = map[string]storage.StackRef{}
	if len(rules) == 0 {
		return nil, covered
	}
	patterns := make([]Pattern, len(rules))
	for i, r := range rules {
		patterns[i], _ = PatternOf(r) // Denies has parsed it
		for at := range catalogue.Matching(patterns[i]) {
			covered[stacks[at].UID] = here[stacks[at].UID]
		}
	}
	for _, uid := range slices.Sorted(maps.Keys(known)) {
		was := known[uid]
		now, present := here[uid]
		switch {
		case present && now.Same(was):
			continue
		case !present && !gone(uid):
			covered[uid] = was
			continue
		}
		for i, p := range patterns {
			if p.Match(was) && (present && !p.Match(now) || !present && p.Literal() && !catalogue.Any(p)) {
				lapses = append(lapses, Lapse{rules[i], was, now})
			}
		}
	}
	return lapses, covered
}
