package authz_test

import (
	"fmt"
	"testing"
	"time"

	"c66bot/authz"
	"c66bot/storage"
)

// crowd is a channel with n rules.
func crowd(tb testing.TB, n int, rule func(i int) storage.Rule) *rig {
	tb.Helper()
	r := newRig(ops)
	r.slack.groups[sam] = nil
	for i := range 10 {
		r.slack.groups[sam] = append(r.slack.groups[sam], fmt.Sprintf("S0G%d", i*37))
	}
	var rules []storage.Rule
	for i := range n {
		next := rule(i)
		next.ID, next.Channel, next.At = fmt.Sprintf("%04d", i), channel, time.Now()
		rules = append(rules, next)
	}
	r.put(tb, rules...)
	return r
}

// realistic spreads the rules over 500 groups and 500 users; one in four has a wildcard in the name, one in ten denies.
func realistic(i int) storage.Rule {
	r := storage.Rule{Who: fmt.Sprintf("S0G%d", i%500), Actions: []string{"view", "redeploy"}, Stacks: fmt.Sprintf("app-%d@production", i/4)}
	switch i % 4 {
	case 0:
		r.Stacks = fmt.Sprintf("team%d-*@staging", i%500)
	case 1:
		r.Who = fmt.Sprintf("U0P%d", i%500)
	}
	r.Deny = i%10 == 0
	return r
}

var measured = map[string]func(i int) storage.Rule{
	"500 groups and users": realistic,
	"all concern one, by name": func(i int) storage.Rule {
		return storage.Rule{Who: sam, Actions: []string{"view"}, Stacks: fmt.Sprintf("app-%d@production", i)}
	},
	"all concern one, wildcards": func(i int) storage.Rule {
		return storage.Rule{Who: sam, Actions: []string{"view"}, Stacks: fmt.Sprintf("*svc%dx*@production", i)}
	},
	"all concern one, wildcards that nearly fit": func(i int) storage.Rule {
		return storage.Rule{Who: sam, Deny: i%2 == 0, Actions: []string{"view"}, Stacks: fmt.Sprintf("app*%c*%c*9q@prod*", 'a'+i%16, 'a'+i/16%16)}
	},
}

var target = storage.StackRef{UID: "0123456789abcdef0123456789abcdef", Name: "app-qbcdefghijklmno-1239", Environment: "production"}

func BenchmarkDecision(b *testing.B) {
	for name, rule := range measured {
		b.Run(name, func(b *testing.B) {
			r := crowd(b, 10_000, rule)
			r.standing(b, sam, channel)
			r.slack.persons.Store(0)
			ctx, who := b.Context(), authz.Subject{User: sam, Channel: channel}
			b.ReportAllocs()
			for b.Loop() {
				s, err := r.Standing(ctx, who)
				if err != nil {
					b.Fatal(err)
				}
				if s.Decide(authz.View, target).Allowed {
					b.Fatal("it is allowed")
				}
			}
		})
	}
}

// BenchmarkDecide is one more stack for somebody whose standing is known.
func BenchmarkDecide(b *testing.B) {
	s := crowd(b, 10_000, realistic).standing(b, sam, channel)
	b.ReportAllocs()
	for b.Loop() {
		if s.Decide(authz.View, target).Allowed {
			b.Fatal("it is allowed")
		}
	}
}

// BenchmarkReading is what the first decision after a change of 10,000 rules waits for.
func BenchmarkReading(b *testing.B) {
	r := crowd(b, 10_000, realistic)
	for b.Loop() {
		r.Changed()
		r.standing(b, sam, channel)
	}
}

func TestADecisionAmongManyRulesAllocatesLittle(t *testing.T) {
	for name, rule := range measured {
		r := crowd(t, 500, rule)
		s := r.standing(t, sam, channel)
		if n := testing.AllocsPerRun(100, func() { s.Decide(authz.View, target) }); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
