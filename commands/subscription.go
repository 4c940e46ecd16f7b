package commands

import (
	"cmp"
	"fmt"
	"strings"

	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/storage"
)

// SubscribedReply announces a new subscription in the channel.
type SubscribedReply struct {
	Subscription storage.Subscription
	Whom         []string // names and handles to mention on a failure, and storage.Author
	Fits         int      // current matches that its author may subscribe to; -1 if unknown
	Preview      *Preview // nil until computed, or if no stack matches
}

// Preview summarizes the messages that a subscription would have sent.
type Preview struct {
	Messages int              // in the last seven days
	AtLeast  bool             // a lower bound: one request did not reach far enough back
	Read, Of int              // stacks read, of those with activity in this period
	Unread   int              // stacks that could not be read in time; not part of Read
	Stack    storage.StackRef // of the newest message
	Newest   *Entry           // deployment of the newest message, nil if there is none
	By       string           // name of the one who asked for it here, "" for nobody
}

// Document describes the subscription and its recent messages. It mentions only the author.
func (r SubscribedReply) Document() doc.Document {
	s := r.Subscription
	head := markup.Format("🔔 %s subscribed this channel to %s (subscription %s)",
		markup.User(s.Author), wording.Stacks(s.Stacks), markup.Code(s.ID))
	about := markup.Join([]markup.Text{narrowedTo(s), mentions(r.Whom), r.matching()}, " · ")
	end := Button("Unsubscribe", Invocation{Verb: Unsubscribe, Options: Options{Rule: s.ID}}, "unsubscribe-"+s.ID)
	return doc.Document{Kind: "subscribed", Blocks: []doc.Block{
		doc.Lines(head), doc.Lines(append([]markup.Text{about}, r.Preview.lines()...)...), doc.Buttons(end),
	}}
}

// eventWord describes events in words, as in "deployments that fail".
var eventWord = map[string]string{
	"started": "start", "succeeded": "succeed", "failed": "fail", "cancelled": "are cancelled", "reverted": "are rolled back",
	"slow": "take longer than usual",
}

// narrowedTo describes the filters of a subscription in words.
func narrowedTo(s storage.Subscription) markup.Text {
	text := markup.Format("every deployment")
	if len(s.Events) > 0 {
		text = markup.Format("deployments that %s", orJoin(each(s.Events, func(e string) string { return cmp.Or(eventWord[e], e) })))
	}
	if len(s.Types) > 0 {
		text = markup.Format("%s, of the type %s", text, orJoin(s.Types))
	}
	if s.By != "" {
		text = markup.Format("%s, by “%s”", text, markup.Shorten(s.By, wording.MaxName))
	}
	if len(s.Via) > 0 {
		ways := each(s.Via, func(via string) markup.Text {
			return wording.Via(cloud66.Value[cloud66.Via]{Kind: cloud66.Via(via), Raw: via}).Trim()
		})
		text = markup.Format("%s, started %s", text, markup.Join(ways, " or "))
	}
	return text
}

// orJoin joins words as in "a, b or c".
func orJoin(words []string) markup.Text {
	last := len(words) - 1
	if last < 1 {
		return markup.Format("%s", strings.Join(words, ""))
	}
	return markup.Format("%s or %s", strings.Join(words[:last], ", "), words[last])
}

// mentions says who is mentioned on a failure, without a mention.
func mentions(whom []string) markup.Text {
	if len(whom) == 0 {
		return markup.Text{}
	}
	names := each(whom, func(name string) markup.Text {
		if name == storage.Author {
			return markup.Format("whoever started it")
		}
		return markup.Format("@%s", markup.Shorten(name, wording.MaxName))
	})
	return markup.Format("a failure mentions %s", markup.Join(names, ", "))
}

func (r SubscribedReply) matching() markup.Text {
	switch r.Fits {
	case -1:
		return markup.Format("how many stacks match now is not known, since Cloud 66 does not answer; the subscription stands")
	case 0:
		return markup.Format("no stack matches yet; one that appears later is told of")
	case 1:
		return markup.Format("1 stack matches now")
	default:
		return markup.Format("%d stacks match now", r.Fits)
	}
}

