package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"c66bot/authz"
	"c66bot/storage"
)

// slack is a fake of Slack's people, groups and channels. sam and kim are colleagues in no group.
type slack struct {
	mu       sync.Mutex
	people   map[string]authz.Person
	handles  map[string]authz.Group
	members  map[string][]string // members of the groups
	err      error               // the error of every lookup of a person
	noGroups error               // the error of every lookup of a group or of a user's groups
	outside  map[string][]string // non-members of private channels
	noRoom   error               // the error of every lookup of a channel
	asked    []string            // ids of the persons looked up
}

func newSlack() *slack {
	return &slack{
		people: map[string]authz.Person{
			lin: {
				ID:   lin,
				Name: "Lin",
			}, sam: {ID: sam, Name: "Sam Smith"}, kim: {ID: kim, Name: "Kim"}, robot: {ID: robot, Name: "robot", Bot: true},
			gone: {ID: gone, Name: "Gus", Deactivated: true}, guest: {ID: guest, Name: "Gia", Outsider: true},
		},
		handles: map[string]authz.Group{
			ops: {ID: ops, Handle: "ops"}, devs: {ID: devs, Handle: "devs"}, retired: {ID: retired, Handle: "old", Disabled: true},
		},
		members: map[string][]string{},
	}
}

func (s *slack) Person(_ context.Context, id string) (authz.Person, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, id)
	person, ok := s.people[id]
	switch {
	case s.err != nil:
		return authz.Person{}, s.err
	case !ok:
		return authz.Person{}, fmt.Errorf("users.info of %s: %w", id, authz.ErrNoPerson)
	}
	return person, nil
}

// Inside reports that a user is a member of a channel, unless outside lists them.
func (s *slack) Inside(_ context.Context, channel, user string) (bool, error) {
	return !slices.Contains(s.outside[channel], user), s.noRoom
}

func (s *slack) Group(_ context.Context, id string) (authz.Group, error) {
	group, ok := s.handles[id]
	switch {
	case s.noGroups != nil:
		return authz.Group{}, s.noGroups
	case !ok:
		return authz.Group{}, fmt.Errorf("group %s: %w", id, authz.ErrNoGroup)
	}
	return group, nil
}

func (s *slack) GroupsOf(_ context.Context, user string) ([]string, error) {
	var of []string
	for group, members := range s.members {
		if slices.Contains(members, user) && !s.handles[group].Disabled {
			of = append(of, group)
		}
	}
	return of, s.noGroups
}

// channels is a fake of Channels. The bot is a member of all channels but secret. Like the real one it makes a change once per operation,
// in one transaction with the messages.
type channels struct {
	records storage.DB
	said    []Announcement
	amended []Announcement
	lost    bool // fail the transaction at its end
}

func (*channels) Member(_ context.Context, channel, _ string) error {
	if channel == secret {
		return &CardError{Code: "odd_code", What: "I am not a member of this channel", Do: "Invite me with /invite @c66bot"}
	}
	return nil
}

var errLost = errors.New("disk full")

func (c *channels) Announce(ctx context.Context, req Request, change func(tx storage.Tx) ([]Announcement, error)) error {
	var said []Announcement
	err := c.records.Update(ctx, func(tx storage.Tx) (err error) {
		if err := Take(tx, req.Operation, req.User); err != nil {
			return err
		}
		if said, err = change(tx); err != nil {
			return err
		}
		for _, a := range said {
			old, err := storage.Messages.Get(tx, a.Key)
			if errors.Is(err, storage.ErrNotFound) {
				old = storage.Message{Key: a.Key, Channel: req.Channel, Parent: a.Parent, CreatedAt: time.Now()}
			}
			if err := storage.Messages.Put(tx, a.Key, old); err != nil {
				return err
			}
		}
		if c.lost {
			return errLost
		}
		return storage.Conclude(tx, req.Operation, storage.Done)
	})
	if err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	c.said = append(c.said, said...)
	return nil
}

func (c *channels) Amend(_ context.Context, _ Request, said Announcement) error {
	if c.lost {
		return errLost
	}
	c.amended = append(c.amended, said)
	return nil
}

// breaking is a database whose updates fail while full is set.
type breaking struct {
	storage.DB

	full bool
}

func (b *breaking) Update(ctx context.Context, change func(tx storage.Tx) error) error {
	if b.full {
		return errLost
	}
	return b.DB.Update(ctx, change)
}
