package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/cloud66"
	"c66bot/storage"
)

// Ask requests a right from the admins, and Grant grants it.
const (
	Ask   Verb = "ask"
	Grant Verb = "grant"
)

var (
	askSpec = Spec{
		Verb: Ask, Button: true, Changes: true, ownNonce: true,
		Args:    []Arg{{Word: "ACTION", opt: Actions}, argStacks},
		rightOf: func(i Invocation) authz.Action { return authz.Action(i.Options[Actions]) }, // the requested right
		check:   checkWish,
		gate:    (*Handler).gateAsk,
		run:     (*Handler).ask,
	}
	grantSpec = Spec{
		Verb: Grant, Button: true, Right: authz.Admin, Changes: true, ownNonce: true,
		Args: []Arg{{Word: "WHO", opt: Who}, {Word: "ACTION", opt: Actions}, argStacks},
		check: func(s Spec, i Invocation) error {
			if UserOf(i.Options[Who]) == "" {
				return errors.New("a right is granted to one person")
			}
			return checkWish(s, i)
		},
		run: (*Handler).grant,
	}
)

func checkWish(_ Spec, i Invocation) error {
	if actions := i.Options[Actions]; actions == string(authz.Admin) || strings.Contains(actions, ",") {
		return errors.New("that cannot be asked for")
	}
	return nil
}

// askEvery is how long a request keeps growing and an equal one is rejected; grantFor is how long a granted right lasts.
const (
	askEvery = time.Hour
	grantFor = time.Hour
)

// Limits: rights in a request, and requests per hour of a user and in a channel. Every request mentions the admins.
const (
	maxWishes        = 10
	maxRequests      = 5
	maxRequestsThere = 20
)

// Answers to a request that cannot be extended or granted.
var (
	errAsked     = instead(Notice("The admins were asked for that within the last hour: see the message in the channel."))
	errAskedMuch = instead(ProblemReply{
		What: "The admins were asked for much already within the last hour.", State: "They were not asked for this.",
		Do: "Ask again once they have answered, or later.",
	})
	errNotAsked = instead(ProblemReply{
		What: "Nobody asks for that in this channel, or asked for it anew since.", State: "Nothing was granted.",
		Do: "The newest request has its own button, in its own channel.",
	})
	errGiven = instead(Notice("That was granted already. Nothing was changed."))
)

// gateAsk admits members of the workspace in their channels. It looks up nothing that the request names, so that asking reveals
// nothing.
func (h *Handler) gateAsk(ctx context.Context, c *call) error {
	may, err := h.mayAsk(ctx, c.Request)
	switch {
	case err != nil:
		return h.unknown(ctx, c.Request, err)
	case !may:
		return h.refuseOn(ctx, c.Request, "only people of the workspace may ask, in a channel that they are in", c.Invocation.Options[Glob])
	case c.Invocation.olderThan(requestAge):
		return tooOld(requestAge)
	}
	return h.Authz.Permit(ctx, c.asked(storage.StackRef{}), "whoever is of the workspace may ask")
}

// ask adds a right to the user's open request in the channel, or creates one. A user has at most one open request in a channel.
func (h *Handler) ask(ctx context.Context, c *call) (Reply, error) {
	req := c.Request
	if err := h.member(ctx, req); err != nil {
		return nil, err
	}
	rules, err := h.Authz.Rules(ctx, req.Channel)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	err = h.Channels.Announce(ctx, req, func(tx storage.Tx) ([]Announcement, error) {
		asked, err := addWish(tx, req, len(rules) == 0, now)
		if err != nil {
			return nil, err
		}
		return []Announcement{{Key: requestKey(asked), Reply: RequestReply{asked, h.adminsBy(rules), h.Command}, Later: true}}, nil
	})
	if err != nil {
		return nil, err
	}
	return Notice("I have asked the admins in the channel."), nil
}

// addWish records the requested right within the limits.
func addWish(tx storage.Tx, req Request, first bool, now time.Time) (storage.Request, error) {
	inv, key := req.Invocation, storage.ChannelKey(req.Channel, req.User)
	asked, _, err := storage.Requests.Find(tx, key)
	if err != nil {
		return asked, err
	}
	grows := now.Sub(asked.At) < askEvery && slices.ContainsFunc(asked.Wishes, func(w storage.Asking) bool { return w.Given == nil })
	for _, w := range asked.Wishes {
		if grows && w.Action == inv.Options[Actions] && w.Stacks == inv.Options[Glob] && w.UID == inv.UID && w.Given == nil {
			return asked, errAsked
		}
	}
	if !grows {
		if err := roomToAsk(tx, req, now); err != nil {
			return asked, err
		}
		asked.Made = append(slices.DeleteFunc(asked.Made, func(at time.Time) bool { return now.Sub(at) >= askEvery }), now)
		asked = storage.Request{ID: storage.NewID(now), Channel: req.Channel, User: req.User, At: now, Made: asked.Made, First: first}
	}
	if len(asked.Wishes) >= maxWishes {
		return asked, errAskedMuch
	}
	wish := storage.Asking{
		Action: inv.Options[Actions], Stacks: inv.Options[Glob], UID: inv.UID, Shown: inv.Shown, Typed: inv.Stack, Then: inv.Then,
		Nonce: storage.NewID(now), At: now,
	}
	asked.Wishes = append(asked.Wishes, wish)
	return asked, storage.Requests.Put(tx, key, asked)
}

