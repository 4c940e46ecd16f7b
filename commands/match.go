package commands

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/commands/typography"
	"c66bot/storage"
)

// only returns the visible stacks in a new slice.
func only(stacks []cloud66.Stack, visible func(cloud66.Stack) bool) (seen []cloud66.Stack) {
	for _, s := range stacks {
		if visible(s) {
			seen = append(seen, s)
		}
	}
	tellApart(seen)
	return seen
}

// folded is what namesakes have in common.
func folded(s cloud66.Stack) [2]string {
	return [2]string{authz.Fold(s.Name), authz.Fold(s.Environment)}
}

// tellApart tags the stacks of one name and environment: by their account, or else by as much of the UID as it takes. Only stacks that
// the reader may see take part.
func tellApart(stacks []cloud66.Stack) {
	named := make(map[[2]string][]int, len(stacks))
	for i, s := range stacks {
		stacks[i].Tag = ""
		key := folded(s)
		named[key] = append(named[key], i)
	}
	for _, same := range named {
		if len(same) < 2 {
			continue
		}
		alone := func(i int, of func(cloud66.Stack) string) bool {
			return !slices.ContainsFunc(same, func(j int) bool { return j != i && of(stacks[j]) == of(stacks[i]) })
		}
		for _, i := range same {
			s := &stacks[i]
			if s.Tag = s.AccountName; s.Tag != "" && alone(i, func(s cloud66.Stack) string { return s.AccountName }) {
				continue
			}
			n := 8
			beginning := func(s cloud66.Stack) string { return s.UID[:min(n, len(s.UID))] }
			for n < len(s.UID) && !alone(i, beginning) {
				n++
			}
			s.Tag = beginning(*s)
		}
	}
}

func sortStacks(stacks []cloud66.Stack) {
	type keyed struct {
		name, environment string
		stack             cloud66.Stack
	}
	all := each(stacks, func(s cloud66.Stack) keyed { return keyed{authz.Fold(s.Name), authz.Fold(s.Environment), s} })
	slices.SortStableFunc(all, func(a, b keyed) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.environment, b.environment))
	})
	for i, k := range all {
		stacks[i] = k.stack
	}
}

// match returns the stacks that match the typed text, restricted to the best kind of match. Case is ignored.
func match(stacks []cloud66.Stack, typed string) []cloud66.Stack {
	var found []cloud66.Stack
	typed = authz.Fold(typed)
	best := noFit - 1
	for _, s := range stacks {
		kind := fit(s, typed)
		if kind < best {
			best, found = kind, nil
		}
		if kind == best {
			found = append(found, s)
		}
	}
	return found
}

// noFit is the kind of match of a stack that does not match.
const noFit = 5

// fit returns the kind of match between a stack and the typed text: 1 for the UID, 2 for the name and environment, 3 for the name
// alone, 4 for the name and a prefix of the environment.
func fit(s cloud66.Stack, typed string) int {
	name, environment := authz.Fold(s.Name), authz.Fold(s.Environment)
	at := strings.LastIndexByte(typed, '@')
	named, wanted := at >= 0 && strings.TrimSpace(typed[:at]) == name, ""
	if named {
		wanted = strings.TrimSpace(typed[at+1:])
	}
	switch {
	case authz.Fold(s.UID) == typed:
		return 1
	case named && wanted == environment: // also "web@" of a stack without an environment
		return 2
	case name == typed:
		return 3
	case wanted != "" && strings.HasPrefix(environment, wanted):
		return 4
	default:
		return noFit
	}
}

// nearestStacks returns up to three stacks with similar names, the most similar first. One without a UID stands for several of that name.
func nearestStacks(stacks []cloud66.Stack, typed string) []storage.StackRef {
	type score struct{ best, whole float64 } // a right name is alike in every environment
	scores := map[storage.StackRef]score{}
	typed = authz.Fold(typed)
	name, _, _ := strings.Cut(typed, "@") // also finds the right name with a wrong environment
	for _, s := range stacks {
		ref := RefOf(s)
		whole := typography.Nearness(typed, authz.Fold(ref.String()))
		best := max(whole, typography.Nearness(name, authz.Fold(s.Name)))
		if best <= 0 {
			continue
		}
		if ref.Tag != "" {
			ref.UID, ref.Tag = "", ""
		}
		scores[ref] = score{best, whole}
	}
	near := slices.SortedFunc(maps.Keys(scores), func(a, b storage.StackRef) int {
		left, right := scores[a], scores[b]
		return cmp.Or(cmp.Compare(right.best, left.best), cmp.Compare(right.whole, left.whole), strings.Compare(a.Label(), b.Label()),
			strings.Compare(a.UID, b.UID))
	})
	return near[:min(3, len(near))]
}

func labelsOf(refs []storage.StackRef) []string { return each(refs, storage.StackRef.Label) }

// RefOf returns the reference to a stack.
func RefOf(s cloud66.Stack) storage.StackRef {
	return storage.StackRef{UID: s.UID, Name: s.Name, Environment: s.Environment, Tag: s.Tag}
}

func refsOf(stacks []cloud66.Stack) []storage.StackRef { return each(stacks, RefOf) }
