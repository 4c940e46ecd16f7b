package bot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"c66bot/authz"
	"c66bot/bot/webapi"
)

const (
	// maxRooms bounds how many channels are remembered. memberPage is how many members Slack is asked for at once, maxMembers how many a
	// channel may have for its members to be known.
	maxRooms   = 1000
	memberPage = 1000
	maxMembers = 50_000
	// membersTime bounds how long their reading takes.
	membersTime = 10 * time.Second
)

// roomKey and membersKey make the keys of what is asked of Slack about a channel.
const (
	roomKey    = "room/"
	membersKey = "members/"
	directKey  = "direct/" // of a user
)

// room is what Slack said of a channel that it shows the bot. It is never changed.
type room struct {
	at      time.Time // when it was asked
	private bool      // group direct messages are, too
	no      string    // the code why the bot can post nothing there; "" where it can

	membersAt time.Time
	members   map[string]bool // nil where they were not asked for
}

// ofRooms are the events after which it may be another question who is in a channel, and whether the bot can post there.
var ofRooms = map[string]bool{
	"channel_archive": true, "channel_unarchive": true, "channel_deleted": true, "channel_left": true,
	"group_archive": true, "group_unarchive": true, "group_deleted": true, "group_left": true,
	"member_joined_channel": true, "member_left_channel": true,
}

// forgetRoom has a channel asked about anew: what is being read may be from before what has changed.
func (p *people) forgetRoom(channel string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.rooms, channel)
	delete(p.flights, roomKey+channel)
	delete(p.flights, membersKey+channel)
}

// room tells of a channel. An error of the kind webapi.NoChannel says that Slack shows the bot none of that id.
func (p *people) room(ctx context.Context, channel string) (room, error) {
	p.mu.Lock()
	known, ok := p.rooms[channel]
	p.mu.Unlock()
	if ok && time.Since(known.at) < peopleAge {
		return known, nil
	}
	return share(ctx, p, roomKey+channel, func(f *flight) (room, error) { return p.readRoom(ctx, f, channel) })
}

func (p *people) readRoom(ctx context.Context, f *flight, channel string) (room, error) {
	r := room{at: time.Now()}
	var info *slack.Channel
	err := webapi.Look(ctx, func(ctx context.Context) (err error) {
		info, err = p.api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: channel})
		if err == nil && info.ID != channel {
			return webapi.ErrEmpty
		}
		return err
	})
	if err != nil {
		return room{}, fmt.Errorf("conversations.info of %s: %w", channel, err)
	}
	r.private = info.IsPrivate || info.IsGroup || info.IsMpIM || strings.HasPrefix(channel, "G")
	r.no = webapi.Closed(info.IsArchived, info.IsMember || info.IsMpIM)
	p.keep(roomKey+channel, f, func() {
		if len(p.rooms) >= maxRooms {
			clear(p.rooms)
		}
		p.rooms[channel] = r
	})
	return r, nil
}

// Inside reports whether the rules of a channel can mean somebody as one of a group or of everyone: in a private channel its members, else
// whoever is of the workspace. The error is authz.ErrNoChannel where Slack shows the bot no such channel.
func (p *people) Inside(ctx context.Context, channel, user string) (bool, error) {
	r, err := p.room(ctx, channel)
	switch {
	case webapi.Is(err, webapi.NoChannel):
		return false, fmt.Errorf("%w: %w", authz.ErrNoChannel, err)
	case err != nil:
		return false, err
	case !r.private:
		return true, nil
	case r.members == nil || time.Since(r.membersAt) >= peopleAge:
		r, err = share(ctx, p, membersKey+channel, func(f *flight) (room, error) { return p.readMembers(ctx, f, channel, r) })
	}
	if webapi.Is(err, webapi.NoChannel) {
		return false, fmt.Errorf("%w: %w", authz.ErrNoChannel, err)
	}
	return r.members[user], err
}

// readMembers adds its members to what is known of a channel.
func (p *people) readMembers(ctx context.Context, f *flight, channel string, r room) (room, error) {
	ctx, cancel := context.WithTimeout(ctx, membersTime)
	defer cancel()
	r.membersAt, r.members = time.Now(), map[string]bool{}
	for cursor := ""; ; {
		var page []string
		var next string
		err := webapi.Look(ctx, func(ctx context.Context) (err error) {
			page, next, err = p.api.GetUsersInConversationContext(ctx,
				&slack.GetUsersInConversationParameters{ChannelID: channel, Cursor: cursor, Limit: memberPage})
			if err == nil && page == nil {
				return webapi.ErrEmpty
			}
			return err
		})
		if err != nil {
			return room{}, fmt.Errorf("conversations.members of %s: %w", channel, err)
		}
		before := len(r.members)
		for _, user := range page {
			r.members[user] = true
		}
		if next == "" {
			break
		}
		if len(r.members) == before || len(r.members) > maxMembers { // else an answer without an end would be read for ever
			return room{}, fmt.Errorf("conversations.members of %s: the pages do not end: %w", channel, webapi.ErrEmpty)
		}
		cursor = next
	}
	p.keep(membersKey+channel, f, func() {
		if known, ok := p.rooms[channel]; ok && known.at.Equal(r.at) {
			p.rooms[channel] = r
		}
	})
	return r, nil
}

// directOf gives the id of somebody's direct message with the bot, which does not change.
func (p *people) directOf(ctx context.Context, user string) (string, error) {
	p.mu.Lock()
	known, ok := p.directs[user]
	p.mu.Unlock()
	if ok {
		return known, nil
	}
	return share(ctx, p, directKey+user, func(f *flight) (string, error) {
		var id string
		err := webapi.Look(ctx, func(ctx context.Context) error {
			channel, _, _, err := p.api.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{user}, ReturnIM: true})
			if err == nil {
				id = channel.ID
			}
			if err == nil && id == "" {
				return webapi.ErrEmpty
			}
			return err
		})
		if err != nil {
			return "", fmt.Errorf("conversations.open with %s: %w", user, err)
		}
		p.keep(directKey+user, f, func() {
			if len(p.directs) >= maxPeople {
				clear(p.directs)
			}
			p.directs[user] = id
		})
		return id, nil
	})
}
