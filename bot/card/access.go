package card

import (
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
		text = md("🔑 %s, that is granted until %s. It is rule %s, which revoke takes back.", who, when(r.Rule.Until), code(r.Rule.ID))
	}
	return said([]mrkdwn{text})
}

func fallback(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
