package slacksim

import (
	"slices"
	"strings"
)

// scoped checks the scope that the kind of channel asks for, of the given family ("read", "history").
func (c *apiCall) scoped(channel *channelState, family string) error {
	switch {
	case channel.IM:
		return c.need("im:" + family)
	case channel.MPIM:
		return c.need("mpim:" + family)
	case channel.Private:
		return c.need("groups:" + family)
	}
	return c.need("channels:" + family)
}

// looked finds the channel of a reading call.
func (w *Workspace) looked(c *apiCall, family string) (*channelState, error) {
	channel, err := w.readable(c.args["channel"])
	if err != nil {
		return nil, err
	}
	return channel, c.scoped(channel, family)
}

func (w *Workspace) conversationsInfo(c *apiCall) (answer, error) {
	channel, err := w.looked(c, "read")
	if err != nil {
		return nil, err
	}
	out := w.wireChannel(channel)
	if c.flag("include_num_members") {
		out["num_members"] = len(w.membersOf(channel))
	}
	return answer{"channel": out}, nil
}

func (w *Workspace) wireChannel(c *channelState) map[string]any {
	out := map[string]any{
		"id": c.ID, "created": 1700000000, "is_archived": c.Archived, "is_im": c.IM, "is_mpim": c.MPIM,
		"is_org_shared": false, "context_team_id": w.opts.TeamID, "updated": 1700000000000,
	}
	if c.IM {
		out["user"] = strings.Join(c.Members, ",")
		return out
	}
	out["name"], out["name_normalized"] = c.Name, c.Name
	out["is_channel"], out["is_group"], out["is_private"] = !c.Private, c.Private, c.Private
	out["is_general"], out["is_member"] = false, c.BotIsMember
	out["is_shared"], out["is_ext_shared"] = c.Shared, c.Shared
	out["topic"] = map[string]any{"value": "", "creator": "", "last_set": 0}
	out["purpose"] = map[string]any{"value": "", "creator": "", "last_set": 0}
	return out
}

func (w *Workspace) membersOf(c *channelState) []string {
	members := slices.Clone(c.Members)
	if c.BotIsMember {
		members = append(members, w.opts.BotUserID)
	}
	return members
}

// kindOf is the channel's kind as the types argument names it.
func kindOf(c *channelState) string {
	switch {
	case c.IM:
		return "im"
	case c.MPIM:
		return "mpim"
	case c.Private:
		return "private_channel"
	}
	return "public_channel"
}

func (w *Workspace) conversationsList(c *apiCall) (answer, error) {
	families := map[string]string{"public_channel": "channels", "private_channel": "groups", "im": "im", "mpim": "mpim"}
	types := "public_channel"
	if c.args["types"] != "" {
		types = c.args["types"]
	}
	wanted := map[string]bool{}
	for kind := range strings.SplitSeq(types, ",") {
		kind = strings.TrimSpace(kind)
		if families[kind] == "" {
			return nil, refuse("invalid_types")
		}
		if err := c.need(families[kind] + ":read"); err != nil {
			return nil, err
		}
		wanted[kind] = true
	}
	all := []any{}
	for _, id := range w.chanIDs {
		channel, err := w.readable(id)
		if err == nil && wanted[kindOf(channel)] && (!channel.Archived || !c.flag("exclude_archived")) {
			all = append(all, w.wireChannel(channel))
		}
	}
	page, next, err := pageOf(c, all)
	if err != nil {
		return nil, err
	}
	return answer{"channels": page, "response_metadata": next}, nil
}

func (w *Workspace) conversationsMembers(c *apiCall) (answer, error) {
	channel, err := w.looked(c, "read")
	if err != nil {
		return nil, err
	}
	page, next, err := pageOf(c, w.membersOf(channel))
	if err != nil {
		return nil, err
	}
	return answer{"members": page, "response_metadata": next}, nil
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
	channel := w.directMessage(id)
	if c.flag("return_im") {
		return answer{"channel": w.wireChannel(channel)}, nil
	}
	return answer{"channel": map[string]any{"id": channel.ID}}, nil
}

// directMessage finds or makes the direct message between the bot and a person.
func (w *Workspace) directMessage(user string) *channelState {
	for _, id := range w.chanIDs {
		if c := w.channels[id]; c.IM && c.BotIsMember && c.has(user) {
			return c
		}
	}
	return w.addChannel(Channel{ID: "D" + strings.TrimPrefix(user, "U"), Name: "directmessage", IM: true, Members: []string{user}, BotIsMember: true})
}
