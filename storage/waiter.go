package storage

import "time"

// Waiters holds who is to be told when a stack is free, by the UID of the stack, a slash and the user.
var Waiters = newTable[Waiter]("waiters")

// KeepWaiting is how long somebody waits to be told that a stack is free.
const KeepWaiting = 24 * time.Hour

// Waiter is a user who wants to redeploy a stack on which something runs or waits.
type Waiter struct {
	Stack   StackRef  `json:"stack"`
	User    string    `json:"user"`
	Channel string    `json:"channel"` // whose form the message offers
	Form    string    `json:"form"`    // the value of the button that opens the form, filled in
	At      time.Time `json:"at"`
}
