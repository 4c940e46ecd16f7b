package card

import (
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"c66bot/authz"
	"c66bot/commands"
)

func refusal(r commands.RefusalReply) Message {
	words := rights[r.Right]
	var first mrkdwn
	switch {
	case r.Stack != nil:
		first = md("You may not %s %s here.", words[1], stackName(*r.Stack))
	case r.Typed != "":
		first = md("I know no stack “%s” that you may %s here.", cut(r.Typed, maxName), words[1])
	default:
		first = md("You may not %s here.", words[0])
	}
	lines := []mrkdwn{join([]mrkdwn{first, near(r.Near)}, " "), join([]mrkdwn{whose(r), "Nothing was done."}, " ")}
	if r.NoRules && r.Rule != "" {
		lines = append(lines, md("This channel has no rules yet. An admin can make one: %s", code(r.Command+" "+r.Rule)))
	}
	m := said(lines)
	if r.Ask == nil {
		return m
	}
	return message(m.Text, append(m.Blocks, actions(button("Ask for access", *r.Ask, "ask")))...)
}

// near names what else could have been meant.
func near(names []string) mrkdwn {
	if len(names) == 0 {
		return ""
	}
	quoted := make([]mrkdwn, len(names))
	for i, n := range names {
		quoted[i] = code(cut(n, maxName))
	}
	return md("Did you mean %s?", join(quoted, ", "))
}

// whose says who has the right, and who could give it.
func whose(r commands.RefusalReply) mrkdwn {
	if r.Direct {
		return md("In a direct message that is for the bot's admins alone: ask in a channel.")
	}
	var holders mrkdwn
	switch {
	case r.Denied != "":
		holders = md("The rule %s of this channel denies it.", code(r.Denied))
	case slices.Contains(r.Holders, authz.Everyone): // and they are a stranger or a bot
		holders = "In this channel that is for everyone of this workspace."
	case len(r.Holders) > 0:
		holders = md("In this channel that is for %s.", names(r.Holders))
	}
	return join([]mrkdwn{holders, md("An admin can allow it: %s.", admins(r.Admins))}, " ")
}

// names gives people and groups by their Slack ids, a few of them.
func names(ids []string) mrkdwn {
	const most = 5
	all := make([]mrkdwn, len(ids))
	for i, id := range ids {
		all[i] = party(id)
	}
	if len(all) > most {
		return md("%s and %d more", join(all[:most], ", "), len(all)-most)
	}
	return join(all, ", ")
}

// party names whom a rule is for. In a message that is posted, a group is pinged by that.
func party(id string) mrkdwn {
	switch {
	case id == authz.Everyone:
		return "everyone"
	case strings.HasPrefix(id, "S"):
		return group(id)
	default:
		return user(id)
	}
}

// admins names who could help. An answer that the one who asked sees alone pings nobody; a request in the channel does.
func admins(a commands.Admins) mrkdwn {
	return names(append(append([]string{}, a.Groups...), a.Users...))
}

// request asks the channel's admins for a right, and later says that it was given.
func request(r commands.RequestReply) Message {
	words := rights[authz.Action(r.Right)]
	if r.Given != nil {
		return said([]mrkdwn{md("🔑 %s asked to %s %s in this channel: %s granted it until %s", user(r.User), words[1], stacksOf(r.Glob), user(r.Given.By), when(r.Given.Until))})
	}
	lines := []mrkdwn{
		md("🔑 %s asks to %s %s in this channel.", user(r.User), words[1], stacksOf(r.Glob)),
		md("An admin can grant it for an hour: %s", admins(r.Admins)),
	}
	grant := button("Grant 1 h", r.Grant, "grant")
	if grant != nil {
		grant.Style = slack.StylePrimary
	}
	m := said(lines)
	return message(m.Text, append(m.Blocks, actions(grant))...)
}
