package storage

import (
	"context"
	"errors"
	"time"
)

// Retention periods.
const (
	day            = 24 * time.Hour
	keepRules      = day             // after they expire
	keepRequests   = day + time.Hour // a request grows for an hour, and its last button works for a day
	keepLocks      = day             // after they expire; approvals after they end
	keepMessages   = day             // after the last change
	keepOperations = 7 * day         // Slack may deliver them again
	keepFollows    = 30 * day        // after they end
	auditBatch     = 2000            // entries of the audit that one transaction forgets
	// KeepEdits is how long an edit that Slack does not accept is kept to be tried again.
	KeepEdits = 30 * day
	// KeepHistory is how long after its end a deployment is remembered.
	KeepHistory = 400 * day
)

// Forget deletes expired records, in one transaction for each table that has any; of the audit in several. It keeps all in the tables
// not listed here.
func Forget(ctx context.Context, db DB, keepAudit time.Duration) error {
	now := time.Now()
	old := func(at time.Time, keep time.Duration) bool { return now.Sub(at) > keep }
	var errs []error
	for _, step := range []removal{
		removeFrom(Rules, func(_ Tx, r Rule) bool { return !r.Until.IsZero() && old(r.Until, keepRules) }),
		removeFrom(Locks, func(_ Tx, l Lock) bool { return !l.Until.IsZero() && old(l.Until, keepLocks) }),
		removeFrom(Approvals, func(_ Tx, a Approval) bool { return a.State != Waiting && old(a.EndedAt, keepLocks) }),
		removeFrom(Requests, func(_ Tx, r Request) bool { return old(r.At, keepRequests) }),
		func(tx Tx, remove bool) (int, error) {
			if remove {
				return forgetAudit(tx, now.Add(-keepAudit), auditBatch)
			}
			return oldAudit(tx, now.Add(-keepAudit))
		},
		removeFrom(Follows, func(_ Tx, f Follow) bool { return f.Phase == PhaseEnded && old(f.EndedAt, keepFollows) }),
		removeFrom(Operations, func(_ Tx, o Operation) bool { return old(o.At, keepOperations) }),
		removeFrom(Cancels, func(_ Tx, c Cancel) bool { return old(c.At, keepFollows) }),
		removeFrom(Unlisted, func(_ Tx, w WishOf) bool { return old(w.At, 2*day) }),
		removeFrom(Wishes, func(_ Tx, w WishOf) bool { return old(w.At, keepFollows) }),
		removeFrom(Heard, func(tx Tx, w WishOf) bool { // Keep the reference while its follow exists.
			if !old(w.At, keepFollows) {
				return false
			}
			_, err := Follows.Get(tx, w.Follow)
			return errors.Is(err, ErrNotFound)
		}),
		removeFrom(History, func(_ Tx, d Deployed) bool { return old(d.Over(), KeepHistory) }),
		func(tx Tx, remove bool) (int, error) {
			parents := map[string]bool{} // keys of messages with undelivered replies
			err := Messages.Scan(tx, "", func(_ string, m Message) error {
				parents[m.Parent] = parents[m.Parent] || m.Pending()
				return nil
			})
			if err != nil {
				return 0, err
			}
			return removeFrom(Messages, func(_ Tx, m Message) bool {
				done := (m.Last || m.Refused != "") && !m.Pending() && !parents[m.Key]
				return done && old(m.UpdatedAt, keepMessages)
			})(tx, remove)
		},
	} {
		for found, err := 1, error(nil); found > 0 && err == nil; {
			err = db.View(ctx, func(tx Tx) (err error) {
				found, err = step(tx, false)
				return err
			})
			if err == nil && found > 0 {
				err = db.Update(ctx, func(tx Tx) (err error) {
					found, err = step(tx, true)
					return err
				})
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// removal counts the expired records of a table and deletes them if remove is set.
type removal func(tx Tx, remove bool) (found int, err error)

// removeFrom returns a removal for a table.
func removeFrom[T any](table Table[T], old func(Tx, T) bool) removal {
	return func(tx Tx, remove bool) (int, error) {
		var keys []string
		err := table.Scan(tx, "", func(key string, rec T) error {
			if old(tx, rec) {
				keys = append(keys, key)
			}
			return nil
		})
		for _, key := range keys {
			if remove {
				err = errors.Join(err, table.Delete(tx, key))
			}
		}
		return len(keys), err
	}
}
