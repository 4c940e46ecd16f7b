package card

import (
	"slices"
	"strings"

	"c66bot/authz"
	"c66bot/bot/card/kit"
	"c66bot/bot/card/markup"
	"c66bot/commands"
)

func refusal(r commands.RefusalReply) Message {
	words := rights[r.Right]
	var first markup.Text
	switch {
	case r.Stack != nil:
		first = markup.Format("You may not %s %s here.", words[1], stackName(*r.Stack))
	case r.Typed != "":
		first = markup.Format("I know no stack “%s” that you may %s here.", markup.Shorten(r.Typed, maxName), words[1])
	default:
		first = markup.Format("You may not %s here.", words[0])
	}
	lines := []markup.Text{markup.Join([]markup.Text{first, near(r.Near)}, " "), markup.Join([]markup.Text{whose(r), markup.Format("Nothing was done.")}, " ")}
	if r.NoRules && r.Rule != "" {
		lines = append(lines, markup.Format("This channel has no rules yet. An admin can make one: %s", markup.Code(r.Command+" "+r.Rule)))
	}
	m := said(lines)
	if r.Ask == nil {
		return m
	}
	return m.With(markup.Text{}, kit.Actions(button("Ask for access", *r.Ask, "ask")))
}

// near names what else could have been meant.
func near(names []string) markup.Text {
	if len(names) == 0 {
		return markup.Text{}
	}
	quoted := make([]markup.Text, len(names))
	for i, n := range names {
		quoted[i] = markup.Code(markup.Shorten(n, maxName))
	}
	return markup.Format("Did you mean %s?", markup.Join(quoted, ", "))
}

// whose says who has the right, and who could give it.
func whose(r commands.RefusalReply) markup.Text {
	if r.Direct {
		return markup.Format("In a direct message that is for the bot's admins alone: ask in a channel.")
	}
	if r.Outside {
		return markup.Format(
			"This channel's rules are for its members, and I do not find you among them. Somebody in the channel can add you, or me.",
		)
	}
	var holders markup.Text
	switch {
	case r.Denied != "":
		holders = markup.Format("The rule %s of this channel denies it.", markup.Code(r.Denied))
	case slices.Contains(r.Holders, authz.Everyone): // and they are a stranger or a bot
		holders = markup.Format("In this channel that is for everyone of this workspace.")
	case len(r.Holders) > 0:
		holders = markup.Format("In this channel that is for %s.", names(r.Holders))
	}
	return markup.Join([]markup.Text{holders, markup.Format("An admin can allow it: %s.", admins(r.Admins))}, " ")
}

// names gives people and groups by their Slack ids, a few of them.
func names(ids []string) markup.Text {
	const most = 5
	all := make([]markup.Text, len(ids))
	for i, id := range ids {
		all[i] = party(id)
	}
	if len(all) > most {
		return markup.Format("%s and %d more", markup.Join(all[:most], ", "), len(all)-most)
	}
	return markup.Join(all, ", ")
}

// party names whom a rule is for. In a message that is posted, a group is pinged by that.
func party(id string) markup.Text {
	switch {
	case id == authz.Everyone:
		return markup.Format("everyone")
	case strings.HasPrefix(id, "S"):
		return markup.Group(id)
	default:
		return markup.User(id)
	}
}

// admins names who could help. An answer that the one who asked sees alone pings nobody; a request in the channel does.
func admins(a commands.Admins) markup.Text {
	return names(append(append([]string{}, a.Groups...), a.Users...))
}

// request asks the channel's admins for rights, and later says which were given.
func request(r commands.RequestReply) Message {
	if len(r.Wishes) == 1 {
		return requestOne(r, r.Wishes[0])
	}
	head := markup.Format("🔑 %s asks for access in this channel.", markup.User(r.User))
	lines, blocks, open := []markup.Text{}, []kit.Block{kit.Section(head)}, false
	for _, w := range r.Wishes {
		line := markup.Format("to %s %s", rights[authz.Action(w.Right)][1], stacksOf(w.Glob))
		var beside kit.Button
		if w.Given != nil {
			line = markup.Format("%s: %s granted it until %s", line, markup.User(w.Given.By), markup.When(w.Given.Until))
		} else {
			open, beside = true, button("Grant 1 h", w.Grant, "grant").Primary()
		}
		lines, blocks = append(lines, line), append(blocks, kit.SectionWith(line, beside))
	}
	if open {
		by := markup.Format("An admin can grant each for an hour: %s", admins(r.Admins))
		lines, blocks = append(lines, by), append(blocks, kit.Section(by))
	}
	return kit.NewMessage(markup.Brief(head, lines...), blocks...)
}

func requestOne(r commands.RequestReply, w commands.Wished) Message {
	words := rights[authz.Action(w.Right)]
	if w.Given != nil {
		return said([]markup.Text{markup.Format("🔑 %s asked to %s %s in this channel: %s granted it until %s", markup.User(r.User), words[1],
			stacksOf(w.Glob), markup.User(w.Given.By), markup.When(w.Given.Until))})
	}
	lines := []markup.Text{
		markup.Format("🔑 %s asks to %s %s in this channel.", markup.User(r.User), words[1], stacksOf(w.Glob)),
		markup.Format("An admin can grant it for an hour: %s", admins(r.Admins)),
	}
	return said(lines).With(markup.Text{}, kit.Actions(button("Grant 1 h", w.Grant, "grant").Primary()))
}
