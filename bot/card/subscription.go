package card

import (
	"strings"

	"c66bot/bot/card/kit"
	"c66bot/bot/card/markup"
	"c66bot/bot/webapi"
	"c66bot/cloud66"
	"c66bot/commands"
	"c66bot/storage"
)

// subscribed tells the channel of a subscription: what it hears of, and what that would have been lately. It pings nobody but its author.
func subscribed(r commands.SubscribedReply) Message {
	s := r.Subscription
	head := markup.Format("🔔 %s subscribed this channel to %s (subscription %s)", markup.User(s.Author), stacksOf(s.Stacks), markup.Code(s.ID))
	about := []markup.Text{heard(s), mentions(r.Whom), fitting(r)}
	lines := append([]markup.Text{markup.Join(about, " · ")}, previewed(r.Preview)...)
	blocks := append([]kit.Block{kit.Section(head)}, kit.Sections(lines)...)
	return kit.NewMessage(markup.Brief(head, lines...), append(blocks, kit.Actions(unsubscribeButton(s)))...)
}

func unsubscribeButton(s storage.Subscription) kit.Button {
	return button("Unsubscribe", commands.Invocation{Verb: commands.Unsubscribe, Rule: s.ID}, "unsubscribe-"+s.ID)
}

// heard says in words of what a subscription tells.
func heard(s storage.Subscription) markup.Text {
	text := markup.Format("every deployment")
	if len(s.Events) > 0 {
		text = markup.Format("deployments that %s", events(s.Events))
	}
	if len(s.Types) > 0 {
		text = markup.Format("%s, of the type %s", text, orJoin(s.Types))
	}
	if s.By != "" {
		text = markup.Format("%s, by “%s”", text, markup.Shorten(s.By, maxName))
	}
	if len(s.Via) > 0 {
		ways := make([]markup.Text, len(s.Via))
		for i, via := range s.Via {
			ways[i] = viaInWords(cloud66.Value[cloud66.Via]{Kind: cloud66.Via(via), Raw: via}).Trim()
		}
		text = markup.Format("%s, started %s", text, markup.Join(ways, " or "))
	}
	return text
}

// events puts events into words, as in "fail or are cancelled".
func events(all []string) markup.Text {
	words := map[string]string{
		"started": "start", "succeeded": "succeed", "failed": "fail", "cancelled": "are cancelled", "reverted": "are rolled back", "slow": "take longer than usual",
	}
	said := make([]string, len(all))
	for i, event := range all {
		said[i] = fallback(words[event], event)
	}
	return orJoin(said)
}

// orJoin lists words as in "a, b or c".
func orJoin(words []string) markup.Text {
	last := len(words) - 1
	if last < 1 {
		return markup.Format("%s", strings.Join(words, ""))
	}
	return markup.Format("%s or %s", strings.Join(words[:last], ", "), words[last])
}

// mentions says whom a failure mentions, without a mention.
func mentions(whom string) markup.Text {
	if whom == "" {
		return markup.Text{}
	}
	return markup.Format("a failure mentions @%s", markup.Shorten(whom, maxName))
}

func fitting(r commands.SubscribedReply) markup.Text {
	switch {
	case r.Fits < 0:
		return markup.Format("how many stacks fit now is not known, since Cloud 66 does not answer; the subscription stands")
	case r.Fits == 0:
		return markup.Format("no stack fits yet; one that appears later is told of")
	case r.Fits == 1:
		return markup.Format("1 stack fits now")
	default:
		return markup.Format("%d stacks fit now", r.Fits)
	}
}

// previewed says what a subscription would have told in the last days, and shows the newest of it.
func previewed(p *commands.Preview) []markup.Text {
	if p == nil {
		return nil
	}
	if p.Of > 0 && p.Read == 0 {
		return []markup.Text{markup.Format("What it would have told lately is not known: Cloud 66 does not answer. The subscription stands.")}
	}
	count := markup.Format("%d", p.Messages)
	if p.AtLeast {
		count = markup.Format("at least %d", p.Messages)
	}
	text := markup.Format("In the last 7 days that would have been %s message%s", count, plural(p.Messages))
	if p.Messages == 0 {
		text = markup.Format("In the last 7 days that would have been no message")
	}
	if p.Read < p.Of {
		text = markup.Format("%s, from %d of the %d stacks that have moved", text, p.Read, p.Of)
	}
	if p.Unread > 0 {
		text = markup.Format("%s; Cloud 66 did not tell of %d in time", text, p.Unread)
	}
	lines := []markup.Text{text}
	if p.Newest != nil {
		lines = append(lines, markup.Format("The last of them: %s", example(p.Stack, *p.Newest)))
	}
	return lines
}

