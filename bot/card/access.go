package card

import (
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"c66bot/authz"
	"c66bot/commands"
	"c66bot/storage"
)

// rights in words, to stand behind "may" or "may not", without a stack and before one.
var rights = map[authz.Action][2]string{
	authz.View:      {"look at stacks", "look at"},
	authz.Redeploy:  {"redeploy", "redeploy"},
	authz.Cancel:    {"cancel deployments", "cancel deployments of"},
	authz.Subscribe: {"subscribe this channel", "subscribe this channel to"},
	authz.Lock:      {"lock stacks", "lock"},
	authz.Approve:   {"approve redeploys", "approve redeploys of"},
	authz.Admin:     {"make rules", "make rules for"},
}

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
	return join([]mrkdwn{holders, md("The bot's admins can allow it: %s.", admins(r.Admins))}, " ")
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

// terms says what a rule is, as in "allow @lin redeploy, cancel on web*".
func terms(r storage.Rule, who mrkdwn) mrkdwn {
	verb := "allow"
	if r.Deny {
		verb = "deny"
	}
	return md("%s %s %s on %s", verb, who, strings.Join(r.Actions, ", "), code(r.Stacks))
}

// stacksOf says in words which stacks a glob fits.
func stacksOf(glob string) mrkdwn {
	if glob == "*" {
		return "every stack"
	}
	return code(glob)
}

// access shows the rules of a channel, a line each, the id first since it can be typed.
func access(r commands.AccessReply) Message {
	if r.Total == 0 {
		return said([]mrkdwn{md("There is no rule that you can see here. The bot's admins may do everything: %s.", admins(r.Admins))})
	}
	head := md("*Who may do what in this channel*: rules %d–%d of %d", r.Offset+1, r.Offset+len(r.Rules), r.Total)
	lines := make([]mrkdwn, len(r.Rules))
	for i, rule := range r.Rules {
		sign := mrkdwn("✅")
		if rule.Deny {
			sign = "⛔"
		}
		lines[i] = md("%s %s %s · by %s%s", code(rule.ID), sign, terms(rule, party(rule.Who)), user(rule.By), until(rule))
	}
	foot := md("A deny beats every allow. The bot's admins may do everything: %s.", admins(r.Admins))
	turn := func(label, id string, page int) *slack.ButtonBlockElement {
		return button(label, commands.Invocation{Verb: commands.Access, Page: page}, id)
	}
	blocks := append([]slack.Block{section(head)}, sections(lines)...)
	return message(plain(head, append(lines, foot)...), append(blocks, small(foot), turns(r.Page, r.Offset+len(r.Rules) < r.Total, turn))...)
}

// turns are the buttons of a list that has no age.
func turns(page int, more bool, turn func(label, id string, page int) *slack.ButtonBlockElement) slack.Block {
	var back, next *slack.ButtonBlockElement
	if page > 1 {
		back = turn("Previous", "previous", page-1)
	}
	if more {
		next = turn("Next", "next", page+1)
	}
	return actions(back, next)
}

func until(r storage.Rule) mrkdwn {
	if r.Until.IsZero() {
		return ""
	}
	return md(" · until %s", when(r.Until))
}

// why says which rule decides.
func why(r commands.WhyReply) Message {
	sign, may := mrkdwn("✅"), "may"
	if !r.Decision.Allowed {
		sign, may = "⛔", "may not"
	}
	what := md("%s %s", rights[r.Right][1], stackName(r.Stack))
	if r.Right == authz.Admin {
		what = md("%s", rights[r.Right][0])
	}
	reason := md("%s", r.Decision.Reason)
	if rule := r.Decision.Rule; rule != nil {
		reason = md("rule %s, %s%s", code(rule.ID), terms(*rule, party(rule.Who)), until(*rule))
	}
	return said([]mrkdwn{md("%s %s %s %s here: %s", sign, user(r.User), may, what, reason)})
}

