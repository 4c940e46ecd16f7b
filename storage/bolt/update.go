package bolt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"c66bot/storage"
)

// queue collects updates while a commit is in progress. The next holder of the turn commits all of them together, so that a lone
// update never waits for others, while many share the cost of a sync.
type queue struct {
	turn    chan struct{} // A semaphore of one, held while writing.
	mu      sync.Mutex    // guards waiting
	waiting []*update
}

type update struct {
	fn    func(storage.Tx) error
	begun atomic.Bool // Claimed either by a commit or by the withdrawal of its caller.
	done  chan error  // Receives the outcome, once.
}

// errAlone tells the caller of Update to retry in its own transaction.
var errAlone = errors.New("run the update alone")

// Update implements storage.DB.
func (db *DB) Update(ctx context.Context, fn func(storage.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("update database: %w", err)
	}
	u := &update{fn: fn, done: make(chan error, 1)}
	db.queue.mu.Lock()
	db.queue.waiting = append(db.queue.waiting, u)
	db.queue.mu.Unlock()
	select {
	case db.queue.turn <- struct{}{}:
		db.commitWaiting()
	case <-ctx.Done():
		if u.begun.CompareAndSwap(false, true) {
			return fmt.Errorf("wait to update database: %w", ctx.Err())
		}
	case err := <-u.done:
		u.done <- err
	}
	if err := <-u.done; !errors.Is(err, errAlone) {
		return err
	}
	return db.alone(ctx, func(tx *tx) error { return fn(tx) })
}

// alone runs fn in its own transaction: an error rolls back nothing else, and a panic reaches the caller.
func (db *DB) alone(ctx context.Context, fn func(*tx) error) error {
	select {
	case db.queue.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("wait to update database: %w", ctx.Err())
	}
	defer func() { <-db.queue.turn }()
	return db.transact(true, fn)
}

// commitWaiting commits all waiting updates in one transaction, except those that fail, and releases the turn.
func (db *DB) commitWaiting() {
	defer func() { <-db.queue.turn }()
	db.queue.mu.Lock()
	batch := slices.DeleteFunc(db.queue.waiting, func(u *update) bool { return !u.begun.CompareAndSwap(false, true) })
	db.queue.waiting = nil
	db.queue.mu.Unlock()
	defer func() { finish(batch, errAlone) }() // Reached with updates left only if one of them ended this goroutine.
	for len(batch) > 0 {
		failed := -1
		err := db.transact(true, func(tx *tx) error {
			for i, u := range batch {
				if err := attempt(u.fn, tx); err != nil {
					failed = i
					return err
				}
			}
			return nil
		})
		if failed < 0 {
			finish(batch, err)
			batch = nil
			return
		}
		if len(batch) > 1 {
			err = errAlone
		}
		finish(batch[failed:failed+1], err)
		batch = slices.Delete(batch, failed, failed+1)
	}
}

func finish(updates []*update, outcome error) {
	for _, u := range updates {
		u.done <- outcome
	}
}

// attempt converts a panic of fn, which may belong to another goroutine, into an error.
func attempt(fn func(storage.Tx) error, tx storage.Tx) (err error) {
	defer func() {
		if recover() != nil {
			err = errAlone
		}
	}()
	return fn(tx)
}
