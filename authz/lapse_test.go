package authz_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"c66bot/authz"
	"c66bot/storage"
)

func TestADenyLapsesWhereItsStackIsRenamedOrRemoved(t *testing.T) {
	stacks := []storage.StackRef{
		{UID: "a", Name: "shop", Environment: "production"}, {UID: "b", Name: "api", Environment: "staging"},
		{UID: "c", Name: "Web", Environment: "production"}, {UID: "e", Name: "new", Environment: "x", Tag: "acme"},
	}
	known := map[string]storage.StackRef{
		"a": {UID: "a", Name: "web", Environment: "production"}, "b": {UID: "b", Name: "api", Environment: "staging"},
		"d": {UID: "d", Name: "old", Environment: "x"}, "f": {UID: "f", Name: "shifted", Environment: "x"},
	}
	for pattern, test := range map[string]struct{ lapses, covered []string }{
		"web@production": {[]string{"a"}, []string{"c", "f"}}, // and holds for another one of that name
		"w*":             {[]string{"a"}, []string{"c", "f"}},
		"*@production":   {nil, []string{"a", "c", "f"}},
		"shop":           {nil, []string{"a", "f"}},
		"a":              {nil, []string{"a", "f"}}, // by the UID
		"old@x":          {[]string{"d"}, []string{"f"}},
		"*@x":            {nil, []string{"e", "f"}},
		"shifted":        {nil, []string{"f"}},
		"api":            {nil, []string{"b", "f"}},
	} {
		rules := []storage.Rule{{ID: "r", Deny: true, Stacks: pattern}}
		lapses, covered := authz.Lapsed(rules, known, stacks, func(uid string) bool { return uid == "d" })
		var got []string
		for _, l := range lapses {
			if got = append(got, l.Was.UID); l.Was != known[l.Was.UID] || l.Now.UID == "" != (l.Was.UID == "d") {
				t.Errorf("%s: %+v", pattern, l)
			}
		}
		if keys := slices.Sorted(maps.Keys(covered)); !slices.Equal(got, test.lapses) || !slices.Equal(keys, test.covered) {
			t.Errorf("%s: %v lapse, %v are covered", pattern, got, keys)
		}
		if again, _ := authz.Lapsed(rules, covered, stacks, func(uid string) bool { return uid == "d" }); len(again) > 0 {
			t.Errorf("%s is told twice: %+v", pattern, again)
		}
	}
	if lapses, covered := authz.Lapsed(nil, known, stacks, nil); len(lapses)+len(covered) > 0 {
		t.Error(lapses, covered)
	}
	at := time.Now()
	for want, rules := range map[bool][]storage.Rule{
		true: {{Deny: true, Stacks: "web"}, {Deny: true, Stacks: "*@production", Until: at.Add(time.Hour)}},
		false: {
			{Stacks: "web"}, {Deny: true, Stacks: "*"}, {Deny: true, Stacks: "web", UID: "a"}, {Deny: true, Stacks: "web", Until: at},
			{Deny: true, Stacks: "["},
		},
	} {
		for _, r := range rules {
			if authz.Denies(r, at) != want {
				t.Errorf("%+v can lapse: %v", r, !want)
			}
		}
	}
}
