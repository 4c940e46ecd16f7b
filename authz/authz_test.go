package authz_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"c66bot/authz"
)

func TestAdminsMayDoEverythingEverywhere(t *testing.T) {
	for name, test := range map[string]struct {
		admins []string
		user   string
		why    string // "" for one who may not
	}{
		"a user who is named":                {[]string{sam}, sam, "an admin by the configuration"},
		"a user of an organisation":          {[]string{"W0LIN"}, "W0LIN", "an admin by the configuration"},
		"a stranger who is named":            {[]string{guest, ops}, guest, "an admin by the configuration"},
		"a bot that is named":                {[]string{robot}, robot, "an admin by the configuration"},
		"a member of a group that is named":  {[]string{lin, "S0EMPTY", ops}, ana, "in the admins' group S0OPS"},
		"a member of another group":          {[]string{ops}, sam, ""},
		"a guest in the group":               {[]string{devs}, gus, "in the admins' group S0DEVS"},
		"a bot in the group":                 {[]string{ops}, robot, ""},
		"a stranger in the group":            {[]string{ops}, guest, ""},
		"a deactivated user in the group":    {[]string{ops}, gone, ""},
		"a user that Slack does not know":    {[]string{ops}, nobody, ""},
		"the beginning of an admin's id":     {[]string{lin, ops}, "U0LI", ""},
		"a group's own id":                   {[]string{ops}, ops, ""},
		"nobody, where an admin is no one":   {[]string{lin, ""}, "", ""},
		"everyone, as if that were somebody": {[]string{lin}, authz.Everyone, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig()
			a := authz.New(authz.Config{Admins: test.admins, People: r.slack, Records: r.db})
			r.add(t, rule(t, "everyone deny all,admin *"))
			for _, where := range []string{channel, "C0NEW", "D0LIN", ""} {
				s, err := a.Standing(t.Context(), authz.Subject{User: test.user, Channel: where})
				if err != nil {
					t.Fatal(err)
				}
				may := test.why != ""
				for _, action := range authz.Actions {
					got := s.Decide(action, web)
					if got.Allowed != may || (may && got.Reason != test.why) || (may && got.Rule != nil) {
						t.Errorf("%s in %q: %+v", action, where, got)
					}
					if s.Some(action) != may || s.All(action) != may {
						t.Errorf("%s in %q: some %v, all %v", action, where, s.Some(action), s.All(action))
					}
				}
				if s.Configured() != may || s.Admin().Allowed != may {
					t.Errorf("in %q: configured %v, admin %+v", where, s.Configured(), s.Admin())
				}
			}
		})
	}
}

func TestWhatCannotBeFoundOutAllowsNothing(t *testing.T) {
	unread := errors.New("usergroups.list: internal_error")
	for name, test := range map[string]struct {
		admins []string
		rules  []string
		user   string
		groups error
		fault  string // "" where it makes no difference
	}{
		"groups, for the admins' group": {[]string{ops}, nil, sam, unread, "internal_error"},
		"groups, for a rule":            {nil, []string{"S0DEVS allow all *"}, sam, unread, "internal_error"},
		"groups, for a rule that denies": {nil, []string{"S0DEVS deny view shop", "U0SAM allow all *"}, sam, unread,
			"internal_error"},
		"a denied group that the plan does not have":    {nil, []string{"S0DEVS deny all *"}, sam, authz.ErrNoGroups, "no user groups"},
		"an allowed group that the plan does not have":  {nil, []string{"S0DEVS allow all *"}, sam, authz.ErrNoGroups, ""},
		"an admins' group that the plan does not have":  {[]string{ops}, nil, sam, authz.ErrNoGroups, ""},
		"who somebody is, for the admins' group":        {[]string{devs}, nil, "U0ODD", nil, "fatal_error"},
		"who somebody is, for a rule about everyone":    {nil, []string{"everyone allow view *"}, "U0ODD", nil, "fatal_error"},
		"who somebody is, for a rule about a group":     {nil, []string{"S0DEVS allow view *"}, "U0ODD", nil, "fatal_error"},
		"groups, where one is an admin by name":         {[]string{ops}, []string{"S0DEVS allow all *"}, lin, unread, ""},
		"groups, where no rule is about any":            {nil, []string{"everyone allow all *", "U0SAM allow all *"}, sam, unread, ""},
		"who somebody is, where only their name counts": {nil, []string{"U0ODD allow all *"}, "U0ODD", nil, ""},
		"who somebody is, where others only are denied": {nil, []string{"everyone deny all *"}, "U0ODD", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(test.admins...)
			r.slack.noGroup = test.groups
			r.slack.groups["U0ODD"] = []string{devs}
			for _, words := range test.rules {
				r.add(t, rule(t, words))
			}
			s, err := r.Standing(t.Context(), authz.Subject{User: test.user, Channel: channel})
			if test.fault == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !errors.Is(err, authz.ErrUnknown) || !strings.Contains(err.Error(), test.fault) {
				t.Fatalf("the error is %v, not %q", err, test.fault)
			}
			if s.Decide(authz.View, web).Allowed || s.Some(authz.View) || s.All(authz.View) || s.Configured() {
				t.Error("something is allowed")
			}
		})
	}
}

func TestSlackIsAskedOnlyWhatMakesADifference(t *testing.T) {
	for name, test := range map[string]struct {
		admins         []string
		rules          []string
		user, channel  string
		persons, lists int64
	}{
		"an admin by name":                           {[]string{ops}, []string{"S0DEVS allow all *"}, lin, channel, 0, 0},
		"a channel without rules":                    {nil, nil, sam, channel, 0, 0},
		"a channel with rules that name users":       {nil, []string{"U0SAM allow all *", "U0ANA deny all *"}, sam, channel, 0, 0},
		"a channel with rules about everyone":        {nil, []string{"everyone allow view *"}, sam, channel, 1, 0},
		"a rule that denies everyone":                {nil, []string{"everyone deny view *"}, sam, channel, 0, 0},
		"a rule about a group that they are not in":  {nil, []string{"S0OPS allow view *"}, sam, channel, 0, 1},
		"a rule about a group of theirs":             {nil, []string{"S0DEVS allow view *"}, sam, channel, 1, 1},
		"admins by group, of whom they are none":     {[]string{ops}, nil, sam, channel, 0, 1},
		"admins by group, of whom they are one":      {[]string{ops}, nil, ana, channel, 1, 1},
		"a direct message":                           {nil, []string{"everyone allow view *"}, sam, "D0SAM", 0, 0},
		"a direct message, where admins are a group": {[]string{ops}, nil, sam, "D0SAM", 0, 1},
		"nobody": {[]string{ops}, []string{"everyone allow view *"}, "", channel, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(test.admins...)
			for _, words := range test.rules {
				r.add(t, rule(t, words))
			}
			s := r.standing(t, test.user, test.channel)
			for range 3 {
				s.Decide(authz.View, web)
				s.Some(authz.View)
			}
			if p, l := r.slack.persons.Load(), r.slack.lists.Load(); p != test.persons || l != test.lists {
				t.Errorf("Slack was asked %d times for the person and %d times for groups", p, l)
			}
		})
	}
}

func TestAdminsAreToldApartIntoUsersAndGroups(t *testing.T) {
	users, groups := authz.New(authz.Config{Admins: []string{"S0A", "U0B", "W0C", "S0D"}}).Admins()
	if diff := cmp.Diff([][]string{{"U0B", "W0C"}, {"S0A", "S0D"}}, [][]string{users, groups}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
