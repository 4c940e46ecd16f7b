package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/storage"
)

const (
	// maxSubscriptions is how many a channel has at most.
	maxSubscriptions = 200
	// listWait is how long it is waited for the list of stacks where it is only for a hint.
	listWait = 4 * time.Second
)

// errFull says that a channel has as many subscriptions as there can be.
var errFull = errors.New("the channel has as many subscriptions as there can be")

// subscribedError says that a channel has the very same subscription.
type subscribedError struct{ id string }

func (e *subscribedError) Error() string { return "it is subscription " + e.id }

// prepareSubscribe decides on a subscription. Whoever may subscribe to some stacks may subscribe to a pattern: it tells of those stacks alone.
func (h *Handler) prepareSubscribe(ctx context.Context, req Request, standing authz.Standing) (run, Reply, error) {
	if !standing.Some(authz.Subscribe) {
		reply, err := h.refuse(ctx, req, noneAtAll)
		return nil, reply, err
	}
	pattern, err := authz.ParsePattern(req.Invocation.Glob)
	if err != nil {
		return nil, nil, err
	}
	known, listed := h.listed(ctx, sees(standing, authz.Subscribe))
	fits := slices.DeleteFunc(slices.Clone(known), func(s cloud66.Stack) bool { return !pattern.Match(refOf(s)) })
	mine := slices.DeleteFunc(slices.Clone(fits), func(s cloud66.Stack) bool { return !standing.Decide(authz.Subscribe, refOf(s)).Allowed })
	if len(mine) == 0 && len(fits) > 0 {
		reply, err := h.notHere(ctx, req, fits[0])
		return nil, reply, err
	}
	asked, reason := req.asked(storage.StackRef{}), "somebody may subscribe to some stacks here"
	if len(mine) > 0 {
		reason = standing.Decide(authz.Subscribe, refOf(mine[0])).Reason
	}
	if len(mine) == 1 {
		asked.Stack = refOf(mine[0])
	}
	if err := h.Authz.Permit(ctx, asked, reason); err != nil {
		return nil, nil, err
	}
	s := subscribing{h: h, req: req, pattern: pattern, known: known, mine: mine, listed: listed}
	return s.run, nil, nil
}

// notHere refuses stacks that the person sees and may not subscribe to, naming the first.
func (h *Handler) notHere(ctx context.Context, req Request, stack cloud66.Stack) (Reply, error) {
	ref := refOf(stack)
	reply, err := h.authorize(ctx, req, ref)
	if err == nil && reply == nil { // a rule was made meanwhile
		reply = ProblemReply{What: "Your rights here have just changed.", State: "Nothing was done.", Do: "Try again."}
	}
	return reply, err
}

// listed gives the stacks that may be told of, and reports whether Cloud 66 has told which there are.
func (h *Handler) listed(ctx context.Context, told func(cloud66.Stack) bool) ([]cloud66.Stack, bool) {
	ctx, cancel := context.WithTimeout(ctx, listWait)
	defer cancel()
	stacks, err := h.Directory.told(ctx, told)
	if err != nil {
		h.Log.WarnContext(ctx, "which stacks there are could not be looked up", "error", err)
	}
	return stacks, err == nil
}

// subscribing is the way of one subscription.
type subscribing struct {
	h       *Handler
	req     Request
	pattern authz.Pattern
	known   []cloud66.Stack // that the one who asks is told of
	mine    []cloud66.Stack // that they may subscribe to and that fit
	listed  bool            // Cloud 66 has told which stacks there are
}

// run saves the subscription, tells the channel of it, then adds what it would have told.
func (s subscribing) run(ctx context.Context) (Reply, error) {
	h, inv := s.h, s.req.Invocation
	mentioned, reply, err := h.mentioned(ctx, inv.Mention)
	if err != nil || reply != nil {
		return reply, err
	}
	if err := h.member(ctx, s.req); err != nil {
		return nil, err
	}
	said := SubscribedReply{Subscription: subscriptionOf(s.req, time.Now()), Whom: cmp.Or(mentioned.handle, mentioned.person.Name), Fits: len(s.mine)}
	if !s.listed {
		said.Fits = -1
	}
	full, err := h.tellAll(ctx, said.Subscription)
	if err != nil {
		return nil, err
	}
	key := "subscription/" + storage.NewID(said.Subscription.At)
	err = h.Channels.Announce(ctx, s.req, func(tx storage.Tx) ([]Announcement, error) {
		made, err := addSubscription(tx, said.Subscription, full)
		said.Subscription = made
		return []Announcement{{Key: key, Reply: said}}, err
	})
	if reply := subscriptionProblem(err); reply != nil {
		return reply, nil
	}
	if err != nil {
		return nil, err
	}
	h.resubscribed(ctx)
	s.req.placed()
	if said.Preview = h.preview(ctx, said.Subscription, s.mine); said.Preview != nil {
		if err := h.Channels.Amend(ctx, s.req, Announcement{Key: key, Reply: said}); err != nil { // the subscription stands
			h.Log.WarnContext(ctx, "what a subscription would have told could not be said", "subscription", said.Subscription.ID, "error", err)
		}
	}
	return asNotice(append(s.hints(), mentioned.hints()...)), nil
}

