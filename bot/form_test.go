package bot_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

// form waits until the form's window of a person says all the words, and gives it.
func (r *rig) form(user string, words ...string) slacksim.View {
	r.t.Helper()
	var found slacksim.View
	r.until("the form of "+user+" says "+strings.Join(words, " … "), func() bool {
		v, open := r.slack.Person(user).View()
		found = v
		return open && holdsAll(v.Plain(), words)
	})
	return found
}

// opens has a person send a command that opens the form.
func (r *rig) opens(user, channel, text string, words ...string) slacksim.View {
	r.t.Helper()
	r.command(user, channel, text)
	return r.form(user, words...)
}

func (r *rig) fill(user, label, text string) {
	r.t.Helper()
	if err := r.slack.Person(user).Fill(label, text); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) choose(user, label, option string) {
	r.t.Helper()
	d, err := r.slack.Person(user).Choose(label, option)
	if err != nil {
		r.t.Fatal(err)
	}
	r.acked(d)
}

// submit sends the form and waits for its acknowledgement.
func (r *rig) submit(user string) slacksim.AckInfo {
	r.t.Helper()
	d, err := r.slack.Person(user).Submit()
	if err != nil {
		r.t.Fatal(err)
	}
	return r.acked(d)
}

func (r *rig) acked(d *slacksim.Delivery) slacksim.AckInfo {
	r.t.Helper()
	if d == nil {
		return slacksim.AckInfo{}
	}
	info, err := d.Wait(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return info
}

func (r *rig) search(user, label, typed string) []string {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	options, _, err := r.slack.Person(user).Search(ctx, label, typed)
	if err != nil {
		r.t.Fatal(err)
	}
	return options
}

func (r *rig) closed(user string) bool {
	_, open := r.slack.Person(user).View()
	return !open
}

func TestARedeployWithoutOptionsOpensTheFormAndASentOneIsDoneOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{profiles: []string{"default", "canary"}}, func(t *testing.T, r *rig) {
		view := r.opens(lin, deploys, "/c66 redeploy web", "Redeploy web@production", "Live now is #1035")
		hold(t, "the form", view.Plain(), "newest commit of main", "It usually takes")
		if want := []string{"Stack", "Branch, tag or commit", "Deployment profile", "Reason"}; !slices.Equal(view.Fields(), want) {
			t.Errorf("the form has the fields %q", view.Fields())
		}
		r.fill(lin, "Branch, tag or commit", "v2")
		r.fill(lin, "Reason", "fix the login")
		r.choose(lin, "Deployment profile", "canary")
		sent, err := r.slack.Person(lin).Submit()
		if err != nil {
			t.Fatal(err)
		}
		r.acked(sent)
		if !r.closed(lin) {
			t.Error("the form is still open")
		}
		hold(t, "the card", r.card("deploying #1036").Plain(), "v2", "canary", "fix the login")
		r.slack.Redeliver(sent.EnvelopeID)
		pass(time.Second)
		r.kill()
		r.start()
		r.slack.Redeliver(sent.EnvelopeID) // to a process that has never seen it
		r.says(lin, deploys, "not done twice")
		if n := r.requests("POST"); n != 1 {
			t.Errorf("%d POSTs were made", n)
		}
	})
}

func TestTheFormIsOpenAtOnceWhileCloud66IsSlow(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.AddFault(cloud66sim.Fault{Delay: 10 * time.Second})
		began := time.Now()
		r.command(lin, deploys, "/c66 redeploy web")
		r.form(lin, "One moment")
		if took := time.Since(began); took > 300*time.Millisecond {
			t.Errorf("the form opened after %s", took)
		}
		r.form(lin, "Redeploy web@production", "Live now is #1035")
	})
}

