package commands

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/cloud66"
)

// UsageReply answers a line that cannot be read.
type UsageReply struct {
	What    string
	Command string      // what a line begins with
	Line    string      // the person's own line, repaired; "" if it cannot be
	Run     *Invocation // what the repaired line does; nil if something is left out of it
	Shape   string      // their line with what is missing, as the help writes it
	Example string      // another command
}

// Document shows the repaired line, to run or to copy.
func (r UsageReply) Document() doc.Document {
	lines, button := []markup.Text{markup.Format("%s", r.What)}, doc.Button{}
	code := func(line string) markup.Text { return markup.Code(r.Command + " " + line) }
	switch {
	case r.Line != "":
		lines[0] = markup.Format("%s Did you mean this?", r.What)
		lines = append(lines, code(r.Line))
	case r.Shape != "":
		lines = append(lines, markup.Format("Write it like this: %s", code(r.Shape)))
	case r.Example == string(Help):
		lines = append(lines, markup.Format("What I do know: %s", code(r.Example)))
	case r.Example != "":
		lines = append(lines, markup.Format("For example: %s", code(r.Example)))
	}
	if r.Run != nil {
		button = Button("Run it", *r.Run, "run").As(doc.Primary)
	}
	return doc.Say("usage", lines...).With(doc.Buttons(button))
}

// maxWhich is the maximum number of stacks that are offered where none is named.
const maxWhich = 10

// Unread answers a text that ParseHere rejects: by the same line, repaired as far as possible, or by the stacks that it may be about. It
// asks nobody, so that a slip costs nothing, and knows only the stacks that the user sees.
func (h *Handler) Unread(ctx context.Context, req Request, text string, here Here, wrong *UsageError) Reply {
	reply := UsageReply{What: wrong.What, Command: h.Command}
	standing, stacks := h.seenNow(ctx, req)
	all, m := splits(text), mending{here, knowing(stacks), h.Profiles}
	if len(all) == 1 && len(all[0]) > 0 && len(all[0]) <= maxMended {
		l := lineOf(all[0])
		if asked := whichStack(l, only(stacks, may(standing, cmp.Or(l.spec.Right, authz.View)))); asked != nil {
			return h.elsewhere(ctx, req, asked)
		}
		reply.Shape = m.called(l).shape()
	}
	found, ok := m.mend(text)
	if ok && (found.sure || reply.Shape == "") {
		reply.What, reply.Line, reply.Shape = cmp.Or(found.says, reply.What), found.Typed(), ""
		if found.sure {
			run := found.once()
			reply.Run = &run
		}
	}
	reply.Example = exampleFor(wrong.Example, stacks)
	return h.elsewhere(ctx, req, reply)
}

// seenNow returns the stacks that the user sees, as they are known without asking.
func (h *Handler) seenNow(ctx context.Context, req Request) (authz.Standing, []cloud66.Stack) {
	standing, err := h.Authz.Standing(ctx, req.subject())
	if err != nil {
		h.Log.WarnContext(ctx, "what somebody sees could not be found out", "user", req.User, "error", err)
		return standing, nil
	}
	if !standing.Some(authz.View) {
		return standing, nil
	}
	stacks, _ := h.Directory.Whole(cloud66.Reading(ctx, req.User))
	seen := only(stacks, may(standing, authz.View))
	sortStacks(seen)
	return standing, seen
}

// whichStack asks for the stack that a line lacks, by buttons. It returns nil if there is no saying.
func whichStack(l line, stacks []cloud66.Stack) Reply {
	if !l.spec.OnStack() || len(l.args()) > 0 || len(stacks) == 0 {
		return nil
	}
	inv, err := parseWords(append(slices.Clip(l.words), kept(stacks[0].UID)), Here{})
	if err != nil {
		return nil
	}
	return which("Which stack?", inv, stacks)
}

// which asks on which stack a request is to go on. Of many it offers those with the latest activity.
func which(what string, inv Invocation, stacks []cloud66.Stack) Reply {
	sortStacks(stacks)
	if len(stacks) > maxWhich {
		slices.SortStableFunc(stacks, func(a, b cloud66.Stack) int { return b.LastActivity.Compare(a.LastActivity) })
		what = fmt.Sprintf("%s Here are the %d with the latest activity, of %d. For another one, give the command with its name.",
			what, maxWhich, len(stacks))
		stacks = stacks[:maxWhich]
	}
	return choiceOf(what, choices(inv, refsOf(stacks)))
}

// exampleFor puts a stack that the user sees into an example; "" if it needs one and they see none.
func exampleFor(example string, stacks []cloud66.Stack) string {
	switch {
	case !strings.Contains(example, exampleStack) && !strings.Contains(example, otherExample):
		return example
	case len(stacks) == 0:
		return ""
	}
	name := shellWord(typeable(RefOf(stacks[0])))
	return strings.NewReplacer(exampleStack, name, otherExample, name).Replace(example)
}

// Mentioned returns the handler of requests that begin with a mention. Its examples do too: in a thread Slack has no slash commands.
func (h *Handler) Mentioned() *Handler {
	mentioned := *h
	mentioned.Command = botName
	return &mentioned
}
