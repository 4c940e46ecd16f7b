package card

import (
	"strings"

	"c66bot/authz"
	"c66bot/bot/card/kit"
	"c66bot/bot/card/markup"
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
func terms(r storage.Rule, who markup.Text) markup.Text {
	verb := "allow"
	if r.Deny {
		verb = "deny"
	}
	return markup.Format("%s %s %s on %s", verb, who, strings.Join(r.Actions, ", "), markup.Code(r.Stacks))
}

// stacksOf says in words which stacks a glob fits.
func stacksOf(glob string) markup.Text {
	if glob == "*" {
		return markup.Format("every stack")
	}
	return markup.Code(glob)
}

// access shows the rules of a channel, a line each, the id first since it can be typed.
func access(r commands.AccessReply) Message {
	if r.Total == 0 {
		return said([]markup.Text{markup.Format("There is no rule that you can see here. The bot's admins may do everything: %s.", admins(r.Admins))})
	}
	head := markup.Format("*Who may do what in this channel*: rules %d–%d of %d", r.Offset+1, r.Offset+len(r.Rules), r.Total)
	lines := make([]markup.Text, len(r.Rules))
	for i, rule := range r.Rules {
		sign := markup.Format("✅")
		if rule.Deny {
			sign = markup.Format("⛔")
		}
		lines[i] = markup.Format("%s %s %s · by %s%s", markup.Code(rule.ID), sign, terms(rule, party(rule.Who)), markup.User(rule.By), until(rule))
	}
	foot := markup.Format("A deny beats every allow. The bot's admins may do everything: %s.", admins(r.Admins))
	turn := func(label, id string, page int) kit.Button {
		return button(label, commands.Invocation{Verb: commands.Access, Page: page}, id)
	}
	blocks := append([]kit.Block{kit.Section(head)}, kit.Sections(lines)...)
	return kit.NewMessage(markup.Brief(head, append(lines, foot)...), append(blocks, kit.Small(foot), turns(r.Page, r.Offset+len(r.Rules) < r.Total, turn))...)
}

// turns are the buttons of a list that has no age.
func turns(page int, more bool, turn func(label, id string, page int) kit.Button) kit.Block {
	var back, next kit.Button
	if page > 1 {
		back = turn("Previous", "previous", page-1)
	}
	if more {
		next = turn("Next", "next", page+1)
	}
	return kit.Actions(back, next)
}

func until(r storage.Rule) markup.Text {
	if r.Until.IsZero() {
		return markup.Text{}
	}
	return markup.Format(" · until %s", markup.When(r.Until))
}

// why says which rule decides.
func why(r commands.WhyReply) Message {
	sign, may := markup.Format("✅"), "may"
	if !r.Decision.Allowed {
		sign, may = markup.Format("⛔"), "may not"
	}
	what := markup.Format("%s %s", rights[r.Right][1], stackName(r.Stack))
	if r.Right == authz.Admin {
		what = markup.Format("%s", rights[r.Right][0])
	}
	reason := markup.Format("%s", r.Decision.Reason)
	if rule := r.Decision.Rule; rule != nil {
		reason = markup.Format("rule %s, %s%s", markup.Code(rule.ID), terms(*rule, party(rule.Who)), until(*rule))
	}
	return said([]markup.Text{markup.Format("%s %s %s %s here: %s", sign, markup.User(r.User), may, what, reason)})
}

// rule tells the channel of a rule. A person that it names is pinged by it, a group is not.
func rule(r commands.RuleReply) Message {
	who := party(r.Rule.Who)
	if strings.HasPrefix(r.Rule.Who, "S") {
		who = markup.Format("@%s", fallback(r.Handle, r.Rule.Who))
	}
	text := markup.Format("🔑 %s made a rule for this channel: %s (rule %s)", markup.User(r.By), terms(r.Rule, who), markup.Code(r.Rule.ID))
	switch {
	case r.Revoked:
		text = markup.Format("🔑 %s took back a rule of this channel: %s (rule %s)", markup.User(r.By), terms(r.Rule, who), markup.Code(r.Rule.ID))
	case !r.Rule.Until.IsZero(): // in the thread of the request, which says the rest
		text = markup.Format("🔑 %s, that is granted until %s. It is rule %s, which revoke takes back.", who, markup.When(r.Rule.Until), markup.Code(r.Rule.ID))
	}
	return said([]markup.Text{text})
}

func fallback(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
