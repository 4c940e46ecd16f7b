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
		Verb: Subscriptions, Right: authz.View,
		Summary:  "Shows what this channel subscribes to.",
		Examples: []string{"subscriptions"},
		run:      (*Handler).subscriptions,
	}
	unsubscribeSpec = Spec{
		Verb: Unsubscribe, Right: authz.Subscribe, Changes: true,
		Args: []Arg{{
			Word: argStacks.Word, Missing: argStacks.Missing, opt: Glob,
			show: func(i Invocation) string { return cmp.Or(i.Options[Glob], i.Options[Rule]) }, // a button contains the id
		}},
		Summary: "Takes back what this channel subscribes to. That is all of these stacks, written as they were, " +
			"or one by the id that subscriptions shows.",
		Examples: []string{"unsubscribe mystack@production", "unsubscribe '*@production'", "unsubscribe k3f9"},
		gate:     (*Handler).gateUnsubscribe,
		run:      (*Handler).unsubscribe,
	}
)

// subscriptionsPerPage is the number of subscriptions on a page.
const subscriptionsPerPage = 10

// subscriptionsOf returns a channel's subscriptions, oldest first.
func (h *Handler) subscriptionsOf(ctx context.Context, channel string) (all []storage.Subscription, err error) {
	all, err = storage.Read(ctx, h.Records, func(tx storage.Tx) ([]storage.Subscription, error) {
		return storage.Subscriptions.All(tx, storage.ChannelKey(channel, ""))
	})
	slices.SortStableFunc(all, func(a, b storage.Subscription) int { return a.At.Compare(b.At) })
	return all, err
}

// reader determines which of a channel's subscriptions a user may see.
type reader struct {
	user     string
	standing authz.Standing
	stacks   []storage.StackRef // visible to the user
	seen     *authz.Catalogue   // of these stacks
	listed   bool               // the list of stacks could be read
}

// visibleSubscriptions returns a channel's subscriptions visible to the user, oldest first.
func (h *Handler) visibleSubscriptions(ctx context.Context, c *call) (reader, []storage.Subscription, error) {
	all, err := h.subscriptionsOf(ctx, c.Channel)
	stacks, listed := h.listed(ctx, may(c.standing, authz.View))
	r := reader{user: c.User, standing: c.standing, stacks: refsOf(stacks), listed: listed}
	r.seen = authz.NewCatalogue(r.stacks)
	return r, slices.DeleteFunc(all, func(s storage.Subscription) bool { return !r.sees(s) }), err
}

// sees reports whether the user may see a subscription: it is their own or reveals no hidden stack.
func (r reader) sees(s storage.Subscription) bool {
	pattern, err := authz.ParsePattern(s.Stacks)
	return s.Author == r.user || r.standing.All(authz.View) || err == nil && (pattern.Everything() || r.seen.Any(pattern))
}

// with returns the visible stacks on which the user has a right.
func (r reader) with(right authz.Action) *authz.Catalogue {
	return authz.NewCatalogue(slices.DeleteFunc(slices.Clone(r.stacks), func(s storage.StackRef) bool {
		return !r.standing.Decide(right, s).Allowed
	}))
}

// subscriptions shows the channel's subscriptions visible to the user.
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
	p, viewed := pageOf(c.Invocation.Number(Page), subscriptionsPerPage, len(all)), reader.with(authz.View)
	var lines []markup.Text
	powerless := map[string]bool{}
	for _, s := range all[p.from:p.to] {
		if _, known := powerless[s.Author]; !known {
			powerless[s.Author] = h.powerless(ctx, s)
		}
		fits := 0
		if pattern, err := authz.ParsePattern(s.Stacks); !reader.listed {
			fits = -1
		} else if err == nil {
			fits = len(slices.Collect(viewed.Matching(pattern)))
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

// mentioned returns the names of those whom a subscription mentions.
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
	meant := meantBy(c.Invocation, all)
	if len(meant) == 0 {
		reply := h.noSubscription(c.Invocation, all)
		if !reader.listed && !c.standing.All(authz.View) {
			reply.Do = "Cloud 66 does not tell which stacks there are, so I cannot tell which of its subscriptions are for you. " +
				"Try again in a minute."
		}
		return instead(reply)
	}
	mine := reader.with(authz.Subscribe)
	c.meant = slices.DeleteFunc(meant, func(s storage.Subscription) bool { // unless it is their own or matches a stack of theirs
		pattern, err := authz.ParsePattern(s.Stacks)
		return s.Author != c.User && !c.standing.All(authz.Subscribe) && (err != nil || !mine.Any(pattern))
	})
	if len(c.meant) == 0 {
		return h.refuse(ctx, c.Request, "none of the stacks that it fits is for them to subscribe to")
	}
	return h.Authz.Permit(ctx, c.asked(storage.StackRef{}), "they may subscribe to what it tells of, or made it")
}

// meantBy returns the subscriptions that an invocation refers to: the one of a button, else all with the same pattern, else the
// one with that id.
func meantBy(inv Invocation, all []storage.Subscription) []storage.Subscription {
	of := func(fits func(storage.Subscription) bool) []storage.Subscription {
		return slices.DeleteFunc(slices.Clone(all), func(s storage.Subscription) bool { return !fits(s) })
	}
	if inv.Options[Rule] != "" {
		return of(func(s storage.Subscription) bool { return s.ID == inv.Options[Rule] })
	}
	if meant := of(func(s storage.Subscription) bool { return authz.SamePattern(s.Stacks, inv.Options[Glob]) }); len(meant) > 0 {
		return meant
	}
	return of(func(s storage.Subscription) bool { return s.ID == strings.ToLower(inv.Options[Glob]) })
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
	const most = 5
	switch {
	case len(globs) == 0:
		p.Do, p.Example = "You can see none that it has.", "subscribe "+exampleStack
	case len(globs) > most:
		p.Do = fmt.Sprintf("It subscribes to %s and %d more.", joinQuoted(globs[:most]), len(globs)-most)
		p.Example = "unsubscribe " + shellWord(globs[0])
	default:
		p.Do, p.Example = "It subscribes to "+joinQuoted(globs)+".", "unsubscribe "+shellWord(globs[0])
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
