package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"c66bot/authz"
	"c66bot/bot/card/markup"
	"c66bot/storage"
)

// Subscriptions lists a channel's subscriptions, and Unsubscribe deletes them.
const (
	Subscriptions Verb = "subscriptions"
	Unsubscribe   Verb = "unsubscribe"
)

var (
	subscriptionsSpec = Spec{
		Verb: Subscriptions, group: toHear, Right: authz.View,
		Summary:  "Shows what this channel subscribes to.",
		Examples: []string{"subscriptions"},
		run:      (*Handler).subscriptions,
	}
	unsubscribeSpec = Spec{
		Verb: Unsubscribe, group: toHear, Right: authz.Subscribe, Changes: true,
		Args: []Arg{argStacksOrID},
		Summary: "Takes back what this channel subscribes to. That is all of these stacks, written as they were, " +
			"or one by the id that subscriptions shows.",
		Examples: []string{"unsubscribe mystack@production", "unsubscribe '*@production'", "unsubscribe k3f9"},
		gate:     (*Handler).gateUnsubscribe,
		run:      (*Handler).unsubscribe,
	}
)

const subscriptionsPerPage = 10

func (h *Handler) subscriptionsOf(ctx context.Context, channel string) (all []storage.Subscription, err error) {
	all, err = storage.Read(ctx, h.Records, func(tx storage.Tx) ([]storage.Subscription, error) {
		return storage.Subscriptions.All(tx, storage.ChannelKey(channel, ""))
	})
	slices.SortStableFunc(all, func(a, b storage.Subscription) int { return a.At.Compare(b.At) })
	return all, err
}

// visibleSubscriptions returns a channel's subscriptions visible to the user, oldest first.
func (h *Handler) visibleSubscriptions(ctx context.Context, c *call) (reader, []storage.Subscription, error) {
	all, err := h.subscriptionsOf(ctx, c.Channel)
	r := h.reader(ctx, c)
	return r, slices.DeleteFunc(all, func(s storage.Subscription) bool {
		about, _ := authz.ParsePattern(s.Stacks) // one that cannot be read covers no stack
		return !r.sees(s.Author, about)
	}), err
}

func (h *Handler) subscriptions(ctx context.Context, c *call) (Reply, error) {
	reader, all, err := h.visibleSubscriptions(ctx, c)
	if err != nil {
		return nil, err
	}
	channel, _, err := storage.Channels.Look(ctx, h.Records, c.Channel)
	if err != nil {
		return nil, fmt.Errorf("read whether the channel accepts messages: %w", err)
	}
	suspended := ""
	if channel.Refused != "" {
		suspended = h.SlackWords(channel.Refused)
	}
	p := pageOf(c.Invocation.Number(Page), subscriptionsPerPage, len(all))
	var lines []markup.Text
	powerless := map[string]bool{}
	for _, s := range all[p.from:p.to] {
		if _, known := powerless[s.Author]; !known {
			powerless[s.Author] = h.powerless(ctx, s)
		}
		about, _ := authz.ParsePattern(s.Stacks)
		fits := len(slices.Collect(reader.seen.Matching(about)))
		if !reader.listed {
			fits = -1
		}
		lines = append(lines, subscriptionLine(s, h.mentioned(ctx, s), fits, powerless[s.Author], suspended))
	}
	return subscriptionsPage(p, lines, reader.listed), nil
}

// powerless reports whether the author of a subscription has lost the right to subscribe to any stack in its channel.
func (h *Handler) powerless(ctx context.Context, s storage.Subscription) bool {
	standing, err := h.Authz.Standing(ctx, authz.Subject{User: s.Author, Channel: s.Channel})
	if err != nil {
		h.Log.WarnContext(ctx, "what the author of a subscription may could not be found out",
			"user", s.Author, "subscription", s.ID, "error", err)
		return false
	}
	return !standing.Some(authz.Subscribe)
}

func (h *Handler) mentioned(ctx context.Context, s storage.Subscription) (names []string) {
	for _, id := range s.Mentions() {
		if id != storage.Author {
			id = h.named(ctx, id)
		}
		names = append(names, id)
	}
	return names
}

