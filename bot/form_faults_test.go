package bot_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
)

func TestAFormWhoseConnectionDropsWhileItIsDecidedIsDoneOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.opens(lin, deploys, "/c66 redeploy web", "Redeploy web")
		pass(2 * time.Minute) // the list of stacks is old
		mend := r.cloud.AddFault(cloud66sim.Fault{Delay: 10 * time.Second})
		sent, err := r.slack.Person(lin).Submit()
		if err != nil {
			t.Fatal(err)
		}
		pass(300 * time.Millisecond)
		r.slack.Drop()
		r.acked(sent)
		mend()
		r.card("#1036")
		if n := r.requests("POST"); n != 1 {
			t.Errorf("%d POSTs were made", n)
		}
	})
}

func TestAPanicWhileAFormIsDecidedEndsOneOperation(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.allow("allow @sam view,redeploy web")
		r.opens(sam, deploys, "/c66 redeploy web", "Redeploy web")
		r.allow("allow everyone view api") // so that the rules are read anew
		var made atomic.Bool
		mistake := func() {
			if !made.Swap(true) { // the rules are read first
				panic("a mistake in the program")
			}
		}
		r.reading.Store(&mistake)
		r.submit(sam)
		r.form(sam, "I made a mistake of my own")
		r.reading.Store(nil)
		hold(t, "the next command", r.ask(sam, deploys, "/c66 list web").Plain(), "1–10 of 35")
	})
}

func TestASearchIsAcknowledgedWhileTheDiskIsSlow(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.allow("allow @sam view,redeploy web")
		r.opens(sam, deploys, "/c66 redeploy web", "Redeploy web")
		r.allow("allow everyone view api") // so that the rules are read anew
		slow := func() { time.Sleep(5 * time.Second) }
		r.reading.Store(&slow)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, d, err := r.slack.Person(sam).Search(ctx, "Stack", "we")
		if err != nil {
			t.Fatal(err)
		}
		if info := r.acked(d); info.After > 2*time.Second {
			t.Errorf("it was acknowledged after %s", info.After)
		}
		r.reading.Store(nil)
		pass(10 * time.Second) // the read ends
	})
}

func TestAnOlderFillingDoesNotOverwriteANewerChoice(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.cloud.AddStack(cloud66sim.Stack{Name: "api", Git: "https://github.com/acme/api.git", History: 3})
		r.opens(lin, deploys, "/c66 redeploy web", "Redeploy web")
		r.search(lin, "Stack", "")
		r.slack.Throttle("views.update", 10*time.Second, 1)
		r.choose(lin, "Stack", "api@production") // whose update is told to wait
		pass(2 * time.Second)
		r.search(lin, "Stack", "")
		r.choose(lin, "Stack", "web@production")
		pass(time.Minute)
		v, _ := r.slack.Person(lin).View()
		hold(t, "the form", v.Plain(), "Redeploy web@production")
	})
}

func TestChoosingAnotherChannelKeepsTheStackAndWhatWasTyped(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.acked(r.slack.Person(lin).Shortcut("redeploy"))
		r.form(lin, "Channel")
		r.choose(lin, channelField, "#support")
		r.form(lin, "Stack")
		r.search(lin, "Stack", "we")
		r.choose(lin, "Stack", "web@production")
		r.form(lin, "Redeploy web")
		r.fill(lin, "Reason", "typed with care")
		r.fill(lin, "Branch, tag or commit", "v2")
		r.choose(lin, channelField, "#random")
		r.form(lin, "I am not a member")
		r.choose(lin, channelField, "#deploys")
		v := r.form(lin, "Redeploy web")
		if v.Value("Stack") != "web@production" || v.Value("Reason") != "typed with care" || v.Value("Branch, tag or commit") != "v2" {
			t.Errorf("something was lost:\n%s", v.Plain())
		}
		r.submit(lin)
		hold(t, "the card", r.card("#1036").Plain(), "v2", "typed with care")
	})
}

func TestAFormThatComesBackWithoutItsFieldsDoesNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		metadata := fmt.Sprintf(`{"c":%q,"u":%q,"l":1035,"m":%d,"a":"r","n":"web@production"}`, deploys, r.web, time.Now().Unix())
		for name, values := range map[string]any{
			"none": map[string]any{}, "no object": "values", "null": nil, "of another type": []any{1},
			"of another stack": map[string]any{"ref/other": map[string]any{"field": map[string]any{"value": "v666"}},
				"reason": map[string]any{"field": map[string]any{"value": "x"}}},
			"texts that are numbers": map[string]any{
				"stack/" + r.web: map[string]any{"stack": map[string]any{}}, "ref/" + r.web: map[string]any{"field": map[string]any{"value": 5}},
				"reason": map[string]any{"field": 7},
			},
		} {
			d := r.slack.Deliver("interactive", map[string]any{
				"type": "view_submission", "user": map[string]any{"id": lin}, "trigger_id": r.trigger(),
				"view": map[string]any{"id": "V" + r.ts(), "private_metadata": metadata, "state": map[string]any{"values": values}},
			}, true)
			if said := fmt.Sprint(r.acked(d).Payload); !strings.Contains(said, "came back incomplete") {
				t.Errorf("fields %s: lin is told %s", name, said)
			}
		}
		pass(time.Minute)
		if n := r.requests("POST"); n != 0 {
			t.Errorf("%d POSTs were made", n)
		}
	})
}

func TestAShortcutWhoseFormSlackDoesNotOpenSaysSo(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.slack.FailCall("views.open", "expired_trigger_id", 1, false)
		r.acked(r.slack.Person(sam).Shortcut("redeploy"))
		r.says(sam, direct(sam), "Slack did not open the form", "Use the shortcut again")
	})
}

func TestARuleIsNotMadeWhereItIsNotKnownWhetherTheChannelCanBeTold(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.slack.Throttle("conversations.info", time.Minute, 5)
		hold(t, "the answer", r.ask(lin, random, "/c66 allow @sam view *").Plain(), "Slack did not answer", "Nothing was done")
		lack(t, "what sam may", r.ask(sam, random, "/c66 list web").Plain(), "of 35")
	})
}
