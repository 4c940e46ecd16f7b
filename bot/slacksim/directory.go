package slacksim

import (
	"maps"
	"slices"
	"strings"
	"time"
)

const slackbot = "USLACKBOT"

// User is a person or a bot that the workspace knows.
type User struct {
	ID       string
	Name     string // the handle, without @
	RealName string
	TeamID   string // "" is the home team; another one makes a Slack Connect person
	TZ       string // an IANA name, default "Europe/London"

	IsBot           bool
	Deleted         bool
	IsAdmin         bool
	Restricted      bool // a multi-channel guest
	UltraRestricted bool // a single-channel guest
}

// botID is the bot_id of a bot that is not the app's own.
func (u *User) botID() string { return "B" + strings.TrimPrefix(u.ID, "U") }

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

// Group is a user group.
type Group struct {
	ID       string
	Handle   string // without @
	Users    []string
	Disabled bool

	created, updated, deleted int64 // seconds
}

// channelState is a channel with what was said in it, oldest first.
type channelState struct {
	Channel

	messages []*Message
}

// AddUser adds or replaces a user.
func (w *Workspace) AddUser(u User) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if u.TeamID == "" {
		u.TeamID = w.opts.TeamID
	}
	if u.TZ == "" {
		u.TZ = "Europe/London"
	}
	if w.users[u.ID] == nil {
		w.userIDs = append(w.userIDs, u.ID)
	}
	w.users[u.ID] = &u
	w.rename(u.ID, "@"+u.Name)
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
		w.chanIDs = append(w.chanIDs, c.ID)
	}
	state.Channel = c
	if !c.IM {
		w.rename(c.ID, "#"+c.Name)
	}
	return state
}

// AddGroup adds or replaces a user group.
func (w *Workspace) AddGroup(g Group) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.addGroup(g)
}

func (w *Workspace) addGroup(g Group) {
	now := time.Now().Unix()
	g.Users = slices.Clone(g.Users)
	g.created, g.updated, g.deleted = now, now, 0
	if g.Disabled {
		g.deleted = now
	}
	if before := w.groups[g.ID]; before == nil {
		w.groupIDs = append(w.groupIDs, g.ID)
	} else {
		g.created = before.created
	}
	w.groups[g.ID] = &g
	w.rename(g.ID, "@"+g.Handle)
}

// rename replaces the names that messages are rendered with. The lock is held.
func (w *Workspace) rename(id, name string) {
	w.names = maps.Clone(w.names)
	w.names[id] = name
	w.touch()
}

// Invite makes the bot a member of a channel.
func (w *Workspace) Invite(channel string) {
	w.change(channel, func(c *channelState) map[string]any {
		c.BotIsMember = true
		return map[string]any{"type": "member_joined_channel", "user": w.opts.BotUserID, "channel_type": channelType(c), "team": w.opts.TeamID}
	})
}

// Kick removes the bot from a channel. The bot itself is told by channel_left or group_left.
func (w *Workspace) Kick(channel string) {
	w.change(channel, func(c *channelState) map[string]any {
		c.BotIsMember = false
		return map[string]any{"type": family(c) + "_left", "actor_id": w.someone(c)}
	})
}

// ChangeID gives a channel another id, as Slack does where a private channel is shared with another organisation. The event of it is sent
// unless it is to be lost.
func (w *Workspace) ChangeID(from, to string, lost bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.channels[from]
	if c == nil {
		return
	}
	delete(w.channels, from)
	w.chanIDs = without(w.chanIDs, []string{from})
	c.ID = to
	for _, m := range c.messages {
		m.Channel = to
	}
	w.channels[to], w.chanIDs = c, append(w.chanIDs, to)
	w.rename(to, "#"+c.Name)
	if !lost {
		w.emit(map[string]any{"type": "channel_id_changed", "old_channel_id": from, "new_channel_id": to})
	}
}

// Leave takes a person out of a channel, by their own will or another's.
func (w *Workspace) Leave(channel, user string) {
	w.change(channel, func(c *channelState) map[string]any {
		c.Members = without(c.Members, []string{user})
		return map[string]any{"type": "member_left_channel", "user": user, "channel_type": channelType(c), "team": w.opts.TeamID}
	})
}

// Join makes a person a member of a channel.
func (w *Workspace) Join(channel, user string) {
	w.change(channel, func(c *channelState) map[string]any {
		c.Members = append(without(c.Members, []string{user}), user)
		return map[string]any{"type": "member_joined_channel", "user": user, "channel_type": channelType(c), "team": w.opts.TeamID}
	})
}

// Archive archives a channel.
func (w *Workspace) Archive(channel string) {
	w.change(channel, func(c *channelState) map[string]any {
		c.Archived = true
		return map[string]any{"type": family(c) + "_archive", "user": w.someone(c), "is_moved": 0}
	})
}

// Unarchive brings an archived channel back, with the members that it had.
func (w *Workspace) Unarchive(channel string) {
	w.change(channel, func(c *channelState) map[string]any {
		c.Archived = false
		return map[string]any{"type": family(c) + "_unarchive", "user": w.someone(c)}
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
	kind, _ := event["type"].(string)
	w.record(Event{Kind: kind, Channel: channel, User: w.opts.BotUserID})
	w.emit(event)
}

// family is what the events about a channel begin with: those of private ones still bear their old name.
func family(c *channelState) string {
	if c.Private {
		return "group"
	}
	return "channel"
}

// someone is a member of a channel, who does what is done to it.
func (w *Workspace) someone(c *channelState) string {
	if len(c.Members) == 0 {
		return w.opts.BotUserID
	}
	return c.Members[0]
}

func channelType(c *channelState) string {
	if c.Private {
		return "G"
	}
	return "C"
}

// has tells whether a person is a member of the channel.
func (c *channelState) has(user string) bool { return slices.Contains(c.Members, user) }

// sees tells whether a person can look into the channel.
func (c *channelState) sees(user string) bool { return c.has(user) || (!c.Private && !c.IM) }

// byName finds the id that people write as name, with its sign, for example "#general".
func (w *Workspace) byName(name string) (string, bool) {
	for _, id := range slices.Sorted(maps.Keys(w.names)) {
		if strings.EqualFold(w.names[id], name) && len(name) > 1 {
			return id, true
		}
	}
	return "", false
}
