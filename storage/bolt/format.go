package bolt

import (
	"errors"
	"fmt"
	"strconv"

	"go.etcd.io/bbolt"

	"c66bot/storage"
)

// ErrForeign and ErrNewer say why a file is not opened.
var (
	ErrForeign = errors.New("the file is not a database of c66bot")
	ErrNewer   = errors.New("the database was written by a newer version of c66bot")
)

const (
	metaBucket     = "meta"
	applicationKey = "application"
	application    = "c66bot"
	formatKey      = "format"
)

// A migration brings a database from one format to the next.
type migration func(storage.Tx) error

// migrations holds at index i the step from format i+1 to format i+2. The newest format is one more than its length.
var migrations []migration

// formatOf returns the format of the file, and 0 for a file that nothing was written to yet.
func formatOf(tx *tx, steps []migration) (format int, err error) {
	err = guard(func() (err error) {
		format, err = readFormat(tx.bolt, len(steps)+1)
		return err
	})
	return format, err
}

func readFormat(tx *bbolt.Tx, newest int) (int, error) {
	meta := tx.Bucket([]byte(metaBucket))
	if meta == nil {
		if first, _ := tx.Cursor().First(); first != nil {
			return 0, fmt.Errorf("%w: a bbolt database of another program", ErrForeign)
		}
		return 0, nil
	}
	if name := meta.Get([]byte(applicationKey)); string(name) != application {
		return 0, fmt.Errorf("%w: a bbolt database of %q", ErrForeign, name)
	}
	text := meta.Get([]byte(formatKey))
	format, err := strconv.Atoi(string(text))
	if err != nil || format < 1 {
		return 0, fmt.Errorf("%w: format %q", storage.ErrDamaged, text)
	}
	if format > newest {
		return 0, fmt.Errorf("%w: format %d, this one knows up to %d", ErrNewer, format, newest)
	}
	return format, nil
}

// migrate brings the database to the newest format in the transaction; a new file starts there.
func migrate(tx *tx, steps []migration) error {
	format, err := formatOf(tx, steps)
	if err != nil {
		return err
	}
	newest := len(steps) + 1
	if format == newest {
		return nil
	}
	for ; format > 0 && format < newest; format++ {
		if err := steps[format-1](tx); err != nil {
			return fmt.Errorf("migrate from format %d: %w", format, err)
		}
	}
	return errors.Join(
		tx.put(metaBucket, applicationKey, []byte(application)),
		tx.put(metaBucket, formatKey, []byte(strconv.Itoa(newest))),
	)
}
