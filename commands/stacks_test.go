package commands

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/authz"
	"c66bot/bot/card/kit"
	"c66bot/bot/card/wording"
	"c66bot/bot/slacksim"
	"c66bot/cloud66"
	"c66bot/storage"
)

// uids gives the stacks of a page, in its order.
func uids(reply StacksReply) []string {
	all := []string{}
	for _, e := range reply.Stacks {
		all = append(all, e.Stack.UID)
	}
	return all
}

func TestTheStacksAreThoseThatSomebodySeesAndThatFit(t *testing.T) {
	for text, test := range map[string]struct{ admin, some []string }{
		"stacks":                 {[]string{"api1", "app1", "web1", "web2"}, []string{"api1", "web2"}},
		"stacks web":             {[]string{"web1", "web2"}, []string{"web2"}},
		"stacks WEB@Prod":        {[]string{"web1"}, []string{}},
		"stacks '*@production'":  {[]string{"api1", "app1", "web1"}, []string{"api1"}},
		"stacks 'we?@st*'":       {[]string{"web2"}, []string{"web2"}},
		"stacks [a-b]*":          {[]string{"api1", "app1"}, []string{"api1"}},
		"stacks “awesome app”":   {[]string{"app1"}, []string{}},
		"stacks ' p'":            {[]string{"api1", "app1", "web1"}, []string{"api1"}},
		"stacks nothing-like-it": {[]string{}, []string{}},
		"stacks '['":             {[]string{}, []string{}},
		"stacks '*'":             {[]string{"api1", "app1", "web1", "web2"}, []string{"api1", "web2"}},
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.put(allow(sam, "web@staging", authz.View), allow(sam, "api", authz.Redeploy)) // which includes view
			for user, want := range map[string][]string{lin: test.admin, sam: test.some} {
				got := as[StacksReply](t, r.say(user, text))
				if diff := cmp.Diff(want, uids(got)); diff != "" || got.total != len(want) || got.number != 1 {
					t.Errorf("%s of %s: %d in all, page %d (-want +got):\n%s", text, user, got.total, got.number, diff)
				}
			}
			refusalOf(t, r.say(kim, text), authz.View) // who sees none at all
		})
	}
}

func TestWhoseRulesFitNoStackSeesAnEmptyList(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(allow(sam, "gone", authz.View))
		if got := as[StacksReply](t, r.say(sam, "stacks web")); got.total != 0 || got.Text != "web" {
			t.Errorf("%+v", got)
		}
		refusalOf(t, r.say(kim, "stacks web"), authz.View)
	})
}

func TestTheStacksComeInPagesWithTheirNewestDeployments(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.stacks.stacks = nil
		for i := range 25 {
			uid := fmt.Sprintf("u%02d", i)
			r.stacks.stacks = append(r.stacks.stacks, stack(uid, fmt.Sprintf("Web%02d", i), "production", ""))
			r.cloud.has(uid, i)
		}
		for number, want := range map[int]page{0: {1, 0, 10, 25}, 2: {2, 10, 20, 25}, 3: {3, 20, 25, 25}, 4: {3, 20, 25, 25},
			100_000: {3, 20, 25, 25}} {
			r.cloud.calls = nil
			got := as[StacksReply](t, r.click(lin, Invocation{Verb: Stacks, Options: Options{Text: "web"}}.OnPage(number)))
			if got.page != want || len(got.Stacks) != want.to-want.from || got.Text != "web" {
				t.Errorf("page %d: %d stacks, %+v", number, len(got.Stacks), got.page)
			}
			if len(r.cloud.calls) != len(got.Stacks) {
				t.Errorf("page %d: %d stacks cost %d requests", number, len(got.Stacks), len(r.cloud.calls))
			}
			for i, e := range got.Stacks {
				n := int64(want.from + i) // so many deployments it has
				if e.Never != (n == 0) || (n > 0) != (e.Newest != nil && e.Newest.Deployment.ID == n) {
					t.Errorf("page %d: the newest deployment of %s is %+v, never %v", number, e.Stack.UID, e.Newest, e.Never)
				}
			}
		}
	})
}

