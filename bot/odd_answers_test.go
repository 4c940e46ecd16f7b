package bot_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
)

// onList limits a fault to the list of stacks, or to what is below one of them.
func onList(stacks bool) func(*http.Request) bool {
	return func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/stacks") == stacks }
}

func TestRecordsThatCannotBeReadKeepNothingUp(t *testing.T) {
	t.Parallel()
	unready(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.AddStack(cloud66sim.Stack{Name: "blog"})
		r.cloud.AddFault(cloud66sim.Fault{Match: onList(true), Edit: func(answer cloud66sim.Object) {
			cloud66sim.Each(func(s cloud66sim.Object) {
				if s["name"] == "blog" {
					delete(s, "uid")
				}
			})(answer)
			answer["pagination"] = cloud66sim.Object{"next": false}
		}})
		r.cloud.AddFault(cloud66sim.Fault{Match: onList(false), Method: http.MethodGet, Edit: cloud66sim.Each(func(d cloud66sim.Object) {
			if d["id"] == float64(1010) {
				d["id"] = nil
			}
		})})
		r.until("the bot is ready", func() bool { return r.bot.Ready() == nil })
		r.command(lin, support, "/c66 subscribe web")
		r.until("it is subscribed", func() bool { return len(r.cards(support)) == 1 })
		pass(5 * time.Minute)
		r.cloud.Deploy(r.web, cloud66sim.Start{})
		r.deploymentCard(support, "#1036 went live")
		hold(t, "status", r.ask(lin, support, "/c66 status").Plain(),
			"a stack without a uid (blog@production)", "a deployment without an id (web@production)")
		lack(t, "the log", strings.Replace(r.log.String(), "left out what cannot be read", "", 2), "left out what cannot be read")
	})
}

func TestTheWordBesideACodeIsWhatPeopleAreTold(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, support, "/c66 subscribe web --via hook --mention @sam")
		r.until("it is subscribed", func() bool { return len(r.cards(support)) == 1 })
		pass(5 * time.Minute)
		outcome := cloud66sim.Object{}
		r.cloud.AddFault(cloud66sim.Fault{Match: onList(false), Method: http.MethodGet, Edit: cloud66sim.Each(func(d cloud66sim.Object) {
			if d["id"] != float64(1035) {
				d["triggered_via"] = cloud66sim.Object{"code": 3, "meaning": "Git_Hook"}
			}
			if d["id"] != float64(1035) && d["finished_at"] != nil {
				d["outcome"] = outcome
			}
		})})
		for i, c := range []struct {
			code int
			word string
			says string
			ping bool
		}{
			{9, "success", "✅ web@production #1036 went live", false},
			{4, "Cancelled", "🚫 web@production #1037 was cancelled", false},
			{1, "skipped", "❓ web@production #1038 ended after 5 min, outcome skipped", false},
			{7, "ERROR", "❌ web@production #1039 failed after 5 min", true},
		} {
			outcome["code"], outcome["meaning"] = c.code, c.word
			r.cloud.Deploy(r.web, cloud66sim.Start{})
			card := r.deploymentCard(support, c.says)
			pass(time.Minute)
			if pinged := strings.Contains(strings.Join(r.thread(card), "\n"), "@sam"); pinged != c.ping {
				t.Errorf("%d: sam is mentioned: %t\n%s", i, pinged, strings.Join(r.thread(card), "\n"))
			}
		}
	})
}

func TestAWriteThatWasRefusedInAnOddWayIsNotSentAgain(t *testing.T) {
	t.Parallel()
	for says, fault := range map[string]cloud66sim.Fault{
		"not redeployed: Cloud 66 refused it: Stack is locked by ana": {
			Status: http.StatusOK, Body: `{"error":"locked","details":"Stack is locked by ana"}`,
		},
		"not redeployed: Cloud 66 refused it: Stack is frozen": {
			Status: http.StatusOK, Body: `{"response":{"ok":false,"message":"Stack is frozen"}}`,
		},
		"not redeployed: Cloud 66's address leads to another one": {
			Status: http.StatusFound, Header: map[string]string{"Location": "https://user:hunter2@elsewhere.example/"},
		},
	} {
		inBubble(t, settings{}, func(t *testing.T, r *rig) {
			fault.Method = http.MethodPost
			r.cloud.AddFault(fault)
			r.command(lin, deploys, "/c66 redeploy web --now")
			card := r.card("not redeployed")
			pass(time.Hour)
			hold(t, "the card", card.Plain(), says)
			lack(t, "the channel", r.sees(lin, deploys), "hunter2")
			if n := r.requests(http.MethodPost); n != 1 || len(r.cloud.Deployments(r.web)) != 35 {
				t.Errorf("%d POSTs, %d deployments", n, len(r.cloud.Deployments(r.web)))
			}
		})
	}
}

func TestADeploymentThatHasAnOutcomeAndAnEndIsOver(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.AddFault(cloud66sim.Fault{Match: onList(false), Method: http.MethodGet, Edit: cloud66sim.Each(func(d cloud66sim.Object) {
			d["is_deploying"] = true
		})})
		r.command(lin, deploys, "/c66 redeploy web --now")
		r.card("#1036 went live after 5 min")
	})
}
