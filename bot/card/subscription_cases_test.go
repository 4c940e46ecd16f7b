package card

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"c66bot/cloud66"
	"c66bot/storage"
)

// heardOf is a follow that a subscription has brought.
func heardOf(state storage.State) storage.Follow {
	f := followed(state)
	f.Asker, f.Subscribed = "", true
	return f
}

// subscribedCards are views of cards that subscriptions have brought, by name.
func subscribedCards() map[string]View {
	byWeb := func(d cloud66.Deployment) cloud66.Deployment {
		d.TriggeredBy, d.TriggeredVia = "kim@example.com", known(cloud66.ViaWeb)
		return d
	}
	unmentioned := view(heardOf(storage.Failed), byWeb(ended(cloud66.OutcomeFailed, 130*time.Second)))
	unmentioned.Live = 1041
	failed, born, gap := unmentioned, unmentioned, unmentioned
	gap.Born, gap.Gap = true, true
	failed.Mentions = []string{"S0DEVS", "U0KIM"}
	born.Mentions, born.Born = []string{"U0KIM"}, true
	asked := view(heardOf(storage.Started), running())
	asked.By = "U0LIN"
	unseen := heardOf(storage.Asked)
	unseen.StartedAt = time.Time{}
	return map[string]View{
		"subscribed-started":               view(heardOf(storage.Started), byWeb(running())),
		"subscribed-succeeded":             view(heardOf(storage.Succeeded), byWeb(ended(cloud66.OutcomeSuccess, 292*time.Second))),
		"subscribed-failed":                failed,
		"subscribed-failed-unmentioned":    unmentioned,
		"subscribed-born-failed":           born,
		"subscribed-born-behind-a-gap":     gap,
		"subscribed-asked-elsewhere":       asked,
		"subscribed-before-the-first-look": {Follow: unseen, At: now},
	}
}

// narrowSubscription is one that is narrowed in every way.
func narrowSubscription() storage.Subscription {
	return storage.Subscription{
		ID: "k3f9", Channel: "C1", Stacks: "web*@production", Events: []string{"failed", "cancelled", "slow"}, By: "kim",
		Via:   []string{"web", "hook"},
		Types: []string{"build", "redeploy"}, Mention: "S0DEVS", Author: "U0LIN", At: now,
	}
}

// suspensions tell of subscriptions that tell nothing, by name.
func suspensions() map[string]Message {
	narrow := narrowSubscription()
	wide := storage.Subscription{ID: "p7qx", Channel: "C1", Stacks: "*", Author: "U0SAM", At: now}
	return map[string]Message{
		"reply-suspended-archived":     Suspended("C0DEPLOYS", "is_archived", []string{"web@production", "*"}),
		"reply-suspended-not-a-member": Suspended("C0DEPLOYS", "not_in_channel", slices.Repeat([]string{"web"}, 12)),
		"reply-suspended-other":        Suspended("C0DEPLOYS", "restricted_action", []string{"web"}),
		"reply-powerless":              Powerless("U0LIN", []storage.Subscription{narrow}),
		"reply-powerless-many":         Powerless("U0LIN", slices.Repeat([]storage.Subscription{narrow, wide}, 6)),
	}
}

// reverts are what tells that a deployment was rolled back, by name.
func reverts() map[string]Message {
	d := ended(cloud66.OutcomeSuccess, time.Minute)
	d.Reverted = true
	bare := Reverted(stack, d)
	d.RevertedBy, d.RevertedAt = "kim@example.com", now
	return map[string]Message{"reverted": Reverted(stack, d), "reverted-by-nobody-known": bare}
}

// changes are what tells of stacks that are gone or bear another name, by name.
func changes() map[string]Message {
	renamed := stack
	renamed.Name = "website"
	return map[string]Message{
		"stack-gone":           StackChanges([]StackChange{{Was: stack}}),
		"stack-renamed":        StackChanges([]StackChange{{Was: stack, Now: renamed, Fits: true}}),
		"stack-renamed-away":   StackChanges([]StackChange{{Was: stack, Now: renamed}}),
		"stacks-gone-and-more": StackChanges([]StackChange{{Was: renamed}, {Was: stack, Now: renamed, Fits: true}}),
		"stacks-gone-many":     StackChanges(slices.Repeat([]StackChange{{Was: stack}}, 3000)),
	}
}

func TestManyChangedStacksAreCountedFirstAndCutBetweenLines(t *testing.T) {
	m := changes()["stacks-gone-many"]
	for _, text := range []string{asRead(t, m).Plain(), m.Text()} {
		if !strings.HasPrefix(text, "3000 stacks that this channel subscribes to are gone or are called otherwise now. 30 of them:\n") {
			t.Errorf("it begins with %.200q", text)
		}
	}
	lines := strings.Split(asRead(t, m).Plain(), "\n")
	if last := lines[len(lines)-1]; len(lines) != 31 || !strings.HasSuffix(last, "I may not see it.") {
		t.Errorf("it has %d lines, the last %q", len(lines), last)
	}
}

func TestAFailureMentionsEachWhoIsToKnowOnce(t *testing.T) {
	mine := view(followed(storage.Failed), ended(cloud66.OutcomeFailed, 130*time.Second))
	mine.Mentions = []string{"S0DEVS", mine.Follow.Asker}
	views := subscribedCards()
	views["asked-for-failed"] = mine
	many, manyBorn := views["subscribed-failed"], views["subscribed-born-failed"]
	many.Mentions = nil
	for n := range 200 {
		many.Mentions = append(many.Mentions, fmt.Sprintf("S0%09d", n))
	}
	manyBorn.Mentions = many.Mentions
	views["subscribed-failed-many"], views["subscribed-born-failed-many"] = many, manyBorn
	for name, want := range map[string]int{
		"subscribed-started": 0, "subscribed-succeeded": 0, "subscribed-failed": 2, "subscribed-failed-unmentioned": 0,
		"subscribed-failed-many": 200,
		"subscribed-born-failed": 1, "subscribed-born-failed-many": 200, "asked-for-failed": 2,
	} {
		v := views[name]
		inStep, inCard := asRead(t, Step(v, v.Follow.State, false)).Pings(), asRead(t, Deployment(v)).Pings()
		for _, who := range v.Mentions {
			if !slices.ContainsFunc(inStep, func(ping string) bool { return strings.Contains(ping, who) }) {
				t.Errorf("the step of %s does not ping %s", name, who)
			}
		}
		if len(inStep) != want {
			t.Errorf("the step of %s pings %q, want %d", name, inStep, want)
		}
		if !v.Born {
			want = 0
		}
		if name != "asked-for-failed" && len(inCard) != want {
			t.Errorf("the card of %s pings %q, want %d", name, inCard, want)
		}
	}
}
