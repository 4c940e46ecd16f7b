package bot

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"golang.org/x/sync/singleflight"
)

// peopleAge is how long what Slack said of groups and people is taken for true.
const peopleAge = time.Minute

// people knows groups and users as Slack tells them. It implements authz.Groups.
type people struct {
	api *slack.Client

	flight singleflight.Group

	mu     sync.Mutex
	team   string // the bot's own workspace
	org    string // its organisation on Enterprise Grid
	groups map[string]kept[[]string]
	users  map[string]kept[bool]
}

type kept[T any] struct {
	value T
	at    time.Time
}

func newPeople(api *slack.Client) *people {
	return &people{api: api, groups: map[string]kept[[]string]{}, users: map[string]kept[bool]{}}
}

// remember gives what is kept under a key, or asks for it and keeps it. However many want it at once, it is asked for once.
func remember[T any](p *people, m map[string]kept[T], key string, ask func() (T, error)) (T, error) {
	p.mu.Lock()
	k, ok := m[key]
	p.mu.Unlock()
	if ok && time.Since(k.at) < peopleAge {
		return k.value, nil
	}
	answer, err, _ := p.flight.Do(key, func() (any, error) { return ask() })
	value, _ := answer.(T)
	if err != nil {
		return value, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(m) > 10_000 {
		clear(m)
	}
	m[key] = kept[T]{value, time.Now()}
	return value, nil
}

// Members gives the user ids of a group.
func (p *people) Members(ctx context.Context, group string) ([]string, error) {
	return remember(p, p.groups, group, func() ([]string, error) {
		members, err := p.api.GetUserGroupMembersContext(ctx, group)
		if err != nil {
			return nil, fmt.Errorf("usergroups.users.list: %w", err)
		}
		return members, nil
	})
}

// Colleague reports whether a user is a person of the bot's own workspace: not a bot, not deactivated, not from another organisation.
func (p *people) Colleague(ctx context.Context, user string) (bool, error) {
	return remember(p, p.users, user, func() (bool, error) {
		team, org, err := p.home(ctx)
		if err != nil {
			return false, err
		}
		u, err := p.api.GetUserInfoContext(ctx, user)
		if err != nil {
			return false, fmt.Errorf("users.info: %w", err)
		}
		home := u.TeamID == team || (org != "" && u.Enterprise.EnterpriseID == org)
		return home && !u.Deleted && !u.IsBot, nil
	})
}

// home gives the bot's own workspace, and its organisation on Enterprise Grid.
func (p *people) home(ctx context.Context) (team, org string, err error) {
	p.mu.Lock()
	team, org = p.team, p.org
	p.mu.Unlock()
	if team != "" {
		return team, org, nil
	}
	auth, err := p.api.AuthTestContext(ctx)
	if err != nil {
		return "", "", fmt.Errorf("auth.test: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.team, p.org = auth.TeamID, auth.EnterpriseID
	return p.team, p.org, nil
}
