package commands

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"c66bot/authz"
	"c66bot/storage"
)

// maxSubscriptions is the maximum number of subscriptions in a channel.
const maxSubscriptions = 200

// Subscribe subscribes a channel to deployments.
const Subscribe Verb = "subscribe"

var subscribeSpec = Spec{
	Verb: Subscribe, group: toHear, Right: authz.Subscribe, Changes: true,
	Args:    []Arg{argStacks},
	Options: slices.Concat(pick(Events), []Option{byStarter()}, pick(Via, Types, Mention)),
	Summary: "Tells this channel of every deployment of these stacks. It does so whoever starts one and however. " +
		"<stacks> may hold wildcards, and * is every stack.",
	Examples: []string{
		"subscribe mystack@production", "subscribe '*@production' --events failed,reverted",
		"subscribe mystack@production --events failed --mention @deployers",
		"subscribe mystack@staging --via web,hook --type build,redeploy", "subscribe mystack@staging --by lin",
	},
	gate: (*Handler).gateCovered,
	run:  (*Handler).subscribe,
}

// byStarter filters by the starter of a deployment, by the names that Cloud 66 shows.
func byStarter() Option {
	o := pick(By)[0]
	o.Summary, o.check = "only deployments of whoever has it in the name or address that Cloud 66 shows", checkStarter
	return o
}

// subscribe stores the subscription, announces it in the channel, then adds the preview.
func (h *Handler) subscribe(ctx context.Context, c *call) (Reply, error) {
	inv, on := c.Invocation, c.covered
	var whom, hints []string
	for _, id := range wordsOf(inv.Options[Mention]) {
		if id == storage.Author {
			whom = append(whom, id)
			continue
		}
		who, err := h.who(ctx, id)
		if err != nil {
			return nil, err
		}
		whom = append(whom, cmp.Or(who.handle, who.person.Name))
		if who.person.Bot {
			hints = append(hints, who.person.Name+" is a bot: a failure mentions it, but that notifies nobody.")
		}
	}
	if err := h.member(ctx, c.Request); err != nil {
		return nil, err
	}
	said := SubscribedReply{
		Subscription: subscriptionOf(c.Request, time.Now()), Whom: whom, Fits: on.fits(),
	}
	full, err := h.tellAll(ctx, said.Subscription)
	if err != nil {
		return nil, err
	}
	key := "subscription/" + storage.NewID(said.Subscription.At)
	err = h.Channels.Announce(ctx, c.Request, func(tx storage.Tx) ([]Announcement, error) {
		made, err := addSubscription(tx, said.Subscription, full)
		said.Subscription = made
		return []Announcement{{Key: key, Reply: said}}, err
	})
	if err != nil {
		return nil, err
	}
	h.resubscribed(ctx)
	return c.then("", func(ctx context.Context) (Reply, error) {
		if said.Preview = h.preview(ctx, said.Subscription, on.mine); said.Preview != nil {
			if err := h.Channels.Amend(ctx, c.Request, Announcement{Key: key, Reply: said}); err != nil { // the subscription is stored anyway
				h.Log.WarnContext(ctx, "what a subscription would have told could not be said", "subscription", said.Subscription.ID, "error", err)
			}
		}
		return on.notice("The subscription stands, but no stack that you may subscribe to", hints...), nil
	})
}

func subscriptionOf(req Request, at time.Time) storage.Subscription {
	inv := req.Invocation
	return storage.Subscription{
		Channel: req.Channel, Stacks: inv.Options[Glob], Events: wordsOf(inv.Options[Events]), By: inv.Options[By],
		Via: wordsOf(inv.Options[Via]), Types: wordsOf(inv.Options[Types]),
		Mention: inv.Options[Mention], Author: req.User, At: at,
	}
}

// tellAll returns the authors whose equal subscriptions make s redundant: the author of s, and those who may subscribe to every
// stack. The subscription of any other author covers only the stacks that the author may subscribe to.
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
		if err != nil { // prefer a duplicate to a missing subscription
			h.Log.WarnContext(ctx, "what the author of a subscription may could not be found out",
				"user", old.Author, "subscription", old.ID, "error", err)
		}
		full[old.Author] = err == nil && standing.All(authz.Subscribe)
	}
	return full, nil
}

// addSubscription stores a subscription under a new id, unless an author in full has an equal one.
func addSubscription(tx storage.Tx, s storage.Subscription, full map[string]bool) (storage.Subscription, error) {
	channel := storage.ChannelKey(s.Channel, "")
	all, err := storage.Subscriptions.All(tx, channel)
	same := slices.IndexFunc(all, func(old storage.Subscription) bool { return full[old.Author] && sameSubscription(old, s) })
	switch {
	case err != nil:
	case same >= 0:
		err = instead(Notice(fmt.Sprintf("This channel hears of that already: it is subscription %s. Nothing was changed.", all[same].ID)))
	case len(all) >= maxSubscriptions:
		err = notDone(fmt.Sprintf("This channel has %d subscriptions, as many as there can be.", maxSubscriptions),
			"Take some back, or write one pattern for many stacks.")
	default:
		s.ID, err = storage.Subscriptions.ShortID(tx, channel)
	}
	if err != nil {
		return s, err
	}
	return s, storage.Subscriptions.Put(tx, channel+s.ID, s)
}

// sameSubscription reports whether two subscriptions are equal except for their author.
func sameSubscription(a, b storage.Subscription) bool {
	return authz.SamePattern(a.Stacks, b.Stacks) && authz.Fold(a.By) == authz.Fold(b.By) && sameMentions(a.Mention, b.Mention) &&
		slices.Equal(a.Events, b.Events) && slices.Equal(a.Via, b.Via) && slices.Equal(a.Types, b.Types)
}

func sameMentions(a, b string) bool {
	return slices.Equal(slices.Sorted(slices.Values(wordsOf(a))), slices.Sorted(slices.Values(wordsOf(b))))
}

// resubscribed informs the watch of changed subscriptions. After a restart it reads them from the database.
func (h *Handler) resubscribed(ctx context.Context) {
	if err := h.Resubscribed(ctx); err != nil {
		h.Log.ErrorContext(ctx, "what channels subscribe to was changed, and what watches does not know it yet", "error", err)
	}
}