// rule tells the channel of a rule. A person that it names is pinged by it, a group is not.
func rule(r commands.RuleReply) Message {
	who := party(r.Rule.Who)
	if strings.HasPrefix(r.Rule.Who, "S") {
		who = md("@%s", fallback(r.Handle, r.Rule.Who))
	}
	text := md("🔑 %s made a rule for this channel: %s (rule %s)", user(r.By), terms(r.Rule, who), code(r.Rule.ID))
	switch {
	case r.Revoked:
		text = md("🔑 %s took back a rule of this channel: %s (rule %s)", user(r.By), terms(r.Rule, who), code(r.Rule.ID))
	case !r.Rule.Until.IsZero(): // in the thread of the request, which says the rest
		text = md("🔑 %s, that is allowed now, until %s. It is rule %s, which revoke takes back.", who, when(r.Rule.Until), code(r.Rule.ID))
	}
	return said([]mrkdwn{text})
}

func fallback(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// request asks the channel's admins for a right, and later says that it was given.
func request(r commands.RequestReply) Message {
	words := rights[authz.Action(r.Right)]
	if r.Given != nil {
		return said([]mrkdwn{md("🔑 %s may %s %s here until %s: %s granted it", user(r.User), words[1], stacksOf(r.Glob), when(r.Given.Until), user(r.Given.By))})
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

// open offers the form of a redeploy.
func open(r commands.OpenReply) Message {
	head := md("%s: the button opens the form. Nothing is done before you send it.", stackName(r.Stack))
	b := button("Redeploy", r.Form, "redeploy")
	if b != nil {
		b.Style = slack.StylePrimary
	}
	return message(plain(head), section(head), actions(b))
}

// status says how the bot is.
func status(r commands.StatusReply) Message {
	head := condition(r)
	lines := []mrkdwn{budget(r), following(r), md("Version %s, running for %s", r.Version, commands.InWords(r.At.Sub(r.Since)))}
	if r.Others > 0 {
		lines = append(lines, md("The app has %d more connection%s than mine: stop the other instance", r.Others, plural(r.Others)))
	}
	return message(plain(head, lines...), append([]slack.Block{section(head)}, sections(lines)...)...)
}

// condition is how the bot is in one line, the worst of it.
func condition(r commands.StatusReply) mrkdwn {
	switch {
	case r.Ready != nil:
		return md("🔴 I cannot do my work: %s", strings.ReplaceAll(r.Ready.Error(), "\n", "; "))
	case r.Others > 0:
		return "🟠 I am connected, but another instance of me takes part of the commands"
	case r.Budget.Rest == 0:
		return "🟠 I am connected, but this hour's Cloud 66 requests are used up"
	case r.Budget.BackgroundRest == 0:
		return "🟠 I am connected, but Cloud 66 requests run low"
	default:
		return "🟢 I am well: connected to Slack, and Cloud 66 accepts my token"
	}
}

func budget(r commands.StatusReply) mrkdwn {
	b := r.Budget
	text := md("Cloud 66 requests: %d of %d left in this hour", b.Rest, b.PerHour)
	if b.ServerRest != nil {
		text = md("%s; Cloud 66 itself says %d", text, *b.ServerRest)
	}
	switch {
	case b.Rest == 0 && !b.NextTry.IsZero():
		return md("%s. The next is sent %s", text, when(b.NextTry))
	case b.BackgroundRest == 0:
		return md("%s. What people ask for goes first, what is followed waits", text)
	default:
		return text
	}
}

// following lists what is followed, of what this person may see.
func following(r commands.StatusReply) mrkdwn {
	const most = 10
	switch {
	case r.Unknown:
		return "What I follow: not shown, since Slack did not say who may see it"
	case len(r.Follows) == 0:
		return "I follow no deployment that you may see here"
	}
	all := make([]mrkdwn, 0, most)
	for _, f := range r.Follows[:min(most, len(r.Follows))] {
		number := md("#%d", f.Deployment)
		if f.Deployment == 0 {
			number = "(not begun yet)"
		}
		all = append(all, md("%s %s", stackName(f.Stack), number))
	}
	text := md("I follow %d deployment%s: %s", len(r.Follows), plural(len(r.Follows)), join(all, ", "))
	if len(r.Follows) > most {
		return md("%s and %d more", text, len(r.Follows)-most)
	}
	return text
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}