// hints tell the one who subscribed, alone, that nothing fits so far. There are none where something does.
func (s subscribing) hints() []string {
	if len(s.mine) > 0 || !s.listed || s.pattern.Everything() {
		return nil
	}
	glob := s.req.Invocation.Glob
	hint := fmt.Sprintf("The subscription stands, but no stack that you may subscribe to fits %s yet.", quoted(glob))
	if near := nearestStacks(s.known, glob); len(near) > 0 {
		hint += " Near it: " + joinQuoted(near) + "."
	}
	return []string{hint}
}

// hints tell the one who had a failure mention somebody, alone, that nobody may notice.
func (p party) hints() []string {
	if !p.person.Bot {
		return nil
	}
	return []string{p.person.Name + " is a bot: a failure mentions it, but that notifies nobody."}
}

// subscriptionOf is what a request asks for.
func subscriptionOf(req Request, at time.Time) storage.Subscription {
	inv := req.Invocation
	return storage.Subscription{
		Channel: req.Channel, Stacks: inv.Glob, Events: wordsOf(inv.Events), By: inv.By, Via: wordsOf(inv.Via), Types: wordsOf(inv.Types),
		Mention: inv.Mention, Author: req.User, At: at,
	}
}

// tellAll gives those authors whose subscriptions, the same as s, tell of all that s can: their own author, and others who may subscribe to
// every stack. Of somebody else's the channel hears only what that one may subscribe to.
func (h *Handler) tellAll(ctx context.Context, s storage.Subscription) (map[string]bool, error) {
	all, err := h.subscriptionsOf(ctx, s.Channel)
	if err != nil {
		return nil, err
	}
	full := map[string]bool{s.Author: true}
	for _, old := range all {
		if _, known := full[old.Author]; known || !sameSubscription(old, s) {
			continue
		}
		standing, err := h.Authz.Standing(ctx, authz.Subject{User: old.Author, Channel: s.Channel})
		if err != nil { // then the channel gets one too many rather than one too few
			h.Log.WarnContext(ctx, "what the author of a subscription may could not be found out", "user", old.Author, "subscription", old.ID, "error", err)
		}
		full[old.Author] = err == nil && standing.All(authz.Subscribe)
	}
	return full, nil
}

// addSubscription adds a subscription to its channel as part of a transaction, and gives it its id. One of the authors in full tells of the
// same if it is the same.
func addSubscription(tx storage.Tx, s storage.Subscription, full map[string]bool) (storage.Subscription, error) {
	taken := map[string]bool{}
	err := storage.Subscriptions.Scan(tx, storage.ChannelKey(s.Channel, ""), func(_ string, old storage.Subscription) error {
		taken[old.ID] = true
		if full[old.Author] && sameSubscription(old, s) {
			return &subscribedError{id: old.ID}
		}
		return nil
	})
	if err != nil {
		return s, err
	}
	if len(taken) >= maxSubscriptions {
		return s, errFull
	}
	s.ID = storage.ShortID(func(id string) bool { return taken[id] })
	return s, storage.Subscriptions.Put(tx, storage.ChannelKey(s.Channel, s.ID), s)
}

// sameSubscription reports whether two subscriptions are about the same, for the same people, whoever made them.
func sameSubscription(a, b storage.Subscription) bool {
	return authz.SamePattern(a.Stacks, b.Stacks) && authz.Fold(a.By) == authz.Fold(b.By) && a.Mention == b.Mention &&
		slices.Equal(a.Events, b.Events) && slices.Equal(a.Via, b.Via) && slices.Equal(a.Types, b.Types)
}

// subscriptionProblem says why a subscription was not made, where it is not a fault.
func subscriptionProblem(err error) Reply {
	if same, ok := errors.AsType[*subscribedError](err); ok {
		return Notice(fmt.Sprintf("This channel hears of that already: it is subscription %s. Nothing was changed.", same.id))
	}
	if errors.Is(err, errFull) {
		return ProblemReply{
			What: fmt.Sprintf("This channel has %d subscriptions, as many as there can be.", maxSubscriptions), State: "Nothing was done.",
			Do: "Take some back, or write one pattern for many stacks.",
		}
	}
	return nil
}

// mentioned gives whom a failure is to mention. A Reply says why nobody can be.
func (h *Handler) mentioned(ctx context.Context, id string) (party, Reply, error) {
	if id == "" {
		return party{}, nil, nil
	}
	return h.who(ctx, id)
}

// resubscribed says that what channels subscribe to was changed. The records say the same to the next process.
func (h *Handler) resubscribed(ctx context.Context) {
	if h.Resubscribed == nil {
		return
	}
	if err := h.Resubscribed(ctx); err != nil {
		h.Log.ErrorContext(ctx, "what channels subscribe to was changed, and what watches does not know it yet", "error", err)
	}
}
