package slacksim

import (
	"maps"
	"slices"
	"strings"
	"time"
)

const slackbot = "USLACKBOT"

// User is a person or a bot of the workspace.
type User struct {
	ID         string
	Name       string // the handle, without @
	RealName   string
	Email      string // the address of their account, "" for none
	TeamID     string // "" is the home team; another one is a Slack Connect user
	IsBot      bool
	Deleted    bool
	Restricted bool // a guest
}

func (u *User) botID() string { return "B" + strings.TrimPrefix(u.ID, "U") }

// AddUser adds or replaces a user.
func (w *Workspace) AddUser(u User) {
	defer w.lock()()
	if u.TeamID == "" {
		u.TeamID = teamID
	}
	w.users[u.ID] = &u
	w.rename(u.ID, "@"+u.Name)
}

func (w *Workspace) usersInfo(c *apiCall) (answer, error) {
	u := w.users[c.args["user"]]
	if u == nil {
		return nil, refuse("user_not_found")
	}
	return answer{"user": w.shownUser(u)}, nil
}

// usersLookupByEmail finds an active account by its address, in any case. A deactivated one is not found.
func (w *Workspace) usersLookupByEmail(c *apiCall) (answer, error) {
	email := strings.TrimSpace(c.args["email"])
	for _, id := range slices.Sorted(maps.Keys(w.users)) {
		if u := w.users[id]; email != "" && strings.EqualFold(u.Email, email) && !u.Deleted {
			return answer{"user": w.shownUser(u)}, nil
		}
	}
	return nil, refuse("users_not_found")
}

// shownUser returns a user as Slack's answers show one.
func (w *Workspace) shownUser(u *User) map[string]any {
	profile := map[string]any{"real_name": u.RealName, "display_name": u.Name, "team": u.TeamID, "status_text": "", "status_emoji": ""}
	switch {
	case u.ID == botUserID:
		profile["bot_id"], profile["api_app_id"] = botID, appID
	case u.IsBot:
		profile["bot_id"] = u.botID()
	}
	out := map[string]any{ // is_stranger is false for Slack Connect users too
		"id": u.ID, "team_id": u.TeamID, "name": u.Name, "real_name": u.RealName, "deleted": u.Deleted, "profile": profile,
		"is_bot": u.IsBot, "is_app_user": false, "is_stranger": false, "updated": 1700000000,
	}
	if !u.Deleted {
		maps.Copy(out, map[string]any{
			"tz": "Europe/London", "tz_label": "Europe/London", "tz_offset": 0, "is_admin": false, "is_owner": false, "is_primary_owner": false,
			"is_restricted": u.Restricted, "is_ultra_restricted": false,
		})
	}
	if u.Email != "" && slices.Contains(w.opts.BotScopes, "users:read.email") {
		profile["email"] = u.Email
	}
	return out
}

func (w *Workspace) teamOf(user string) string {
	if u := w.users[user]; u != nil {
		return u.TeamID
	}
	return teamID
}

// rename sets the name that messages render for an id. It replaces the map, which snapshots share.
func (w *Workspace) rename(id, name string) {
	w.names = maps.Clone(w.names)
	w.names[id] = name
	w.touch()
}

// byName returns the id of a name with its sign, such as "#general", or "". Case is ignored.
func (w *Workspace) byName(name string) string {
	for _, id := range slices.Sorted(maps.Keys(w.names)) {
		if strings.EqualFold(w.names[id], name) && len(name) > 1 {
			return id
		}
	}
	return ""
}

// Group is a user group.
type Group struct {
	ID       string
	Handle   string // without @
	Users    []string
	Disabled bool

	created, updated, deleted int64 // Unix seconds
}

// AddGroup adds or replaces a user group.
func (w *Workspace) AddGroup(g Group) {
	defer w.lock()()
	w.addGroup(g)
}

// addGroup adds or replaces a group and returns the previous one, or nil, and the new one.
func (w *Workspace) addGroup(g Group) (before, after *Group) {
	now := time.Now().Unix()
	g.Users = slices.Clone(g.Users)
	g.created, g.updated = now, now
	if g.Disabled {
		g.deleted = now
	}
	before = w.groups[g.ID]
	if before == nil {
		w.groupIDs = append(w.groupIDs, g.ID)
	} else {
		g.created = before.created
	}
	w.groups[g.ID] = &g
	w.rename(g.ID, "@"+g.Handle)
	return before, &g
}

// BotScopes returns the scopes of the bot token.
func (w *Workspace) BotScopes() []string {
	defer w.lock()()
	return slices.Clone(w.opts.BotScopes)
}

// SetBotScopes replaces the scopes of the bot token, as installing the app again does.
func (w *Workspace) SetBotScopes(scopes ...string) {
	defer w.lock()()
	w.opts.BotScopes = scopes
}

// SetGroup adds or replaces a user group as an admin does. It emits subteam_created or subteam_updated, and subteam_members_changed if the
// members changed, as far as the app subscribes to them.
func (w *Workspace) SetGroup(g Group) {
	defer w.lock()()
	before, after := w.addGroup(g)
	subteam := wireGroup(after)
	subteam["users"], subteam["user_count"] = append([]string{}, g.Users[:min(len(g.Users), 500)]...), len(g.Users) // Slack lists 500 at most
	if before == nil {
		w.emit(map[string]any{"type": "subteam_created", "subteam": subteam})
		return
	}
	w.emit(map[string]any{"type": "subteam_updated", "subteam": subteam})
	added, removed := without(after.Users, before.Users), without(before.Users, after.Users)
	if len(added)+len(removed) == 0 {
		return
	}
	w.emit(map[string]any{
		"type": "subteam_members_changed", "subteam_id": g.ID, "team_id": teamID,
		"date_previous_update": before.updated, "date_update": after.updated,
		"added_users": added, "added_users_count": len(added), "removed_users": removed, "removed_users_count": len(removed),
	})
}

func without(a, b []string) []string {
	return slices.DeleteFunc(append([]string{}, a...), func(id string) bool { return slices.Contains(b, id) })
}

func (w *Workspace) usergroupsList(c *apiCall) (answer, error) {
	groups := []any{}
	for _, id := range w.groupIDs {
		g := w.groups[id]
		if g.Disabled && !c.flag("include_disabled") {
			continue
		}
		out := wireGroup(g)
		if c.flag("include_users") {
			out["users"] = append([]string{}, g.Users...)
		}
		if c.flag("include_count") {
			out["user_count"] = len(g.Users)
		}
		groups = append(groups, out)
	}
	return answer{"usergroups": groups}, nil
}

// wireGroup returns a user group as the API shows it, without users and user_count.
func wireGroup(g *Group) map[string]any {
	out := map[string]any{
		"id": g.ID, "team_id": teamID, "is_usergroup": true, "is_subteam": true, "name": g.Handle, "handle": g.Handle,
		"description": "", "is_external": false, "date_create": g.created, "date_update": g.updated, "date_delete": g.deleted,
		"auto_type": nil, "auto_provision": false, "enterprise_subteam_id": "", "created_by": slackbot, "updated_by": slackbot,
		"deleted_by": nil, "prefs": map[string]any{"channels": []any{}, "groups": []any{}}, "channel_count": 0,
	}
	if g.Disabled {
		out["deleted_by"] = slackbot
	}
	return out
}

func (w *Workspace) usergroupsUsersList(c *apiCall) (answer, error) {
	g := w.groups[c.args["usergroup"]]
	if g == nil || (g.Disabled && !c.flag("include_disabled")) {
		return nil, refuse("no_such_subteam")
	}
	return answer{"users": append([]string{}, g.Users...)}, nil
}
