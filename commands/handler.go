package commands

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/storage"
)

// Request is one invocation with who sent it, where, and the key under which it is one wish however often it is delivered.
type Request struct {
	Invocation Invocation
	User       string // Slack user id
	Channel    string // Slack channel id, "" where it is still to be chosen
	Operation  string
	Placed     func() // told that what comes after this one cannot overtake it any more; nil for nobody
}

// placed says that what comes after this request cannot overtake it any more.
func (r Request) placed() {
	if r.Placed != nil {
		r.Placed()
	}
}

// Cloud is what commands need of the Cloud 66 API.
type Cloud interface {
	DeploymentRange(ctx context.Context, uid string, offset, limit int) (cloud66.DeploymentRange, error)
	Deployment(ctx context.Context, uid string, id int64) (cloud66.Deployment, error)
	Services(ctx context.Context, uid string) ([]cloud66.Service, error)
}

// Progress carries out what changes something and follows it to its end.
type Progress interface {
	// Turn waits, behind what came before, also before a restart, for the turn of a verb on a stack, and gives the function that ends it. As
	// soon as its place is taken, placed is called.
	Turn(ctx context.Context, verb Verb, uid string, placed func()) (done func(), err error)
	// Redeploy posts the card, sends the wish to Cloud 66 once, and follows what comes of it. The card tells the rest.
	Redeploy(ctx context.Context, operation string, follow storage.Follow) error
	// Follow posts a card for a deployment that somebody started.
	Follow(ctx context.Context, operation string, follow storage.Follow) error
	// Cancel asks Cloud 66 to end a deployment and has the channel see what comes of it.
	Cancel(ctx context.Context, operation string, follow storage.Follow) (cloud66.CancelAnswer, error)
	// Refresh looks at a card's deployment now. It reports whether the card is still followed.
	Refresh(ctx context.Context, follow string) (bool, error)
}

// People is what commands need to know of people and groups.
type People interface {
	Person(ctx context.Context, id string) (authz.Person, error)
	Group(ctx context.Context, id string) (authz.Group, error)
	// Inside reports whether the rules of a channel can mean a user as one of everyone; see authz.People.
	Inside(ctx context.Context, channel, user string) (bool, error)
}

// Channels is what commands need of the channels that they are used in.
type Channels interface {
	// Member fails with a *CardError where the bot may not post in the channel, in which a user asks for something, and with another error
	// where Slack does not tell.
	Member(ctx context.Context, channel, user string) error
	// Announce runs a change under an operation that is taken once, and has the channel told of it in the same transaction. What was taken
	// before is ErrTaken.
	Announce(ctx context.Context, req Request, change func(tx storage.Tx) ([]Announcement, error)) error
	// Amend has a message that was announced for a request say something else.
	Amend(ctx context.Context, req Request, said Announcement) error
}

// Announcement is a message that a channel is to have.
type Announcement struct {
	Key    string // one that stands already is edited
	Parent string // the key of the message in whose thread it belongs, "" for the channel itself
	Reply  Reply
	Later  bool // what somebody did goes before it
}

// ErrFollowed says that the channel has an open card of the deployment.
var ErrFollowed = errors.New("this channel follows it already")

// CardError says that the card could not be posted, so that nothing was sent to Cloud 66.
type CardError struct {
	Code string // Slack's error code, "" where what keeps the card may pass
	What string // why, as a main clause without its full stop; "" where nothing is known of it
	Do   string // what people can do
}

func (e *CardError) Error() string {
	return "the card could not be posted: " + cmp.Or(e.What, "Slack did not take it in time")
}

// Config is what a Handler works with.
type Config struct {
	Cloud     Cloud
	Directory *Directory
	Records   storage.DB
	Authz     *authz.Authorizer
	People    People
	Channels  Channels
	Progress  Progress
	Status    func() BotStatus
	Watch     func() WatchStatus // nil where nothing is watched
	// Told reports whether a subscription would have told of a past deployment, on a stack where one usually takes so long.
	Told         func(s storage.Subscription, e Entry, usual time.Duration) bool
	Resubscribed func(ctx context.Context) error // told that what channels subscribe to was changed; nil for nobody
	Command      string                          // the slash command's name, for examples
	Profiles     []string                        // deployment profiles to offer
	SlackWords   func(code string) string        // puts an error code of Slack's into words
	Log          *slog.Logger
}