func TestTheFormSaysBesideItsFieldsWhatIsWrongAndLosesNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.AddStack(cloud66sim.Stack{Name: "api", Framework: "docker", History: 3, Services: []cloud66sim.Service{
			{Name: "api", ImageTag: "v1"}, {Name: "worker", ImageTag: "v7"},
		}})
		r.opens(lin, deploys, "/c66 redeploy web", "Redeploy web")
		r.fill(lin, "Branch, tag or commit", "ma in")
		r.fill(lin, "Reason", "typed with care")
		r.submit(lin)
		view := r.form(lin, "is no branch, tag or commit")
		if len(view.Errors) != 1 || view.Value("Reason") != "typed with care" || view.Value("Branch, tag or commit") != "ma in" {
			t.Errorf("the form has errors %v and lost what was typed:\n%s", view.Errors, view.Plain())
		}
		r.slack.Person(lin).CloseView()

		docker := r.opens(lin, deploys, "/c66 redeploy api", "Redeploy api")
		if got := docker.Value("Services and tags"); got != "api:v1\nworker:v7" {
			t.Errorf("the services are shown as %q", got)
		}
		r.fill(lin, "Services and tags", "api:v2 worker")
		r.submit(lin)
		r.form(lin, "is no service")
		r.fill(lin, "Services and tags", "api:v2")
		r.submit(lin)
		hold(t, "the card", r.card("went live").Plain(), "api:v2")
	})
}

func TestTheFormSearchesTheStacksThatOneMayRedeploy(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		for i := range 250 {
			r.cloud.AddStack(
				cloud66sim.Stack{
					Name:    "shop" + string(rune('a'+i%26)) + strings.Repeat("x", i/26),
					History: 1,
					Git:     "https://github.com/acme/shop.git",
				},
			)
		}
		r.allow("allow @sam redeploy web")
		r.allow("allow @sam redeploy 'shopa*'")
		r.opens(sam, deploys, "/c66 redeploy web", "Redeploy web")
		if got := r.search(sam, "Stack", "shop"); len(got) == 0 ||
			slices.ContainsFunc(got, func(o string) bool { return !strings.HasPrefix(o, "shopa") }) {
			t.Errorf("sam is offered %q", got)
		}
		r.opens(lin, support, "/c66 redeploy web", "Redeploy web")
		if got := r.search(lin, "Stack", ""); len(got) < 60 || len(got) > 100 {
			t.Errorf("an empty search offers %d stacks", len(got))
		}
		if got := r.search(lin, "Stack", "shopb"); !slices.Contains(got, "shopb@production") {
			t.Errorf("the search offers %q", got)
		}
		r.choose(lin, "Stack", "shopb@production")
		view := r.form(lin, "Redeploy shopb@production")
		if got := view.Value("Stack"); got != "shopb@production" {
			t.Errorf("the field shows %q", got)
		}
		r.submit(lin)
		r.until("the card stands in the form's channel", func() bool { return strings.Contains(r.sees(lin, support), "shopb@production") })
	})
}

func TestWhatIsRefusedIsRefusedInsideTheForm(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		refused := r.opens(sam, deploys, "/c66 redeploy web", "You may not redeploy here")
		if refused.Submit != "" {
			t.Error("a refusal can be sent")
		}
		there, not := refused.Plain(), r.opens(sam, deploys, "/c66 redeploy nosuch", "You may not redeploy here").Plain()
		if strings.ReplaceAll(there, "web", "X") != strings.ReplaceAll(not, "nosuch", "X") {
			t.Errorf("a stack that exists and one that does not get different answers:\n%s\n%s", there, not)
		}
		r.acked(must(r.slack.Person(sam).ClickView("Ask for access")))
		r.form(sam, "I have asked the admins")
		r.says(lin, deploys, "@sam asks to redeploy")
		r.opens(lin, random, "/c66 redeploy web", "not a member", "/invite")
	})
}

func must(d *slacksim.Delivery, err error) *slacksim.Delivery {
	if err != nil {
		panic(err)
	}
	return d
}

