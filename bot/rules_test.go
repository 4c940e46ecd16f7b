package bot_test

import (
	"strings"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

// says waits until a person sees a message in a channel that holds all the words, and gives it.
func (r *rig) says(user, channel string, words ...string) slacksim.Message {
	r.t.Helper()
	var found slacksim.Message
	r.until(user+" sees "+strings.Join(words, " … "), func() bool {
		for _, m := range r.slack.Person(user).Sees(channel) {
			if holdsAll(m.Plain(), words) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

func holdsAll(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// allow has lin make a rule and waits until the channel is told.
func (r *rig) allow(rule string) slacksim.Message {
	r.t.Helper()
	before := len(r.cards(deploys))
	r.command(lin, deploys, "/c66 "+rule)
	r.until("the channel is told of "+rule, func() bool { return len(r.cards(deploys)) > before })
	return r.cards(deploys)[before]
}

func TestARuleAllowsWhatItSaysToWhomItSaysInItsChannelAlone(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.AddStack(cloud66sim.Stack{Name: "api", Framework: "docker", History: 2})
		told := r.allow("allow @sam view,redeploy web@production")
		hold(t, "what the channel is told", told.Plain(), "🔑 @lin made a rule", "allow @sam view, redeploy on web@production")
		hold(t, "the list", r.ask(sam, deploys, "/c66 list web").Plain(), "1–10 of 35")
		r.command(sam, deploys, "/c66 redeploy web --now")
		hold(t, "the card", r.card("deploying #1038").Plain(), "@sam")
		refused := r.ask(sam, deploys, "/c66 cancel web").Plain()
		hold(t, "what no rule allows", refused, "You may not cancel deployments of web@production here", "[Ask for access]")
		for _, command := range []string{"list api", "list nosuch"} {
			hold(t, command, r.ask(sam, deploys, "/c66 "+command).Plain(), "I know no stack", "that you may look at here")
		}
		lack(t, "stacks", r.ask(sam, deploys, "/c66 stacks").Plain(), "api")
		hold(t, "in another channel", r.ask(sam, support, "/c66 list web").Plain(), "You may not look at stacks here")
		_, id, _ := strings.Cut(told.Plain(), "(rule ")
		id, _, _ = strings.Cut(id, ")")
		hold(t, "access", r.ask(sam, deploys, "/c66 access").Plain(), id, "allow @sam view, redeploy on web@production", "by @lin")
		hold(t, "why", r.ask(sam, deploys, "/c66 access why redeploy web").Plain(), "✅ @sam may redeploy web@production here", id)
		hold(t, "a revoke elsewhere", r.ask(lin, support, "/c66 revoke "+id).Plain(), "This channel has no rule", "Nothing was done")
		r.command(lin, deploys, "/c66 revoke "+id)
		r.says(sam, deploys, "@lin took back a rule")
		hold(t, "after the revoke", r.ask(sam, deploys, "/c66 list web").Plain(), "You may not look at stacks here")
	})
}

func TestADenyBeatsEveryAllowButTheAdmins(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.slack.AddGroup(slacksim.Group{ID: "S0DEV", Handle: "devs", Users: []string{sam, lin}})
		hold(
			t,
			"what is said of a group",
			r.allow("allow @devs all *").Plain(),
			"allow @devs view, redeploy, cancel, subscribe, lock, approve on *",
		)
		if pings := r.cards(deploys)[0].Pings(); len(pings) != 1 || pings[0] != lin {
			t.Errorf("a rule for a group pings %v", pings)
		}
		hold(t, "allowed by group", r.ask(sam, deploys, "/c66 list web").Plain(), "1–10 of 35")
		r.allow("deny @everyone redeploy *@production")
		hold(t, "denied", r.ask(sam, deploys, "/c66 redeploy web --now").Plain(), "You may not redeploy web@production here", "denies it")
		r.command(lin, deploys, "/c66 redeploy web --now")
		r.card("deploying #1036")
	})
}

func TestMembershipOfAGroupFollowsSlacksEvents(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		group := slacksim.Group{ID: "S0DEV", Handle: "devs", Users: []string{lin}}
		r.slack.AddGroup(group)
		r.allow("allow @devs view *")
		hold(t, "not in the group", r.ask(sam, deploys, "/c66 list web").Plain(), "You may not")
		group.Users = []string{lin, sam}
		r.slack.SetGroup(group)
		hold(t, "in the group", r.ask(sam, deploys, "/c66 list web").Plain(), "1–10 of 35")
		group.Users = []string{lin}
		r.slack.SetGroup(group)
		hold(t, "out of it again", r.ask(sam, deploys, "/c66 list web").Plain(), "You may not")
		calls := len(r.slack.Calls("usergroups.list"))
		for range 20 {
			r.ask(sam, deploys, "/c66 list web")
		}
		if n := len(r.slack.Calls("usergroups.list")) - calls; n > 1 {
			t.Errorf("20 commands asked Slack %d times", n)
		}
	})
}

