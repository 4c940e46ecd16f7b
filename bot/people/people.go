// Package people looks up users, user groups and channel members in Slack. Answers are cached for a minute or until an event invalidates
// them. Slack allows 20 group calls a minute, so one call reads all groups with their members.
package people

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"c66bot/authz"
	"c66bot/bot/webapi"
)

const (
	// maxAge is the lifetime of a cached answer.
	maxAge = time.Minute
	// maxKept bounds the number of entries in each cache.
	maxKept = 10_000
)

// People implements authz.People.
type People struct {
	api webapi.API

	home    cache[home]
	users   cache[user]
	emails  cache[string] // user ids by address, "" for nobody
	groups  cache[*groupList]
	grouped cache[[]string] // members of the groups that usergroups.list returns without members
	rooms   cache[webapi.Room]
	members cache[map[string]bool] // by channel
	directs cache[string]          // channel ids by user

	wanted atomic.Int64 // last use of the groups, in Unix seconds
}

// New makes a People with empty caches.
func New(api webapi.API) *People { return &People{api: api} }

// home is the bot's workspace and, on Enterprise Grid, its organisation.
type home struct {
	Team string `json:"team_id"`
	Org  string `json:"enterprise_id"`
}

// user is a person, or the error for a user who does not exist.
type user struct {
	person authz.Person
	err    error
}

// Person returns a user, or authz.ErrNoPerson if there is none.
func (p *People) Person(ctx context.Context, id string) (authz.Person, error) {
	u, err := p.users.get(ctx, id, maxAge, func(ctx context.Context) (user, error) {
		own, err := p.home.get(ctx, "", forever, func(ctx context.Context) (home, error) {
			return webapi.Ask(ctx, p.api, "auth.test", nil, func(h home) bool { return h.Team != "" })
		})
		if err != nil {
			return user{}, err
		}
		info, err := webapi.Ask(ctx, p.api, "users.info", url.Values{"user": {id}}, func(i info) bool {
			return i.User.ID == id && (i.User.Team != "" || i.User.Enterprise.ID != "")
		})
		if webapi.Is(err, webapi.NoPerson) {
			return user{err: fmt.Errorf("user %s: %w: %w", id, authz.ErrNoPerson, err)}, nil
		}
		return user{person: info.person(own)}, err
	})
	if err != nil {
		return authz.Person{}, err
	}
	return u.person, u.err
}

// info is the part of a users.info response that is used.
type info struct {
	User struct {
		ID           string `json:"id"`
		Team         string `json:"team_id"`
		Name         string `json:"name"`
		RealName     string `json:"real_name"`
		Zone         string `json:"tz"`
		Deleted      bool   `json:"deleted"`
		Bot          bool   `json:"is_bot"`
		WorkflowBot  bool   `json:"is_workflow_bot"`
		ConnectorBot bool   `json:"is_connector_bot"`
		Stranger     bool   `json:"is_stranger"`
		Restricted   bool   `json:"is_restricted"`
		SingleGuest  bool   `json:"is_ultra_restricted"`
		Profile      struct {
			DisplayName string `json:"display_name"`
			RealName    string `json:"real_name"`
			Email       string `json:"email"`
		} `json:"profile"`
		Enterprise struct {
			ID string `json:"enterprise_id"`
		} `json:"enterprise_user"`
	} `json:"user"`
}

// person converts a user. Slackbot and external users are recognised by id and workspace: Slack reports is_bot false for its own Slackbot,
// and is_stranger false for users of a connected workspace.
func (i info) person(own home) authz.Person {
	u := i.User
	insider := u.Team == own.Team || own.Org != "" && u.Enterprise.ID == own.Org
	return authz.Person{
		ID: u.ID, Name: cmp.Or(u.Profile.DisplayName, u.RealName, u.Profile.RealName, u.Name),
		Zone: u.Zone, Deactivated: u.Deleted, Outsider: !insider || u.Stranger,
		Guest: u.Restricted || u.SingleGuest,
		Bot:   u.Bot || u.WorkflowBot || u.ConnectorBot || u.ID == "USLACKBOT",
	}
}

// Event invalidates the cached groups if the type of an event is about groups.
func (p *People) Event(kind string) {
	if strings.HasPrefix(kind, "subteam_") {
		p.groups.forget("")
		p.grouped.clear()
	}
}
