package commands

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/storage"
)

// Admins are the users and groups that can help a user without a right.
type Admins struct {
	Users  []string
	Groups []string
}

func (a Admins) names() markup.Text { return parties(slices.Concat(a.Groups, a.Users)) }

// parties lists a few users and groups as mentions. In an ephemeral answer these notify nobody; in a channel message they do.
func parties(ids []string) markup.Text { return wording.Some(each(ids, wording.Party), 5) }

// RefusalReply tells the user that a right is missing, who has it in the channel, and who could grant it.
type RefusalReply struct {
	Right   authz.Action
	Does    string            // what may not be done, where the right covers more
	Stack   *storage.StackRef // nil unless the user may see it
	Typed   string            // the stack as typed, if the user sees no match
	Near    []string          // similar stacks that the user sees
	Choices []Choice          // these as buttons
	Holders []string          // subjects that the channel's rules allow it: ids of users and groups, or everyone
	Denied  string            // id of the denying rule, "" for none
	Admins  Admins
	Direct  bool        // in a direct message, where rules do not apply
	Outside bool        // the user is not in the private channel, or the bot is not in the channel
	Ask     *Invocation // requests the right from an admin; nil if that is not possible
}

// adminDoes holds phrases to follow "may not" for what the right admin covers besides rules.
var adminDoes = map[Verb]string{Audit: "read the audit", Protect: "protect stacks", Unprotect: "take protections back"}

// Document explains the refusal and offers to request the right.
func (r RefusalReply) Document() doc.Document {
	words := rights[r.Right]
	words[0] = cmp.Or(r.Does, words[0])
	first := markup.Format("You may not %s here.", words[0])
	switch {
	case r.Stack != nil:
		first = markup.Format("You may not %s %s here.", words[1], wording.Stack(*r.Stack))
	case r.Typed != "":
		first = markup.Format("I know no stack “%s” that you may %s here.", markup.Shorten(r.Typed, wording.MaxName), words[1])
	}
	if len(r.Near) > 0 {
		near := each(r.Near, func(name string) markup.Text { return markup.Code(markup.Shorten(name, wording.MaxName)) })
		first = markup.Format("%s Did you mean %s?", first, markup.Join(near, ", "))
	}
	lines := []markup.Text{markup.Format("⛔ %s", first), r.whose()}
	d := doc.Say(KindRefusal, lines...)
	return d.With(doc.Buttons(append(buttons(r.Choices), askButton(r.Ask))...))
}

// askButton returns the button that asks for a right, none for nil.
func askButton(ask *Invocation) doc.Button {
	if ask == nil {
		return doc.Button{}
	}
	return Button("Ask for access", *ask, "ask")
}

// whose lists who has the right and who could grant it.
func (r RefusalReply) whose() markup.Text {
	var holders markup.Text
	switch {
	case r.Direct:
		return markup.Format("In a direct message that is for the bot's admins alone: ask in a channel.")
	case r.Outside:
		return markup.Format(
			"This channel's rules are for its members, and I do not find you among them. Somebody in the channel can add you, or me.",
		)
	case r.Denied != "":
		holders = markup.Format("The rule %s of this channel denies it. ", markup.Code(r.Denied))
	case slices.Contains(r.Holders, authz.Everyone): // the asker is then a guest, a stranger or a bot
		holders = markup.Format("In this channel that is for every full member of this workspace. ")
	case len(r.Holders) > 0:
		holders = markup.Format("In this channel that is for %s. ", parties(r.Holders))
	}
	return markup.Format("%sAn admin can allow it: %s.", holders, r.Admins.names())
}

// RequestReply asks the admins of the channel for rights.
type RequestReply struct {
	storage.Request

	Admins  Admins
	Command string // the slash command's name
}

// rule returns the command that makes a rule of a wish, for an admin to copy. An id can be copied, a mention cannot.
func (r RequestReply) rule(w storage.Asking) string {
	stacks := shellWord(w.Stacks)
	if strings.Contains(w.Shown, " · ") { // one of several of that name
		stacks = w.UID
	}
	return fmt.Sprintf("allow %s %s %s", r.User, w.Action, stacks)
}

// lasting shows the line that makes the first rule of a channel.
func (r RequestReply) lasting() markup.Text {
	i := slices.IndexFunc(r.Wishes, func(w storage.Asking) bool { return w.Given == nil })
	if !r.First || i < 0 {
		return markup.Text{}
	}
	line := markup.Code(r.Command + " " + r.rule(r.Wishes[i]))
	if slices.ContainsFunc(r.Wishes, func(w storage.Asking) bool { return w.Given != nil }) { // which is a rule, for an hour
		return markup.Format("To make a rule that stays: %s", line)
	}
	return markup.Format("This channel has no rules yet. To make one that stays: %s", line)
}

// wish describes a requested right, as in "redeploy every stack".
func wish(w storage.Asking) markup.Text {
	return markup.Format("%s %s", rights[authz.Action(w.Action)][1], wording.Scope(w.Stacks, w.UID, w.Shown))
}

// granted describes who granted a right and until when.
func granted(w storage.Asking) markup.Text {
	return markup.Format("%s granted it until %s", markup.User(w.Given.By), markup.When(w.Given.Until))
}

// grant returns the invocation that grants a requested right.
func (r RequestReply) grant(w storage.Asking) Invocation {
	return Invocation{
		Verb: Grant, Stack: w.Typed, UID: w.UID, Options: Options{Who: r.User, Actions: w.Action, Glob: w.Stacks}, Shown: w.Shown, Nonce: w.Nonce,
		AskedAt: w.At.Unix(),
	}
}

func (r RequestReply) button(w storage.Asking) doc.Button {
	return Button("Grant 1 h", r.grant(w), "grant").As(doc.Primary)
}

// Document asks for each right or shows who granted it.
func (r RequestReply) Document() doc.Document {
	const kind = "request"
	user := markup.User(r.User)
	if len(r.Wishes) == 1 {
		w := r.Wishes[0]
		if w.Given != nil {
			return doc.Say(kind, markup.Format("🔑 %s asked to %s in this channel: %s", user, wish(w), granted(w)))
		}
		return doc.Say(kind,
			markup.Format("🔑 %s asks to %s in this channel.", user, wish(w)),
			markup.Format("An admin can grant it for an hour: %s", r.Admins.names()), r.lasting(),
		).With(doc.Buttons(r.button(w)))
	}
	d := doc.Document{Kind: kind, Blocks: []doc.Block{doc.Lines(markup.Format("🔑 %s asks for access in this channel.", user))}}
	open := false
	for _, w := range r.Wishes {
		if w.Given != nil {
			d.Blocks = append(d.Blocks, doc.Lines(markup.Format("to %s: %s", wish(w), granted(w))))
			continue
		}
		open = true
		d.Blocks = append(d.Blocks, doc.Row(markup.Format("to %s", wish(w)), r.button(w)))
	}
	if open {
		d.Blocks = append(d.Blocks, doc.Lines(markup.Format("An admin can grant each for an hour: %s", r.Admins.names()), r.lasting()))
	}
	return d
}
