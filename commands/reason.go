package commands

import "c66bot/storage"

// AsksReason reports whether the invocation is by a button and still lacks the reason that it takes.
func (i Invocation) AsksReason() bool {
	return i.Fill && i.Options[Override] != "" || i.Verb == Reject && i.Options[Reason] == ""
}

// ReasonWanted returns the label of the window that asks for the reason, and what becomes of it.
func (i Invocation) ReasonWanted() (label, about string) {
	if i.Verb == Reject {
		return "Reject", "Who asked for it reads why."
	}
	return "Override", "The stack is locked. The card and the audit show why you deploy it all the same."
}

// reasonless rejects what takes a reason and has none.
func (s Spec) reasonless(i Invocation) error {
	if i.Options[Override] != "" && i.Options[Reason] == "" && !i.Fill {
		return s.usage("--override", "--override takes a reason: write why after --reason.")
	}
	return nil
}

// wantsReason is the answer to what lacks a reason where no window can ask for it.
func (h *Handler) wantsReason(inv Invocation, stack storage.StackRef) ProblemReply {
	inv.Options[Reason] = "WHY"
	if inv.spec().Button {
		return ProblemReply{
			What: "This takes a reason, and Slack opened no window to ask for it.", State: "Nothing was done.", Do: "Click again.",
		}
	}
	return ProblemReply{
		Stack: &stack, What: "this takes a reason, and Slack opened no window to ask for it.", State: "Nothing was done.",
		Do: "Write it in the command.", Command: h.Command, Example: inv.line(typeable(stack)),
	}
}
