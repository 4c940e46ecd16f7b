package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"c66bot/authz"
	"c66bot/bot/webapi"
)

// groupList is what Slack said of all groups. It is never changed.
type groupList struct {
	at     time.Time // when its reading began
	none   error     // says that there are none by the workspace's plan
	groups map[string]authz.Group
	of     map[string][]string // the ids of the groups in use by their members
	unread []string            // the groups in use whose members the list did not tell
}

func (l *groupList) holds(age time.Duration) bool { return l != nil && time.Since(l.at) < age }

// run reads the groups anew, until the context ends, for as long as they are needed.
func (p *people) run(ctx context.Context) {
	tick := time.NewTicker(groupsEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		p.mu.Lock()
		needed := !p.wanted.IsZero() && time.Since(p.wanted) < groupsIdle
		p.mu.Unlock()
		if needed { // where it fails, whoever needs the groups asks again and learns why
			_, _ = share(ctx, p, groupsKey, func(f *flight) (*groupList, error) { return p.readGroups(ctx, f, true, 0) })
		}
	}
}

// GroupsOf gives the ids of the groups in use that a user is in.
func (p *people) GroupsOf(ctx context.Context, user string) ([]string, error) {
	list, err := p.list(ctx, true, peopleAge)
	if err != nil {
		return nil, err
	}
	return list.of[user], nil
}

// Group tells of one group; authz.ErrNoGroup where there is none.
func (p *people) Group(ctx context.Context, id string) (authz.Group, error) {
	for _, age := range []time.Duration{peopleAge, groupsMinAge} {
		list, err := p.list(ctx, false, age)
		if err != nil {
			return authz.Group{}, err
		}
		if group, ok := list.groups[id]; ok {
			return group, nil
		}
	}
	return authz.Group{}, fmt.Errorf("group %s: %w", id, authz.ErrNoGroup)
}

// membersOf gives who is in any of the groups.
func (p *people) membersOf(ctx context.Context, groups []string) (members []string, err error) {
	if len(groups) == 0 {
		return nil, nil
	}
	list, err := p.list(ctx, true, peopleAge)
	if err != nil {
		return nil, err
	}
	for user, of := range list.of {
		if slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(of, g) }) {
			members = append(members, user)
		}
	}
	return members, nil
}

// list gives what Slack says of all groups, no older than the age, and with their members where they are wanted.
func (p *people) list(ctx context.Context, members bool, age time.Duration) (*groupList, error) {
	for {
		p.mu.Lock()
		p.wanted = time.Now()
		list := p.groups
		p.mu.Unlock()
		var err error
		if !list.holds(age) || members && len(list.unread) > 0 {
			list, err = share(ctx, p, groupsKey, func(f *flight) (*groupList, error) { return p.readGroups(ctx, f, members, age) })
		}
		switch {
		case err != nil:
			return nil, err
		case list.none != nil:
			return nil, list.none
		case !members || len(list.unread) == 0: // else it was read for somebody who needed less
			return list, nil
		}
	}
}

// readGroups reads the groups, and their members where the list does not tell them.
func (p *people) readGroups(ctx context.Context, f *flight, members bool, age time.Duration) (*groupList, error) {
	p.mu.Lock()
	list, uncounted := p.groups, p.uncounted
	p.mu.Unlock()
	keep := func() { p.keep(groupsKey, f, func() { p.groups, p.uncounted = list, uncounted }) }
	if !list.holds(age) {
		at := time.Now()
		var groups []slack.UserGroup
		err := webapi.Look(ctx, func(ctx context.Context) (err error) {
			groups, err = p.allGroups(ctx, !uncounted)
			if wrongCount(err) {
				uncounted = true
				groups, err = p.allGroups(ctx, false)
			}
			if err == nil && (groups == nil || slices.ContainsFunc(groups, func(g slack.UserGroup) bool { return g.ID == "" })) {
				return webapi.ErrEmpty
			}
			return err
		})
		if list, err = newGroupList(at, groups, !uncounted, err); err != nil {
			return nil, err
		}
		keep()
	}
	for members && len(list.unread) > 0 {
		id := list.unread[0]
		var users []string
		err := webapi.Look(ctx, func(ctx context.Context) (err error) {
			users, err = p.api.GetUserGroupMembersContext(ctx, id)
			if err == nil && users == nil {
				return webapi.ErrEmpty
			}
			return err
		})
		if err != nil && !webapi.Is(err, webapi.NoGroup) { // it may have been disabled since
			return nil, fmt.Errorf("usergroups.users.list of %s: %w", id, err)
		}
		list = list.with(id, users)
		keep()
	}
	return list, nil
}

func (p *people) allGroups(ctx context.Context, count bool) ([]slack.UserGroup, error) {
	return p.api.GetUserGroupsContext(ctx, slack.GetUserGroupsOptionIncludeUsers(true), slack.GetUserGroupsOptionIncludeDisabled(true),
		slack.GetUserGroupsOptionIncludeCount(count))
}

// wrongCount reports whether an answer could not be read because user_count is a string in it, as in Slack's documentation: slack-go
// takes numbers only.
func wrongCount(err error) bool {
	var wrong *json.UnmarshalTypeError
	return errors.As(err, &wrong) && strings.HasSuffix(wrong.Field, "user_count")
}

// newGroupList makes a list of the answer of usergroups.list. A group without members has no field of them where its count is zero; where the
// counts were not asked for, the field's absence says nothing.
func newGroupList(at time.Time, groups []slack.UserGroup, counted bool, err error) (*groupList, error) {
	list := &groupList{at: at, groups: map[string]authz.Group{}, of: map[string][]string{}}
	switch {
	case webapi.Is(err, webapi.NoGroups):
		list.none = fmt.Errorf("usergroups.list: %w: %w", authz.ErrNoGroups, err)
	case err != nil:
		return nil, fmt.Errorf("usergroups.list: %w", err)
	}
	for _, g := range groups {
		disabled := g.DateDelete != 0
		list.groups[g.ID] = authz.Group{ID: g.ID, Handle: g.Handle, Disabled: disabled}
		switch {
		case disabled:
		case g.Users == nil && (g.UserCount > 0 || !counted):
			list.unread = append(list.unread, g.ID)
		default:
			addMembers(list.of, g.ID, g.Users)
		}
	}
	return list, nil
}

// with gives the list with the members of its first unread group.
func (l *groupList) with(group string, users []string) *groupList {
	filled := *l
	filled.unread = l.unread[1:]
	filled.of = make(map[string][]string, len(l.of)+len(users))
	for user, groups := range l.of {
		filled.of[user] = slices.Clip(groups) // the list's own stay as they are
	}
	addMembers(filled.of, group, users)
	return &filled
}

func addMembers(of map[string][]string, group string, users []string) {
	for _, user := range users {
		if groups := of[user]; len(groups) == 0 || groups[len(groups)-1] != group {
			of[user] = append(groups, group)
		}
	}
}
