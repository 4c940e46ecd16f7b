package card

import (
	"fmt"
	"strings"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/commands"
	"c66bot/storage"
)

// BeganLocked mentions the holder of a lock that a deployment began in spite of it.
func BeganLocked(stack storage.StackRef, d cloud66.Deployment, l storage.Lock) Message {
	return draw(doc.Lines(markup.Format("🔒 %s #%d began although %s locked it: “%s” (lock %s)",
		wording.Stack(stack), d.ID, markup.User(l.Holder), l.Reason, markup.Code(l.ID))))
}

// Overrode tells the channel of locks that somebody changes a stack in spite of them.
func Overrode(f storage.Follow, locks []storage.Overridden) Message {
	return draw(doc.Lines(markup.Format("🔒 %s changes %s in spite of %s: “%s”",
		markup.User(f.Asker), wording.Stack(f.Stack), overridden(f, locks, false), f.Wish.Reason)))
}

// maxOverridden is how many of the locks that are overridden a message names.
const maxOverridden = 3

// overridden names locks and their holders, but for who overrides them; the first post of a card mentions nobody.
func overridden(f storage.Follow, locks []storage.Overridden, first bool) markup.Text {
	var all []markup.Text
	for _, l := range locks[:min(len(locks), maxOverridden)] {
		name := markup.Format("lock %s", markup.Code(l.Lock))
		if l.Holder != f.Asker && !first {
			name = markup.Format("%s of %s", name, markup.User(l.Holder))
		}
		all = append(all, name)
	}
	if more := len(locks) - len(all); more > 0 {
		all = append(all, markup.Format("%d more", more))
	}
	return markup.Join(all, ", ")
}

// Lapsed tells a channel which of its denies lapsed, each with the line that makes it anew. Above maxChanges it lists the first ones.
func Lapsed(command string, lapses []authz.Lapse) Message {
	var lines []markup.Text
	if n := len(lapses); n > maxChanges {
		lines = append(lines, markup.Format("%d denies of this channel lapsed. %d of them:", n, maxChanges))
		lapses = lapses[:maxChanges]
	}
	for _, l := range lapses {
		line := func(glob string) markup.Text {
			return markup.Code(fmt.Sprintf("%s deny %s %s %s", command, l.Rule.Who, strings.Join(l.Rule.Actions, ","), glob))
		}
		was, id, rule := wording.Stack(l.Was), markup.Code(l.Rule.ID), wording.Stacks(l.Rule.Stacks)
		if l.Now == (storage.StackRef{}) {
			lines = append(lines, markup.Format("⚠️ %s is not among the stacks any more: it was deleted or renamed, or I may not see it. "+
				"Rule %s, a deny on %s, matches no stack now. To deny it under another name: %s", was, id, rule, line("NAME")))
			continue
		}
		const anew = "⚠️ %s is called %s now, so that rule %s, a deny on %s, does not hold for it any more. To deny it anew: %s"
		lines = append(lines, markup.Format(anew, was, wording.Stack(l.Now), id, rule, line(commands.TypedGlob(l.Now))))
	}
	return draw(doc.Lines(lines...))
}
