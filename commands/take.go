package commands

import (
	"errors"
	"time"

	"c66bot/bot/card/doc"
	"c66bot/storage"
)

// ErrTaken means that the operation was taken before: Slack delivered it twice, or a button was clicked twice.
var ErrTaken = errors.New("this was already taken")

// Taken answers a repeated operation. It takes the place of no message: that may show the answer to the first one, with its buttons.
type Taken struct{}

// Document says so.
func (Taken) Document() doc.Document {
	return Notice("This was answered already. It is not done twice.")
}

// Take settles an operation in the transaction of its effects: it moves the operation from the journal to the settled operations.
// It fails with ErrTaken if the operation was settled before.
func Take(tx storage.Tx, operation, user string) error {
	if err := Untaken(tx, operation); err != nil {
		return err
	}
	return errors.Join(
		storage.Journal.Delete(tx, operation),
		storage.Operations.Put(tx, operation, storage.Operation{Key: operation, User: user, At: time.Now()}),
	)
}

// Untaken fails with ErrTaken if an operation was settled before and is not void.
func Untaken(tx storage.Tx, operation string) error {
	before, found, err := storage.Operations.Find(tx, operation)
	if found && !before.Void {
		return ErrTaken
	}
	return err
}
