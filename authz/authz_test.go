package authz_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"c66bot/authz"
)

// workspace knows groups by id and who is a colleague. A group or a user that it does not know is an error.
type workspace struct {
	groups     map[string][]string
	colleagues map[string]bool // false: a bot, a deactivated user, somebody from another organisation
	asked      int
}

func (w *workspace) Members(_ context.Context, group string) ([]string, error) {
	w.asked++
	members, ok := w.groups[group]
	if !ok {
		return nil, errors.New("plan_upgrade_required")
	}
	return members, nil
}

func (w *workspace) Colleague(_ context.Context, user string) (bool, error) {
	colleague, ok := w.colleagues[user]
	if !ok {
		return false, errors.New("user_not_found")
	}
	return colleague, nil
}

func TestOnlyAdminsMay(t *testing.T) {
	slack := &workspace{
		groups:     map[string][]string{"S0OPS": {"U0MAX", "U0BOT", "U0ODD", "U0GUEST"}, "S0EMPTY": nil},
		colleagues: map[string]bool{"U0MAX": true, "U0BOT": false, "U0GUEST": false},
	}
	for name, test := range map[string]struct {
		admins  []string
		user    string
		allowed bool
		why     string
		fault   string
	}{
		"a user who is named":                              {[]string{"U0LIN"}, "U0LIN", true, "an admin by the configuration", ""},
		"a user of an organisation who is named":           {[]string{"W0LIN"}, "W0LIN", true, "an admin by the configuration", ""},
		"a stranger who is named":                          {[]string{"U0GUEST", "S0OPS"}, "U0GUEST", true, "an admin by the configuration", ""},
		"a member of a group that is named":                {[]string{"U0LIN", "S0EMPTY", "S0OPS"}, "U0MAX", true, "in the admins' group S0OPS", ""},
		"anybody else":                                     {[]string{"U0LIN", "S0OPS"}, "U0SAM", false, "redeploy is for admins alone", ""},
		"a bot or stranger in the group":                   {[]string{"S0OPS"}, "U0BOT", false, "redeploy is for admins alone", ""},
		"a member of whom Slack does not tell":             {[]string{"S0OPS"}, "U0ODD", false, "could not be read", "user_not_found"},
		"a group that cannot be read":                      {[]string{"S0GONE"}, "U0MAX", false, "could not be read", "S0GONE: plan_upgrade_required"},
		"a group that cannot be read, beside one that can": {[]string{"S0GONE", "S0OPS"}, "U0MAX", true, "in the admins' group S0OPS", ""},
		"a user named, beside a group that cannot be read": {[]string{"S0GONE", "U0LIN"}, "U0LIN", true, "an admin by the configuration", ""},
		"nobody":                         {[]string{"U0LIN", ""}, "", false, "nobody is named", ""},
		"the beginning of an admin's id": {[]string{"U0LIN"}, "U0LI", false, "for admins alone", ""},
		"a group's own id":               {[]string{"S0OPS"}, "S0OPS", false, "for admins alone", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := authz.New(test.admins, slack).Decide(t.Context(), authz.Subject{User: test.user}, authz.Redeploy)
			if got.Allowed != test.allowed || !strings.Contains(got.Reason, test.why) {
				t.Errorf("%+v", got)
			}
			if (got.Err != nil) != (test.fault != "") || (got.Err != nil && !strings.Contains(got.Err.Error(), test.fault)) {
				t.Errorf("the error is %v, not %q", got.Err, test.fault)
			}
		})
	}
}

func TestWhoIsNamedCostsSlackNothing(t *testing.T) {
	slack := &workspace{groups: map[string][]string{"S0OPS": {"U0LIN"}}}
	authz.New([]string{"S0OPS", "U0LIN"}, slack).Decide(t.Context(), authz.Subject{User: "U0LIN"}, authz.View)
	if slack.asked > 0 {
		t.Errorf("Slack was asked %d times", slack.asked)
	}
}

func TestAdminsAreToldApartIntoUsersAndGroups(t *testing.T) {
	users, groups := authz.New([]string{"S0A", "U0B", "W0C", "S0D"}, nil).Admins()
	if diff := cmp.Diff([][]string{{"U0B", "W0C"}, {"S0A", "S0D"}}, [][]string{users, groups}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
