package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/storage"
)

// Request is one invocation with who sent it, where, and the key under which it is one wish however often it is delivered.
type Request struct {
	Invocation Invocation
	User       string // Slack user id
	Channel    string // Slack channel id
	Operation  string
}

// Cloud is what commands need of the Cloud 66 API.
type Cloud interface {
	DeploymentRange(ctx context.Context, uid string, offset, limit int) (cloud66.DeploymentRange, error)
	Deployment(ctx context.Context, uid string, id int64) (cloud66.Deployment, error)
	Services(ctx context.Context, uid string) ([]cloud66.Service, error)
}

// Progress carries out what changes something and follows it to its end.
type Progress interface {
	// Redeploy posts the card, sends the wish to Cloud 66 once, and follows what comes of it. The card tells the rest.
	Redeploy(ctx context.Context, operation string, follow storage.Follow) error
	// Follow posts a card for a deployment that somebody started.
	Follow(ctx context.Context, operation string, follow storage.Follow) error
	// Cancel asks Cloud 66 to end a deployment and has the channel see what comes of it.
	Cancel(ctx context.Context, operation string, follow storage.Follow) (cloud66.CancelAnswer, error)
	// Refresh looks at a card's deployment now. It reports whether the card is still followed.
	Refresh(ctx context.Context, follow string) (bool, error)
}

var (
	// ErrTaken says that the operation was taken before: Slack delivered it twice, or a button was clicked twice.
	ErrTaken = errors.New("this was already taken")
	// ErrFollowed says that the channel has an open card of the deployment.
	ErrFollowed = errors.New("this channel follows it already")
)

// errAdmins says that it is not known whether somebody is an admin.
var errAdmins = errors.New("who is an admin could not be found out")

// maxOptions is how many buttons a choice offers; Slack shows 25 in a block.
const maxOptions = 20

// CardError says that the card could not be posted, so that nothing was sent to Cloud 66.
type CardError struct {
	Code string // Slack's error code, "" where Slack did not answer in time
}

func (e *CardError) Error() string {
	if e.Code == "" {
		return "the card could not be posted in time"
	}
	return "the card could not be posted: " + e.Code
}

// Config is what a Handler works with.
type Config struct {
	Cloud     Cloud
	Directory *Directory
	Records   storage.DB
	Authz     *authz.Authorizer
	Progress  Progress
	Command   string   // the slash command's name, for examples
	Profiles  []string // deployment profiles to offer
	Log       *slog.Logger
}

// Handler carries out invocations.
type Handler struct {
	Config
	stackLocks keyedLock
}

// New makes a Handler.
func New(cfg Config) *Handler { return &Handler{Config: cfg} }

// Do carries out a request. Whatever goes wrong is a Reply too.
func (h *Handler) Do(ctx context.Context, req Request) Reply {
	started := time.Now()
	decision := h.decide(ctx, req.User, req.Invocation.right())
	reply, err := h.answer(ctx, req, decision)
	if err != nil {
		reply = h.problem(ctx, req, err)
	}
	h.Log.InfoContext(ctx, "command", "verb", req.Invocation.Verb, "user", req.User, "channel", req.Channel, "operation", req.Operation,
		"stack", req.Invocation.UID+req.Invocation.Stack, "allowed", decision.Allowed, "why", decision.Reason, "reply", fmt.Sprintf("%T", reply),
		"took", time.Since(started).Round(time.Millisecond))
	return reply
}

// right is what the invocation needs, "" where anyone may.
func (i Invocation) right() authz.Action {
	if i.Verb == Refresh {
		return authz.View
	}
	spec, _ := specOf(string(i.Verb))
	return spec.Right
}

func (h *Handler) decide(ctx context.Context, user string, right authz.Action) authz.Decision {
	if right == "" {
		return authz.Decision{Allowed: true, Reason: "anyone may"}
	}
	return h.Authz.Decide(ctx, authz.Subject{User: user}, right)
}

func (h *Handler) answer(ctx context.Context, req Request, decision authz.Decision) (Reply, error) {
	switch {
	case decision.Allowed:
		return h.run(ctx, req)
	case decision.Err != nil:
		return nil, fmt.Errorf("%w: %w", errAdmins, decision.Err)
	default:
		return RefusalReply{Right: req.Invocation.right(), Admins: h.admins()}, nil
	}
}

// dismiss takes a No. A Yes to the same question counts no more.
func (h *Handler) dismiss(ctx context.Context, req Request) (Reply, error) {
	err := h.Records.Update(ctx, func(tx storage.Tx) error {
		_, err := storage.Operations.Get(tx, req.Operation)
		switch {
		case err == nil:
			return ErrTaken
		case !errors.Is(err, storage.ErrNotFound):
			return err
		}
		return storage.Operations.Put(tx, req.Operation, storage.Operation{Key: req.Operation, User: req.User, At: time.Now()})
	})
	if err != nil {
		return nil, err
	}
	return NoticeReply{Text: "All right. Nothing was done."}, nil
}

