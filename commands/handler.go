package commands

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"c66bot/authz"
	"c66bot/authz/guard"
	"c66bot/bot/card/markup"
	"c66bot/cloud66"
	"c66bot/storage"
)

// Request is an invocation with its author, its channel and its operation key, which is the same for every delivery.
type Request struct {
	Invocation Invocation
	User       string // Slack user id
	Channel    string // Slack channel id, "" until chosen
	Operation  string
}

// Cloud is the part of the Cloud 66 API that commands use.
type Cloud interface {
	DeploymentRange(ctx context.Context, uid string, offset, limit int) (cloud66.DeploymentRange, error)
	Deployment(ctx context.Context, uid string, id int64) (cloud66.Deployment, error)
	Services(ctx context.Context, uid string) ([]cloud66.Service, error)
}

// Progress executes changes and follows them until they end.
type Progress interface {
	// Redeploy posts the card, sends the request to Cloud 66 once, and follows its deployment. The card shows the outcome.
	Redeploy(ctx context.Context, start Start) error
	// Follow posts a card for an existing deployment.
	Follow(ctx context.Context, start Start) error
	// Cancel asks Cloud 66 to cancel a deployment and shows the outcome in the channel.
	Cancel(ctx context.Context, start Start) (cloud66.CancelAnswer, error)
	// Refresh polls the deployment of a card now. It reports whether the card is still followed.
	Refresh(ctx context.Context, follow string) (bool, error)
}

// Start is a change on a stack that begins with a card. One transaction settles its operation, records its follow and its card, and runs
// Decided.
type Start struct {
	Operation string
	Follow    storage.Follow
	Seen      *cloud66.Deployment // what is followed, as the first post of its card shows it; nil for a redeploy
	// Decided runs in that transaction, before anything is sent to Cloud 66. It records why the change is allowed; an error begins nothing.
	// What must hold at the moment of the beginning is checked here.
	Decided func(tx storage.Tx) error

	keep      func(tx storage.Tx) error // records what runs before it, where it may begin; nil for nothing
	ships     markup.Text               // what changes on the servers, empty if that is unknown
	call      *call                     // by which it was asked for
	approved  bool                      // others have approved it
	overrides []string                  // the locks that who asked for it overrides
}

// start returns the start of a change with a card.
func (c *call) start(f storage.Follow) Start {
	f.Stack, f.Channel, f.Asker, f.Healthy = RefOf(c.stack), c.Channel, c.User, c.stack.Health == cloud66.HealthHealthy
	return Start{Operation: c.Operation, Follow: f, Decided: c.decided, call: c}
}

// People looks up users and groups.
type People interface {
	Person(ctx context.Context, id string) (authz.Person, error)
	Group(ctx context.Context, id string) (authz.Group, error)
	// GroupsOf returns the ids of the enabled groups that contain the user.
	GroupsOf(ctx context.Context, user string) ([]string, error)
	// Inside reports whether a channel's rules for everyone can apply to a user; see authz.People.
	Inside(ctx context.Context, channel, user string) (bool, error)
}

// Channels is the interface to the channels in which commands are used.
type Channels interface {
	// Member fails with a *CardError if the bot cannot post in the channel from which the user's request comes, and with another
	// error if Slack does not answer.
	Member(ctx context.Context, channel, user string) error
	// Announce executes a change once per operation key and enqueues its announcements in the same transaction. It fails with
	// ErrTaken if the operation was taken before.
	Announce(ctx context.Context, req Request, change func(tx storage.Tx) ([]Announcement, error)) error
	// Amend replaces the content of a message announced for a request.
	Amend(ctx context.Context, req Request, said Announcement) error
}

// Announcement is a message to post in the channel of a request.
type Announcement struct {
	Key    string // of the message; an existing one is edited
	Parent string // key of the thread's parent message, "" for none
	Reply  Reply
	Later  bool // not urgent: the results of users' actions go first

	Channel string // another channel than the request's
	User    string // a user, who gets it as a direct message instead
	Stays   bool   // it is edited later
}

