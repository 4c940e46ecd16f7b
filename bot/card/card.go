// Package card renders what people see: deployments, answers and forms as Block Kit, with a fallback text that says the same. Its functions
// are pure.
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

// Message is what a message says.
type Message = kit.Message

// Reply renders an answer for the one who asked.
func Reply(r commands.Reply) Message { return kit.Draw(r.Document()) }

// maxNamed is how many subscriptions or patterns one line names.
const maxNamed = 10

// Suspended tells the author of subscriptions, alone, that a channel cannot be told of anything at present. The code is Slack's.
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

// Powerless tells a channel which subscriptions tell nothing, since their author may subscribe to nothing there any more.
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
