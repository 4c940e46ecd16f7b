package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"c66bot/authz"
	"c66bot/bot/card/markup"
	"c66bot/cloud66"
	"c66bot/storage"
)

// texts compares texts as a whole.
var texts = cmpopts.EquateComparable(markup.Text{})

// sent is what a form sends that was filled in with options.
func sent(form FormReply, options Invocation) Invocation {
	options.Verb, options.UID, options.Yes, options.Form = Redeploy, form.Fill.UID, true, true
	options.Newest, options.AskedAt, options.Shown = form.Fill.Newest, form.Fill.AskedAt, form.Fill.Shown
	return options
}

// send has somebody send the form in a window.
func (r *rig) send(user, window string, inv Invocation) Reply {
	r.t.Helper()
	req := request(inv, user, here)
	req.Operation = "form:" + window
	return r.Do(r.t.Context(), req)
}

func TestAFormIsFilledInAsFarAsItIsKnown(t *testing.T) {
	web := storage.StackRef{UID: "web1", Name: "web", Environment: "production"}
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 5)
		r.cloud.deployments["web1"][2].IsLive, r.cloud.deployments["web1"][2].GitHash = true, "0123456789abcdef"
		r.cloud.runs("web1", true)
		typed := Invocation{Verb: Redeploy, Stack: "web@prod", Options: Options{Ref: "main", Profile: "canary", Reason: "why"}, Fill: true}
		got := as[FormReply](t, r.form(lin, typed))
		want := FormReply{
			Channel: here, Stack: &web, Branch: "main", Profiles: []string{"canary"},
			Facts: []string{"Live now is #3, commit 0123456.", "This would wait behind #6 (deploying).", "It usually takes 4 min."},
			Fill: Invocation{
				Verb:    Redeploy,
				UID:     "web1",
				Options: Options{Ref: "main", Profile: "canary", Reason: "why"},
				Fill:    true,
				Newest:  6,
				Shown:   "web@production",
				AskedAt: time.Now().Unix(),
			},
		}
		if diff := cmp.Diff(want, got, texts); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"range web1 0+30"}, r.cloud.calls); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
		r.nothingDone()
	})
}

func TestTheFactsOfAFormSayWhatOneShouldKnow(t *testing.T) {
	ended := func(r *rig) { r.cloud.has("web1", 3) }
	for name, test := range map[string]struct {
		change func(r *rig)
		want   []string
	}{
		"never deployed":         {func(*rig) {}, nil},
		"nothing known but time": {ended, []string{"It usually takes 4 min."}},
		"busy with what is none": {func(r *rig) { ended(r); r.stacks.stacks[0].IsBusy = true }, []string{"Cloud 66 is busy with this stack: " +
			"this would wait.", "It usually takes 4 min."}},
		"busy with a deployment": {func(r *rig) { r.stacks.stacks[0].IsBusy = true; r.cloud.runs("web1", false) },
			[]string{"This would wait behind #1 (queued)."}},
		"live without a commit": {func(r *rig) { ended(r); r.cloud.deployments["web1"][0].IsLive = true },
			[]string{"Live now is #3.", "It usually takes 4 min."}},
		"live with a short hash": {func(r *rig) { ended(r); d := &r.cloud.deployments["web1"][0]; d.IsLive, d.GitHash = true, "abc" },
			[]string{"Live now is #3, commit abc.", "It usually takes 4 min."}},
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			test.change(r)
			if diff := cmp.Diff(test.want, as[FormReply](t, r.form(lin, Invocation{Verb: Redeploy, UID: "web1"})).Facts); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		})
	}
}