func TestARowOfTheStacksSaysOneMoment(t *testing.T) {
	now := time.Now()
	d := func(id int64, outcome cloud66.Outcome, live bool) cloud66.Deployment {
		return cloud66.Deployment{
			ID: id, StartedAt: now.Add(-time.Hour), FinishedAt: now.Add(-20 * time.Minute), IsLive: live,
			Outcome: cloud66.Value[cloud66.Outcome]{Kind: outcome},
		}
	}
	skipped, running, untimed := d(1094, "", false), d(1095, cloud66.OutcomePending, false), d(1094, cloud66.OutcomeSuccess, true)
	skipped.Outcome.Meaning = "skipped"
	running.FinishedAt, running.IsDeploying = time.Time{}, true
	untimed.StartedAt, untimed.FinishedAt = time.Time{}, time.Time{}
	live, failed := d(1093, cloud66.OutcomeSuccess, true), d(1094, cloud66.OutcomeFailed, false)
	for name, c := range map[string]struct {
		status cloud66.StackStatus
		newest []cloud66.Deployment
		sign   storage.State
		want   string
	}{
		"a list that is older than the end": {cloud66.StatusFailed, []cloud66.Deployment{live}, storage.Succeeded, "live #1093 for 20 min"},
		"a cancelled one beside a live one": {
			cloud66.StatusDeployed, []cloud66.Deployment{d(1094, cloud66.OutcomeCancelled, false), live}, storage.Succeeded,
			"live #1093 · #1094 cancelled 20 min ago",
		},
		"one that runs": {
			cloud66.StatusDeployed, []cloud66.Deployment{running, failed, live}, storage.Started, "live #1093 · #1095 deploying for 1 h",
		},
		"a failure": {
			cloud66.StatusDeploying, []cloud66.Deployment{failed, live}, storage.Failed, "live #1093 · #1094 failed 20 min ago",
		},
		"an unknown outcome": {
			cloud66.StatusFailed, []cloud66.Deployment{skipped, live}, storage.Succeeded,
			"live #1093 · #1094 ended, outcome skipped 20 min ago",
		},
		"a cancelled one alone": {
			cloud66.StatusFailed, []cloud66.Deployment{d(1094, cloud66.OutcomeCancelled, false)}, storage.Cancelled, "#1094 cancelled 20 min ago",
		},
		"a success that is not live": {
			cloud66.StatusDeployed, []cloud66.Deployment{d(1094, cloud66.OutcomeSuccess, false)}, storage.Succeeded,
			"#1094 succeeded 20 min ago",
		},
		"unknown times": {cloud66.StatusFailed, []cloud66.Deployment{untimed}, storage.Succeeded, "live #1094"},
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			s := stack("web1", "web", "production", "")
			s.Status, s.Health = c.status, cloud66.HealthBuilding
			r.stacks.stacks = []cloud66.Stack{s}
			r.cloud.deployments["web1"] = c.newest
			got := as[StacksReply](t, r.say(lin, "stacks"))
			if row := got.Stacks[0].row(now).String(); row != wording.Sign(c.sign)+" *web@production* · "+c.want {
				t.Errorf("%s: %s", name, row)
			}
		})
	}
}

func TestTheStacksDoNotWaitForTheirDeploymentsForLong(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for i := range 30 {
			r.stacks.stacks = append(r.stacks.stacks, stack(fmt.Sprint("u", i), fmt.Sprint("many", i), "production", ""))
			r.cloud.has(fmt.Sprint("u", i), 3)
		}
		r.cloud.takes = 3 * time.Second
		started := time.Now()
		got := as[StacksReply](t, r.say(lin, "stacks many"))
		if took := time.Since(started); took > 4*time.Second {
			t.Errorf("it took %s", took)
		}
		known := 0
		for _, e := range got.Stacks {
			if e.Newest != nil {
				known++
			} else if e.Never {
				t.Error("a stack whose deployments are not known is called never deployed")
			}
		}
		if len(got.Stacks) != 10 || known != 5 { // five at once
			t.Errorf("%d stacks, the newest deployment of %d", len(got.Stacks), known)
		}
		const untold = "did not tell in time what is live on"
		if text := got.Document().Fallback().String(); !strings.Contains(text, untold+" 5 of these") {
			t.Errorf("they are told %s", text)
		}
		r.cloud.takes = 0
		if text := r.say(lin, "stacks many").Document().Fallback().String(); strings.Contains(text, untold) {
			t.Errorf("when all is known they are told %s", text)
		}
	})
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 3)
		r.cloud.err = errors.New("down")
		if got := as[StacksReply](t, r.say(lin, "stacks")); got.total != 4 || got.Stacks[2].Newest != nil || got.Stacks[2].Never {
			t.Errorf("where no deployment can be read: %+v", got)
		}
		r.stacks.err = &cloud66.Error{Kind: cloud66.ErrServer, Method: "GET", Status: 502}
		time.Sleep(2 * time.Minute)
		problemThat(t, r.say(lin, "stacks"), "HTTP 502", "Nothing was done.")
	})
}

func TestHelpNamesAStackThatTheySeeOrNone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(allow(sam, "web@staging", authz.View), allow(kim, "gone", authz.View))
		r.stacks.err = errors.New("down")
		const unknown = "show <stack> [ID|latest|live|head]"
		if help := as[HelpReply](t, r.say(sam, "help")); help.Specs[0].Examples[0] != unknown {
			t.Errorf("where no list can be read: %q", help.Specs[0].Examples)
		}
		r.stacks.err = nil
		asked := r.stacks.asked()
		for user, want := range map[string]string{lin: "show api@production", sam: "show web@staging", kim: unknown} {
			help := as[HelpReply](t, r.say(user, "help show"))
			if help.Topic == nil || help.Topic.Examples[0] != want {
				t.Errorf("the help of %s: %+v", user, help.Topic)
			}
		}
		if n := r.stacks.asked() - asked; n != 1 {
			t.Errorf("help asks Cloud 66 %d times", n)
		}
	})
}

func TestTheHelpIsInGroupsWithOneLineACommand(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		help := func(user string) string {
			return slacksim.Message{Blocks: blocksOf(t, kit.Draw(r.say(user, "help").Document()))}.Plain()
		}
		said, commands := help(lin), 0
		for _, part := range []string{
			"Look\n/c66 show api@production shows one deployment, the latest unless you say which\n", "\nDeploy\n", "\nHear\n",
			"\nGuard\n", "\nRights\n", "\nThe bot\n/c66 status says how the bot itself is\n",
		} {
			if !strings.Contains(said, part) {
				t.Errorf("it lacks %q:\n%s", part, said)
			}
		}
		for _, s := range Specs {
			if !s.Button {
				commands++
			}
		}
		if n := strings.Count(said, "\n/c66 "); n != commands {
			t.Errorf("%d of %d commands:\n%s", n, commands, said)
		}
		r.put(allow(sam, "web@staging", authz.View))
		said = help(sam)
		if strings.Contains(said, "Deploy") || !strings.Contains(said, "\nLook\n") || strings.Contains(said, "Guard\n/c66 lock ") {
			t.Errorf("somebody who may look is told\n%s", said)
		}
	})
}
