// Package storage defines the transactional key-value contract of the bot's database (DB, Tx) and typed repositories on top of
// it. The contract is small enough for a distributed store; backends are separate packages that pass the suite in storagetest.
//
// A Table holds records of one type as readable JSON with a checksum each, under keys that sort in reading order. A
// read-modify-write is one transaction without side effects, since its function may run more than once. Forget defines all
// retention periods.
package storage

import (
	"context"
	"errors"
)

// Error kinds, for errors.Is.
var (
	ErrNotFound = errors.New("not found")
	ErrStop     = errors.New("stop the scan")
	ErrDamaged  = errors.New("damaged data")
	ErrClosed   = errors.New("database is closed")
)

// Tx is a transaction. It sees its own writes and no other writes committed after it began. It belongs to one goroutine and ends
// when its function returns. Bucket names and keys are arbitrary non-empty byte strings; a bucket is created by the first Put.
// The bucket meta belongs to the backend and is read-only.
type Tx interface {
	// Get returns a copy of the value, or ErrNotFound.
	Get(bucket, key string) ([]byte, error)
	// Put stores a copy of the value, which may be empty.
	Put(bucket, key string, value []byte) error
	// Delete removes a key. Deleting a missing key is not an error.
	Delete(bucket, key string) error
	// Scan calls fn for each key with the prefix in ascending byte order. The value is valid only during the call. An error of fn
	// stops the scan and is returned, except ErrStop, which stops it with nil. fn must not write to the same bucket.
	Scan(bucket, prefix string, fn func(key string, value []byte) error) error
}

// DB runs transactions. The context can cancel a transaction only before it begins. A transaction function must not start or wait
// for another transaction, nor call runtime.Goexit.
type DB interface {
	// View runs fn read-only on a consistent snapshot.
	View(ctx context.Context, fn func(Tx) error) error
	// Update runs fn and returns nil only once its writes are on disk. Concurrent updates share commits, so fn may run more than
	// once and on another goroutine; its only effects must go through Tx. An error or panic of fn rolls back its own writes only and
	// reaches the caller of Update.
	Update(ctx context.Context, fn func(Tx) error) error
	// Changes returns a number that is another after each committed update that wrote something, before that Update returns. It reads nothing
	// from the database.
	Changes() uint64
	// Fault returns why writes would fail or be lost on a restart, as far as known, and the remedy; nil if the database is healthy.
	// It never blocks.
	Fault() error
	// Close waits for running transactions. Later ones fail with ErrClosed.
	Close() error
}

// Read returns what fn reads in a transaction of its own.
func Read[T any](ctx context.Context, db DB, fn func(tx Tx) (T, error)) (value T, err error) {
	err = db.View(ctx, func(tx Tx) (err error) {
		value, err = fn(tx)
		return err
	})
	return value, err
}
