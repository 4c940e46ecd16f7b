package authz

import (
	"errors"
	"time"

	"c66bot/storage"
)

// ForgetAudit removes the entries of the audit that are older than a time.
func ForgetAudit(tx storage.Tx, before time.Time) error {
	var old []string
	err := storage.Audit.Scan(tx, "", func(key string, e storage.AuditEntry) error {
		if !e.At.Before(before) {
			return storage.ErrStop // the keys sort by time
		}
		old = append(old, key)
		return nil
	})
	for _, key := range old {
		err = errors.Join(err, storage.Audit.Delete(tx, key))
	}
	return err
}
