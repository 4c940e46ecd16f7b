package slacksim

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Channel describes a conversation: a channel, a direct message or a group direct message.
type Channel struct {
	ID          string
	Name        string // without #; unused for direct messages
	Private     bool
	Archived    bool
	IM          bool     // a direct message; Members holds the one other person
	MPIM        bool     // a group direct message; implies Private
	Shared      bool     // shared with another organisation
	Members     []string // user ids, without the bot
	BotIsMember bool
}

// channelState is a channel with its messages, oldest first.
type channelState struct {
	Channel

	messages []*Message
}

func (c *channelState) has(user string) bool { return slices.Contains(c.Members, user) }

// sees reports whether a person can read the channel: a member, or anyone if the channel is public.
func (c *channelState) sees(user string) bool { return c.has(user) || (!c.Private && !c.IM) }

// channelKind holds the names of a kind of channel in select filters, in scopes and in events.
type channelKind struct{ filter, scope, event string }

func (c *channelState) kind() channelKind {
	switch {
	case c.IM:
		return channelKind{"im", "im", "im"}
	case c.MPIM:
		return channelKind{"mpim", "mpim", "group"}
	case c.Private:
		return channelKind{"private", "groups", "group"}
	}
	return channelKind{"public", "channels", "channel"}
}

// AddChannel adds a channel, or replaces the description of an existing one and keeps its messages.
func (w *Workspace) AddChannel(c Channel) {
	defer w.lock()()
	w.addChannel(c)
}

func (w *Workspace) addChannel(c Channel) *channelState {
	c.Members = slices.Clone(c.Members)
	c.Private = c.Private || c.MPIM
	state := w.channels[c.ID]
	if state == nil {
		state = &channelState{}
		w.channels[c.ID] = state
	}
	state.Channel = c
	if !c.IM {
		w.rename(c.ID, "#"+c.Name)
	}
	return state
}

// Invite makes the bot a member of a channel.
func (w *Workspace) Invite(channel string) { w.Join(channel, botUserID) }

// Kick removes the bot from a channel. The app gets channel_left or group_left.
func (w *Workspace) Kick(channel string) {
	w.change(channel, func(c *channelState) map[string]any {
		c.BotIsMember = false
		return map[string]any{"type": c.kind().event + "_left", "actor_id": someone(c)}
	})
}

// Leave removes a person from a channel.
func (w *Workspace) Leave(channel, user string) { w.move("member_left_channel", channel, user) }

// Join makes a person, or the bot, a member of a channel.
func (w *Workspace) Join(channel, user string) { w.move("member_joined_channel", channel, user) }

func (w *Workspace) move(kind, channel, user string) {
	w.change(channel, func(c *channelState) map[string]any {
		c.Members = without(c.Members, []string{user})
		switch {
		case user == botUserID:
			c.BotIsMember = true
		case kind == "member_joined_channel":
			c.Members = append(c.Members, user)
		}
		return map[string]any{"type": kind, "user": user, "channel_type": strings.ToUpper(c.kind().event[:1]), "team": teamID}
	})
}

// Archive archives a channel.
func (w *Workspace) Archive(channel string) {
	w.change(channel, func(c *channelState) map[string]any {
		c.Archived = true
		return map[string]any{"type": c.kind().event + "_archive", "user": someone(c), "is_moved": 0}
	})
}

// Unarchive restores an archived channel with its members.
func (w *Workspace) Unarchive(channel string) {
	w.change(channel, func(c *channelState) map[string]any {
		c.Archived = false
		return map[string]any{"type": c.kind().event + "_unarchive", "user": someone(c)}
	})
}

// change applies a change to a channel and emits its event, if the manifest declares it. An unknown channel is ignored.
func (w *Workspace) change(channel string, change func(*channelState) map[string]any) {
	defer w.lock()()
	c := w.channels[channel]
	if c == nil {
		return
	}
	event := change(c)
	event["channel"] = channel
	w.record(Event{Kind: text(event["type"]), Channel: channel, User: botUserID})
	w.emit(event)
}

// someone returns the id of a member, or of the bot in an empty channel, as the actor of a change.
func someone(c *channelState) string { return append(slices.Clone(c.Members), botUserID)[0] }

