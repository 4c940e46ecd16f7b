// Package card renders everything that users see: deployments, replies and forms as Block Kit, each with an equivalent fallback text. Its
// functions are pure. Package doc models a message as neutral blocks, kit draws them within Slack's limits, markup escapes text, and
// wording holds the shared vocabulary.
package card

import (
	"c66bot/bot/card/doc"
	"c66bot/bot/card/kit"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/bot/webapi"
	"c66bot/commands"
	"c66bot/storage"
)

// Message is a rendered Slack message.
type Message = kit.Message

// Reply renders a command's reply to its author.
func Reply(r commands.Reply) Message { return kit.Draw(r.Document()) }

// maxNamed is the number of subscriptions or patterns listed in one line.
const maxNamed = 10

// Suspended renders the private notice to the author of subscriptions that a channel cannot receive messages at present. code is Slack's
// error code.
func Suspended(channel, code string, patterns []string) Message {
	stacks := make([]markup.Text, len(patterns))
	for i, pattern := range patterns {
		stacks[i] = wording.Stacks(pattern)
	}
	return kit.Draw(doc.Say("suspended",
		markup.Format("🔕 What you subscribed %s to is suspended (%s): %s.", markup.Channel(channel), wording.Some(stacks, maxNamed),
			markup.Shorten(webapi.Words(code), wording.MaxName)),
		markup.Format("It goes on by itself when I can post there again."),
	))
}

// Powerless renders the notice to a channel that subscriptions are inactive because their author may no longer subscribe there.
func Powerless(author string, subscriptions []storage.Subscription) Message {
	all := subscriptions[:min(maxNamed, len(subscriptions))]
	var list []markup.Text
	for _, s := range all {
		list = append(list, markup.Format("%s to %s", markup.Code(s.ID), wording.Stacks(s.Stacks)))
	}
	if n := len(subscriptions) - len(all); n > 0 {
		list = append(list, markup.Format("and %d more", n))
	}
	return kit.Draw(doc.Say("powerless",
		markup.Format("🔕 This channel hears nothing by subscription%s %s: %s may subscribe to no stacks here any more.",
			wording.Plural(len(subscriptions)), markup.Join(list, ", "), markup.User(author)),
		markup.Format("It goes on by itself when they may again. Whoever may can subscribe this channel anew."),
	))
}
