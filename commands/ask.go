package commands

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"c66bot/authz"
	"c66bot/storage"
)

// The times of a request for a right: for how long it grows and the same is not asked for again, and for how long one click gives it.
const (
	askEvery = time.Hour
	grantFor = time.Hour
)

// How much is asked for: rights in one request, and requests an hour of one person and in one channel. Each mentions the admins.
const (
	maxWishes        = 10
	maxRequests      = 5
	maxRequestsThere = 20
)

var (
	// errAsked says that the admins were asked for the same just before.
	errAsked = errors.New("the admins were asked for that already")
	// errAskedMuch says that they were asked for as much as may be.
	errAskedMuch = errors.New("the admins were asked for much already")
	// errNotAsked says that nobody asks for what is granted.
	errNotAsked = errors.New("there is no such request")
	// errGiven says that it was granted before.
	errGiven = errors.New("it was granted already")
)

// prepareAsk asks the channel's admins for a right. Whoever is of the house may ask; nothing of what is asked for is looked up, so that
// asking shows nothing.
func (h *Handler) prepareAsk(ctx context.Context, req Request) (run, Reply, error) {
	may, err := h.mayAsk(ctx, req)
	if err != nil {
		return nil, nil, h.unknown(ctx, req, err)
	}
	if !may {
		reply, err := h.refuse(ctx, req, "only people of the workspace may ask, in a channel that they are in")
		return nil, reply, err
	}
	if req.Invocation.olderThan(requestAge) {
		return nil, tooOld(requestAge), nil
	}
	err = h.Authz.Permit(ctx, req.asked(storage.StackRef{}), "whoever is of the workspace may ask")
	return func(ctx context.Context) (Reply, error) { return h.ask(ctx, req) }, nil, err
}

// ask adds a wish to the person's open request in the channel, of which there is one, or makes a new one.
func (h *Handler) ask(ctx context.Context, req Request) (Reply, error) {
	if err := h.member(ctx, req); err != nil {
		return nil, err
	}
	rules, err := h.Authz.Rules(ctx, req.Channel)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	err = h.Channels.Announce(ctx, req, func(tx storage.Tx) ([]Announcement, error) {
		asked, err := addWish(tx, req, now)
		if err != nil {
			return nil, err
		}
		return []Announcement{{Key: requestKey(asked), Reply: h.requestReply(asked, rules), Later: true}}, nil
	})
	switch {
	case errors.Is(err, errAsked):
		return Notice("The admins were asked for that within the last hour: see the message in the channel."), nil
	case errors.Is(err, errAskedMuch):
		return ProblemReply{
			What: "The admins were asked for much already within the last hour.", State: "They were not asked for this.",
			Do: "Ask again once they have answered, or later.",
		}, nil
	case err != nil:
		return nil, err
	}
	return Notice("I have asked the admins in the channel."), nil
}

// addWish records what a request wishes for, within the bounds.
func addWish(tx storage.Tx, req Request, now time.Time) (storage.Request, error) {
	inv, key := req.Invocation, storage.ChannelKey(req.Channel, req.User)
	asked, err := storage.Requests.Get(tx, key)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return asked, err
	}
	grows := now.Sub(asked.At) < askEvery && slices.ContainsFunc(asked.Wishes, func(w storage.Asking) bool { return w.Given == nil })
	for _, w := range asked.Wishes {
		if grows && w.Action == inv.Actions && w.Stacks == inv.Glob && w.Given == nil {
			return asked, errAsked
		}
	}
	if !grows {
		if err := roomToAsk(tx, req, now); err != nil {
			return asked, err
		}
		asked.Made = append(slices.DeleteFunc(asked.Made, func(at time.Time) bool { return now.Sub(at) >= askEvery }), now)
		asked = storage.Request{ID: storage.NewID(now), Channel: req.Channel, User: req.User, At: now, Made: asked.Made}
	}
	if len(asked.Wishes) >= maxWishes {
		return asked, errAskedMuch
	}
	asked.Wishes = append(asked.Wishes, storage.Asking{Action: inv.Actions, Stacks: inv.Glob, Nonce: storage.NewID(now), At: now})
	return asked, storage.Requests.Put(tx, key, asked)
}