func (h *Handler) run(ctx context.Context, req Request) (Reply, error) {
	var do func(context.Context, cloud66.Stack, Request) (Reply, error)
	switch req.Invocation.Verb {
	case Help:
		return h.help(ctx, req)
	case Dismiss:
		return h.dismiss(ctx, req)
	case Refresh:
		return h.refresh(ctx, req)
	case List:
		do = h.list
	case Show:
		do = h.show
	case Follow:
		do = h.follow
	case Cancel:
		do = h.cancel
	case Redeploy:
		do = h.redeploy
	default:
		return nil, fmt.Errorf("no command does %q", req.Invocation.Verb)
	}
	stack, reply, err := h.stack(ctx, req.Invocation)
	if err != nil || reply != nil {
		return reply, err
	}
	return do(ctx, stack, req)
}

// stack finds the stack that is meant. A Reply instead of it asks which one, or says that there is none.
func (h *Handler) stack(ctx context.Context, inv Invocation) (cloud66.Stack, Reply, error) {
	if inv.UID != "" {
		stack, ok, err := h.Directory.byUID(ctx, inv.UID)
		if err != nil || ok {
			return stack, nil, err
		}
		return cloud66.Stack{}, ProblemReply{
			What: "That stack is not there any more.", State: "Nothing was done.",
			Do: "It was deleted, or the bot's Cloud 66 token may no longer see it.",
		}, nil
	}
	found, near, err := h.Directory.find(ctx, inv.Stack)
	if err != nil {
		return cloud66.Stack{}, nil, err
	}
	switch len(found) {
	case 0:
		return cloud66.Stack{}, h.unknownStack(inv, near), nil
	case 1:
		return found[0], nil, nil
	default:
		return cloud66.Stack{}, choice(inv, found), nil
	}
}

func (h *Handler) unknownStack(inv Invocation, near []string) Reply {
	p := ProblemReply{What: fmt.Sprintf("I know no stack %s.", quoted(inv.Stack)), Command: h.Command}
	switch len(near) {
	case 0:
		p.Do = "Check its name in the Cloud 66 dashboard; the environment goes behind an @, as in name@environment."
	case 1:
		p.Do = fmt.Sprintf("Did you mean %s?", quoted(near[0]))
	default:
		p.Do = "Did you mean one of these: " + joinQuoted(near) + "?"
	}
	if len(near) > 0 {
		p.Example = string(inv.Verb) + " " + shellWord(near[0])
	}
	return p
}

// choice offers the stacks of one name as buttons that carry on with the same request.
func choice(inv Invocation, found []cloud66.Stack) Reply {
	reply := ChoiceReply{What: fmt.Sprintf("%s fits %d stacks. Which one?", quoted(inv.Stack), len(found))}
	if len(found) > maxOptions {
		reply.What = fmt.Sprintf("%s fits %d stacks; here are the first %d. Which one?", quoted(inv.Stack), len(found), maxOptions)
		found = found[:maxOptions]
	}
	inv = inv.once()
	inv.Stack = ""
	for i, label := range labels(found) {
		inv.UID = found[i].UID
		reply.Options = append(reply.Options, ChoiceOption{Label: label, Invocation: inv})
	}
	return reply
}

// labels names each stack so that no two have the same name: as name@environment, else with the account too, else with the UID.
func labels(stacks []cloud66.Stack) []string {
	ways := []func(s cloud66.Stack) string{
		func(s cloud66.Stack) string { return refOf(s).String() },
		func(s cloud66.Stack) string { return refOf(s).String() + " · " + s.AccountName },
		func(s cloud66.Stack) string { return refOf(s).String() + " · " + s.UID },
	}
	names := make([]string, len(stacks))
	for i, s := range stacks {
		for _, way := range ways {
			names[i] = way(s)
			if !slices.ContainsFunc(stacks, func(other cloud66.Stack) bool { return other.UID != s.UID && way(other) == way(s) }) {
				break
			}
		}
	}
	return names
}

func (h *Handler) admins() Admins {
	users, groups := h.Authz.Admins()
	return Admins{Users: users, Groups: groups}
}

func (h *Handler) help(ctx context.Context, req Request) (Reply, error) {
	reply := HelpReply{Command: h.Command, Profiles: h.Profiles, Admins: h.admins()}
	for _, spec := range Specs {
		decision := h.decide(ctx, req.User, spec.Right)
		if decision.Err != nil {
			return nil, fmt.Errorf("%w: %w", errAdmins, decision.Err)
		}
		if decision.Allowed {
			reply.Specs = append(reply.Specs, spec)
		}
	}
	reply.MayNot = len(reply.Specs) < 2
	if topic, ok := specOf(req.Invocation.Topic); ok && !reply.MayNot {
		reply.Topic = &topic
	}
	return reply, nil
}

// keyedLock lets one at a time through for each key. Its zero value works.
type keyedLock struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

// lock waits for the key and gives the function that lets go of it.
func (k *keyedLock) lock(ctx context.Context, key string) (func(), error) {
	for {
		k.mu.Lock()
		if k.held == nil {
			k.held = map[string]chan struct{}{}
		}
		gone, taken := k.held[key]
		if !taken {
			gone = make(chan struct{})
			k.held[key] = gone
			k.mu.Unlock()
			return func() {
				k.mu.Lock()
				delete(k.held, key)
				k.mu.Unlock()
				close(gone)
			}, nil
		}
		k.mu.Unlock()
		select {
		case <-gone:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
