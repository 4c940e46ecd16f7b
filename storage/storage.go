// Package storage is the small transactional key-value contract of the bot's database, with typed records on top. The contract (DB,
// Tx) is small enough for a distributed store; its backends are packages of their own and pass the suite in storagetest.
//
// A Table holds records of one type as readable JSON with a checksum, under keys that sort as they are read. A change is one
// transaction without side effects, which may run more than once. Forget is the only place that says how long records are kept.
package storage

import (
	"context"
	"errors"
)

// Kinds of errors, for errors.Is.
var (
	ErrNotFound = errors.New("not found")
	ErrStop     = errors.New("stop the scan")
	ErrDamaged  = errors.New("damaged data")
	ErrClosed   = errors.New("database is closed")
)

// Tx is one transaction. It sees its own writes and none that others made after it began. It belongs to one goroutine and ends with
// the function that got it. Bucket and key hold any bytes, at least one; a bucket exists once something is put into it. The bucket
// meta belongs to the backend and is read-only.
type Tx interface {
	// Get returns a copy of the value, or ErrNotFound.
	Get(bucket, key string) ([]byte, error)
	// Put keeps a copy of the value, which may be empty.
	Put(bucket, key string, value []byte) error
	// Delete removes a key; to delete a missing one is no error.
	Delete(bucket, key string) error
	// Scan calls fn for each key with the prefix in ascending byte order. The value is valid only during that call.
	// An error of fn ends the scan and is returned, but ErrStop ends it with nil. fn must not write to the same bucket.
	Scan(bucket, prefix string, fn func(key string, value []byte) error) error
}

// DB runs transactions. The context matters until a transaction begins; then it is carried through. A function in a transaction must
// not start or wait for another one, nor leave by runtime.Goexit.
type DB interface {
	// View runs fn on one consistent state, read-only.
	View(ctx context.Context, fn func(Tx) error) error
	// Update runs fn and returns nil only if its writes are on disk. Concurrent updates share commits, so fn may run more than once and
	// on another goroutine, and must have no effect but through Tx. An error or a panic of fn undoes its own writes only, and reaches
	// the caller of Update.
	Update(ctx context.Context, fn func(Tx) error) error
	// Fault says why writes would fail or be lost at a restart, as far as known, and what to do; nil if nothing is wrong. It never
	// blocks.
	Fault() error
	// Close waits for running transactions. Later ones fail with ErrClosed.
	Close() error
}
