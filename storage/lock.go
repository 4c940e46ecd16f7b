package storage

import "time"

// Locks holds the locks of all channels, by Lock.ID.
var Locks = newTable[Lock]("locks").counted()

// Lock keeps everybody from changing stacks through this bot, in any channel. It covers those of its stacks that its holder may lock.
type Lock struct {
	ID      string    `json:"id"`      // short, unique
	Channel string    `json:"channel"` // where it was made
	Stacks  string    `json:"stacks"`  // a glob, as typed
	Holder  string    `json:"holder"`  // Slack user id of who made it
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
	Until   time.Time `json:"until,omitzero"`  // expiry; zero for none
	Every   string    `json:"every,omitempty"` // the window of each week in which it holds, as in "fri 16:00-mon 08:00"; "" for always
	Zone    string    `json:"zone,omitempty"`  // the time zone of the window, as in "Europe/Berlin"
	// Reminded is when the holder was last reminded of it.
	Reminded time.Time `json:"reminded,omitzero"`
	// Asked is when each user last asked the holder to unlock it.
	Asked map[string]time.Time `json:"asked,omitempty"`
	// Over means that its end was told.
	Over bool `json:"over,omitempty"`
}

// Expired reports whether the lock has ended for ever. One whose end was told does not come back with a clock that is put back.
func (l Lock) Expired(at time.Time) bool { return l.Over || !l.Until.IsZero() && !at.Before(l.Until) }
