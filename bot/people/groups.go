package people

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"time"

	"c66bot/authz"
	"c66bot/bot/routine"
	"c66bot/bot/webapi"
)

const (
	// refreshEvery is the interval at which groups in use are refreshed in the background, so that nobody waits for them. It leaves time for
	// the refresh to finish before the cached answer exceeds maxAge. The refresh stops idleAfter after the last use.
	refreshEvery, idleAfter = 40 * time.Second, 10 * time.Minute
	// minAge is the shortest interval between two reads of the groups when a group is not found.
	minAge = 5 * time.Second
)

// group is a user group as returned by usergroups.list. A group without members has no users field and the count 0.
type group struct {
	ID      string          `json:"id"`
	Handle  string          `json:"handle"`
	Deleted int64           `json:"date_delete"`
	Updated int64           `json:"date_update"`
	Users   []string        `json:"users"`
	Count   json.RawMessage `json:"user_count"` // a number or a numeric string
}

// groupList is Slack's answer about all groups. It is immutable.
type groupList struct {
	none   error // set if the workspace's plan has no groups
	groups map[string]group
	of     map[string][]string // ids of the enabled groups by member
	unread []string            // enabled groups whose members are missing from the list
}

// Run refreshes the groups while they are in use, until the context ends.
func (p *People) Run(ctx context.Context) {
	for routine.Sleep(ctx, refreshEvery) {
		if wanted := time.Unix(p.wanted.Load(), 0); time.Since(wanted) >= idleAfter {
			continue
		}
		list, err := p.groups.get(ctx, "", 0, p.readGroups)
		for i := 0; err == nil && i < len(list.unread); i++ { // the next caller asks again and gets the error
			_, err = p.membersOf(ctx, list.unread[i], 0)
		}
	}
}

// GroupsOf returns the ids of the enabled groups that a user is a member of.
func (p *People) GroupsOf(ctx context.Context, user string) ([]string, error) {
	list, err := p.list(ctx, maxAge)
	if err != nil {
		return nil, err
	}
	groups := slices.Clone(list.of[user])
	for _, id := range list.unread {
		members, err := p.membersOf(ctx, id, maxAge)
		if err != nil {
			return nil, err
		}
		if slices.Contains(members, user) {
			groups = append(groups, id)
		}
	}
	return groups, nil
}

// Group returns a group, or authz.ErrNoGroup if it does not exist.
func (p *People) Group(ctx context.Context, id string) (authz.Group, error) {
	for _, age := range []time.Duration{maxAge, minAge} {
		list, err := p.list(ctx, age)
		if err != nil {
			return authz.Group{}, err
		}
		if g, ok := list.groups[id]; ok {
			found := authz.Group{ID: g.ID, Handle: g.Handle, Disabled: g.Deleted != 0}
			if g.Updated > 0 {
				found.Changed = time.Unix(g.Updated, 0)
			}
			return found, nil
		}
	}
	return authz.Group{}, fmt.Errorf("group %s: %w", id, authz.ErrNoGroup)
}

// Members returns the members of those of the groups that are enabled.
func (p *People) Members(ctx context.Context, groups []string) (members []string, err error) {
	if len(groups) == 0 {
		return nil, nil
	}
	list, err := p.list(ctx, maxAge)
	for i := 0; err == nil && i < len(groups); i++ {
		users := list.groups[groups[i]].Users
		if slices.Contains(list.unread, groups[i]) {
			users, err = p.membersOf(ctx, groups[i], maxAge)
		}
		if list.groups[groups[i]].Deleted == 0 {
			members = append(members, users...)
		}
	}
	return members, err
}

// list returns all groups, from an answer that is younger than age.
func (p *People) list(ctx context.Context, age time.Duration) (*groupList, error) {
	p.wanted.Store(time.Now().Unix())
	list, err := p.groups.get(ctx, "", age, p.readGroups)
	if err == nil {
		err = list.none
	}
	return list, err
}

func (p *People) readGroups(ctx context.Context) (*groupList, error) {
	type answer struct {
		Groups []group `json:"usergroups"`
	}
	args := url.Values{"include_users": {"true"}, "include_disabled": {"true"}, "include_count": {"true"}}
	all, err := webapi.Ask(ctx, p.api, "usergroups.list", args, func(a answer) bool {
		return a.Groups != nil && !slices.ContainsFunc(a.Groups, func(g group) bool { return g.ID == "" })
	})
	list := &groupList{groups: map[string]group{}, of: map[string][]string{}}
	if webapi.Is(err, webapi.NoGroups) {
		list.none = fmt.Errorf("%w: %w", authz.ErrNoGroups, err)
		return list, nil
	}
	for _, g := range all.Groups {
		list.groups[g.ID] = g
		count := string(bytes.Trim(g.Count, `" `))
		switch {
		case g.Deleted != 0:
		case g.Users == nil && count != "" && count != "0":
			list.unread = append(list.unread, g.ID)
		default:
			for _, user := range slices.Compact(slices.Sorted(slices.Values(g.Users))) {
				list.of[user] = append(list.of[user], g.ID)
			}
		}
	}
	return list, err
}

// membersOf returns the members of one group, none if it was disabled in the meantime.
func (p *People) membersOf(ctx context.Context, group string, age time.Duration) ([]string, error) {
	return p.grouped.get(ctx, group, age, func(ctx context.Context) ([]string, error) {
		type answer struct {
			Users []string `json:"users"`
		}
		whole := func(a answer) bool { return a.Users != nil }
		got, err := webapi.Ask(ctx, p.api, "usergroups.users.list", url.Values{"usergroup": {group}}, whole)
		if webapi.Is(err, webapi.NoGroup) {
			err = nil
		}
		return got.Users, err
	})
}
