package people

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"c66bot/authz"
	"c66bot/bot/webapi"
)

const (
	// memberPage is the page size of conversations.members. maxMembers is the largest channel whose members are read.
	memberPage = 1000
	maxMembers = 50_000
	// membersTime bounds the reading of a channel's members.
	membersTime = 10 * time.Second
)

// ForgetRoom invalidates all cached facts about a channel, including calls in flight.
func (p *People) ForgetRoom(channel string) {
	p.rooms.forget(channel)
	p.members.forget(channel)
}

// Room returns a channel. An error of kind webapi.NoChannel means that it is not visible to the bot.
func (p *People) Room(ctx context.Context, channel string) (webapi.Room, error) {
	return p.rooms.get(ctx, channel, maxAge, func(ctx context.Context) (room webapi.Room, err error) {
		err = webapi.Look(ctx, func(ctx context.Context) error {
			room, err = p.api.Room(ctx, channel)
			if err == nil && room.ID != channel {
				err = webapi.ErrEmpty
			}
			return err
		})
		return room, err
	})
}

// Inside reports whether a channel's rules for groups or for everyone can apply to a user: in a private channel to its members, otherwise
// to the whole workspace. It returns authz.ErrNoChannel if the channel is not visible to the bot.
func (p *People) Inside(ctx context.Context, channel, user string) (inside bool, err error) {
	room, err := p.Room(ctx, channel)
	if err == nil && !room.IsPrivate() {
		return true, nil
	}
	if err == nil {
		var members map[string]bool
		members, err = p.members.get(ctx, channel, maxAge, func(ctx context.Context) (map[string]bool, error) {
			return p.readMembers(ctx, channel)
		})
		inside = members[user]
	}
	if webapi.Is(err, webapi.NoChannel) {
		err = fmt.Errorf("%w: %w", authz.ErrNoChannel, err)
	}
	return inside, err
}

func (p *People) readMembers(ctx context.Context, channel string) (map[string]bool, error) {
	type answer struct {
		Members  []string `json:"members"`
		Metadata struct {
			Cursor string `json:"next_cursor"`
		} `json:"response_metadata"`
	}
	ctx, cancel := context.WithTimeout(ctx, membersTime)
	defer cancel()
	members := map[string]bool{}
	args := url.Values{"channel": {channel}, "limit": {strconv.Itoa(memberPage)}}
	for {
		page, err := webapi.Ask(ctx, p.api, "conversations.members", args, func(a answer) bool { return a.Members != nil })
		if err != nil {
			return nil, err
		}
		before := len(members)
		for _, user := range page.Members {
			members[user] = true
		}
		if page.Metadata.Cursor == "" {
			return members, nil
		}
		if len(members) == before || len(members) > maxMembers { // the list might be endless
			return nil, fmt.Errorf("conversations.members of %s: the pages do not end: %w", channel, webapi.ErrEmpty)
		}
		args.Set("cursor", page.Metadata.Cursor)
	}
}

// Direct returns the channel id of a user's direct message with the bot. It never changes.
func (p *People) Direct(ctx context.Context, user string) (string, error) {
	return p.directs.get(ctx, user, forever, func(ctx context.Context) (id string, err error) {
		err = webapi.Look(ctx, func(ctx context.Context) error {
			id, err = p.api.Direct(ctx, user)
			return err
		})
		return id, err
	})
}
