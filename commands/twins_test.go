package commands

import (
	"strings"
	"testing"

	"c66bot/authz"
	"c66bot/cloud66"
)

// twins adds two stacks of one name and environment, in two accounts, and a third one beside the second.
func (r *rig) twins() {
	for _, s := range []cloud66.Stack{
		{UID: "aaaa1111bbbb", AccountName: "acme"}, {UID: "cccc2222dddd", AccountName: "other"}, {UID: "cccc2222eeee", AccountName: "other"},
	} {
		s.Name, s.Environment, s.Framework = "twin", "production", "rails"
		r.stacks.stacks = append(r.stacks.stacks, s)
		r.cloud.has(s.UID, 3)
	}
}

func TestAGrantIsForTheOneStackThatWasAskedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.twins()
		r.put(allow(sam, "*", authz.View))
		refusal := refusalOf(t, r.say(sam, "redeploy aaaa1111bbbb --now"), authz.Redeploy)
		if !strings.Contains(refusal.Document().Fallback().String(), "acme") {
			t.Errorf("the refusal is %+v", refusal)
		}
		r.click(sam, *refusal.Ask)
		asked, _ := r.request()
		text := asked.Document().Fallback().String()
		if line := asked.rule(asked.Wishes[0]); line != "allow U0SAM redeploy aaaa1111bbbb" {
			t.Errorf("the line is %s", line)
		}
		if !strings.Contains(text, "twin@production · acme") || !strings.Contains(text, "aaaa1111") {
			t.Errorf("the admins are asked: %s", text)
		}
		silent(t, r.click(lin, asked.grant(asked.Wishes[0])))
		silent(t, r.say(sam, "redeploy aaaa1111bbbb --now"))
		for _, other := range []string{"cccc2222dddd", "cccc2222eeee"} {
			refusalOf(t, r.say(sam, "redeploy "+other+" --now"), authz.Redeploy)
		}
		if text := r.say(lin, "access").Document().Fallback().String(); !strings.Contains(text, "twin@production · acme") {
			t.Errorf("the rule is shown as %s", text)
		}
		again := refusalOf(t, r.say(sam, "redeploy cccc2222eeee --now"), authz.Redeploy)
		r.click(sam, *again.Ask)
		if asked, _ := r.request(); len(asked.Wishes) != 1 || asked.Wishes[0].UID != "cccc2222eeee" {
			t.Errorf("asked is %+v", asked)
		}
	})
}

func TestTwoStacksOfOneNameAreToldApartWhereverTheyAreNamed(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.twins()
		for _, text := range []string{"stacks twin", "list twin", "redeploy twin@production --now", "show twin"} {
			shown := r.say(lin, text).Document().Fallback().String()
			for _, want := range []string{"twin@production · acme", "twin@production · cccc2222d", "twin@production · cccc2222e"} {
				if !strings.Contains(shown, want) {
					t.Errorf("%s: %q is not in %s", text, want, shown)
				}
			}
		}
		for _, text := range []string{"list cccc2222eeee", "show cccc2222eeee"} {
			if shown := r.say(lin, text).Document().Fallback().String(); !strings.Contains(shown, "twin@production · cccc2222e") {
				t.Errorf("%s: %s", text, shown)
			}
		}
		silent(t, r.say(lin, "redeploy aaaa1111bbbb --now"))
		if got := r.progress.follow; got.Stack.Tag != "acme" {
			t.Errorf("the card is of %+v", got.Stack)
		}
		r.put(allow(sam, "aaaa1111bbbb", authz.View))
		if shown := r.say(sam, "list twin").Document().Fallback().String(); strings.Contains(shown, "acme") {
			t.Errorf("what is hidden counts: %s", shown)
		}
	})
}

func TestANearNameLeadsToItsStackByABUtton(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		long := "webshop\x01" + strings.Repeat("x", 250)
		r.stacks.stacks = append(r.stacks.stacks, cloud66.Stack{UID: "odd1", Name: long, Environment: "production"},
			cloud66.Stack{UID: "odd2", Name: `we"b\s`, Environment: "production"})
		r.cloud.has("odd1", 1)
		r.cloud.has("odd2", 1)
		for typed, uid := range map[string]string{`we"b\x`: "odd2", long[:200] + "y": "odd1"} {
			typed = strings.ReplaceAll(typed, "\x01", "")
			got := as[ProblemReply](t, r.say(lin, "list "+shellWord(typed)))
			found := false
			for _, c := range got.Choices {
				if c.To.UID == uid {
					found = true
					if list := as[ListReply](t, r.click(lin, c.To)); list.Stack.UID != uid {
						t.Errorf("%s leads to %+v", c.Label, list.Stack)
					}
				}
			}
			if !found {
				t.Errorf("%q: %+v", typed, got)
			}
		}
		r.put(allow(sam, "web", authz.View))
		refusal := refusalOf(t, r.say(sam, "list webb@staging"), authz.View)
		if len(refusal.Choices) == 0 || as[ListReply](t, r.click(sam, refusal.Choices[0].To)).Stack.UID[:3] != "web" {
			t.Errorf("%+v", refusal)
		}
	})
}

func TestAPatternThatMayNotMeanWhatItSaysIsExplained(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.twins()
		r.stacks.stacks = append(r.stacks.stacks, cloud66.Stack{UID: "n1", Name: "legacy"},
			cloud66.Stack{UID: "n2", Name: "web[1]", Environment: "x"},
			cloud66.Stack{UID: "n3", Name: "w*b", Environment: "x"}, cloud66.Stack{UID: "n4", Name: `c\d?`, Environment: "x"})
		for text, want := range map[string][]string{
			"deny everyone redeploy '*@production'":         {"leaves out what has no environment: “legacy”", "'legacy@'", "'*@'"},
			"deny everyone cancel 'l*@[ps]*'":               {"“legacy”"},
			"allow everyone redeploy legacy@production":     {"no stack that you see matches", "'legacy@'"},
			"deny everyone redeploy web[1]":                 {`“web[1]@x” itself`, `'web\[1]'`},
			"deny everyone redeploy web[1]@x":               {`'web\[1]@x'`},
			"allow everyone cancel w*b":                     {`'w\*b'`},
			`allow everyone cancel 'c\d?'`:                  {`'c\\d\?'`},
			"subscribe 'web[1]'":                            {`'web\[1]'`},
			"subscribe '*@production' --events failed":      {"“legacy”"},
			"deny everyone redeploy,cancel twin@production": {"takes in 3 stacks of that name: “twin@production · acme”", "A UID names one alone."},
		} {
			if got := r.say(lin, text); got == nil {
				t.Errorf("%s: nothing is said", text)
			} else {
				noticeThat(t, got, want...)
			}
		}
		for _, text := range []string{
			"deny everyone view '*'", "allow everyone view web", "deny everyone view legacy@", `deny everyone view 'web\[1]'`,
			`deny everyone view 'w\*b@x'`,
			"deny everyone view '*@'", "allow everyone view aaaa1111bbbb",
		} {
			silent(t, r.say(lin, text))
		}
		refusalOf(t, r.say(sam, "list legacy@"), authz.View)
		if got := as[ListReply](t, r.say(lin, "list legacy@")); got.Stack.UID != "n1" {
			t.Errorf("%+v", got.Stack)
		}
		for _, text := range []string{"stacks web[1]", `stacks 'web\[1]'`} {
			if got := as[StacksReply](t, r.say(lin, text)); got.total != 1 {
				t.Errorf("%s: %+v", text, got.Stacks)
			}
		}
	})
}
