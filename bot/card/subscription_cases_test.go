package card

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"c66bot/cloud66"
	"c66bot/commands"
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
		ID: "k3f9", Channel: "C1", Stacks: "web*@production", Events: []string{"failed", "cancelled", "slow"}, By: "kim", Via: []string{"web", "hook"},
		Types: []string{"build", "redeploy"}, Mention: "S0DEVS", Author: "U0LIN", At: now,
	}
}

// subscribing are the answers about subscriptions, by name.
func subscribing() map[string]commands.Reply {
	narrow := narrowSubscription()
	wide := storage.Subscription{ID: "p7qx", Channel: "C1", Stacks: "*", Author: "U0SAM", At: now}
	away := wide
	away.Suspended = "is_archived"
	failed := commands.Entry{Deployment: ended(cloud66.OutcomeFailed, 130*time.Second)}
	row := commands.SubscriptionRow{Subscription: wide, Stacks: 1}
	return map[string]commands.Reply{
		"subscribed":             commands.SubscribedReply{Subscription: narrow, Whom: "devs", Fits: 3},
		"subscribed-to-nothing":  commands.SubscribedReply{Subscription: wide},
		"subscribed-unknown":     commands.SubscribedReply{Subscription: wide, Fits: -1},
		"subscribed-with-last":   commands.SubscribedReply{Subscription: wide, Fits: 45, Preview: &commands.Preview{Messages: 7, Read: 20, Of: 45, Stack: stack, Newest: &failed}},
		"subscribed-partly":      commands.SubscribedReply{Subscription: wide, Fits: 3, Preview: &commands.Preview{Messages: 31, AtLeast: true, Read: 2, Of: 3, Unread: 1, Stack: stack, Newest: &failed}},
		"subscribed-quiet":       commands.SubscribedReply{Subscription: wide, Fits: 1, Preview: &commands.Preview{}},
		"subscribed-no-answer":   commands.SubscribedReply{Subscription: wide, Fits: 2, Preview: &commands.Preview{Of: 2, Unread: 2}},
		"unsubscribed":           commands.UnsubscribedReply{Subscriptions: []storage.Subscription{narrow}, By: "U0SAM"},
		"unsubscribed-many":      commands.UnsubscribedReply{Subscriptions: slices.Repeat([]storage.Subscription{wide}, 12), By: "U0SAM"},
		"subscriptions":          commands.SubscriptionsReply{Rows: []commands.SubscriptionRow{{Subscription: narrow, Whom: "devs", Stacks: 3}, row, {Subscription: away}, {Subscription: wide, Stacks: 2, Powerless: true}}, Page: 1, Total: 4},
		"subscriptions-middle":   commands.SubscriptionsReply{Rows: []commands.SubscriptionRow{row}, Page: 2, Offset: 10, Total: 25, Unknown: true},
		"subscriptions-none":     commands.SubscriptionsReply{Page: 1},
		"subscriptions-unknown":  commands.SubscriptionsReply{Page: 1, Unknown: true},
		"suspended-archived":     commands.SuspendedReply{Channel: "C0DEPLOYS", Code: "is_archived", Stacks: []string{"web@production", "*"}},
		"suspended-not-a-member": commands.SuspendedReply{Channel: "C0DEPLOYS", Code: "not_in_channel", Stacks: slices.Repeat([]string{"web"}, 12)},
		"powerless":              commands.PowerlessReply{Author: "U0LIN", Subscriptions: []storage.Subscription{narrow}},
		"powerless-many":         commands.PowerlessReply{Author: "U0LIN", Subscriptions: slices.Repeat([]storage.Subscription{narrow, wide}, 6)},
		"suspended-other":        commands.SuspendedReply{Channel: "C0DEPLOYS", Code: "restricted_action", Stacks: []string{"web"}},
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

// hostileSubscriptions are answers about subscriptions with a hostile text wherever text comes from outside.
func hostileSubscriptions(bad string, e commands.Entry) map[string]commands.Reply {
	ref := storage.StackRef{UID: bad, Name: bad, Environment: bad}
	s := storage.Subscription{
		ID: bad, Channel: bad, Stacks: bad, Events: []string{bad, bad}, By: bad, Via: []string{bad}, Types: []string{bad}, Mention: bad, Author: bad, Suspended: bad,
	}
	p := &commands.Preview{Messages: 1, Read: 1, Of: 2, Stack: ref, Newest: &e}
	return map[string]commands.Reply{
		"subscribed":    commands.SubscribedReply{Subscription: s, Whom: bad, Fits: 1, Preview: p},
		"unsubscribed":  commands.UnsubscribedReply{Subscriptions: slices.Repeat([]storage.Subscription{s}, 20), By: bad},
		"subscriptions": commands.SubscriptionsReply{Rows: slices.Repeat([]commands.SubscriptionRow{{Subscription: s, Whom: bad, Stacks: 1}}, 10), Page: 2, Offset: 10, Total: 30},
		"powerless":     commands.PowerlessReply{Author: bad, Subscriptions: slices.Repeat([]storage.Subscription{s}, 20)},
		"suspended":     commands.SuspendedReply{Channel: bad, Code: bad, Stacks: slices.Repeat([]string{bad}, 20)},
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
		"subscribed-started": 0, "subscribed-succeeded": 0, "subscribed-failed": 2, "subscribed-failed-unmentioned": 0, "subscribed-failed-many": 200,
		"subscribed-born-failed": 1, "subscribed-born-failed-many": 200, "asked-for-failed": 2,
	} {
		v := views[name]
		inStep, inCard := asRead(t, Step(v, v.Follow.State, now)).Pings(), asRead(t, Deployment(v)).Pings()
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

func TestWhatIsSaidOfASubscriptionPingsNobodyButWhoGaveIt(t *testing.T) {
	for name, r := range subscribing() {
		for _, ping := range asRead(t, Reply(r)).Pings() {
			if strings.Contains(ping, "S0DEVS") {
				t.Errorf("%s pings %s", name, ping)
			}
		}
	}
}

func TestASubscriptionIsToldInWords(t *testing.T) {
	all := subscribing()
	for name, says := range map[string][]string{
		"subscribed": {
			"subscribed this channel to web*@production (subscription k3f9)", "deployments that fail, are cancelled or take longer than usual, of the type build or redeploy, by “kim”",
			"started in the dashboard or through a git hook", "a failure mentions @devs", "3 stacks fit now", "[Unsubscribe]",
		},
		"subscribed-to-nothing": {"every deployment", "no stack fits yet"},
		"subscribed-with-last":  {"7 messages, from 20 of the 45 stacks that have moved", "The last of them: 🔴 web · production: #1042 failed, took 2 min 10 s"},
		"subscribed-partly":     {"at least 31 messages, from 2 of the 3 stacks that have moved; Cloud 66 did not tell of 1 in time"},
		"subscribed-quiet":      {"no message"},
		"subscribed-no-answer":  {"Cloud 66 does not answer. The subscription stands."},
		"subscriptions":         {"suspended: the channel is archived", "its author may not subscribe to stacks here any more", "1 stack that you may see fits", "3 stacks that you may see fit"},
		"suspended-archived":    {"the channel is archived", "web@production, every stack", "goes on by itself"},
	} {
		seen := asRead(t, Reply(all[name])).Plain()
		for _, s := range says {
			if !strings.Contains(seen, s) {
				t.Errorf("%s lacks %q:\n%s", name, s, seen)
			}
		}
	}
}
