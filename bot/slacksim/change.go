package slacksim

import (
	"slices"
	"time"
)

// SetGroup adds or replaces a user group as an admin does: the app is told by
// subteam_created or subteam_updated, and by subteam_members_changed where
// people came or went, as far as it subscribes to those events.
func (w *Workspace) SetGroup(g Group) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.groups[g.ID]
	w.addGroup(g)
	after := w.groups[g.ID]
	w.record(Event{Kind: KindGroup, Text: g.ID})
	if before == nil {
		w.emit(map[string]any{"type": "subteam_created", "subteam": w.eventGroup(after)})
		return
	}
	w.emit(map[string]any{"type": "subteam_updated", "subteam": w.eventGroup(after)})
	added, removed := without(after.Users, before.Users), without(before.Users, after.Users)
	if len(added)+len(removed) == 0 {
		return
	}
	w.emit(map[string]any{
		"type": "subteam_members_changed", "subteam_id": g.ID, "team_id": w.opts.TeamID,
		"date_previous_update": before.updated, "date_update": after.updated,
		"added_users": added, "added_users_count": len(added), "removed_users": removed, "removed_users_count": len(removed),
	})
}

// mostUsers is how many users an event about a group names.
const mostUsers = 500

// eventGroup is a user group as events show it.
func (w *Workspace) eventGroup(g *Group) map[string]any {
	out := w.wireGroup(g, true, true)
	out["users"] = append([]string{}, g.Users[:min(len(g.Users), mostUsers)]...)
	return out
}

// without is what of a is not in b.
func without(a, b []string) []string {
	left := []string{}
	for _, id := range a {
		if !slices.Contains(b, id) {
			left = append(left, id)
		}
	}
	return left
}

// Deactivate deactivates a person's account: they can do nothing any more, and
// the app is told by user_change if it subscribes to that. An unknown id does nothing.
func (w *Workspace) Deactivate(userID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.users[userID]
	if u == nil || u.Deleted {
		return
	}
	gone := *u
	gone.Deleted = true
	w.users[userID] = &gone
	w.clearViews(userID)
	w.record(Event{Kind: KindDeactivated, User: userID})
	w.emit(map[string]any{"type": "user_change", "user": w.wireUser(&gone), "cache_ts": time.Now().Unix()})
}
