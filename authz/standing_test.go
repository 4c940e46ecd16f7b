package authz_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/authz"
	"c66bot/storage"
)

func TestRulesDecide(t *testing.T) {
	for name, test := range map[string]struct {
		rules   []string
		user    string
		action  authz.Action
		stack   storage.StackRef
		allowed bool
		reason  string
	}{
		"no rule at all":                 {nil, sam, authz.View, web, false, "no rule allows it"},
		"a rule that names the user":     {[]string{"U0SAM allow view web"}, sam, authz.View, web, true, "rule r0 allows it"},
		"a rule that names another user": {[]string{"U0ANA allow view web"}, sam, authz.View, web, false, "no rule allows it"},
		"a rule about a group of theirs": {[]string{"S0DEVS allow view web"}, sam, authz.View, web, true, "rule r0 allows it"},
		"a rule about another group":     {[]string{"S0OPS allow view web"}, sam, authz.View, web, false, "no rule allows it"},
		"a rule about everyone":          {[]string{"everyone allow view web"}, sam, authz.View, web, true, "rule r0 allows it"},
		"another right":                  {[]string{"U0SAM allow redeploy,cancel web"}, sam, authz.Lock, web, false, "no rule allows it"},
		"view by any right":              {[]string{"U0SAM allow approve web"}, sam, authz.View, web, true, "rule r0 allows it"},
		"view by a right that is denied": {[]string{"U0SAM allow cancel web", "everyone deny cancel *"}, sam, authz.View, web, false,
			"no rule allows it"},
		"view by one of two rights, the other denied": {[]string{"U0SAM allow cancel,lock web", "everyone deny cancel *"}, sam, authz.View, web,
			true, "rule r0 allows it"},
		"view by a right on another stack": {[]string{"U0SAM allow redeploy shop"}, sam, authz.View, web, false, "no rule allows it"},
		"a denied view takes the others": {[]string{"U0SAM allow all *", "everyone deny view web"}, sam, authz.Redeploy, web, false,
			"rule r1 denies it"},
		"a denied view of another stack": {[]string{"U0SAM allow all *", "everyone deny view shop"}, sam, authz.Redeploy, web, true,
			"rule r0 allows it"},
		"a denied view leaves admin": {[]string{"U0SAM allow admin *", "everyone deny view *"}, sam, authz.Admin, web, true,
			"rule r0 allows it"},
		"a guest, and everyone": {[]string{"everyone allow all *"}, gus, authz.View, web, false, "a guest, and no rule that names " +
			"them or a group of theirs allows it"},
		"a guest who is named": {[]string{"U0GUS allow view web", "everyone allow all *"}, gus, authz.View, web, true, "rule r0 allows it"},
		"a guest in a group":   {[]string{"S0DEVS allow view web", "everyone allow all *"}, gus, authz.View, web, true, "rule r0 allows it"},
		"a guest in a group, another stack": {[]string{"S0DEVS allow view web", "everyone allow all *"}, gus, authz.View, shop, false,
			"a guest, and no rule that names them or a group of theirs allows it"},
		"a guest, denied as everyone": {[]string{"U0GUS allow view web", "everyone deny view *"}, gus, authz.View, web, false,
			"rule r1 denies it"},
		"a guest, and everyone's admin": {[]string{"everyone allow admin *"}, gus, authz.Admin, web, false, "a guest, and no rule that names " +
			"them or a group of theirs allows it"},
		"another stack":         {[]string{"U0SAM allow all web"}, sam, authz.View, shop, false, "no rule allows it"},
		"another environment":   {[]string{"U0SAM allow all web@staging"}, sam, authz.View, web, false, "no rule allows it"},
		"a wildcard":            {[]string{"U0SAM allow all *o*@p*"}, sam, authz.View, shop, true, "rule r0 allows it"},
		"a UID":                 {[]string{"U0SAM allow all AAAA1111"}, sam, authz.View, web, true, "rule r0 allows it"},
		"a UID of another":      {[]string{"U0SAM allow all aaaa1111"}, sam, authz.View, staging, false, "no rule allows it"},
		"all is every right":    {[]string{"U0SAM allow all web"}, sam, authz.Approve, web, true, "rule r0 allows it"},
		"all is not admin":      {[]string{"U0SAM allow all *"}, sam, authz.Admin, web, false, "no rule allows it"},
		"admin":                 {[]string{"U0SAM allow admin *"}, sam, authz.Admin, web, true, "rule r0 allows it"},
		"admin implies nothing": {[]string{"U0SAM allow admin *"}, sam, authz.View, web, false, "no rule allows it"},
		"admin denied": {[]string{"U0SAM allow admin *", "everyone deny admin *"}, sam, authz.Admin, web, false,
			"rule r1 denies it"},
		"a denied all is not admin": {[]string{"U0SAM allow admin *", "everyone deny all *"}, sam, authz.Admin, web, true,
			"rule r0 allows it"},
		"a deny beats an allow": {[]string{"U0SAM allow all *", "U0SAM deny redeploy web"}, sam, authz.Redeploy, web, false,
			"rule r1 denies it"},
		"a deny that is older": {[]string{"U0SAM deny redeploy web", "U0SAM allow all *"}, sam, authz.Redeploy, web, false,
			"rule r0 denies it"},
		"a deny of everyone beats a name": {[]string{"U0SAM allow all web", "everyone deny all *@production"}, sam, authz.View, web, false,
			"rule r1 denies it"},
		"a deny of a group beats a name": {[]string{"U0SAM allow all web", "S0DEVS deny view w*"}, sam, authz.View, web, false,
			"rule r1 denies it"},
		"a deny of another stack": {[]string{"U0SAM allow all *", "everyone deny all shop"}, sam, authz.View, web, true,
			"rule r0 allows it"},
		"a deny of another right": {[]string{"U0SAM allow all *", "everyone deny lock *"}, sam, authz.View, web, true,
			"rule r0 allows it"},
		"a deny of somebody else": {[]string{"everyone allow all *", "U0ANA deny all *"}, sam, authz.View, web, true,
			"rule r0 allows it"},
		"the oldest of several": {[]string{"U0SAM allow view web", "U0SAM allow all web"}, sam, authz.View, web, true,
			"rule r0 allows it"},
		"a bot in a group": {[]string{"S0DEVS allow all *"}, robot, authz.View, web, false, "a bot, and no rule that " +
			"names this very user allows it"},
		"a stranger, and everyone": {[]string{"everyone allow all *"}, guest, authz.View, web, false, "from another organisation, " +
			"and no rule that names this very user allows it"},
		"one who left, and everyone": {[]string{"everyone allow all *"}, gone, authz.View, web, false, "deactivated, and no rule " +
			"that names this very user allows it"},
		"one whom Slack does not know": {[]string{"S0OPS allow all *"}, nobody, authz.View, web, false, "unknown to Slack, and no " +
			"rule that names this very user allows it"},
		"a stranger who is named": {[]string{"U0GUEST allow view web", "everyone allow all *"}, guest, authz.View, web, true,
			"rule r0 allows it"},
		"a stranger who is named, " +
			"another": {[]string{"U0GUEST allow view web", "everyone allow all *"}, guest, authz.View, shop, false,
			"from another organisation, and no rule that names this very user allows it"},
		"a bot that is named": {[]string{"U0BOT allow view web"}, robot, authz.View, web, true, "rule r0 allows it"},
		"a stranger who is named, denied a lot": {[]string{"U0GUEST allow view *", "everyone deny view *"}, guest, authz.View, web, false,
			"rule r1 denies it"},
		"a bot that is named, its group denied": {[]string{"U0BOT allow view *", "S0OPS deny view *"}, robot, authz.View, web, false,
			"rule r1 denies it"},
		"a group is not a user":             {[]string{"S0DEVS allow all *"}, devs, authz.View, web, false, "no rule allows it"},
		"everyone is not a user":            {[]string{"U0ANA allow all *"}, authz.Everyone, authz.View, web, false, "no rule allows it"},
		"a stack of which nothing is known": {[]string{"U0SAM allow all *"}, sam, authz.View, storage.StackRef{}, true, "rule r0 allows it"},
		"the same, and not all stacks": {[]string{"U0SAM allow all web*"}, sam, authz.View, storage.StackRef{}, false,
			"no rule allows it"},
		"a right that there is not": {[]string{"U0SAM allow all,admin *"}, sam, "destroy", web, false, "no rule allows it"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig()
			r.put(t, numbered(t, test.rules)...)
			got := r.decide(t, test.user, test.action, test.stack)
			if got.Allowed != test.allowed || got.Reason != test.reason {
				t.Errorf("%+v", got)
			}
			if got.Rule == nil != (test.reason[:4] != "rule") {
				t.Errorf("the rule is %+v", got.Rule)
			}
		})
	}
}

