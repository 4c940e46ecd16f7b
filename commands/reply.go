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
	Direct   bool // in a direct message
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
	Offset  int // of the first entry, from 0; where the list is narrowed, of the first that was looked at
	Total   int
	At      time.Time

	Filter Invocation // with the Outcome and By that it is narrowed to, and the Page that was typed; the zero value where it is not narrowed
	Trail  string     // of this page, where it is narrowed
	Older  string     // the trail of the page behind it, "" where there is none
	Looked int        // how many deployments were looked through for this page, where it is narrowed
}

// DetailReply is one deployment with every field that the API gives.
type DetailReply struct {
	Stack storage.StackRef
	Entry Entry
	Usual time.Duration // the stack's usual time, 0 where unknown
	Git   bool          // the stack can deploy a commit by its hash
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

// RefusalReply says that a right is missing, who has it here, and who could give it.
type RefusalReply struct {
	Right   authz.Action
	Stack   *storage.StackRef // that may be named, since they see it; else nil
	Typed   string            // the stack as it was typed, where they see none that it could be
	Near    []string          // what else it could have been, of what they see
	Holders []string          // whom the channel's rules allow it: ids of users and groups, or everyone
	Denied  string            // the id of the rule that denies it, "" where none does
	Admins  Admins
	Direct  bool        // in a direct message, where no rule helps
	Outside bool        // they are not a member of the channel, which is private, or the bot is not
	NoRules bool        // the channel has none
	Command string      // the slash command's name, for Rule
	Rule    string      // the command that would give the right, for an admin to copy; "" where a rule would not help
	Ask     *Invocation // asks an admin for the right; nil where that leads nowhere
}

// StacksReply is one page of the stacks that somebody may see.
type StacksReply struct {
	Text   string // what their names hold, "" for all
	Stacks []StackEntry
	Page   int // from 1
	Offset int // of the first, from 0
	Total  int
	At     time.Time
}

// StackEntry is one stack with its newest deployment.
type StackEntry struct {
	Stack  cloud66.Stack
	Newest *cloud66.Deployment // nil where it is not known
	Never  bool                // it was never deployed
}

// AccessReply is one page of a channel's rules.
type AccessReply struct {
	Rules  []storage.Rule
	Page   int
	Offset int
	Total  int
	Admins Admins
}

// WhyReply says which rule decides on something.
type WhyReply struct {
	Right    authz.Action
	Stack    storage.StackRef
	User     string
	Decision authz.Decision
}

// RuleReply tells the channel that a rule was made or taken back.
type RuleReply struct {
	Rule    storage.Rule
	Handle  string // of the group that it is for, which is not to be pinged
	By      string
	Revoked bool
}

// RequestReply asks the admins, in the channel, for rights.
type RequestReply struct {
	User   string
	Wishes []Wished
	Admins Admins
}

// Wished is one right that somebody asks for.
type Wished struct {
	Right string
	Glob  string
	Grant Invocation
	Given *storage.Rule // once an admin has
}

// OpenReply offers the form of a redeploy to somebody for whom it could not be opened at once.
type OpenReply struct {
	Stack storage.StackRef
	Form  Invocation
}

// FormReply is the form of a redeploy, filled in as far as it is known.
type FormReply struct {
	Channel  string            // whose rules decide and where the card goes, "" while it is to be chosen
	Choose   bool              // the channel can be chosen
	Stack    *storage.StackRef // nil while it is to be chosen
	Note     Reply             // why it is to be chosen, where another one was typed; else nil
	Facts    []string          // what one should know before sending it
	Git      bool              // the stack takes a ref
	Branch   string            // that is deployed where no ref is given, "" where unknown
	Docker   bool              // the stack takes services
	Services []cloud66.Service
	Profiles []string
	Version  *cloud66.Deployment // whose commit can be deployed again, nil where the API does not allow it
	Fill     Invocation          // what is known: the options, Newest and AskedAt
}

// StatusReply says how the bot itself is.
type StatusReply struct {
	BotStatus

	Follows []storage.Follow // of stacks that the person may see, the newest first
	Watch   WatchStatus      // of stacks that the person may see
	Unknown bool             // what the person may see could not be found out
	At      time.Time
}

// BotStatus is what the bot knows of its own state.
type BotStatus struct {
	Version string
	Since   time.Time // when it was started
	Others  int       // connections of the same app that are not this bot's
	Ready   error     // nil where it can do its work
	List    error     // why the list of stacks cannot be worked with, nil where it can
	// Troubles are what keeps it from a part of it, in words; they name no stack.
	Troubles []string
	Silent   time.Time // since when Cloud 66 has not answered; zero where it does
	Budget   cloud66.BudgetState
	Ahead    time.Duration // of Slack's clock, this machine's; 0 where they agree
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
func (StacksReply) reply()   {}
func (ChoiceReply) reply()   {}
func (QuestionReply) reply() {}
func (RefusalReply) reply()  {}
func (ProblemReply) reply()  {}
func (NoticeReply) reply()   {}
func (AccessReply) reply()   {}
func (WhyReply) reply()      {}
func (RuleReply) reply()     {}
func (RequestReply) reply()  {}
func (OpenReply) reply()     {}
func (FormReply) reply()     {}
func (StatusReply) reply()   {}

// SubscribedReply tells the channel that it subscribes to stacks.
type SubscribedReply struct {
	Subscription storage.Subscription
	Whom         string   // the name or the handle of the one whom a failure mentions, "" for nobody
	Fits         int      // stacks that fit now, of those that its author may subscribe to; -1 where Cloud 66 did not tell
	Preview      *Preview // nil where it is not worked out yet, or there is nothing to work out
}

// Preview is what a subscription would have told.
type Preview struct {
	Messages int              // in the last seven days
	AtLeast  bool             // there are more, further back than one request reads
	Read, Of int              // stacks that were read, of those that have moved in these days
	Unread   int              // that Cloud 66 did not tell of, or not in time; they are not in Read
	Stack    storage.StackRef // of the newest message
	Newest   *Entry           // what it would have been about; nil where there is none
}

// UnsubscribedReply tells the channel that it does not subscribe to stacks any more.
type UnsubscribedReply struct {
	Subscriptions []storage.Subscription // that were taken back, all of the same stacks
	By            string
}

// SubscriptionsReply is one page of what a channel subscribes to.
type SubscriptionsReply struct {
	Rows    []SubscriptionRow
	Page    int // from 1
	Offset  int // of the first, from 0
	Total   int
	Unknown bool // how many stacks fit could not be found out
}

// SubscriptionRow is one subscription, as somebody is shown it.
type SubscriptionRow struct {
	Subscription storage.Subscription
	Whom         string // the name or the handle of the one whom a failure mentions, "" for nobody
	Stacks       int    // that fit and that the one who asks may see
	Powerless    bool   // its author may subscribe to nothing here any more, so that it tells of nothing
}

// SuspendedReply tells the author of subscriptions, alone, that a channel cannot be told of anything.
type SuspendedReply struct {
	Channel string
	Code    string // Slack's, why nothing can be posted there
	Stacks  []string
}

// PowerlessReply tells a channel that subscriptions of one author tell nothing, since they may subscribe to nothing there any more.
type PowerlessReply struct {
	Author        string
	Subscriptions []storage.Subscription
}

func (SubscribedReply) reply()    {}
func (UnsubscribedReply) reply()  {}
func (SubscriptionsReply) reply() {}
func (SuspendedReply) reply()     {}
func (PowerlessReply) reply()     {}

// WatchStatus is how the bot watches what channels subscribe to.
type WatchStatus struct {
	Stacks     []storage.StackRef // that are watched
	Interval   time.Duration      // between two looks at one of them, as it was reached last; 0 where that is not known yet
	LastSweep  time.Time          // when all of them were looked at last
	Unreadable []storage.StackRef // that could not be read for a while
}