// ErrFollowed means that the channel already has an open card of the deployment.
var ErrFollowed = errors.New("this channel follows it already")

// CardError means that the card could not be posted, so that nothing was sent to Cloud 66.
type CardError struct {
	Code string // Slack's error code, "" if the cause may be temporary
	What string // the cause as a main clause without full stop; "" if unknown
	Do   string // the remedy for the user
}

func (e *CardError) Error() string {
	return "the card could not be posted: " + cmp.Or(e.What, "Slack did not take it in time")
}

// Config holds the dependencies and settings of a Handler.
type Config struct {
	Cloud     Cloud
	Directory *Directory
	Records   storage.DB
	Authz     *authz.Authorizer
	People    People
	Channels  Channels
	Progress  Progress
	Status    func() BotStatus
	Watch     func() WatchStatus
	// Announces reports whether a subscription would have announced a past deployment, given the stack's usual deployment time.
	Announces    func(s storage.Subscription, e Entry, usual time.Duration) bool
	Resubscribed func(ctx context.Context) error // called after a change of subscriptions
	Waits        func()                          // called after somebody began to wait for a stack to be free
	Command      string                          // the slash command's name, for examples
	Profiles     []string                        // deployment profiles offered in the form
	// Page returns a stack's page in Cloud 66's dashboard, zero for none.
	Page func(storage.StackRef) markup.Address
	// ApprovalsExpire is how long a request waits for approval.
	ApprovalsExpire time.Duration
	SlackWords      func(code string) string // describes a Slack error code
	Log             *slog.Logger
}

// Handler executes invocations.
type Handler struct {
	Config

	shelf *guard.Shelf
}

// New returns a Handler with the configuration.
func New(cfg Config) *Handler {
	h := &Handler{Config: cfg, shelf: new(guard.Shelf)}
	h.ApprovalsExpire = cmp.Or(cfg.ApprovalsExpire, time.Hour)
	h.Progress = guarded{cfg.Progress, h}
	return h
}

// Step is a part of a request's work. The steps in one queue run one after another, in the order in which they were added; "" is no queue.
type Step struct {
	Queue string
	// Do returns the next step, or else the Reply, which may be nil.
	Do func(ctx context.Context) (Reply, *Step)
}

// QueueOf returns the queue of a verb on a stack. Each verb has its own: a cancel does not wait behind a redeploy.
func QueueOf(verb Verb, uid string) string { return string(verb) + "/" + uid }

// Prepare resolves and authorizes a request. A refused, unknown or ambiguous one gets its Reply at once; otherwise do executes the
// request: it is a Step's Do, to be called in the turn of the author's requests in the channel.
func (h *Handler) Prepare(ctx context.Context, req Request) (do func(context.Context) (Reply, *Step), reply Reply) {
	started := time.Now()
	c, err := h.prepare(req.purpose(ctx), req)
	if err != nil {
		return nil, h.said(ctx, req, started, nil, err)
	}
	if c.Invocation.AsksReason() {
		named := c.stack
		if c.source.UID != "" {
			named = c.source
		}
		return nil, h.said(ctx, req, started, h.wantsReason(c.Invocation, RefOf(named)), nil)
	}
	return h.step(c, started, func(ctx context.Context) (Reply, error) { return c.spec.run(h, ctx, c) }), nil
}

func (h *Handler) step(c *call, started time.Time, run func(context.Context) (Reply, error)) func(context.Context) (Reply, *Step) {
	return func(ctx context.Context) (Reply, *Step) {
		c.rest = nil
		reply, err := run(c.purpose(ctx))
		if rest := c.rest; rest != nil && err == nil {
			return nil, &Step{Queue: c.queue, Do: h.step(c, started, rest)}
		}
		return h.said(ctx, c.Request, started, reply, err), nil
	}
}

// then has the rest of a call run in a queue. The command returns its result.
func (c *call) then(queue string, rest func(ctx context.Context) (Reply, error)) (Reply, error) {
	c.queue, c.rest = queue, rest
	return nil, nil
}