// ChangeID gives a channel a new id, as Slack does when a private channel is shared with another organisation. It emits
// channel_id_changed unless lost is set.
func (w *Workspace) ChangeID(from, to string, lost bool) {
	defer w.lock()()
	c := w.channels[from]
	if c == nil {
		return
	}
	delete(w.channels, from)
	c.ID = to
	for _, m := range c.messages {
		m.Channel = to
	}
	w.channels[to] = c
	w.rename(to, "#"+c.Name)
	if !lost {
		w.emit(map[string]any{"type": "channel_id_changed", "old_channel_id": from, "new_channel_id": to})
	}
}

// channel returns the channel of a call after checking a right: "read" (its description), "history", "write" or "post". For "post" a user
// id stands for the direct message with that user. Every right but "read" requires the bot's membership.
func (w *Workspace) channel(c *apiCall, right string) (*channelState, error) {
	id := c.args["channel"]
	if u := w.users[id]; right == "post" && u != nil && !u.IsBot && !u.Deleted {
		return w.directMessage(id), nil
	}
	channel := w.channels[id]
	writes := right == "write" || right == "post"
	switch {
	case channel == nil || (!channel.BotIsMember && (channel.Private || channel.IM)):
		return nil, refuse("channel_not_found")
	case writes && channel.IM && !w.app.MessagesTab:
		return nil, refuse("messages_tab_disabled")
	case writes && channel.Archived:
		return nil, refuse("is_archived")
	}
	if err := c.need(channel.kind().scope + ":" + right); !writes && err != nil {
		return nil, err
	}
	if right != "read" && !channel.BotIsMember {
		return nil, refuse("not_in_channel")
	}
	return channel, nil
}

func (w *Workspace) directMessage(user string) *channelState {
	for _, c := range w.channels {
		if c.IM && c.BotIsMember && c.has(user) {
			return c
		}
	}
	id := "D" + strings.TrimPrefix(user, "U")
	return w.addChannel(Channel{ID: id, Name: "directmessage", IM: true, Members: []string{user}, BotIsMember: true})
}

func (w *Workspace) conversationsOpen(c *apiCall) (answer, error) {
	id := c.args["users"]
	u := w.users[id]
	switch {
	case id == "":
		return nil, refuse("users_list_not_supplied")
	case u == nil:
		return nil, refuse("user_not_found")
	case u.Deleted:
		return nil, refuse("user_disabled")
	case u.IsBot:
		return nil, refuse("cannot_dm_bot")
	}
	if err := c.need("im:write"); err != nil {
		return nil, err
	}
	return answer{"channel": map[string]any{"id": w.directMessage(id).ID}}, nil
}

func (*Workspace) conversationsInfo(c *apiCall) (answer, error) {
	channel := c.channel
	out := map[string]any{
		"id": channel.ID, "created": 1700000000, "is_archived": channel.Archived, "is_im": channel.IM, "is_mpim": channel.MPIM,
		"is_org_shared": false, "context_team_id": teamID, "updated": 1700000000000,
	}
	if channel.IM {
		out["user"] = strings.Join(channel.Members, ",")
		return answer{"channel": out}, nil
	}
	out["name"], out["name_normalized"] = channel.Name, channel.Name
	out["is_channel"], out["is_group"], out["is_private"] = !channel.Private, channel.Private, channel.Private
	out["is_general"], out["is_member"] = false, channel.BotIsMember
	out["is_shared"], out["is_ext_shared"] = channel.Shared, channel.Shared
	return answer{"channel": out}, nil
}

func (*Workspace) conversationsMembers(c *apiCall) (answer, error) {
	members := slices.Clone(c.channel.Members)
	if c.channel.BotIsMember {
		members = append(members, botUserID)
	}
	limit, cursor, err := c.paging(1000)
	if err != nil {
		return nil, err
	}
	from, err := strconv.Atoi(cmp.Or(cursor, "0"))
	if err != nil || from < 0 || from > len(members) {
		return nil, refuse("invalid_cursor")
	}
	to, next := from+limit, answer{"next_cursor": ""}
	if to < len(members) {
		next = nextCursor(strconv.Itoa(to))
	}
	return answer{"members": members[from:min(to, len(members))], "response_metadata": next}, nil
}
