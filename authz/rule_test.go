package authz_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/authz"
	"c66bot/storage"
	"c66bot/storage/bolt"
)

func TestARuleIsAddedAndRemovedByItsID(t *testing.T) {
	db, err := bolt.Open(filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	a := authz.New(authz.Config{Admins: []string{lin}, People: newWorkspace(), Records: db})
	typed := storage.Rule{Channel: channel, Who: sam, Actions: []string{"Redeploy", "view", "view"}, Stacks: " Web*@production ", By: lin}
	var added storage.Rule
	update := func(fn func(storage.Tx) error) error {
		defer a.Changed()
		return db.Update(t.Context(), fn)
	}
	if err := update(func(tx storage.Tx) (err error) { added, err = authz.AddRule(tx, typed); return err }); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^[2346789bcdfghjkmpqrtvwxy]{4}$`).MatchString(added.ID) || time.Since(added.At) > time.Minute {
		t.Errorf("%+v", added)
	}
	want := storage.Rule{
		ID:      added.ID,
		Channel: channel,
		Who:     sam,
		Actions: []string{"view", "redeploy"},
		Stacks:  "Web*@production",
		By:      lin,
		At:      added.At,
	}
	got, err := a.Rules(t.Context(), channel)
	sameTime := cmp.Comparer(time.Time.Equal)
	if diff := cmp.Diff([]storage.Rule{want}, got, sameTime); diff != "" || err != nil {
		t.Fatalf("%v (-want +got):\n%s", err, diff)
	}
	remove := func(channel, id string) (removed storage.Rule, err error) {
		err = update(func(tx storage.Tx) (err error) { removed, err = authz.RemoveRule(tx, channel, id); return err })
		return removed, err
	}
	for where, id := range map[string]string{"C0OTHER": added.ID, channel: "zzzz", "C0": "OPS/" + added.ID, "": ""} {
		if _, err := remove(where, id); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("remove %q of %q: %v", id, where, err)
		}
	}
	if removed, err := remove(channel, " "+strings.ToUpper(added.ID)); err != nil || removed.ID != added.ID || removed.Stacks != want.Stacks {
		t.Errorf("%+v, %v", removed, err)
	}
	if got, err := a.Rules(t.Context(), channel); len(got) > 0 || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestARuleThatMakesNoSenseIsNotAdded(t *testing.T) {
	r := newRig()
	for words, want := range map[string]string{
		"U0SAM allow view [web":         "never closed",
		"sam allow view web":            "neither a user, a user group nor everyone",
		"@sam allow view web":           "“@sam”",
		"D0SAM allow view web":          "“D0SAM”",
		"U0SAM/x allow view web":        "“U0SAM/x”",
		"EVERYONE allow view web":       "“EVERYONE”",
		"U0SAM allow admin web":         "on * only",
		"U0SAM allow all,admin *@stage": "on * only",
		"U0SAM deny admin web":          "on * only",
	} {
		if added, err := r.tryAdd(t, rule(t, words)); err == nil || !strings.Contains(err.Error(), want) || added.ID != "" {
			t.Errorf("%q: %+v, %v", words, added, err)
		}
	}
	for _, bad := range []storage.Rule{
		{Channel: channel, Who: sam, Stacks: "*"},
		{Channel: channel, Who: sam, Stacks: "*", Actions: []string{"destroy"}},
		{Channel: "", Who: sam, Stacks: "*", Actions: []string{"view"}},
		{Channel: "C0/x", Who: sam, Stacks: "*", Actions: []string{"view"}},
	} {
		if _, err := r.tryAdd(t, bad); err == nil {
			t.Errorf("%+v was added", bad)
		}
	}
	if len(r.db.tables[storage.Rules.Name]) > 0 {
		t.Error("something was stored")
	}
	for _, words := range []string{"everyone allow view *", "W0ORG allow admin *@*", "S0DEVS deny all,admin **"} {
		r.add(t, rule(t, words))
	}
}

func TestOfTheSameRuleOneIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, test := range map[string]struct {
			first, second string
			until, longer time.Duration // 0 for one that stays
			exists        bool
			rules         int
		}{
			"twice":                            {"U0SAM allow view web", "U0SAM allow view web", 0, 0, true, 1},
			"in another spelling":              {"U0SAM allow view,lock web@x", "U0SAM allow lock,view  WEB@X", 0, 0, true, 1},
			"everything in another spelling":   {"U0SAM allow view *", "U0SAM allow view *@*", 0, 0, true, 1},
			"for another":                      {"U0SAM allow view web", "U0ANA allow view web", 0, 0, false, 2},
			"with another right":               {"U0SAM allow view web", "U0SAM allow view,lock web", 0, 0, false, 2},
			"on other stacks":                  {"U0SAM allow view web", "U0SAM allow view web@*", 0, 0, false, 2},
			"the opposite":                     {"U0SAM allow view web", "U0SAM deny view web", 0, 0, false, 2},
			"for a time, and it stays":         {"U0SAM allow view web", "U0SAM allow view web", 0, time.Hour, true, 1},
			"for longer":                       {"U0SAM allow view web", "U0SAM allow view web", time.Hour, 2 * time.Hour, false, 1},
			"for a shorter time":               {"U0SAM allow view web", "U0SAM allow view web", 2 * time.Hour, time.Hour, true, 1},
			"for ever, and it was for a time":  {"U0SAM allow view web", "U0SAM allow view web", time.Hour, 0, false, 1},
			"again, after the first has ended": {"U0SAM allow view web", "U0SAM allow view web", time.Second, time.Hour, false, 1},
		} {
			r := newRig()
			first, second := rule(t, test.first), rule(t, test.second)
			second.By = ana
			for rule, until := range map[*storage.Rule]time.Duration{&first: test.until, &second: test.longer} {
				if until > 0 {
					rule.Until = time.Now().Add(until)
				}
			}
			one := r.add(t, first)
			if test.until == time.Second {
				time.Sleep(time.Second)
			}
			two, err := r.tryAdd(t, second)
			var exists *authz.ExistsError
			if errors.As(err, &exists) != test.exists || (test.exists && exists.ID != one.ID) || (!test.exists && err != nil) {
				t.Errorf("%s: %+v, %v", name, two, err)
			}
			rules, err := r.Rules(t.Context(), channel)
			if len(rules) != test.rules || err != nil {
				t.Errorf("%s: %+v, %v", name, rules, err)
			}
			if !test.exists && test.rules == 1 && (!rules[0].Until.Equal(second.Until) || rules[0].By != ana) {
				t.Errorf("%s: %+v", name, rules)
			}
			if lengthened := !test.exists && test.rules == 1 && test.until > time.Second; lengthened && two.ID != one.ID {
				t.Errorf("%s: the id is %s, and was %s", name, two.ID, one.ID)
			}
		}
	})
}

func TestAChannelHasABoundedNumberOfRules(t *testing.T) {
	r := newRig()
	var rules []storage.Rule
	for i := range 10_000 {
		next := rule(t, fmt.Sprintf("U0SAM allow view web%d", i))
		next.ID = fmt.Sprintf("x%d", i)
		rules = append(rules, next)
	}
	r.put(t, rules[:9_999]...)
	r.add(t, rule(t, "U0SAM allow view last"))
	if _, err := r.tryAdd(t, rule(t, "U0SAM allow view more")); !errors.Is(err, authz.ErrTooMany) {
		t.Errorf("%v", err)
	}
	var exists *authz.ExistsError
	if _, err := r.tryAdd(t, rule(t, "U0SAM allow view last")); !errors.As(err, &exists) {
		t.Errorf("one that is there: %v", err)
	}
	elsewhere := rule(t, "U0SAM allow view more")
	elsewhere.Channel = "C0OTHER"
	r.add(t, elsewhere)
	rules[0].Until = time.Now().Add(-time.Second)
	r.put(t, rules[0])
	r.add(t, rule(t, "U0SAM allow view more"))
}

func TestARuleIDIsOfOneRuleInAllChannels(t *testing.T) {
	r := newRig()
	seen := map[string]bool{}
	for i := range 150 {
		next := rule(t, fmt.Sprintf("U0SAM allow view web%d", i))
		next.Channel = fmt.Sprintf("C0%d", i%7)
		next.ID = "same"
		id := r.add(t, next).ID
		if seen[id] {
			t.Fatalf("%s was given twice", id)
		}
		seen[id] = true
	}
}
