package storage

import "time"

// Troubles holds what keeps the bot from its work and was told to the admins, by name.
var Troubles = newTable[Trouble]("troubles")

// Trouble is when one began, and what the admins were told of it. It stays for a while after its end.
type Trouble struct {
	Since time.Time `json:"since"`
	Told  time.Time `json:"told"`          // when they were told that it began
	Over  time.Time `json:"over,omitzero"` // when they were told that it is over
}