func TestAFormOfADockerStackHasItsServices(t *testing.T) {
	services := []cloud66.Service{{Name: "api", ImageTag: "1.4.2"}, {Name: "worker"}}
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.services = services
		got := as[FormReply](t, r.form(lin, Invocation{Verb: Redeploy, Stack: "api", Deployment: 3}))
		if diff := cmp.Diff(services, got.Services); diff != "" || !got.Docker || got.Version != nil {
			t.Errorf("%+v (-want +got):\n%s", got, diff)
		}
		r.cloud.services, r.cloud.noServices = nil, &cloud66.Error{Kind: cloud66.ErrNotFound, Method: "GET", Status: 404}
		got = as[FormReply](t, r.form(lin, Invocation{Verb: Redeploy, Stack: "api"}))
		if len(got.Services) > 0 || !got.Docker {
			t.Errorf("where Cloud 66 tells of no services: %+v", got)
		}
		r.cloud.noServices = &cloud66.Error{Kind: cloud66.ErrServer, Method: "GET", Status: 502}
		problemThat(t, r.form(lin, Invocation{Verb: Redeploy, Stack: "api"}), "HTTP 502")
		r.cloud.calls = nil
		as[FormReply](t, r.form(lin, Invocation{Verb: Redeploy, UID: "web1"}))
		if slices.Contains(r.cloud.calls, "services web1") {
			t.Error("a stack without docker is asked for its services")
		}
	})
}

func TestAVersionIsOfferedWhereItCanBeDeployedAgain(t *testing.T) {
	for name, test := range map[string]struct {
		uid, hash string
		id        int64
		offered   bool
	}{
		"one of the newest":          {"web1", "0123456789abcdef", 38, true},
		"an old one":                 {"web1", "0123456789abcdef", 2, true},
		"one without a commit":       {"web1", "", 38, false},
		"an old one without one":     {"web1", "", 2, false},
		"one whose commit is no ref": {"web1", "a b", 38, false},
		"one that there is not":      {"web1", "0123456789abcdef", 99, false},
		"one of a docker stack":      {"api1", "0123456789abcdef", 38, false},
		"none":                       {"web1", "0123456789abcdef", 0, false},
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.cloud.has(test.uid, 40)
			for i := range r.cloud.deployments[test.uid] {
				r.cloud.deployments[test.uid][i].GitHash = test.hash
			}
			got := as[FormReply](t, r.form(lin, Invocation{Verb: Redeploy, UID: test.uid, Deployment: test.id}))
			if offered := got.Version != nil; offered != test.offered || (offered && got.Version.ID != test.id) || got.Fill.Deployment != 0 {
				t.Errorf("%s: %+v", name, got.Version)
			}
		})
	}
}

func TestAFormLinksWhatChanges(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 40)
		for i, d := range r.cloud.deployments["web1"] {
			r.cloud.deployments["web1"][i].GitHash, r.cloud.deployments["web1"][i].IsLive = fmt.Sprintf("%040d", d.ID), d.ID == 39
		}
		r.stacks.stacks[0].Git = "git@github.com:acme/web.git"
		page := func(wanted int) string {
			return fmt.Sprintf("https://github.com/acme/web/compare/%040d...%040d", 39, wanted)
		}
		for name, c := range map[string]struct {
			id   int64
			ref  string
			want string
		}{
			"another version": {2, "", page(2)}, "what is live": {39, "", ""}, "nothing": {0, "", ""}, "a branch": {0, "feature/x", ""},
			"a commit": {0, fmt.Sprintf("%040d", 7), page(7)},
		} {
			inv := Invocation{Verb: Redeploy, UID: "web1", Deployment: c.id, Options: Options{Ref: c.ref}, Fill: true}
			got := as[FormReply](t, r.form(lin, inv))
			if (c.want != "" || !got.Ships.Empty()) && !strings.Contains(got.Ships.String(), "<"+c.want+"|") {
				t.Errorf("%s: it says %q, not %q", name, got.Ships.String(), c.want)
			}
		}
	})
}