// example is the first line of a card that a deployment would have got.
func example(stack storage.StackRef, e commands.Entry) markup.Text {
	d := e.Deployment
	sign, state := standing(e)
	text := markup.Format("%s %s: #%d %s", sign, stackName(stack), d.ID, markup.Shorten(state, maxName))
	if d.Ended() && d.Duration() > 0 {
		text = markup.Format("%s, took %s", text, commands.InWords(d.Duration()))
	}
	return markup.Format("%s · started%s %s", text, triggered(d), markup.When(d.StartedAt))
}

// unsubscribed tells the channel that it does not hear of stacks any more.
func unsubscribed(r commands.UnsubscribedReply) Message {
	ids := make([]markup.Text, len(r.Subscriptions))
	var globs []markup.Text
	for i, s := range r.Subscriptions {
		ids[i] = markup.Code(s.ID)
		if i == 0 {
			globs = append(globs, stacksOf(s.Stacks))
		}
	}
	const most = 10
	list := markup.Join(ids[:min(most, len(ids))], ", ")
	if len(ids) > most {
		list = markup.Format("%s and %d more", list, len(ids)-most)
	}
	return said([]markup.Text{markup.Format("🔕 %s unsubscribed this channel from %s (subscription%s %s)", markup.User(r.By), markup.Join(globs, ", "), plural(len(ids)), list)})
}

// maxSubscription is how long a line of the list of subscriptions can be, so that all fit into a message.
const maxSubscription = 900

// subscriptions shows what a channel subscribes to, a line each, the id first since it can be typed.
func subscriptions(r commands.SubscriptionsReply) Message {
	if r.Total == 0 {
		lines := []markup.Text{markup.Format("This channel has no subscription that you can see.")}
		if r.Unknown {
			lines = append(lines, markup.Format("Cloud 66 does not tell which stacks there are, so there may be some that are for you."))
		}
		return said(lines)
	}
	head := markup.Format("*What this channel subscribes to*: %d–%d of %d", r.Offset+1, r.Offset+len(r.Rows), r.Total)
	lines := make([]markup.Text, len(r.Rows))
	for i, row := range r.Rows {
		lines[i] = subscription(row, r.Unknown).Cut(maxSubscription)
	}
	turn := func(label, id string, page int) kit.Button {
		return button(label, commands.Invocation{Verb: commands.Subscriptions, Page: page}, id)
	}
	blocks := append([]kit.Block{kit.Section(head)}, kit.Sections(lines)...)
	return kit.NewMessage(markup.Brief(head, lines...), append(blocks, turns(r.Page, r.Offset+len(r.Rows) < r.Total, turn))...)
}

func subscription(row commands.SubscriptionRow, unknown bool) markup.Text {
	s := row.Subscription
	count := markup.Format("%d stack%s that you may see fit%s", row.Stacks, plural(row.Stacks), map[bool]string{true: "s"}[row.Stacks == 1])
	if unknown {
		count = markup.Text{}
	}
	line := markup.Join([]markup.Text{
		markup.Format("%s %s", markup.Code(s.ID), stacksOf(s.Stacks)), heard(s), mentions(row.Whom), count, markup.Format("by %s", markup.User(s.Author)),
	}, " · ")
	switch {
	case s.Suspended != "":
		return markup.Format("%s · suspended: %s", line, markup.Shorten(webapi.Words(s.Suspended), maxName))
	case row.Powerless:
		return markup.Format("%s · it tells of nothing: its author may not subscribe to stacks here any more", line)
	default:
		return line
	}
}

// suspended tells the author of subscriptions that their channel cannot be told of anything at present.
func suspended(r commands.SuspendedReply) Message {
	const most = 10
	globs := make([]markup.Text, 0, most)
	for _, glob := range r.Stacks[:min(most, len(r.Stacks))] {
		globs = append(globs, stacksOf(glob))
	}
	list := markup.Join(globs, ", ")
	if len(r.Stacks) > most {
		list = markup.Format("%s and %d more", list, len(r.Stacks)-most)
	}
	return said([]markup.Text{
		markup.Format("🔕 What you subscribed %s to is suspended (%s): %s.", markup.Channel(r.Channel), list,
			markup.Shorten(webapi.Words(r.Code), maxName)),
		markup.Format("It goes on by itself when I can post there again."),
	})
}

// powerless tells a channel which of its subscriptions tell nothing for their author's sake.
func powerless(r commands.PowerlessReply) Message {
	const most = 10
	var list []markup.Text
	for _, s := range r.Subscriptions[:min(most, len(r.Subscriptions))] {
		list = append(list, markup.Format("%s to %s", markup.Code(s.ID), stacksOf(s.Stacks)))
	}
	if n := len(r.Subscriptions) - most; n > 0 {
		list = append(list, markup.Format("and %d more", n))
	}
	return said([]markup.Text{
		markup.Format("🔕 This channel hears nothing by subscription%s %s: %s may subscribe to no stacks here any more.",
			plural(len(r.Subscriptions)), markup.Join(list, ", "), markup.User(r.Author)),
		markup.Format("It goes on by itself when they may again. Whoever may can subscribe this channel anew."),
	})
}