// lines describes the recent messages of a subscription and shows the newest.
func (p *Preview) lines() []markup.Text {
	switch {
	case p == nil:
		return nil
	case p.Of > 0 && p.Read == 0:
		return []markup.Text{markup.Format("What it would have told lately is not known: Cloud 66 does not answer. The subscription stands.")}
	}
	text := markup.Format("In the last 7 days that would have been no message")
	if p.Messages > 0 {
		count := fmt.Sprint(p.Messages)
		if p.AtLeast {
			count = "at least " + count
		}
		text = markup.Format("In the last 7 days that would have been %s message%s", count, wording.Plural(p.Messages))
	}
	if p.Read < p.Of {
		text = markup.Format("%s, from %d of the %d stacks that have moved", text, p.Read, p.Of)
	}
	if p.Unread > 0 {
		text = markup.Format("%s; Cloud 66 did not tell of %d in time", text, p.Unread)
	}
	if p.Newest == nil {
		return []markup.Text{text}
	}
	d := p.Newest.Deployment
	_, state := p.Newest.standing()
	newest := markup.Format("%s #%d %s%s", wording.Stack(p.Stack), d.ID, state, took(d, state))
	by := wording.Started(d) // Cloud 66 would name the owner of the bot's token
	if p.By != "" {
		by = markup.Format("@%s", markup.Shorten(p.By, wording.MaxName))
	}
	newest = markup.Join([]markup.Text{newest, byWhom(by), markup.When(d.StartedAt)}, " · ")
	return []markup.Text{text, markup.Format("The last of them: %s", newest)}
}

// unsubscribed announces in the channel that subscriptions to the same stacks were deleted.
func unsubscribed(by string, all []storage.Subscription) doc.Document {
	ids := each(all, func(s storage.Subscription) markup.Text { return markup.Code(s.ID) })
	return doc.Say("unsubscribed", markup.Format("🔕 %s unsubscribed this channel from %s (subscription%s %s)",
		markup.User(by), wording.Stacks(all[0].Stacks), wording.Plural(len(ids)), wording.Some(ids, maxNamed)))
}

// subscriptionsPage renders a page of a channel's subscriptions, one line each. listed reports whether the list of stacks could be read.
func subscriptionsPage(p page, lines []markup.Text, listed bool) doc.Document {
	const kind = "subscriptions"
	if p.total == 0 {
		none := []markup.Text{markup.Format("This channel has no subscription that you can see.")}
		if !listed {
			none = append(none, markup.Format("Cloud 66 does not tell which stacks there are, so there may be some that are for you."))
		}
		return doc.Say(kind, none...)
	}
	return doc.Document{Kind: kind, Blocks: []doc.Block{
		doc.Lines(markup.Format("*What this channel subscribes to*: %s", p)), doc.Lines(lines...), p.pageButtons(Invocation{Verb: Subscriptions}),
	}}
}

// subscriptionLine describes a subscription to a reader who may see a number of the stacks that fit it, -1 if that is unknown. The id
// comes first, since users type it. powerless means that its author may not subscribe to any stack here any more, and suspended says why
// nothing can be posted in the channel, "" if it can.
func subscriptionLine(s storage.Subscription, whom []string, fits int, powerless bool, suspended string) markup.Text {
	count := markup.Format("%d stacks that you may see match", fits)
	switch fits {
	case -1:
		count = markup.Text{}
	case 0:
		count = markup.Format("no stack that you may see matches")
	case 1:
		count = markup.Format("1 stack that you may see matches")
	}
	line := markup.Join([]markup.Text{
		markup.Format("%s %s", markup.Code(s.ID), wording.Stacks(s.Stacks)), narrowedTo(s), mentions(whom), count,
		markup.Format("by %s", markup.User(s.Author)),
	}, " · ")
	switch {
	case suspended != "":
		line = markup.Format("%s · suspended: %s", line, markup.Shorten(suspended, wording.MaxName))
	case powerless:
		line = markup.Format("%s · it tells of nothing: its author may not subscribe to stacks here any more", line)
	}
	return line.Cut(maxRow)
}