// Handler carries out invocations.
type Handler struct {
	Config
}

// New makes a Handler.
func New(cfg Config) *Handler { return &Handler{Config: cfg} }

// Do carries out a request. Whatever goes wrong is a Reply too.
func (h *Handler) Do(ctx context.Context, req Request) Reply {
	do, reply := h.Prepare(ctx, req)
	if do == nil {
		return reply
	}
	return do(ctx)
}

// Prepare finds out what a request means and decides whether it may be. What is refused, unknown or ambiguous gets its Reply at once;
// otherwise do carries the request out and gives the Reply, which may be nil.
func (h *Handler) Prepare(ctx context.Context, req Request) (do func(context.Context) Reply, reply Reply) {
	started := time.Now()
	run, err := h.prepare(req.purpose(ctx), req)
	if err != nil {
		return nil, h.said(ctx, req, started, nil, err)
	}
	return func(ctx context.Context) Reply {
		reply, err := run(req.purpose(ctx))
		return h.said(ctx, req, started, reply, err)
	}, nil
}

// purpose marks what a request needs of Cloud 66 as its author's, and as what may be kept for it.
func (r Request) purpose(ctx context.Context) context.Context {
	if r.Invocation.Writes() {
		return cloud66.Changing(ctx, r.User)
	}
	return cloud66.Reading(ctx, r.User)
}

// said logs a request that is done with, and puts an error into words.
func (h *Handler) said(ctx context.Context, req Request, started time.Time, reply Reply, err error) Reply {
	if err != nil {
		reply = h.problem(ctx, req, err)
	}
	h.Log.InfoContext(ctx, "command", "verb", req.Invocation.Verb, "user", req.User, "channel", req.Channel, "operation", req.Operation,
		"stack", req.Invocation.UID+req.Invocation.Stack, "reply", kindOf(reply), "took", time.Since(started).Round(time.Millisecond))
	return reply
}

// prepare decides on a request, and gives the function that carries it out.
func (h *Handler) prepare(ctx context.Context, req Request) (do func(context.Context) (Reply, error), err error) {
	c := &call{Request: req, spec: req.Invocation.spec()}
	if c.spec.Verb == "" {
		return nil, h.refuse(ctx, req, "there is no such command")
	}
	c.run = func(ctx context.Context) (Reply, error) { return c.spec.run(h, ctx, c) }
	if c.spec.Right == "" && c.spec.gate == nil {
		return c.run, nil
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
	return c.run, nil
}

// unknown records that something was refused because it could not be found out who may.
func (h *Handler) unknown(ctx context.Context, req Request, err error) error {
	return errors.Join(err, h.Authz.Refuse(ctx, req.asked(storage.StackRef{}), err.Error()))
}

func (r Request) subject() authz.Subject { return authz.Subject{User: r.User, Channel: r.Channel} }

// right is what the invocation needs, "" where anyone may.
func (i Invocation) right() authz.Action {
	spec := i.spec()
	if spec.rightOf != nil {
		return spec.rightOf(i)
	}
	return spec.Right
}

// asked is a request for the gate that decides and records.
func (r Request) asked(stack storage.StackRef) authz.Request {
	name := cmp.Or(stack.String(), r.Invocation.Stack, r.Invocation.UID)
	return authz.Request{
		Subject: r.subject(), Action: r.Invocation.right(), Stack: stack, Asked: r.Invocation.line(name), Operation: r.Operation,
		Changes: r.Invocation.Changes(),
	}
}

// gateStack finds the stack that is meant, among those that the person may see, and decides.
func (h *Handler) gateStack(ctx context.Context, c *call) (err error) {
	if c.stack, err = h.target(ctx, c.Request, c.standing); err != nil {
		return err
	}
	return renamed(c.Invocation, c.stack)
}

// gateSome is for what is of no one stack: whoever has the right on some stack may.
func (h *Handler) gateSome(ctx context.Context, c *call) error {
	if c.standing.Some(c.spec.Right) {
		return nil
	}
	return h.refuse(ctx, c.Request, noneAtAll)
}
