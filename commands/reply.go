package commands

import (
	"time"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/storage"
)

// Reply is what there is to say to the one who asked. A nil Reply says nothing: what was done shows elsewhere.
type Reply interface{ reply() }

// HelpReply explains the commands that this person may use, or one of them.
type HelpReply struct {
	Command  string // the slash command's name
	Specs    []Spec
	Topic    *Spec // one command in full
	Profiles []string
	MayNot   bool // this person may use nothing but help
	Admins   Admins
}

// Admins are those who could help someone without a right.
type Admins struct {
	Users  []string
	Groups []string
}

// Entry is one deployment with what this bot knows of it beyond the API.
type Entry struct {
	Deployment  cloud66.Deployment
	AskedBy     string          // Slack user whose redeploy it was, "" where it was not asked for here
	Reason      string          // given with that redeploy
	Cancelled   *storage.Cancel // asked for here
	QueuedAfter int64           // the deployment that runs before it, 0 where none is known
}

// ListReply is one page of a stack's deployments.
type ListReply struct {
	Stack   storage.StackRef
	Entries []Entry
	Page    int // from 1
	Offset  int // of the first entry, from 0
	Total   int
	At      time.Time
}

// DetailReply is one deployment with every field that the API gives.
type DetailReply struct {
	Stack storage.StackRef
	Entry Entry
	Usual time.Duration // the stack's usual time, 0 where unknown
	At    time.Time
}

// ChoiceReply lists stacks, or deployments, of which one has to be chosen; each option carries on with the same request.
type ChoiceReply struct {
	What    string
	Options []ChoiceOption
}

// ChoiceOption is a button that carries on.
type ChoiceOption struct {
	Label      string
	Invocation Invocation
}

// QuestionReply asks Yes or No.
type QuestionReply struct {
	Stack   storage.StackRef
	What    string   // the question
	Facts   []string // what one should know before answering, one line each
	YesText string   // what a Yes does, behind the word Yes
	Yes     Invocation
	Danger  bool
}

// RefusalReply says that a right is missing and who could give it.
type RefusalReply struct {
	Right  authz.Action
	Admins Admins
}

// ProblemReply says what went wrong, what state things are in, and what to do.
type ProblemReply struct {
	Stack   *storage.StackRef
	What    string
	State   string
	Do      string
	Example string // a complete command to copy, without the slash command's name
	Command string // the slash command's name, for Example
	Ref     string // a reference that the log has
}

// NoticeReply is a short word that something is as it was wanted.
type NoticeReply struct {
	Stack *storage.StackRef
	Text  string
}

func (HelpReply) reply()     {}
func (ListReply) reply()     {}
func (DetailReply) reply()   {}
func (ChoiceReply) reply()   {}
func (QuestionReply) reply() {}
func (RefusalReply) reply()  {}
func (ProblemReply) reply()  {}
func (NoticeReply) reply()   {}
