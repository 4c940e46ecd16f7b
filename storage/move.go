package storage

import (
	"errors"
	"reflect"
	"strings"
	"time"
)

// Channel is what is known of a channel's id that does not lead to the channel any more.
type Channel struct {
	To   string    `json:"to,omitempty"`  // the id that the channel bears now
	Lost time.Time `json:"lost,omitzero"` // since when Slack does not show it, where the admins were told
	At   time.Time `json:"at,omitzero"`   // when its new id came
}

// maxMoves bounds how often one channel's id is followed to the next.
const maxMoves = 20

// ChannelNow gives the id that a channel bears now, of which an earlier one may be given.
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

// MoveChannel has all that stands under one id of a channel stand under another, and remembers it, so that what still names the old id is
// led to the new one. Done twice, or in another order, it comes to the same. Where both have something, it is put together. What the audit
// says of the past stays.
func MoveChannel(tx Tx, from, to string, at time.Time) error {
	known, err := Channels.Get(tx, to)
	if err == nil && known.To != "" && known.At.Before(at) { // it is in use again, whatever it was before
		err = Channels.Delete(tx, to)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	to, err = ChannelNow(tx, to)
	if err != nil || from == to {
		return err
	}
	if err := Channels.Put(tx, from, Channel{To: to, At: at}); err != nil {
		return err
	}
	return errors.Join(
		moveRules(tx, from, to), moveRequests(tx, from, to), moveSubscriptions(tx, from, to), moveHeard(tx, from, to),
		change(tx, Follows, func(f *Follow) bool { return replace(&f.Channel, from, to) }),
		change(tx, Messages, func(m *Message) bool { return replace(&m.Channel, from, to) }),
		change(tx, Journal, func(e *Entry) bool { return replace(&e.Channel, from, to) }),
	)
}

func replace(field *string, from, to string) bool {
	if *field != from {
		return false
	}
	*field = to
	return true
}

// change rewrites those records of a table that a function changes.
func change[T any](tx Tx, table Table[T], f func(*T) bool) error {
	changed, err := all(tx, table, "", func(_ string, rec *T) bool { return f(rec) })
	for key, rec := range changed {
		err = errors.Join(err, table.Put(tx, key, rec))
	}
	return err
}

// all gives the records of a table that a function picks, by key.
func all[T any](tx Tx, table Table[T], prefix string, pick func(key string, rec *T) bool) (map[string]T, error) {
	found := map[string]T{}
	err := table.Scan(tx, prefix, func(key string, rec T) error {
		if pick(key, &rec) {
			found[key] = rec
		}
		return nil
	})
	return found, err
}

func each[T any](string, *T) bool { return true }

// moveRules leaves out a rule that the other channel has already.
func moveRules(tx Tx, from, to string) error {
	rules, err := all(tx, Rules, RulesOf(from), each)
	if err != nil {
		return err
	}
	there, err := all(tx, Rules, RulesOf(to), each)
	for key, r := range rules {
		same := false
		for _, other := range there {
			same = same || other.Who == r.Who && other.Deny == r.Deny && other.Stacks == r.Stacks && other.Until.Equal(r.Until) &&
				reflect.DeepEqual(other.Actions, r.Actions)
		}
		err = errors.Join(err, Rules.Delete(tx, key))
		if r.Channel = to; !same {
			err = errors.Join(err, Rules.Put(tx, RuleKey(to, r.ID), r))
		}
	}
	return err
}

// moveRequests leaves out a request of somebody who has one in the other channel.
func moveRequests(tx Tx, from, to string) error {
	requests, err := all(tx, Requests, RequestsOf(from), each)
	for key, r := range requests {
		err = errors.Join(err, Requests.Delete(tx, key))
		moved := RequestKey(to, r.User)
		if _, there := Requests.Get(tx, moved); errors.Is(there, ErrNotFound) {
			r.Channel = to
			err = errors.Join(err, Requests.Put(tx, moved, r))
		}
	}
	return err
}

// moveSubscriptions leaves out a subscription that the other channel has already. Its id is one among those of its channel, so it may
// change.
func moveSubscriptions(tx Tx, from, to string) error {
	subscriptions, err := all(tx, Subscriptions, SubscriptionsOf(from), each)
	if err != nil {
		return err
	}
	there, err := all(tx, Subscriptions, SubscriptionsOf(to), each)
	content := func(s Subscription) Subscription {
		s.ID, s.Channel, s.At, s.Suspended, s.Powerless = "", "", time.Time{}, "", false
		return s
	}
	for key, s := range subscriptions {
		same := false
		for _, other := range there {
			same = same || reflect.DeepEqual(content(other), content(s))
		}
		err = errors.Join(err, Subscriptions.Delete(tx, key))
		if same {
			continue
		}
		s.Channel = to
		taken := func(id string) bool { _, ok := there[SubscriptionKey(to, id)]; return ok }
		if taken(s.ID) {
			s.ID = ShortID(taken)
		}
		there[SubscriptionKey(to, s.ID)] = s
		err = errors.Join(err, Subscriptions.Put(tx, SubscriptionKey(to, s.ID), s))
	}
	return err
}

func moveHeard(tx Tx, from, to string) error {
	heard, err := all(tx, Heard, "", func(key string, _ *WishOf) bool { return strings.HasSuffix(key, "/"+from) })
	for key, wish := range heard {
		moved := strings.TrimSuffix(key, from) + to
		err = errors.Join(err, Heard.Delete(tx, key))
		if _, there := Heard.Get(tx, moved); errors.Is(there, ErrNotFound) {
			err = errors.Join(err, Heard.Put(tx, moved, wish))
		}
	}
	return err
}