// numbered gives the rules ids: r0 is the oldest.
func numbered(t *testing.T, words []string) []storage.Rule {
	t.Helper()
	var rules []storage.Rule
	for i, text := range words {
		r := rule(t, text)
		r.ID, r.At = "r"+string(rune('0'+i)), r.At.Add(time.Duration(i)*time.Second)
		rules = append(rules, r)
	}
	return rules
}

func TestRulesAreOfTheirChannel(t *testing.T) {
	r := newRig()
	r.add(t, rule(t, "U0SAM allow all *"))
	for where, want := range map[string]bool{channel: true, "C0OTHER": false, "C0OP": false, "C0OPS2": false, "": false} {
		if got := r.standing(t, sam, where).Decide(authz.View, web); got.Allowed != want {
			t.Errorf("in %q: %+v", where, got)
		}
	}
}

func TestInADirectMessageNoRuleHelps(t *testing.T) {
	r := newRig(ops)
	allowing := rule(t, "everyone allow all,admin *")
	allowing.Channel = "D0SAM"
	r.add(t, allowing)
	s := r.standing(t, sam, "D0SAM")
	if got := s.Decide(authz.View, web); got.Allowed || got.Reason != "in a direct message only the configured admins may act" {
		t.Errorf("%+v", got)
	}
	if s.Admin().Allowed || s.Some(authz.Actions...) || s.All(authz.View) {
		t.Error("something is allowed")
	}
	if got := r.standing(t, ana, "D0SAM").Decide(authz.Redeploy, web); !got.Allowed {
		t.Errorf("of the admins' group: %+v", got)
	}
}

func TestARuleEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		for _, words := range []string{"U0SAM allow all web", "U0ANA allow all *", "U0ANA deny view *", "S0DEVS allow lock *"} {
			ending := rule(t, words)
			if words != "U0ANA allow all *" {
				ending.Until = time.Now().Add(time.Hour)
			}
			r.add(t, ending)
		}
		before := r.standing(t, sam, channel)
		check := func(want bool, rules int) {
			t.Helper()
			if got := r.decide(t, sam, authz.View, web); got.Allowed != want {
				t.Errorf("allowed for a time: %+v", got)
			}
			if got := before.Decide(authz.View, web); got.Allowed != want || before.Some(authz.View) != want {
				t.Errorf("found out before: %+v", got)
			}
			if got := r.decide(t, ana, authz.View, web); got.Allowed == want {
				t.Errorf("denied for a time: %+v", got)
			}
			if got, err := r.Rules(t.Context(), channel); len(got) != rules || err != nil {
				t.Errorf("rules: %+v, %v", got, err)
			}
		}
		time.Sleep(time.Hour - time.Microsecond)
		check(true, 4)
		time.Sleep(time.Microsecond)
		lists := r.slack.lists.Load()
		check(false, 1)
		if r.slack.lists.Load() != lists {
			t.Error("groups were asked for, for a rule that has ended")
		}
	})
}

func TestSomeAndAllAreTrueWhicheverStacksExist(t *testing.T) {
	for name, test := range map[string]struct {
		rules            []string
		user             string
		some, all, admin bool // some of view or lock, all of view
	}{
		"no rule":                           {nil, sam, false, false, false},
		"one stack":                         {[]string{"U0SAM allow view web"}, sam, true, false, false},
		"all stacks":                        {[]string{"S0DEVS allow view *"}, sam, true, true, false},
		"all stacks in two halves":          {[]string{"U0SAM allow view [a-m]*", "U0SAM allow view [!a-m]*"}, sam, true, false, false},
		"another right":                     {[]string{"U0SAM allow redeploy *"}, sam, true, true, false},
		"another right, denied on one":      {[]string{"U0SAM allow redeploy *", "everyone deny redeploy web"}, sam, true, false, false},
		"all, and view denied on one":       {[]string{"U0SAM allow all *", "everyone deny view web"}, sam, true, false, false},
		"a guest":                           {[]string{"everyone allow all *"}, gus, false, false, false},
		"a guest in a group":                {[]string{"S0DEVS allow all *"}, gus, true, true, false},
		"the other of two rights":           {[]string{"U0SAM allow lock web"}, sam, true, false, false},
		"all but one":                       {[]string{"U0SAM allow view *", "everyone deny view web"}, sam, true, false, false},
		"all, and another right denied":     {[]string{"U0SAM allow all *", "everyone deny cancel *"}, sam, true, true, false},
		"one, and all denied":               {[]string{"U0SAM allow view web", "everyone deny all *"}, sam, false, false, false},
		"one, and all of production denied": {[]string{"U0SAM allow view web", "everyone deny all *@production"}, sam, true, false, false},
		"a stranger":                        {[]string{"everyone allow all *"}, guest, false, false, false},
		"a stranger who is named":           {[]string{"U0GUEST allow all *"}, guest, true, true, false},
		"the right to make rules":           {[]string{"U0SAM allow admin *"}, sam, false, false, true},
		"the same, denied":                  {[]string{"U0SAM allow admin *", "S0DEVS deny admin *"}, sam, false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig()
			r.put(t, numbered(t, test.rules)...)
			s := r.standing(t, test.user, channel)
			if got := s.Some(authz.View, authz.Lock); got != test.some {
				t.Errorf("some: %v", got)
			}
			if got := s.All(authz.View); got != test.all {
				t.Errorf("all: %v", got)
			}
			if s.Admin().Allowed != test.admin || s.Some(authz.Admin) != test.admin || s.All(authz.Admin) != test.admin || s.Some() ||
				s.Configured() {
				t.Errorf("admin: %+v", s.Admin())
			}
		})
	}
}

