package bot

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"c66bot/authz"
	"c66bot/bot/webapi"
)

const (
	// peopleAge is how long what Slack said of groups and people is taken for true.
	peopleAge = time.Minute
	// groupsEvery is how often the groups are read anew while they are needed, so that nobody has to wait for that: soon enough that the reading
	// ends before what is known gets too old. groupsIdle is how long after they were needed last that goes on.
	groupsEvery, groupsIdle = 40 * time.Second, 10 * time.Minute
	// groupsMinAge is how soon the groups may be read again where one is not among them.
	groupsMinAge = 5 * time.Second
	// maxPeople bounds how many users are remembered.
	maxPeople = 10_000
)

// groupsKey and homeKey are the keys of what is asked of Slack but once, userKey makes one for each user.
const (
	groupsKey = "groups"
	homeKey   = "home"
	userKey   = "user/"
)

// people knows groups, users and who is in which channel, as Slack tells them. It implements authz.People.
//
// Slack allows 20 calls a minute about groups. So all groups are read with their members by one call, usergroups.list, and not one by one.
type people struct {
	api *slack.Client

	mu        sync.Mutex
	flights   map[string]*flight // that are under way, by what they ask for
	home      *home
	groups    *groupList
	wanted    time.Time // when groups were needed last
	uncounted bool      // the groups are asked for without their counts
	users     map[string]knownUser
	rooms     map[string]room
	directs   map[string]string // by user
}

// home is the bot's own workspace, and its organisation on Enterprise Grid.
type home struct{ team, org string }

// knownUser is what Slack said of a user.
type knownUser struct {
	at     time.Time
	person authz.Person
	err    error // says that there is none
}

func newPeople(api *slack.Client) *people {
	return &people{api: api, flights: map[string]*flight{}, users: map[string]knownUser{}, rooms: map[string]room{},
		directs: map[string]string{}}
}

// event takes note of an event of Slack's: what was known of the groups does not hold any more, and what is being read may be from before it.
func (p *people) event(kind string) {
	if !strings.HasPrefix(kind, "subteam_") {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.groups = nil
	delete(p.flights, groupsKey)
}

// Person tells of one user; authz.ErrNoPerson where there is none.
func (p *people) Person(ctx context.Context, id string) (authz.Person, error) {
	p.mu.Lock()
	known, ok := p.users[id]
	p.mu.Unlock()
	if ok && time.Since(known.at) < peopleAge {
		return known.person, known.err
	}
	known, err := share(ctx, p, userKey+id, func(f *flight) (knownUser, error) { return p.readUser(ctx, f, id) })
	if err != nil {
		return authz.Person{}, err
	}
	return known.person, known.err
}

func (p *people) readUser(ctx context.Context, f *flight, id string) (knownUser, error) {
	own, err := p.ownHome(ctx)
	if err != nil {
		return knownUser{}, err
	}
	known := knownUser{at: time.Now()}
	var user *slack.User
	err = webapi.Look(ctx, func(ctx context.Context) (err error) {
		user, err = p.api.GetUserInfoContext(ctx, id)
		if err == nil && (user.ID != id || user.TeamID == "" && user.Enterprise.EnterpriseID == "") {
			return webapi.ErrEmpty
		}
		return err
	})
	switch {
	case webapi.Is(err, webapi.NoPerson):
		known.err = fmt.Errorf("users.info of %s: %w: %w", id, authz.ErrNoPerson, err)
	case err != nil:
		return knownUser{}, fmt.Errorf("users.info of %s: %w", id, err)
	default:
		known.person = personOf(user, own)
	}
	p.keep(userKey+id, f, func() {
		if len(p.users) >= maxPeople {
			clear(p.users)
		}
		p.users[id] = known
	})
	return known, nil
}

// personOf reads a user. Slack says that its own Slackbot is no bot, and calls nobody of a connected workspace a stranger, so what counts for
// that is whose user it is.
func personOf(u *slack.User, own home) authz.Person {
	name := u.Name
	for _, better := range []string{u.Profile.DisplayName, u.RealName, u.Profile.RealName} {
		if better != "" {
			name = better
			break
		}
	}
	insider := u.TeamID == own.team || own.org != "" && u.Enterprise.EnterpriseID == own.org
	return authz.Person{
		ID: u.ID, Name: name, Deactivated: u.Deleted, Outsider: !insider || u.IsStranger,
		Bot: u.IsBot || u.IsWorkflowBot || u.IsConnectorBot || u.ID == "USLACKBOT",
	}
}

// ownHome gives the bot's own workspace and organisation, which do not change.
func (p *people) ownHome(ctx context.Context) (home, error) {
	p.mu.Lock()
	known := p.home
	p.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	return share(ctx, p, homeKey, func(f *flight) (home, error) {
		var auth *slack.AuthTestResponse
		err := webapi.Look(ctx, func(ctx context.Context) (err error) {
			auth, err = p.api.AuthTestContext(ctx)
			if err == nil && auth.TeamID == "" {
				return webapi.ErrEmpty
			}
			return err
		})
		if err != nil {
			return home{}, fmt.Errorf("auth.test: %w", err)
		}
		own := home{auth.TeamID, auth.EnterpriseID}
		p.keep(homeKey, f, func() { p.home = &own })
		return own, nil
	})
}
