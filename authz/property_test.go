package authz_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"c66bot/authz"
	"c66bot/storage"
)

// naive decides as the contract says it, rule by rule.
func naive(
	t *rapid.T,
	slack *workspace,
	rules []storage.Rule,
	user string,
	action authz.Action,
	s storage.StackRef,
) (allowed, denied bool) {
	// said reports whether a rule of this kind that counts for the user names the right.
	said := func(action authz.Action, deny bool) bool {
		return slices.ContainsFunc(rules, func(r storage.Rule) bool {
			p, err := authz.ParsePattern(r.Stacks)
			if err != nil {
				t.Fatal(err)
			}
			person := slack.people[user]
			member := user != nobody && !person.Bot && !person.Outsider && !person.Deactivated
			concerns := r.Who == user ||
				r.Who == authz.Everyone && (deny || member && !person.Guest) ||
				slices.Contains(slack.groups[user], r.Who) && (deny || member)
			ended := !r.Until.IsZero() && !r.Until.After(time.Now())
			fits := p.Match(s) || action == authz.Admin && deny
			return r.Deny == deny && concerns && !ended && fits && slices.Contains(r.Actions, string(action))
		})
	}
	may := func(action authz.Action) bool { return said(action, false) && !said(action, true) }
	denied = said(action, true) || action != authz.Admin && said(authz.View, true)
	if action != authz.View {
		return may(action) && !denied, denied
	}
	for _, a := range authz.Actions {
		allowed = allowed || a != authz.Admin && may(a)
	}
	return allowed && !denied, denied
}

func TestTheIndexDecidesAsTheRulesSay(t *testing.T) {
	names := []string{"web", "Web", "shop", "web shop", "aaaa1111", "ébène", "it’s"}
	environments := []string{"production", "staging", "Test"}
	patterns := []string{
		"*", "web", "WEB@production", "w*", "*shop*", "*@production", "*@s*", "shop@staging", "aaaa1111", "bbbb2222", "w?b@*", "[a-f]*",
		"[!w]*@test",
		"é*", "it's", "web*@[ps]*", "*b*@*t*", `we\b`, "web shop@test",
	}
	users := []string{sam, ana, robot, gone, guest, gus, nobody}
	rules := rapid.Custom(func(t *rapid.T) storage.Rule {
		r := storage.Rule{
			Channel: channel, Who: rapid.SampledFrom(append([]string{devs, ops, "S0NONE", authz.Everyone, "U0ELSE"}, users...)).Draw(t, "who"),
			Deny: rapid.IntRange(0, 3).Draw(t, "deny") == 0, Stacks: rapid.SampledFrom(patterns).Draw(t, "stacks"),
		}
		for _, a := range authz.Actions {
			if rapid.Bool().Draw(t, string(a)) && (a != authz.Admin || r.Stacks == "*") {
				r.Actions = append(r.Actions, string(a))
			}
		}
		switch rapid.IntRange(0, 5).Draw(t, "until") {
		case 0:
			r.Until = time.Now().Add(-time.Second)
		case 1:
			r.Until = time.Now().Add(time.Hour)
		}
		return r
	})
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig()
		list := rapid.SliceOfN(rules, 0, 12).Draw(rt, "rules")
		for i := range list {
			list[i].ID = fmt.Sprintf("r%02d", i)
		}
		user := rapid.SampledFrom(users).Draw(rt, "user")
		r.put(t, list...)
		if rapid.Bool().Draw(rt, "many") { // of no stack here: with them the matching ones are cached
			for i := range 80 {
				who := []string{user, authz.Everyone}[i/2%2]
				r.put(t, storage.Rule{
					ID: fmt.Sprintf("o%02d", i), Channel: channel, Who: who, Deny: i%2 == 0, Actions: []string{"view"}, Stacks: fmt.Sprintf("o%d*", i),
				})
			}
		}
		standing := r.standing(t, user, channel)
		for _, action := range authz.Actions {
			every, one := true, false
			for i, name := range names {
				for _, environment := range environments {
					s := storage.StackRef{UID: []string{"AAAA1111", "bbbb2222", ""}[i%3], Name: name, Environment: environment}
					want, denied := naive(rt, r.slack, list, user, action, s)
					got := standing.Decide(action, s)
					every, one = every && want, one || want
					if got.Allowed != want || (got.Rule != nil) != (want || denied) || got.Rule != nil && got.Rule.Deny == want {
						rt.Errorf("%s %s of %s: %+v", user, action, s, got)
					}
				}
			}
			if one && !standing.Some(action) {
				rt.Errorf("%s may %s something, but not some", user, action)
			}
			if !every && standing.All(action) {
				rt.Errorf("%s may not %s everything, but all", user, action)
			}
		}
	})
}