func TestARightThatIsTakenAwayWhileTheFormIsOpenIsNoticed(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.allow("allow @sam view,redeploy web")
		r.opens(sam, deploys, "/c66 redeploy web", "Redeploy web")
		r.fill(sam, "Reason", "typed with care")
		r.allow("deny @sam redeploy web")
		r.submit(sam)
		view := r.form(sam, "You may not redeploy web@production here", "denies it", "typed with care")
		if view.Submit != "" {
			t.Error("a refusal can be sent")
		}
		if n := r.requests("POST"); n != 0 {
			t.Errorf("%d POSTs were made", n)
		}
	})
}

func TestAFormActsOnWhatItShowed(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.opens(lin, deploys, "/c66 redeploy web", "Live now is #1035")
		r.cloud.Deploy(r.web, cloud66sim.Start{Via: "hook"})
		r.fill(lin, "Reason", "typed with care")
		r.submit(lin)
		again := r.says(
			lin,
			deploys,
			"there is a newer deployment than the form showed",
			"Nothing was done",
			"--reason \"typed with care\"",
			"[Redeploy]",
		)
		r.click(lin, again, "Redeploy")
		if got := r.form(lin, "#1036 (deploying)").Value("Reason"); got != "typed with care" {
			t.Errorf("the form that was opened again has the reason %q", got)
		}
		r.slack.Person(lin).CloseView()

		r.opens(lin, deploys, "/c66 redeploy web", "#1036 (deploying)")
		pass(24 * time.Hour)
		r.submit(lin)
		r.says(lin, deploys, "more than 1 h old")

		r.opens(lin, deploys, "/c66 redeploy web", "Live now is #1036")
		r.cloud.RemoveStack(r.web)
		pass(2 * time.Minute)
		r.submit(lin)
		r.until("it says that the stack is gone", func() bool {
			v, _ := r.slack.Person(lin).View()
			return strings.Contains(r.sees(lin, deploys)+v.Plain(), "That stack is not there any more")
		})
		if n := r.requests("POST"); n != 0 {
			t.Errorf("%d POSTs were made", n)
		}
	})
}

func TestAnAmbiguousNameIsAskedForInsideTheForm(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.AddStack(cloud66sim.Stack{Name: "web", Environment: "staging", Git: "https://github.com/acme/web.git", History: 3})
		view := r.opens(lin, deploys, "/c66 redeploy web", "matches 2 stacks")
		if got := view.Buttons(); !slices.Equal(got, []string{"web@production", "web@staging"}) {
			t.Errorf("the buttons are %q", got)
		}
		r.acked(must(r.slack.Person(lin).ClickView("web@staging")))
		r.form(lin, "Redeploy web@staging")
		r.submit(lin)
		r.card("web@staging")
	})
}

func TestAVersionIsRedeployedWhereTheAPIAllowsIt(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		detail := r.ask(lin, deploys, "/c66 show web 1030")
		r.click(lin, detail, "Redeploy")
		r.form(lin, "Redeploy web", "Version")
		view, _ := r.slack.Person(lin).View()
		hash := r.cloud.Deployments(r.web)[29].Hash
		option := "Redeploy this version: " + hash[:7] + ", #1030"
		hold(t, "the form", view.Plain(), "The newest commit of main")
		r.choose(lin, "Version", option)
		r.fill(lin, "Branch, tag or commit", "v9")
		r.submit(lin)
		r.form(lin, "Choose one")
		r.fill(lin, "Branch, tag or commit", "")
		r.submit(lin)
		r.card("#1036")
		sent := r.cloud.Deployments(r.web)
		if last := sent[len(sent)-1]; last.Ref != hash {
			t.Errorf("Cloud 66 was sent the ref %q, not %q", last.Ref, hash)
		}
	})
}

// channelField is what stands beside the choice of the channel.
const channelField = "Channel\nIts rules decide whether you may, and the card is posted there."

