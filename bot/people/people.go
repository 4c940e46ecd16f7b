// Package people knows users, user groups and the members of channels, as Slack tells them. An answer is cached for a minute, or until an
// event says that it has changed. Slack allows 20 calls a minute about groups, so all groups are read with their members by one call.
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
	// maxAge is how long an answer of Slack's holds.
	maxAge = time.Minute
	// maxKept bounds the answers of one kind.
	maxKept = 10_000
)

// People implements authz.People.
type People struct {
	api webapi.API

	home    cache[home]
	users   cache[user]
	groups  cache[*groupList]
	grouped cache[[]string] // the members of groups whose members the list does not tell
	rooms   cache[webapi.Room]
	members cache[map[string]bool] // of channels
	directs cache[string]          // channel ids by user

	wanted atomic.Int64 // when groups were needed last, in Unix seconds
}

// New makes a People that knows nothing yet.
func New(api webapi.API) *People { return &People{api: api} }

// home is the bot's own workspace, and its organisation on Enterprise Grid.
type home struct {
	Team string `json:"team_id"`
	Org  string `json:"enterprise_id"`
}

// user is a person, or the error that says that there is none.
type user struct {
	person authz.Person
	err    error
}

// Person tells of one user; authz.ErrNoPerson where there is none.
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

// info is what is read of users.info.
type info struct {
	User struct {
		ID           string `json:"id"`
		Team         string `json:"team_id"`
		Name         string `json:"name"`
		RealName     string `json:"real_name"`
		Deleted      bool   `json:"deleted"`
		Bot          bool   `json:"is_bot"`
		WorkflowBot  bool   `json:"is_workflow_bot"`
		ConnectorBot bool   `json:"is_connector_bot"`
		Stranger     bool   `json:"is_stranger"`
		Profile      struct {
			DisplayName string `json:"display_name"`
			RealName    string `json:"real_name"`
		} `json:"profile"`
		Enterprise struct {
			ID string `json:"enterprise_id"`
		} `json:"enterprise_user"`
	} `json:"user"`
}

// person reads a user. Slack says that its own Slackbot is no bot, and calls nobody of a connected workspace a stranger, so the user's
// workspace decides.
func (i info) person(own home) authz.Person {
	u := i.User
	insider := u.Team == own.Team || own.Org != "" && u.Enterprise.ID == own.Org
	return authz.Person{
		ID: u.ID, Name: cmp.Or(u.Profile.DisplayName, u.RealName, u.Profile.RealName, u.Name),
		Deactivated: u.Deleted, Outsider: !insider || u.Stranger,
		Bot: u.Bot || u.WorkflowBot || u.ConnectorBot || u.ID == "USLACKBOT",
	}
}

// Event takes note of the type of an event: after one about groups nothing that is known of them holds.
func (p *People) Event(kind string) {
	if strings.HasPrefix(kind, "subteam_") {
		p.groups.forget("")
		p.grouped.clear()
	}
}
