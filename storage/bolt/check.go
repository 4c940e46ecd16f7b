package bolt

import (
	"cmp"
	"errors"
)

// Check verifies a whole file without changing it. It returns the error that Open would, storage.ErrDamaged for a structural
// fault, or the first error of record. An empty file passes.
func Check(path string, record func(table, key string, value []byte) error) (err error) {
	if info, err := statFile(path); err != nil || info.Size() == 0 {
		return err
	}
	if err := inUse(path); err != nil {
		return err
	}
	bolt, file, err := openFile(path, true) // The file is locked from here on.
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(wrap("check database "+path, err), bolt.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	refused, err := walkFile(file, info.Size(), record)
	if err != nil {
		return err
	}
	return opened(path, bolt, file).transact(false, func(tx *tx) error {
		_, err := formatOf(tx, migrations)
		return cmp.Or(err, refused)
	})
}