func TestTheShortcutAsksForTheChannelWhoseRulesDecide(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.allow("allow @sam redeploy web")
		r.acked(r.slack.Person(sam).Shortcut("redeploy"))
		view := r.form(sam, "Channel")
		if view.Submit != "" {
			t.Error("the form can be sent without a channel")
		}
		r.choose(sam, channelField, "#support")
		r.form(sam, "You may not redeploy here")
		r.choose(sam, channelField, "#deploys")
		r.form(sam, "Stack")
		if got := r.search(sam, "Stack", "we"); !slices.Equal(got, []string{"web@production"}) {
			t.Errorf("the search offers %q", got)
		}
		r.choose(sam, "Stack", "web@production")
		r.form(sam, "Redeploy web@production")
		r.submit(sam)
		hold(t, "the card", r.card("#1036").Plain(), "@sam")
	})
}

func TestWhereSlackDoesNotOpenTheFormAButtonDoes(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.slack.FailCall("views.open", "expired_trigger_id", 1, false)
		offer := r.ask(lin, deploys, "/c66 redeploy web")
		hold(t, "the offer", offer.Plain(), "web@production", "[Redeploy]")
		r.click(lin, offer, "Redeploy")
		r.form(lin, "Redeploy web@production")
	})
}

func TestRedeployOnACardOpensTheFormWithWhatTheCardShows(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{profiles: []string{"default", "canary"}}, func(t *testing.T, r *rig) {
		api := r.cloud.AddStack(cloud66sim.Stack{Name: "api", Framework: "docker", History: 3, Services: []cloud66sim.Service{
			{Name: "api", ImageTag: "v1"}, {Name: "worker", ImageTag: "v1"},
		}})
		for _, c := range []struct{ uid, name, typed, shows string }{
			{r.web, "web@production", `web --ref release-8 --profile canary --reason "fix the login"`, "release-8"},
			{api, "api@production", `api --services api:1.4.2,worker --profile canary --reason "fix the login"`, "api:1.4.2,worker"},
		} {
			r.cloud.NextOutcome(c.uid, cloud66sim.Next{Fail: true})
			r.command(lin, deploys, "/c66 redeploy "+c.typed)
			card := r.deploymentCard(deploys, "❌ "+c.name)
			r.slack.FailCall("views.open", "expired_trigger_id", 1, false) // then the offer keeps what the card shows
			r.click(lin, card, "Redeploy")
			r.click(lin, r.says(lin, deploys, c.name+": the button opens the form"), "Redeploy")
			view := r.form(lin, "Redeploy")
			lack(t, "the form", view.Plain(), "fix the login")
			r.submit(lin)
			again := r.deploymentCard(deploys, "✅ "+c.name).Plain()
			hold(t, "the card", again, c.shows, "canary")
			lack(t, "the card", again, "fix the login")
			all := r.cloud.Deployments(c.uid)
			failed, last := all[len(all)-2], all[len(all)-1]
			if last.Ref != failed.Ref || last.Profile != "canary" || !slices.Equal(last.Services, failed.Services) {
				t.Errorf("what was sent differs: %+v after %+v", last, failed)
			}
			r.click(sam, card, "Redeploy")
			r.form(sam, "You may not redeploy")
			r.slack.Person(sam).CloseView()
			pass(time.Hour)
		}
	})
}

func TestACardOfSomebodyElsesDeploymentFillsInItsBranch(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{cloud: cloud66sim.Options{WithGitRef: true}}, func(t *testing.T, r *rig) {
		r.cloud.NextOutcome(r.web, cloud66sim.Next{Fail: true})
		r.cloud.Deploy(r.web, cloud66sim.Start{By: "dev@example.com", Ref: "release-8"})
		r.command(lin, deploys, "/c66 follow web")
		r.click(lin, r.card("failed"), "Redeploy")
		r.form(lin, "Redeploy web@production")
		r.submit(lin)
		r.card("#1037 went live")
		all := r.cloud.Deployments(r.web)
		if last := all[len(all)-1]; last.Ref != "release-8" {
			t.Errorf("%q was sent", last.Ref)
		}
	})
}
