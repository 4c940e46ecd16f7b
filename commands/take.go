package commands

import (
	"errors"
	"time"

	"c66bot/storage"
)

// ErrTaken says that the operation was taken before: Slack delivered it twice, or a button was clicked twice.
var ErrTaken = errors.New("this was already taken")

// TakenReply answers what was taken before.
var TakenReply = Notice("This was answered already. It is not done twice.")

// Take records that an operation is done, in the transaction of what it does: with that it leaves the journal. One that was done before is
// ErrTaken.
func Take(tx storage.Tx, operation, user string) error {
	if err := Untaken(tx, operation); err != nil {
		return err
	}
	return errors.Join(
		storage.Journal.Delete(tx, operation),
		storage.Operations.Put(tx, operation, storage.Operation{Key: operation, User: user, At: time.Now()}),
	)
}

// Untaken fails with ErrTaken where an operation was done before.
func Untaken(tx storage.Tx, operation string) error {
	before, found, err := storage.Operations.Find(tx, operation)
	if found && !before.Void {
		return ErrTaken
	}
	return err
}
