package storage

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Channels holds what is out of the ordinary with a channel, by id.
var Channels = newTable[Channel]("channels").counted()

// Channel says that a channel accepts no messages, or that it has another id now.
type Channel struct {
	Refused   string    `json:"refused,omitempty"`   // why it accepts no messages now: Slack's error code
	Since     time.Time `json:"since,omitzero"`      // since when
	Told      time.Time `json:"told,omitzero"`       // when the admins were told of it
	Powerless []string  `json:"powerless,omitempty"` // authors of subscriptions who may subscribe to nothing there, as the channel was told
	To        string    `json:"to,omitempty"`        // the channel's new id
	At        time.Time `json:"at,omitzero"`         // when the new id was assigned
}

// ChangeChannel changes the record of a channel, which exists while it says anything, and returns the record before.
func ChangeChannel(tx Tx, id string, change func(*Channel)) (before Channel, err error) {
	before, _, err = Channels.Find(tx, id)
	after := before
	after.Powerless = slices.Clone(before.Powerless)
	switch change(&after); {
	case err != nil || reflect.DeepEqual(before, after):
		return before, err
	case reflect.ValueOf(after).IsZero():
		return before, Channels.Delete(tx, id)
	default:
		return before, Channels.Put(tx, id, after)
	}
}

// maxMoves bounds the redirects followed for one channel.
const maxMoves = 20

// ChannelNow resolves any id of a channel to its current one.
func ChannelNow(tx Tx, id string) (string, error) {
	for range maxMoves {
		c, err := Channels.Get(tx, id)
		switch {
		case errors.Is(err, ErrNotFound) || err == nil && c.To == "":
			return id, nil
		case err != nil:
			return "", err
		}
		id = c.To
	}
	return id, nil
}

// MoveChannel moves all records of a channel to a new id and redirects the old one. It is idempotent and independent of the order
// of moves. Records that exist under both ids are merged. The audit keeps the old id.
func MoveChannel(tx Tx, from, to string, at time.Time) error {
	known, err := Channels.Get(tx, to)
	if err == nil && known.To != "" && known.At.Before(at) { // the id is in use again, whatever it redirected to
		err = Channels.Delete(tx, to)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	to, err = ChannelNow(tx, to)
	if err != nil || from == to {
		return err
	}
	was, _, err := Channels.Find(tx, from)
	if err != nil {
		return err
	}
	_, err = ChangeChannel(tx, to, func(c *Channel) { // until the next check of it
		if c.Refused == "" {
			c.Refused, c.Since = was.Refused, was.Since
		}
		if len(was.Powerless) > 0 {
			c.Powerless = slices.Compact(slices.Sorted(slices.Values(slices.Concat(c.Powerless, was.Powerless))))
		}
	})
	if err := errors.Join(err, Channels.Put(tx, from, Channel{To: to, At: at})); err != nil {
		return err
	}
	granted := func(r Rule) Rule {
		return Rule{Who: r.Who, Deny: r.Deny, Actions: r.Actions, Stacks: r.Stacks, Until: r.Until.Round(0).UTC()}
	}
	wanted := func(s Subscription) Subscription {
		s.ID, s.Channel, s.At = "", "", time.Time{}
		return s
	}
	return errors.Join(
		move(tx, Rules, from, to, granted, func(r *Rule, _ func(string) bool) string {
			r.Channel = to
			return r.ID
		}),
		move(tx, Requests, from, to, func(r Request) string { return r.User }, func(r *Request, _ func(string) bool) string {
			r.Channel = to
			return r.User
		}),
		move(tx, Subscriptions, from, to, wanted, func(s *Subscription, taken func(string) bool) string {
			if s.Channel = to; taken(s.ID) { // Subscription ids are unique only within a channel.
				s.ID = ShortID(taken)
			}
			return s.ID
		}),
		moveHeard(tx, from, to),
		rename(tx, Protections, from, to, func(p *Protection) *string { return &p.Channel }),
		rename(tx, Approvals, from, to, func(a *Approval) *string { return &a.Channel }),
		rename(tx, Locks, from, to, func(l *Lock) *string { return &l.Channel }),
		rename(tx, Waiters, from, to, func(w *Waiter) *string { return &w.Channel }),
		rename(tx, Follows, from, to, func(f *Follow) *string { return &f.Channel }),
		rename(tx, Messages, from, to, func(m *Message) *string { return &m.Channel }),
		rename(tx, Journal, from, to, func(e *Entry) *string { return &e.Channel }),
	)
}

// rename replaces the channel in all records of a table.
func rename[T any](tx Tx, table Table[T], from, to string, channel func(*T) *string) error {
	renamed, err := pick(tx, table, "", func(_ string, rec *T) bool { return *channel(rec) == from })
	for key, rec := range renamed {
		*channel(&rec) = to
		err = errors.Join(err, table.Put(tx, key, rec))
	}
	return err
}

// pick returns the records selected by f, by key.
func pick[T any](tx Tx, table Table[T], prefix string, f func(key string, rec *T) bool) (map[string]T, error) {
	found := map[string]T{}
	err := table.Scan(tx, prefix, func(key string, rec T) error {
		if f(key, &rec) {
			found[key] = rec
		}
		return nil
	})
	return found, err
}

// move moves the records under ChannelKey and drops those whose content the target channel already has. adapt assigns a record to
// the target channel and returns its id there.
func move[T, C any](
	tx Tx, table Table[T], from, to string, content func(T) C, adapt func(rec *T, taken func(id string) bool) string,
) error {
	all := func(string, *T) bool { return true }
	leaving, err := pick(tx, table, ChannelKey(from, ""), all)
	if err != nil {
		return err
	}
	there, err := pick(tx, table, ChannelKey(to, ""), all)
	for key, rec := range leaving {
		err = errors.Join(err, table.Delete(tx, key))
		same := false
		for _, other := range there {
			same = same || reflect.DeepEqual(content(other), content(rec))
		}
		if same {
			continue
		}
		id := adapt(&rec, func(id string) bool {
			_, taken := there[ChannelKey(to, id)]
			return taken
		})
		there[ChannelKey(to, id)] = rec
		err = errors.Join(err, table.Put(tx, ChannelKey(to, id), rec))
	}
	return err
}

func moveHeard(tx Tx, from, to string) error {
	heard, err := pick(tx, Heard, "", func(key string, _ *WishOf) bool { return strings.HasSuffix(key, "/"+from) })
	for key, wish := range heard {
		moved := strings.TrimSuffix(key, from) + to
		err = errors.Join(err, Heard.Delete(tx, key))
		if _, there := Heard.Get(tx, moved); errors.Is(there, ErrNotFound) {
			err = errors.Join(err, Heard.Put(tx, moved, wish))
		}
	}
	return err
}