func TestAFormThatCannotBeFilledInSaysWhy(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 3)
		r.put(allow(sam, "web@production", authz.View), allow(sam, "web@staging", authz.Redeploy))
		refusal := refusalOf(t, r.form(sam, Invocation{Verb: Redeploy, UID: "web1"}), authz.Redeploy)
		if refusal.Stack == nil || refusal.Stack.UID != "web1" || refusal.Ask == nil {
			t.Errorf("the refusal is %+v", refusal)
		}
		if e := r.lastAudit(); e.Allowed || e.Asked != "redeploy web@production" {
			t.Errorf("recorded: %+v", e)
		}
		refusalOf(t, r.form(kim, Invocation{Verb: Redeploy}), authz.Redeploy)
		refusalOf(t, r.form(kim, Invocation{Verb: Redeploy, Stack: "web"}), authz.Redeploy)
		choice := choiceIn(t, r.form(lin, Invocation{Verb: Redeploy, Stack: "web"}))
		if inv := throughSlack(t, choice.Options[0].Invocation); !inv.OpensForm() || inv.UID != "web1" {
			t.Errorf("the choice leads on to %+v", inv)
		}
		for text, inv := range map[string]Invocation{"I know no stack “wbe”.": {Verb: Redeploy, Stack: "wbe"},
			"not there any more": {Verb: Redeploy, UID: "gone"}} {
			again := as[FormReply](t, r.form(lin, inv))
			problemThat(t, again.Note, text)
			if again.Stack != nil || again.Fill.UID != inv.UID {
				t.Errorf("another stack cannot be chosen: %+v", again)
			}
		}
		for _, inv := range []Invocation{{Verb: Redeploy}, {Verb: Redeploy, UID: "web1"}} {
			problemThat(t, r.Form(t.Context(), request(inv, lin, secret)), "I am not a member of this channel", "/invite")
			refusalOf(t, r.Form(t.Context(), request(inv, sam, direct)), authz.Redeploy)
			as[FormReply](t, r.Form(t.Context(), request(inv, lin, direct)))
		}
		r.cloud.err = &cloud66.Error{Kind: cloud66.ErrUnreachable, Method: "GET"}
		if p := problemThat(t, r.form(lin, Invocation{Verb: Redeploy, UID: "web1"}), "Cloud 66 cannot be reached."); p.Ref == "" {
			t.Error("it has no reference")
		}
		r.slack.noGroups = errors.New("usergroups.list: ratelimited")
		problemThat(t, r.form(sam, Invocation{Verb: Redeploy}), "I cannot tell whether you may")
		r.nothingDone()
	})
}

func TestAFormWithoutAStackOrWithoutAChannelAsksForIt(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(allow(sam, "web@staging", authz.Redeploy))
		want := FormReply{Channel: here, Profiles: []string{"canary"}, Fill: Invocation{Verb: Redeploy}}
		if diff := cmp.Diff(want, as[FormReply](t, r.form(sam, Invocation{Verb: Redeploy})), texts); diff != "" {
			t.Errorf("without a stack (-want +got):\n%s", diff)
		}
		want.Channel = ""
		for _, user := range []string{sam, kim, guest} { // nobody is told anything, since no channel's rules have decided
			if diff := cmp.Diff(want, as[FormReply](t, r.Form(t.Context(), request(Invocation{Verb: Redeploy}, user, ""))), texts); diff != "" {
				t.Errorf("without a channel (-want +got):\n%s", diff)
			}
		}
		if r.stacks.asked() > 1 || len(r.cloud.calls) > 0 || len(r.audit()) > 0 {
			t.Error("Cloud 66 was asked for more than the list that the search needs, or it was recorded")
		}
	})
}

func TestAFormThatIsSentRedeploys(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 5)
		form := as[FormReply](t, r.form(lin, Invocation{Verb: Redeploy, UID: "web1"}))
		time.Sleep(59 * time.Minute)
		silent(t, r.send(lin, "V1", sent(form, Invocation{Options: Options{Ref: "v1", Profile: "canary", Reason: "why"}})))
		want := storage.Follow{
			Stack: storage.StackRef{UID: "web1", Name: "web", Environment: "production"}, Channel: here, Asker: lin, Usual: 240,
			Wish: &storage.Wish{Ref: "v1", Profile: "canary", Reason: "why", NewestBefore: 5},
		}
		if diff := cmp.Diff(want, r.progress.follow); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if e := r.lastAudit(); !e.Allowed || e.Asked != "redeploy web@production --ref v1 --profile canary --reason why" ||
			e.Operation != "form:V1" {
			t.Errorf("recorded: %+v", e)
		}
		r.cloud.runs("web1", true)
		noticeThat(
			t,
			r.send(lin, "V1", sent(form, Invocation{Options: Options{Ref: "v1"}})),
			"not done twice",
		) // also where the deployment has begun
		if len(r.progress.done) != 1 {
			t.Errorf("done: %q", r.progress.done)
		}
	})
}