func TestARuleThatCannotBeReadAllowsNothingAndDeniesEverything(t *testing.T) {
	r := newRig()
	rules := numbered(t, []string{"U0SAM allow all,admin *", "U0ANA allow view *", "U0ANA deny view *"})
	rules[0].Stacks, rules[2].Stacks = "~[web", "~[web"
	rules[1].Actions = append(rules[1].Actions, "destroy")
	r.put(t, rules...)
	if s := r.standing(t, sam, channel); s.Decide(authz.View, web).Allowed || s.Admin().Allowed || s.Some(authz.Actions...) {
		t.Error("a pattern that cannot be read allows something")
	}
	if got := r.decide(t, ana, authz.View, web); got.Allowed || got.Rule == nil || got.Rule.ID != "r2" {
		t.Errorf("a pattern that cannot be read denies: %+v", got)
	}
	rules[0].Stacks, rules[0].Actions = "web*", []string{"admin"}
	r.put(t, rules[0])
	if r.standing(t, sam, channel).Admin().Allowed {
		t.Error("admin on some stacks only is taken for admin")
	}
}

func TestTheZeroStandingMayNothing(t *testing.T) {
	var s authz.Standing
	if got := s.Decide(authz.View, web); got.Allowed || got.Reason != "no rule allows it" || s.Admin().Allowed || s.Some(authz.View) ||
		s.All(authz.View) {
		t.Errorf("%+v", got)
	}
}

func TestInAPrivateChannelGroupsAndEveryoneAreItsMembers(t *testing.T) {
	for name, test := range map[string]struct {
		rules   []string
		members []string
		noRoom  error
		may     bool
		fails   bool
		asked   int64
	}{
		"everyone, a member":            {[]string{"everyone allow redeploy web"}, []string{sam}, nil, true, false, 1},
		"everyone, not a member":        {[]string{"everyone allow redeploy web"}, []string{ana}, nil, false, false, 1},
		"a group, not a member":         {[]string{devs + " allow redeploy web"}, []string{ana}, nil, false, false, 1},
		"a group's admin, not a member": {[]string{devs + " allow admin,redeploy *"}, []string{ana}, nil, false, false, 1},
		"by name, not a member":         {[]string{sam + " allow redeploy web"}, []string{ana}, nil, true, false, 1},
		"by name and everyone, not a member": {[]string{sam + " allow view web", "everyone allow redeploy web"}, []string{ana}, nil, false,
			false, 1},
		"denied to everyone, not a member": {[]string{sam + " allow redeploy web", "everyone deny redeploy web"}, []string{ana}, nil, false,
			false, 1},
		"everyone, not found out": {[]string{"everyone allow redeploy web"}, nil, errors.New("conversations.members: fatal_error"),
			false, true, 1},
		"by name, not found out": {[]string{sam + " allow redeploy web"}, nil, errors.New("conversations.members: fatal_error"),
			true, false, 1},
		"everyone, in a channel not shown":       {[]string{"everyone allow redeploy web"}, nil, authz.ErrNoChannel, false, false, 1},
		"by name, in a channel not shown":        {[]string{sam + " allow redeploy web"}, nil, authz.ErrNoChannel, false, false, 1},
		"nothing is allowed, so nobody is asked": {[]string{"everyone deny redeploy web"}, nil, authz.ErrNoChannel, false, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig()
			for _, words := range test.rules {
				r.add(t, rule(t, words))
			}
			if test.members != nil {
				r.slack.members = map[string][]string{channel: test.members}
			}
			r.slack.noRoom = test.noRoom
			s, err := r.Standing(t.Context(), authz.Subject{User: sam, Channel: channel})
			if (err != nil) != test.fails || test.fails && !errors.Is(err, authz.ErrUnknown) || s.Decide(authz.Redeploy, web).Allowed != test.may {
				t.Errorf("%+v, %v", s.Decide(authz.Redeploy, web), err)
			}
			if asked := r.slack.rooms.Load(); asked != test.asked {
				t.Errorf("Slack was asked %d times", asked)
			}
			if admin, err := r.Standing(t.Context(), authz.Subject{User: lin, Channel: channel}); err != nil ||
				!admin.Decide(authz.Redeploy, web).Allowed {
				t.Errorf("the configured admin: %v", err)
			}
		})
	}
}
