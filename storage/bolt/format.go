package bolt

import (
	"errors"
	"fmt"
	"strconv"

	"c66bot/storage"
)

// Reasons to refuse a file.
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

// A migration upgrades a database by one format.
type migration func(storage.Tx) error

// migrations[i] upgrades from format i+1 to i+2.
var migrations []migration

// formatOf returns the format of the file, or 0 if it was never written.
func formatOf(tx *tx, steps []migration) (format int, err error) {
	err = guard(func() error {
		meta := tx.bolt.Bucket([]byte(metaBucket))
		if meta == nil {
			if first, _ := tx.bolt.Cursor().First(); first != nil {
				return fmt.Errorf("%w: a bbolt database of another program", ErrForeign)
			}
			return nil
		}
		if name := meta.Get([]byte(applicationKey)); string(name) != application {
			return fmt.Errorf("%w: a bbolt database of %q", ErrForeign, name)
		}
		text := meta.Get([]byte(formatKey))
		if format, err = strconv.Atoi(string(text)); err != nil || format < 1 {
			return fmt.Errorf("%w: format %q", storage.ErrDamaged, text)
		}
		if newest := len(steps) + 1; format > newest {
			return fmt.Errorf("%w: format %d, this one knows up to %d", ErrNewer, format, newest)
		}
		return nil
	})
	return format, err
}

// migrate upgrades a database from format to the newest one and writes the format number. A new file has format 0 and needs no
// steps.
func migrate(tx *tx, format int, steps []migration) error {
	for ; format > 0 && format <= len(steps); format++ {
		if err := steps[format-1](tx); err != nil {
			return fmt.Errorf("migrate from format %d: %w", format, err)
		}
	}
	return errors.Join(
		tx.put(metaBucket, applicationKey, []byte(application)),
		tx.put(metaBucket, formatKey, []byte(strconv.Itoa(len(steps)+1))),
	)
}