func TestAFormDoesWhatItShowsOrNothing(t *testing.T) {
	for name, test := range map[string]struct {
		change func(r *rig)
		says   []string
	}{
		"too old": {func(*rig) { time.Sleep(time.Hour + 2*time.Second) },
			[]string{"That is more than 1 h old.", "Nothing was done.", "Ask again"}},
		"a newer deployment": {func(r *rig) { r.cloud.runs("web1", true) }, []string{"there is a newer deployment than the form " +
			"showed.", "Nothing was done.", "The newest is #6 now."}},
		"a newer one that has ended": {func(r *rig) { r.cloud.runs("web1", true); r.cloud.ends("web1", cloud66.OutcomeFailed) },
			[]string{"a newer deployment", "#6"}},
		"the stack deleted": {func(r *rig) { r.stacks.set(func(l *library) { l.stacks = l.stacks[1:] }); time.Sleep(2 * time.Minute) },
			[]string{"That stack is not there any more.", "Nothing was done."}},
		"it takes services now": {func(r *rig) {
			r.stacks.set(func(l *library) { l.stacks[0].Framework = "docker" })
			time.Sleep(2 * time.Minute)
		}, []string{"a docker stack takes no --ref"}},
		"Cloud 66 does not answer": {func(r *rig) { r.cloud.err = &cloud66.Error{Kind: cloud66.ErrNoAnswer, Method: "GET"} },
			[]string{"Cloud 66 did not answer.", "Nothing was done."}},
		"the channel takes no card": {func(r *rig) { r.progress.err = &CardError{What: "the channel is archived"} },
			[]string{"The channel is archived.", "Nothing was done"}},
		"the database takes no entry": {func(r *rig) { r.db.full = true }, []string{"records or program failed", "Nothing was done."}},
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.cloud.has("web1", 5)
			form := as[FormReply](t, r.form(lin, Invocation{Verb: Redeploy, UID: "web1"}))
			test.change(r)
			problemThat(t, r.send(lin, "V1", sent(form, Invocation{Options: Options{Ref: "main"}})), test.says...)
			if r.progress.err == nil {
				r.nothingDone()
			}
			if t.Failed() {
				t.Error(name)
			}
		})
	}
}

func TestAFormIsJudgedWhenItIsSentByWhoSendsIt(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 5)
		r.put(allow(sam, "web", authz.View, authz.Redeploy))
		form := as[FormReply](t, r.form(sam, Invocation{Verb: Redeploy, UID: "web1"}))
		refusalOf(t, r.send(kim, "V1", sent(form, Invocation{})), authz.Redeploy)
		r.put(allow(sam, "web", authz.View))
		refusal := refusalOf(t, r.send(sam, "V1", sent(form, Invocation{Options: Options{Reason: "why"}})), authz.Redeploy)
		if refusal.Stack == nil || refusal.Ask == nil {
			t.Errorf("the refusal is %+v", refusal)
		}
		r.put(allow(sam, "gone", authz.View))
		if refusal := refusalOf(t, r.send(sam, "V1", sent(form, Invocation{})), authz.Redeploy); refusal.Stack != nil {
			t.Errorf("the refusal names a stack: %+v", refusal)
		}
		r.nothingDone()
	})
}

func TestAStackThatWasRenamedMeanwhileIsNotRedeployedUnseen(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 5)
		form := as[FormReply](t, r.form(lin, Invocation{Verb: Redeploy, UID: "web1"}))
		choice := choiceIn(t, r.say(lin, "redeploy web --now"))
		r.stacks.set(func(l *library) { l.stacks[0].Name, l.stacks[3].Name = "api", "web" })
		time.Sleep(2 * time.Minute)
		problemThat(
			t,
			r.send(lin, "V1", sent(form, Invocation{})),
			"was “web@production” when this was shown",
			"“api@production” now",
			"Nothing was done.",
		)
		problemThat(t, r.click(lin, choice.Options[0].Invocation), "was “web@production” when this was shown", "Nothing was done.")
		r.nothingDone()
	})
}

func TestTwoPeoplesFormsAtTheSameTimeAreOneRedeploy(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 5)
		form := as[FormReply](t, r.form(lin, Invocation{Verb: Redeploy, UID: "web1"}))
		r.Progress = &slowProgress{progress: r.progress, then: func() { r.cloud.runs("web1", true) }}
		var both sync.WaitGroup
		replies := make([]Reply, 2)
		for i := range replies {
			both.Go(func() { replies[i] = r.send(lin, fmt.Sprint("V", i), sent(form, Invocation{})) })
		}
		both.Wait()
		if diff := cmp.Diff([]string{"redeploy web1"}, r.progress.done); diff != "" {
			t.Error(diff)
		}
		told := slices.DeleteFunc(replies, func(reply Reply) bool { return reply == nil })
		if len(told) != 1 {
			t.Fatalf("the replies are %+v", told)
		}
		problemThat(t, told[0], "there is a newer deployment than the form showed.")
	})
}