// roomToAsk fails with errAskedMuch if the user, or the channel, has reached the limit of requests per hour.
func roomToAsk(tx storage.Tx, req Request, now time.Time) error {
	theirs, here := 0, 0
	all, err := storage.Requests.All(tx, "")
	for _, r := range all {
		lately := len(slices.DeleteFunc(r.Made, func(at time.Time) bool { return now.Sub(at) >= askEvery }))
		if r.User == req.User {
			theirs += lately
		}
		if r.Channel == req.Channel {
			here += lately
		}
	}
	if err == nil && (theirs >= maxRequests || here >= maxRequestsThere) {
		return errAskedMuch
	}
	return err
}

func requestKey(asked storage.Request) string { return "request/" + asked.ID }

// grant gives a right requested in this channel for grantFor.
func (h *Handler) grant(ctx context.Context, c *call) (Reply, error) {
	inv, req := c.Invocation, c.Request
	if inv.olderThan(requestAge) {
		return nil, tooOld(requestAge)
	}
	who, err := h.who(ctx, inv.Options[Who])
	if err != nil {
		return nil, err
	}
	rules, err := h.Authz.Rules(ctx, req.Channel)
	if err != nil {
		return nil, err
	}
	if c.Invocation, err = h.meantBy(ctx, c); err != nil {
		return nil, err
	}
	rule := ruleOf(c.Request, time.Now())
	rule.Until = rule.At.Add(grantFor)
	err = h.changeRules(ctx, req, func(tx storage.Tx) ([]Announcement, error) {
		asked, wish, err := giveWish(tx, req, rule)
		if err != nil {
			return nil, err
		}
		key := requestKey(asked)
		return []Announcement{
			{Key: key, Reply: RequestReply{asked, h.adminsBy(rules), h.Command}},
			{Key: key + "/given/" + inv.Nonce, Parent: key, Reply: grantAnnounced(wish)},
		}, nil
	})
	if err != nil {
		return nil, err
	}
	return h.hints(ctx, c, who)
}

// meantBy returns the grant for the one stack that the request means by a name, so that it covers no other one of that name. The granter's
// view decides, and only the granter is asked which of several: the one who asked may see none of them. Where no stack has the name, or
// several have it that differ in their environment, the grant is for the name.
func (h *Handler) meantBy(ctx context.Context, c *call) (Invocation, error) {
	inv := c.Invocation
	if inv.Stack == "" {
		return inv, nil
	}
	seen, err := h.Directory.visible(ctx, may(c.standing, authz.View))
	if err != nil {
		return inv, err
	}
	found := match(seen, inv.Stack)
	tellApart(found)
	if inv.UID != "" {
		found = slices.DeleteFunc(found, func(s cloud66.Stack) bool { return s.UID != inv.UID })
		if len(found) == 0 {
			return inv, notDone("That stack is not there any more.", "Look at the request, then choose again.")
		}
	}
	switch twins := slices.ContainsFunc(found, func(s cloud66.Stack) bool { return s.Tag != "" }); {
	case len(found) == 1:
		ref := RefOf(found[0])
		inv.UID, inv.Shown, inv.Options[Glob] = ref.UID, shownInRule(ref), authz.Exactly(ref)
	case twins:
		return inv, instead(choiceOf(fmt.Sprintf("%s matches %d stacks. For which one?", quoted(inv.Stack), len(found)),
			each(found, func(s cloud66.Stack) Choice {
				inv.UID = s.UID
				return Choice{RefOf(s).Label(), inv}
			})))
	}
	return inv, nil
}

// giveWish creates the rule for a wish of an open request in the channel.
func giveWish(tx storage.Tx, req Request, rule storage.Rule) (asked storage.Request, given storage.Asking, err error) {
	inv, key := req.Invocation, storage.ChannelKey(req.Channel, req.Invocation.Options[Who])
	if asked, _, err = storage.Requests.Find(tx, key); err != nil {
		return asked, given, err
	}
	i := slices.IndexFunc(asked.Wishes, func(w storage.Asking) bool {
		return w.Nonce == inv.Nonce && w.Action == inv.Options[Actions] && w.Stacks == inv.Options[Glob] && w.Typed == inv.Stack &&
			(w.UID == inv.UID || w.Typed != "")
	})
	switch {
	case i < 0:
		return asked, given, errNotAsked
	case asked.Wishes[i].Given != nil:
		return asked, given, errGiven
	}
	made, err := authz.AddRule(tx, rule)
	if err != nil {
		return asked, given, err
	}
	asked.Wishes[i].Given = &made
	return asked, asked.Wishes[i], storage.Requests.Put(tx, key, asked)
}

// grantAnnounced tells the one who asked that a right is granted, with a button that goes on with what it was asked for, in full. Who may
// use it is decided by the click.
func grantAnnounced(w storage.Asking) doc.Document {
	d := ruleAnnounced(*w.Given, "", w.Given.By, false)
	then, err := FromValue(w.Then)
	if err != nil {
		return d
	}
	then.Nonce, then.AskedAt, then.Granted = w.Nonce, w.Given.At.Unix(), true // its own scope is that of questions
	label := strings.ToUpper(string(then.Verb[:1])) + string(then.Verb[1:])
	line := then.line(cmp.Or(then.Stack, w.Shown, w.Stacks))
	goesOn := Button(label, then, string(then.Verb)).As(doc.Primary)
	return d.With(doc.Lines(markup.Format("The button goes on with %s", markup.Code(line))), doc.Buttons(goesOn))
}
