package bolt

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"c66bot/storage"
)

// View implements storage.DB.
func (db *DB) View(ctx context.Context, fn func(storage.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("view database: %w", err)
	}
	return db.transact(false, func(tx *tx) error { return fn(tx) })
}

// transact runs fn in one bbolt transaction and rolls it back if fn fails, panics or calls runtime.Goexit. For a writable one the
// caller holds the turn.
func (db *DB) transact(writable bool, fn func(*tx) error) error {
	if err := db.ready(writable); err != nil {
		return err
	}
	var btx *bbolt.Tx
	err := guard(func() (err error) {
		btx, err = db.bolt.Begin(writable)
		return err
	})
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return storage.ErrClosed
	}
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	defer func() { _ = guard(btx.Rollback) }() // A no-op after a commit.
	if err := fn(&tx{bolt: btx}); err != nil || !writable {
		return err
	}
	defer db.timed()()
	return db.commit(btx)
}

// guard converts bbolt's panics and memory faults, its reaction to damaged pages, into errors.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", storage.ErrDamaged, p)
		}
	}()
	return fn()
}

type tx struct{ bolt *bbolt.Tx }

func (tx *tx) Get(bucket, key string) (value []byte, err error) {
	err = tx.do("get", bucket, key, func() error {
		if b := tx.bolt.Bucket([]byte(bucket)); b != nil {
			value = slices.Clone(b.Get([]byte(key)))
		}
		if value == nil {
			return storage.ErrNotFound
		}
		return nil
	})
	return value, err
}

func (tx *tx) Put(bucket, key string, value []byte) error {
	if bucket == metaBucket {
		return fmt.Errorf("put %q into %s: the bucket is the database's own", key, bucket)
	}
	return tx.put(bucket, key, value)
}

func (tx *tx) put(bucket, key string, value []byte) error {
	return tx.do("put", bucket, key, func() error {
		b, err := tx.bolt.CreateBucketIfNotExists([]byte(bucket))
		if err != nil {
			return err
		}
		return b.Put([]byte(key), append([]byte{}, value...)) // bbolt would store nil as a missing value.
	})
}

func (tx *tx) Delete(bucket, key string) error {
	if bucket == metaBucket {
		return fmt.Errorf("delete %q of %s: the bucket is the database's own", key, bucket)
	}
	return tx.do("delete", bucket, key, func() error {
		if !tx.bolt.Writable() {
			return berrors.ErrTxNotWritable
		}
		if b := tx.bolt.Bucket([]byte(bucket)); b != nil {
			return b.Delete([]byte(key))
		}
		return nil
	})
}

func (tx *tx) Scan(bucket, prefix string, fn func(key string, value []byte) error) error {
	var cursor *bbolt.Cursor
	var key, value []byte
	step := func(move func() ([]byte, []byte)) error {
		return tx.do("scan", bucket, prefix, func() error {
			key, value = move()
			return nil
		})
	}
	err := step(func() ([]byte, []byte) {
		b := tx.bolt.Bucket([]byte(bucket))
		if b == nil {
			return nil, nil
		}
		cursor = b.Cursor()
		return cursor.Seek([]byte(prefix))
	})
	for ; err == nil && key != nil && strings.HasPrefix(string(key), prefix); err = step(cursor.Next) {
		if err := fn(string(key), value); errors.Is(err, storage.ErrStop) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return err
}

// do runs one bbolt call and adds the operation and the key to its error.
func (tx *tx) do(verb, bucket, key string, call func() error) error {
	err := berrors.ErrTxClosed
	if tx.bolt.DB() != nil {
		err = guard(call)
	}
	if err != nil {
		return fmt.Errorf("%s %q of %s: %w", verb, key, bucket, err)
	}
	return nil
}