func TestASearchOffersWhatMayBeRedeployed(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(allow(sam, "web", authz.View), allow(sam, "web@staging", authz.Redeploy), allow(sam, "awesome*", authz.Redeploy))
		for typed, want := range map[string]map[string][]string{
			"": {lin: {"api@production", "awesome app@production", "web@production", "web@staging"},
				sam: {"awesome app@production", "web@staging"}, kim: {}},
			"WEB":      {lin: {"web@production", "web@staging"}, sam: {"web@staging"}},
			"we":       {lin: {"web@production", "web@staging", "awesome app@production"}},
			"e app@p":  {lin: {"awesome app@production"}, sam: {"awesome app@production"}},
			"w*@prod*": {lin: {"web@production"}, sam: {}},
			"nothing":  {lin: {}, sam: {}},
			"[":        {lin: {}},
		} {
			for user, names := range want {
				found, err := r.Suggest(t.Context(), user, here, typed)
				got := []string{}
				for _, s := range found {
					got = append(got, s.Label())
				}
				if diff := cmp.Diff(names, got); diff != "" || err != nil {
					t.Errorf("%q of %s: %v (-want +got):\n%s", typed, user, err, diff)
				}
			}
		}
		for _, channel := range []string{"", there, direct} {
			if found, err := r.Suggest(t.Context(), sam, channel, "web"); err != nil || len(found) > 0 {
				t.Errorf("in channel %q: %v, %v", channel, found, err)
			}
		}
		if len(r.audit()) > 0 {
			t.Error("a search is recorded")
		}
	})
}

func TestASearchOffersAHundredAtMostEachByANameOfItsOwn(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for i := range 150 {
			r.stacks.stacks = append(r.stacks.stacks, stack(fmt.Sprint("u", i), "many", "production", fmt.Sprint("acme", i%3)))
		}
		found, err := r.Suggest(t.Context(), lin, here, "many")
		names := map[string]bool{}
		for _, s := range found {
			names[s.Label()] = true
			if s.UID == "" || !strings.HasPrefix(s.Label(), "many@production · ") {
				t.Errorf("offered is %+v", s)
			}
		}
		if err != nil || len(found) != 100 || len(names) != 100 {
			t.Errorf("%d stacks under %d names, %v", len(found), len(names), err)
		}
	})
}

func TestASearchWaitsForNoLongerThanItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.stacks.takes = time.Minute
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		started := time.Now()
		if found, err := r.Suggest(ctx, lin, here, "web"); err == nil || len(found) > 0 || time.Since(started) != 2*time.Second {
			t.Errorf("found %v, %v after %s", found, err, time.Since(started))
		}
	})
}

func TestASearchThatFindsNothingOffersToAskForAccess(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(allow(sam, "web@staging", authz.Redeploy))
		for _, c := range []struct{ user, channel, typed, want string }{
			{sam, here, "`api@production`", "api@production"}, {sam, here, "nosuch", "nosuch"}, {sam, here, " ", ""},
			{sam, here, strings.Repeat("x", maxStackName+1), ""},
			{sam, there, "api", ""}, {sam, direct, "api", ""}, {sam, "", "api", ""}, {kim, here, "api", ""}, {lin, here, "nosuch", ""},
		} {
			if got := r.Unfound(t.Context(), c.user, c.channel, c.typed); got != c.want {
				t.Errorf("%q of %s in %q: %q", c.typed, c.user, c.channel, got)
			}
		}
		for _, name := range []string{"api@production", "nosuch"} {
			form := as[FormReply](t, r.form(sam, Invocation{Verb: Redeploy, Stack: name}))
			refusal := refusalOf(t, form.Note, authz.Redeploy)
			if refusal.Ask == nil || refusal.Ask.Stack != name || refusal.Typed != name {
				t.Errorf("%s: %+v", name, refusal)
			}
		}
	})
}
