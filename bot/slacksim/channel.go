package slacksim

import (
	"slices"
	"strings"
)

// Channel is a conversation.
type Channel struct {
	ID          string
	Name        string // without #; unused for direct messages
	Private     bool
	Archived    bool
	IM          bool     // a direct message; Members is then the one other person
	MPIM        bool     // a group direct message, which is private
	Shared      bool     // shared with another organisation
	Members     []string // people; the bot is not among them
	BotIsMember bool
}

// channelState is a channel with what was said in it, oldest first.
type channelState struct {
	Channel

	messages []*Message
}

// has reports whether a person is a member of the channel.
func (c *channelState) has(user string) bool { return slices.Contains(c.Members, user) }

// sees reports whether a person can look into the channel.
func (c *channelState) sees(user string) bool { return c.has(user) || (!c.Private && !c.IM) }

// family is what the channel's scopes and events begin with: those of private ones still bear their old name.
func (c *channelState) family() string {
	if c.Private {
		return "group"
	}
	return "channel"
}

// AddChannel adds a channel, or replaces its description and keeps what was said in it.
func (w *Workspace) AddChannel(c Channel) {
	w.mu.Lock()
	defer w.mu.Unlock()
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
func (w *Workspace) Invite(channel string) {
	w.change(channel, func(c *channelState) map[string]any {
		c.BotIsMember = true
		return w.moved("member_joined_channel", c, botUserID)
	})
}

// Kick removes the bot from a channel. The bot itself is told by channel_left or group_left.
func (w *Workspace) Kick(channel string) {
	w.change(channel, func(c *channelState) map[string]any {
		c.BotIsMember = false
		return map[string]any{"type": c.family() + "_left", "actor_id": someone(c)}
	})
}

// Leave takes a person out of a channel, by their own will or another's.
func (w *Workspace) Leave(channel, user string) {
	w.change(channel, func(c *channelState) map[string]any {
		c.Members = without(c.Members, []string{user})
		return w.moved("member_left_channel", c, user)
	})
}

// Join makes a person a member of a channel.
func (w *Workspace) Join(channel, user string) {
	w.change(channel, func(c *channelState) map[string]any {
		c.Members = append(without(c.Members, []string{user}), user)
		return w.moved("member_joined_channel", c, user)
	})
}

// Archive archives a channel.
func (w *Workspace) Archive(channel string) {
	w.change(channel, func(c *channelState) map[string]any {
		c.Archived = true
		return map[string]any{"type": c.family() + "_archive", "user": someone(c), "is_moved": 0}
	})
}

// Unarchive brings an archived channel back, with the members that it had.
func (w *Workspace) Unarchive(channel string) {
	w.change(channel, func(c *channelState) map[string]any {
		c.Archived = false
		return map[string]any{"type": c.family() + "_unarchive", "user": someone(c)}
	})
}

// change changes a channel, if there is such a one, and sends the event of it, if it is declared.
func (w *Workspace) change(channel string, change func(*channelState) map[string]any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.channels[channel]
	if c == nil {
		return
	}
	event := change(c)
	event["channel"] = channel
	w.record(Event{Kind: text(event["type"]), Channel: channel, User: botUserID})
	w.emit(event)
}

// moved is the event of somebody who came or went.
func (w *Workspace) moved(kind string, c *channelState, user string) map[string]any {
	return map[string]any{"type": kind, "user": user, "channel_type": strings.ToUpper(c.family()[:1]), "team": w.opts.TeamID}
}

// someone is a member of a channel, who does what is done to it.
func someone(c *channelState) string {
	if len(c.Members) == 0 {
		return botUserID
	}
	return c.Members[0]
}

// ChangeID gives a channel another id, as Slack does where a private channel is shared with another organisation. The event of it is sent unless
// it is to be lost.
func (w *Workspace) ChangeID(from, to string, lost bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
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

// visible finds the channel of a call that the bot may know of.
func (w *Workspace) visible(c *apiCall) (*channelState, error) {
	channel := w.channels[c.args["channel"]]
	if channel == nil || (!channel.BotIsMember && (channel.Private || channel.IM)) {
		return nil, refuse("channel_not_found")
	}
	return channel, nil
}

// readable finds the channel of a call that reads what a channel is; recorded that of one that reads its messages, for members only.
func (w *Workspace) readable(c *apiCall) (*channelState, error) { return w.scoped(c, "read") }

func (w *Workspace) recorded(c *apiCall) (*channelState, error) {
	channel, err := w.scoped(c, "history")
	if err == nil && !channel.BotIsMember {
		return nil, refuse("not_in_channel")
	}
	return channel, err
}

// scoped checks the scope that the kind of channel asks for.
func (w *Workspace) scoped(c *apiCall, right string) (*channelState, error) {
	channel, err := w.visible(c)
	if err != nil {
		return nil, err
	}
	family := channel.family() + "s"
	switch {
	case channel.IM:
		family = "im"
	case channel.MPIM:
		family = "mpim"
	}
	return channel, c.need(family + ":" + right)
}

// writable finds the channel of a call that the bot may write to.
func (w *Workspace) writable(c *apiCall) (*channelState, error) {
	channel, err := w.visible(c)
	switch {
	case err != nil:
		return nil, err
	case channel.IM && !w.app.MessagesTab:
		return nil, refuse("messages_tab_disabled")
	case channel.Archived:
		return nil, refuse("is_archived")
	case !channel.BotIsMember:
		return nil, refuse("not_in_channel")
	}
	return channel, nil
}

// addressed is writable, where a user's id stands for the direct message with them.
func (w *Workspace) addressed(c *apiCall) (*channelState, error) {
	if u := w.users[c.args["channel"]]; u != nil && !u.IsBot && !u.Deleted {
		return w.directMessage(u.ID), nil
	}
	return w.writable(c)
}

// directMessage finds or makes the direct message between the bot and a person.
func (w *Workspace) directMessage(user string) *channelState {
	for _, c := range w.channels {
		if c.IM && c.BotIsMember && c.has(user) {
			return c
		}
	}
	id := "D" + strings.TrimPrefix(user, "U")
	return w.addChannel(Channel{ID: id, Name: "directmessage", IM: true, Members: []string{user}, BotIsMember: true})
}

// conversationsOpen opens the direct message with one person.
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

func (w *Workspace) conversationsInfo(c *apiCall) (answer, error) {
	channel := c.channel
	out := map[string]any{
		"id": channel.ID, "created": 1700000000, "is_archived": channel.Archived, "is_im": channel.IM, "is_mpim": channel.MPIM,
		"is_org_shared": false, "context_team_id": w.opts.TeamID, "updated": 1700000000000,
	}
	if channel.IM {
		out["user"] = strings.Join(channel.Members, ",")
		return answer{"channel": out}, nil
	}
	out["name"], out["name_normalized"] = channel.Name, channel.Name
	out["is_channel"], out["is_group"], out["is_private"] = !channel.Private, channel.Private, channel.Private
	out["is_general"], out["is_member"] = false, channel.BotIsMember
	out["is_shared"], out["is_ext_shared"] = channel.Shared, channel.Shared
	out["topic"] = map[string]any{"value": "", "creator": "", "last_set": 0}
	out["purpose"] = map[string]any{"value": "", "creator": "", "last_set": 0}
	return answer{"channel": out}, nil
}

func (w *Workspace) conversationsMembers(c *apiCall) (answer, error) {
	members := slices.Clone(c.channel.Members)
	if c.channel.BotIsMember {
		members = append(members, botUserID)
	}
	shown, next, err := page(c, members)
	if err != nil {
		return nil, err
	}
	return answer{"members": shown, "response_metadata": next}, nil
}