// roomToAsk fails with errAskedMuch where the person has made as many requests within the hour as may be, or the channel has seen as many.
func roomToAsk(tx storage.Tx, req Request, now time.Time) error {
	theirs, here := 0, 0
	err := storage.Requests.Scan(tx, "", func(_ string, r storage.Request) error {
		for _, at := range r.Made {
			if now.Sub(at) >= askEvery {
				continue
			}
			if r.User == req.User {
				theirs++
			}
			if r.Channel == req.Channel {
				here++
			}
		}
		return nil
	})
	if err == nil && (theirs >= maxRequests || here >= maxRequestsThere) {
		return errAskedMuch
	}
	return err
}

// requestReply is a request as the channel sees it.
func (h *Handler) requestReply(asked storage.Request, rules []storage.Rule) RequestReply {
	reply := RequestReply{User: asked.User, Admins: h.adminsBy(rules)}
	for _, w := range asked.Wishes {
		reply.Wishes = append(reply.Wishes, Wished{
			Right: w.Action, Glob: w.Stacks, Given: w.Given,
			Grant: Invocation{Verb: Grant, Who: asked.User, Actions: w.Action, Glob: w.Stacks, Nonce: w.Nonce, AskedAt: w.At.Unix()},
		})
	}
	return reply
}

// requestKey names the message of a request, which grows and which a grant edits.
func requestKey(asked storage.Request) string { return "request/" + asked.ID }

// grant gives, for an hour, a right that somebody asked for in this channel.
func (h *Handler) grant(ctx context.Context, req Request, standing authz.Standing) (Reply, error) {
	inv := req.Invocation
	if inv.olderThan(requestAge) {
		return tooOld(requestAge), nil
	}
	who, reply, err := h.who(ctx, inv.Who)
	if err != nil || reply != nil {
		return reply, err
	}
	if err := h.member(ctx, req); err != nil {
		return nil, err
	}
	rules, err := h.Authz.Rules(ctx, req.Channel)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	rule := storage.Rule{
		Channel: req.Channel, Who: inv.Who, Actions: strings.Split(inv.Actions, ","), Stacks: inv.Glob, By: req.User, At: now, Until: now.Add(grantFor),
	}
	err = h.Channels.Announce(ctx, req, func(tx storage.Tx) ([]Announcement, error) {
		asked, made, err := giveWish(tx, req, rule)
		key := requestKey(asked)
		return []Announcement{
			{Key: key, Reply: h.requestReply(asked, rules)},
			{Key: key + "/given/" + inv.Nonce, Parent: key, Reply: RuleReply{Rule: made, By: req.User}},
		}, err
	})
	h.Authz.Changed(req.Channel)
	switch {
	case errors.Is(err, errNotAsked):
		return ProblemReply{
			What: "Nobody asks for that in this channel, or asked for it anew since.", State: "Nothing was granted.",
			Do: "The newest request has its own button, in its own channel.",
		}, nil
	case errors.Is(err, errGiven):
		return Notice("That was granted already. Nothing was changed."), nil
	}
	if reply := ruleProblem(err); reply != nil {
		return reply, nil
	}
	if err != nil {
		return nil, err
	}
	return h.hints(ctx, req, who, standing)
}

// giveWish makes the rule that an open request of the channel asks for.
func giveWish(tx storage.Tx, req Request, rule storage.Rule) (asked storage.Request, made storage.Rule, err error) {
	inv, key := req.Invocation, storage.ChannelKey(req.Channel, req.Invocation.Who)
	asked, err = storage.Requests.Get(tx, key)
	if errors.Is(err, storage.ErrNotFound) {
		err = errNotAsked
	}
	if err != nil {
		return asked, made, err
	}
	i := slices.IndexFunc(asked.Wishes, func(w storage.Asking) bool {
		return w.Nonce == inv.Nonce && w.Action == inv.Actions && w.Stacks == inv.Glob
	})
	switch {
	case i < 0:
		return asked, made, errNotAsked
	case asked.Wishes[i].Given != nil:
		return asked, made, errGiven
	}
	if made, err = authz.AddRule(tx, rule); err != nil {
		return asked, made, err
	}
	asked.Wishes[i].Given = &made
	return asked, made, storage.Requests.Put(tx, key, asked)
}
