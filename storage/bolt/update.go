package bolt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"c66bot/storage"
)

// queue collects the updates that wait while a commit is under way. Whoever gets the turn commits all
// of them together, so that a lone update never waits for company and many share the disk's time.
type queue struct {
	turn    chan struct{} // Holds one element while someone writes.
	mu      sync.Mutex
	waiting []*update
}

type update struct {
	fn   func(storage.Tx) error
	done chan error // Gets the outcome, once.
}

// errAlone tells the caller of an update to run it in a transaction of its own.
var errAlone = errors.New("run the update alone")

func newQueue() queue { return queue{turn: make(chan struct{}, 1)} }

// Update runs fn in a transaction that it may share with other updates.
func (db *DB) Update(ctx context.Context, fn func(storage.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("update database: %w", err)
	}
	u := &update{fn: fn, done: make(chan error, 1)}
	db.queue.add(u)
	select {
	case db.queue.turn <- struct{}{}:
		db.commitWaiting()
	case <-ctx.Done():
		if db.queue.withdraw(u) {
			return fmt.Errorf("wait to update database: %w", ctx.Err())
		}
	case err := <-u.done:
		u.done <- err
	}
	if err := <-u.done; !errors.Is(err, errAlone) {
		return err
	}
	return db.updateAlone(ctx, fn)
}

// updateAlone runs a failed fn again, where its error undoes nothing else and its panic reaches its own caller.
func (db *DB) updateAlone(ctx context.Context, fn func(storage.Tx) error) error {
	select {
	case db.queue.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("wait to update database: %w", ctx.Err())
	}
	defer func() { <-db.queue.turn }()
	return db.transact(true, func(tx *tx) error { return fn(tx) })
}

// commitWaiting commits all waiting updates in one transaction, without those that fail, and gives the turn back.
func (db *DB) commitWaiting() {
	defer func() { <-db.queue.turn }()
	batch := db.queue.takeAll()
	defer func() { tell(batch, errAlone) }() // Someone is left only when an update ended this goroutine.
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
			tell(batch, err)
			batch = nil
			return
		}
		if len(batch) > 1 {
			err = errAlone
		}
		tell(batch[failed:failed+1], err)
		batch = slices.Delete(batch, failed, failed+1)
	}
}

func tell(updates []*update, outcome error) {
	for _, u := range updates {
		u.done <- outcome
	}
}

// attempt runs fn on a goroutine that need not be its caller's, which is why its panic must not go on here.
func attempt(fn func(storage.Tx) error, tx storage.Tx) (err error) {
	defer func() {
		if recover() != nil {
			err = errAlone
		}
	}()
	return fn(tx)
}

func (q *queue) add(u *update) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, u)
}

func (q *queue) takeAll() []*update {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.waiting
	q.waiting = nil
	return all
}

// withdraw takes an update back and says whether that was still possible.
func (q *queue) withdraw(u *update) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, u)
	if i < 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return true
}