// purpose charges the Cloud 66 requests to the user and, for a change, lets them use the reserve.
func (r Request) purpose(ctx context.Context) context.Context {
	if r.Invocation.Writes() {
		return cloud66.Changing(ctx, r.User)
	}
	return cloud66.Reading(ctx, r.User)
}

// said logs a finished request and turns an error into a Reply.
func (h *Handler) said(ctx context.Context, req Request, started time.Time, reply Reply, err error) Reply {
	card, _ := errors.AsType[*CardError](err)
	if err != nil {
		reply = h.problem(ctx, req, err)
	}
	stack := cmp.Or(req.Invocation.Stack, req.Invocation.Shown, req.Invocation.UID)
	h.Log.InfoContext(ctx, "command", "asked", req.Invocation.line(stack), "user", req.User, "channel", req.Channel, "stack", stack,
		"result", resultOf(reply), "took_ms", time.Since(started).Milliseconds(), "operation", req.Operation)
	if card == nil && !errors.Is(err, authz.ErrUnknown) { // else the reply says it, or Slack cannot be asked
		reply = h.elsewhere(ctx, req, reply)
	}
	return reply
}

func (h *Handler) prepare(ctx context.Context, req Request) (c *call, err error) {
	c = &call{Request: req, spec: req.Invocation.spec()}
	if c.spec.Verb == "" {
		return nil, h.refuse(ctx, req, "there is no such command")
	}
	if c.spec.Right == "" && c.spec.gate == nil {
		return c, nil
	}
	if c.standing, err = h.Authz.Standing(ctx, req.subject()); err != nil {
		return nil, h.unknown(ctx, req, err)
	}
	gate := (*Handler).gateSome
	switch {
	case c.spec.gate != nil:
		gate = c.spec.gate
	case c.spec.Right == authz.Admin:
		gate = (*Handler).gateRules
	case c.spec.OnStack():
		gate = (*Handler).gateStack
	}
	if err := gate(h, ctx, c); err != nil {
		return nil, err
	}
	return c, nil
}

// unknown records a refusal because the decision failed.
func (h *Handler) unknown(ctx context.Context, req Request, err error) error {
	return errors.Join(err, h.Authz.Refuse(ctx, req.asked(storage.StackRef{}), err.Error()))
}

func (r Request) subject() authz.Subject { return authz.Subject{User: r.User, Channel: r.Channel} }

// right returns the right required by the invocation, "" if anyone may use it.
func (i Invocation) right() authz.Action {
	spec := i.spec()
	if spec.rightOf != nil {
		return spec.rightOf(i)
	}
	return spec.Right
}

// asked returns the request for authorization on a stack.
func (r Request) asked(stack storage.StackRef) authz.Request {
	name := cmp.Or(stack.String(), r.Invocation.Stack, r.Invocation.UID)
	return authz.Request{
		Subject: r.subject(), Action: r.Invocation.right(), Stack: stack, Asked: r.Invocation.line(name), Operation: r.Operation,
		Changes: r.Invocation.Changes(),
	}
}

// asked returns the request for authorization on a stack, with the command as it was given.
func (c *call) asked(stack storage.StackRef) authz.Request {
	asked := c.Request.asked(stack)
	if c.source.UID != "" { // the command names another stack
		asked.Source = RefOf(c.source)
		asked.Asked = c.Invocation.line(asked.Source.String())
	}
	return asked
}

// gateStack finds the stack among those visible to the user, and authorizes the request on it.
func (h *Handler) gateStack(ctx context.Context, c *call) (err error) {
	if c.Invocation.nowhere() {
		return h.gateSome(ctx, c)
	}
	if c.stack, err = h.target(ctx, c); err != nil {
		return err
	}
	return renamed(c.Invocation, c.stack)
}

// gateSome authorizes a request about no particular stack: the right on some stack suffices.
func (h *Handler) gateSome(ctx context.Context, c *call) error {
	if c.standing.Some(c.spec.Right) {
		return nil
	}
	return h.refuse(ctx, c.Request, noneAtAll)
}