func TestAccessIsAskedForAndGrantedForAnHour(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		refusal := r.ask(sam, deploys, "/c66 redeploy web@prod --now")
		r.click(sam, refusal, "Ask for access")
		request := r.says(lin, deploys, "@sam asks to redeploy web@prod", "@lin", "[Grant 1 h]")
		r.again(sam, refusal, "Ask for access")
		r.click(sam, request, "Grant 1 h")
		r.says(sam, deploys, "You may not make rules here")
		r.click(lin, request, "Grant 1 h")
		granted := r.says(sam, deploys, "@sam asked to redeploy web@prod* in this channel", "@lin granted it until")
		lack(t, "the request that was granted", granted.Plain(), "[Grant")
		r.again(lin, request, "Grant 1 h")
		r.command(sam, deploys, "/c66 redeploy web@prod --now")
		r.card("deploying #1036")
		r.card("#1036 went live")
		pass(time.Hour)
		hold(t, "an hour later", r.ask(sam, deploys, "/c66 redeploy web@prod --now").Plain(), "You may not redeploy here")
		if n := r.requests("POST"); n != 1 {
			t.Errorf("%d POSTs were made", n)
		}
	})
}

func TestWhomSlackDoesNotTellARuleIsForGetsNone(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.slack.AddUser(slacksim.User{ID: "U0GONE", Name: "gone", Deleted: true})
		r.slack.AddGroup(slacksim.Group{ID: "S0OLD", Handle: "old", Disabled: true})
		for _, c := range []struct {
			name, rule string
			says       []string
		}{
			{"a name that Slack did not resolve", "allow @nobody view *", []string{"did not resolve", "@nobody"}},
			{"somebody who is deactivated", "allow <@U0GONE> view *", []string{"deactivated"}},
			{"nobody at all", "allow <@U0NOSUCH> view *", []string{"knows no such person"}},
			{"a group that is disabled", "allow <!subteam^S0OLD|@old> view *", []string{"@old is disabled"}},
			{"a group that is none", "allow <!subteam^S0NOSUCH|@x> view *", []string{"knows no such group"}},
			{"whoever is here", "allow @here view *", []string{"write everyone"}},
			{"an action that is none", "allow @sam deploy *", []string{"deploy", "redeploy"}},
			{"admin of one stack", "allow @sam admin web", []string{"it can be given on", "allow @lin admin *"}},
			{"a glob that is none", "allow @sam view 'web['", []string{"["}},
			{"too few words", "allow @sam view", []string{"three words"}},
			{"a rule that is none", "revoke nosuch", []string{"has no rule"}},
		} {
			hold(t, c.name, r.ask(lin, deploys, "/c66 "+c.rule).Plain(), c.says...)
		}
		if n := len(r.cards(deploys)); n != 0 {
			t.Errorf("the channel was told something %d times", n)
		}
		hold(t, "access", r.ask(lin, deploys, "/c66 access").Plain(), "no rule that you can see")
		hold(t, "in a direct message", r.ask(lin, direct(lin), "/c66 allow @sam view *").Plain(), "Rules belong to a channel")
		hold(t, "where the bot is no member", r.ask(lin, random, "/c66 allow @sam view *").Plain(), "not a member", "/invite")
		r.allow("allow @sam view *")
		hold(t, "a rule twice", r.ask(lin, deploys, "/c66 allow @sam view *").Plain(), "stands already", "Nothing was changed")
		hold(
			t,
			"a rule for stacks that do not exist yet",
			r.ask(lin, deploys, "/c66 allow @sam redeploy wen").Plain(),
			"no stack that you see matches “wen” yet",
			"web@production",
		)
		hold(t, "a rule for an outsider", r.ask(lin, deploys, "/c66 allow @olga view *").Plain(), "another organisation")
	})
}

func TestAPlanWithoutGroupsIsSaid(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{slack: slacksim.Options{GroupsNeedUpgrade: true}}, func(t *testing.T, r *rig) {
		r.slack.AddGroup(slacksim.Group{ID: "S0DEV", Handle: "devs", Users: []string{sam}})
		hold(t, "the answer", r.ask(lin, deploys, "/c66 allow @devs view *").Plain(), "plan has no user groups")
	})
}

func TestRulesOutliveAKillAndAreJudgedAtTheMomentOfUse(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.allow("allow @sam all web")
		r.command(sam, deploys, "/c66 redeploy web --now")
		card := r.card("deploying #1036")
		r.kill()
		r.start()
		hold(t, "after a kill", r.ask(sam, deploys, "/c66 list web").Plain(), "1–10 of 36")
		r.allow("deny @sam cancel *")
		r.click(sam, card, "Cancel")
		r.says(sam, deploys, "You may not cancel deployments of web@production here")
		if n := r.requests("DELETE"); n != 0 {
			t.Errorf("%d DELETEs were made", n)
		}
	})
}

func TestStatusSaysHowTheBotIsToEachWhatTheyMaySee(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, deploys, "/c66 redeploy web --now")
		r.card("deploying #1036")
		hold(
			t,
			"an admin's",
			r.ask(lin, deploys, "/c66 status").Plain(),
			"✅ Connected to Slack",
			"of 3000 left",
			"I follow 1 deployment: web@production #1036",
			"Version",
		)
		others := r.ask(sam, deploys, "/c66 status").Plain()
		hold(t, "somebody else's", others, "✅ Connected to Slack", "no deployment that you may see")
		lack(t, "somebody else's", others, "web", "1036")
	})
}

func TestWhatIsCopiedFromAMessageMeansWhatItShows(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		shown := r.allow("allow @sam view \u2060*\u2060@production")
		hold(t, "the rule", shown.Plain(), "view on *@production")
		hold(t, "what sam may", r.ask(sam, deploys, "/c66 list \u2060web\u200b").Plain(), "1–10 of 35")
	})
}