// named returns the name of a user or the handle of a group, or the id if Slack does not answer.
func (h *Handler) named(ctx context.Context, id string) string {
	var name string
	var err error
	switch {
	case id == "":
		return ""
	case groupID.MatchString(id):
		var group authz.Group
		group, err = h.People.Group(ctx, id)
		name = group.Handle
	default:
		var person authz.Person
		person, err = h.People.Person(ctx, id)
		name = person.Name
	}
	if err != nil || name == "" {
		h.Log.WarnContext(ctx, "the name of a person or group could not be looked up", "who", id, "error", err)
		return id
	}
	return name
}

// gateUnsubscribe authorizes the deletion of subscriptions.
func (h *Handler) gateUnsubscribe(ctx context.Context, c *call) error {
	if err := h.gateSome(ctx, c); err != nil {
		return err
	}
	reader, all, err := h.visibleSubscriptions(ctx, c)
	if err != nil {
		return err
	}
	meant := named(c.Invocation, all, func(s storage.Subscription) (id, glob string) { return s.ID, s.Stacks })
	if len(meant) == 0 {
		reply := h.noSubscription(c.Invocation, all)
		if stack, ok := h.Directory.known(may(c.standing, authz.Subscribe)); ok && reply.Example == "" {
			reply.Example = "subscribe " + TypedGlob(RefOf(stack))
		}
		if !reader.listed && !c.standing.All(authz.View) {
			reply.Do = "Cloud 66 does not tell which stacks there are, so I cannot tell which of its subscriptions are for you. " +
				"Try again in a minute."
		}
		return instead(reply)
	}
	mine := reader.with(authz.Subscribe)
	c.meant = slices.DeleteFunc(meant, func(s storage.Subscription) bool { // unless it is their own or matches a stack of theirs
		about, _ := authz.ParsePattern(s.Stacks)
		return s.Author != c.User && !c.standing.All(authz.Subscribe) && !mine.Any(about)
	})
	if len(c.meant) == 0 {
		return h.refuse(ctx, c.Request, "none of the stacks that it fits is for them to subscribe to")
	}
	return h.Authz.Permit(ctx, c.asked(storage.StackRef{}), "they may subscribe to what it tells of, or made it")
}

// noSubscription reports that the channel has no such subscription, and lists those it has.
func (h *Handler) noSubscription(inv Invocation, all []storage.Subscription) ProblemReply {
	p := ProblemReply{
		What:  fmt.Sprintf("This channel has no subscription to %s.", quoted(inv.Options[Glob])),
		State: "Nothing was changed.", Command: h.Command,
	}
	if inv.Options[Rule] != "" {
		p.What = "That subscription is not there any more."
	}
	var globs []string
	for _, s := range all {
		if !slices.Contains(globs, s.Stacks) {
			globs = append(globs, s.Stacks)
		}
	}
	p.Do = "You can see none that it has."
	if len(globs) > 0 {
		p.Do, p.Example = "It subscribes to "+someQuoted(globs)+".", "unsubscribe "+shellWord(globs[0])
	}
	return p
}

// unsubscribe deletes subscriptions and announces it in the channel, or answers only the user if the bot cannot post there.
func (h *Handler) unsubscribe(ctx context.Context, c *call) (Reply, error) {
	req := c.Request
	err := h.member(ctx, req)
	_, mute := errors.AsType[*CardError](err)
	if err != nil && !mute {
		return nil, err
	}
	key, gone := "unsubscribed/"+storage.NewID(time.Now()), false
	var ended []storage.Subscription
	err = h.Channels.Announce(ctx, req, func(tx storage.Tx) (all []Announcement, err error) {
		ended, err = endSubscriptions(tx, c.meant)
		if gone = len(ended) == 0; gone || mute || err != nil {
			return nil, err
		}
		return []Announcement{{Key: key, Reply: unsubscribed(req.User, ended)}}, nil
	})
	if err != nil {
		return nil, err
	}
	h.resubscribed(ctx)
	if gone {
		return Notice("Somebody took that subscription back just before. Nothing was changed."), nil
	}
	if mute {
		return unsubscribed(req.User, ended), nil
	}
	return nil, nil
}

// endSubscriptions deletes the subscriptions that still exist and returns them.
func endSubscriptions(tx storage.Tx, meant []storage.Subscription) (ended []storage.Subscription, err error) {
	for _, s := range meant {
		key := storage.ChannelKey(s.Channel, s.ID)
		_, found, err := storage.Subscriptions.Find(tx, key)
		if err != nil {
			return nil, err
		}
		if found {
			ended = append(ended, s)
			if err := storage.Subscriptions.Delete(tx, key); err != nil {
				return nil, err
			}
		}
	}
	return ended, nil
}
