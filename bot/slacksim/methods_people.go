package slacksim

import "slices"

func (w *Workspace) usersInfo(c *apiCall) (answer, error) {
	u := w.users[c.args["user"]]
	if u == nil {
		return nil, refuse("user_not_found")
	}
	return answer{"user": w.wireUser(u)}, nil
}

func (w *Workspace) usersList(c *apiCall) (answer, error) {
	ids, next, err := pageOf(c, w.userIDs)
	if err != nil {
		return nil, err
	}
	members := []any{}
	for _, id := range ids {
		members = append(members, w.wireUser(w.users[id]))
	}
	return answer{"members": members, "cache_ts": 1700000000, "response_metadata": next}, nil
}

// wireUser shows a user as users.info does. A Slack Connect person has another
// team_id and, surprisingly, is_stranger false.
func (w *Workspace) wireUser(u *User) map[string]any {
	profile := map[string]any{
		"real_name": u.RealName, "real_name_normalized": u.RealName, "display_name": u.Name,
		"display_name_normalized": u.Name, "team": u.TeamID, "status_text": "", "status_emoji": "",
	}
	switch {
	case u.ID == w.opts.BotUserID:
		profile["bot_id"], profile["api_app_id"] = w.opts.BotID, w.opts.AppID
	case u.IsBot:
		profile["bot_id"] = u.botID()
	}
	out := map[string]any{
		"id": u.ID, "team_id": u.TeamID, "name": u.Name, "real_name": u.RealName, "deleted": u.Deleted, "profile": profile,
		"is_bot": u.IsBot, "is_app_user": false, "is_stranger": false, "updated": 1700000000,
	}
	if !u.Deleted {
		out["tz"], out["tz_label"], out["tz_offset"] = u.TZ, u.TZ, 0
		out["is_admin"], out["is_owner"], out["is_primary_owner"] = u.IsAdmin, false, false
		out["is_restricted"], out["is_ultra_restricted"] = u.Restricted || u.UltraRestricted, u.UltraRestricted
	}
	return out
}

func (w *Workspace) usergroupsList(c *apiCall) (answer, error) {
	if w.opts.GroupsNeedUpgrade {
		return nil, refuse("plan_upgrade_required")
	}
	groups := []any{}
	for _, id := range w.groupIDs {
		if g := w.groups[id]; !g.Disabled || c.flag("include_disabled") {
			groups = append(groups, w.wireGroup(g, c.flag("include_users"), c.flag("include_count")))
		}
	}
	return answer{"usergroups": groups}, nil
}

// wireGroup shows a user group; its users and their number only where they are asked for.
func (w *Workspace) wireGroup(g *Group, users, count bool) map[string]any {
	out := map[string]any{
		"id": g.ID, "team_id": w.opts.TeamID, "is_usergroup": true, "is_subteam": true, "name": g.Handle, "handle": g.Handle,
		"description": "", "is_external": false, "date_create": g.created, "date_update": g.updated, "date_delete": g.deleted,
		"auto_type": nil, "auto_provision": false, "enterprise_subteam_id": "", "created_by": slackbot, "updated_by": slackbot,
		"deleted_by": nil, "prefs": map[string]any{"channels": []any{}, "groups": []any{}}, "channel_count": 0,
	}
	if g.Disabled {
		out["deleted_by"] = slackbot
	}
	if users {
		out["users"] = append([]string{}, g.Users...)
	}
	if count {
		out["user_count"] = len(g.Users)
	}
	return out
}

func (w *Workspace) usergroupsUsersList(c *apiCall) (answer, error) {
	if w.opts.GroupsNeedUpgrade {
		return nil, refuse("plan_upgrade_required")
	}
	g := w.groups[c.args["usergroup"]]
	if g == nil || (g.Disabled && !c.flag("include_disabled")) {
		return nil, refuse("no_such_subteam")
	}
	return answer{"users": append([]string{}, g.Users...)}, nil
}

func (w *Workspace) reacted(c *apiCall) (*Message, string, error) {
	channel, err := w.writable(c.args["channel"])
	if err != nil {
		return nil, "", err
	}
	m := find(channel, c.args["timestamp"])
	switch {
	case m == nil || m.Ephemeral || m.tombstone:
		return nil, "", refuse("message_not_found")
	case c.args["name"] == "":
		return nil, "", refuse("invalid_name")
	}
	return m, c.args["name"], nil
}

func (w *Workspace) reactionsAdd(c *apiCall) (answer, error) {
	m, name, err := w.reacted(c)
	switch {
	case err != nil:
		return nil, err
	case slices.Contains(m.Reactions, name):
		return nil, refuse("already_reacted")
	}
	m.Reactions = append(m.Reactions, name)
	w.recordMessage(KindUpdated, m)
	return nil, nil
}

func (w *Workspace) reactionsRemove(c *apiCall) (answer, error) {
	m, name, err := w.reacted(c)
	if err != nil {
		return nil, err
	}
	at := slices.Index(m.Reactions, name)
	if at < 0 {
		return nil, refuse("no_reaction")
	}
	m.Reactions = slices.Delete(m.Reactions, at, at+1)
	w.recordMessage(KindUpdated, m)
	return nil, nil
}
