// Package storage is the small transactional key-value contract that the bot keeps its records in,
// with typed records on top. Backends live in their own packages and pass the suite in storagetest.
package storage

import (
	"context"
	"errors"
)

// These are the kinds of failure a caller may want to tell apart; test for them with errors.Is.
var (
	ErrNotFound = errors.New("not found")
	ErrStop     = errors.New("stop the scan")
	ErrDamaged  = errors.New("damaged data")
	ErrClosed   = errors.New("database is closed")
)

// Tx is one transaction: it sees its own writes and nothing that others write after it began.
// It is used by one goroutine and only until the function it was given to returns.
// Bucket and key are not empty and hold any bytes; a bucket exists as soon as something is put in it.
// The bucket named meta belongs to the backend and takes no writes.
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

// DB runs transactions. The context counts until a transaction begins, which is then carried through.
// A function given to View or Update must not call either of them, nor wait for one, nor leave by runtime.Goexit.
type DB interface {
	// View runs fn on one consistent state; writing in it fails.
	View(ctx context.Context, fn func(Tx) error) error
	// Update runs fn and returns nil only when what it wrote is on disk. Concurrent updates share commits, so fn
	// may run more than once and on another goroutine: it has no effect but through Tx. An error
	// of fn undoes the writes of that fn alone and is returned; a panic does so too and reaches the caller of Update.
	Update(ctx context.Context, fn func(Tx) error) error
	// Fault says why nothing that is written now would be there after a restart, as far as that is known, and what to do; nil where nothing is
	// wrong. It waits for nothing.
	Fault() error
	// Close waits for running transactions; afterwards every transaction fails with ErrClosed.
	Close() error
}
