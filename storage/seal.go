package storage

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// A Seal is a digest over the audit from its first entry, which was written with the database, to one entry. It is a chain: from 64 zeros,
// each entry makes of the digest before it the SHA-256 of its 32 bytes, the entry's id, a space, its JSON as stored, and a line feed. So a
// seal that was logged holds for good: entries written later, results too, come behind it, and of entries that are forgotten the digest at
// that place is kept (forgotten), from which the chain goes on.
type Seal struct {
	At      time.Time `json:"at"`      // when it was made
	Entries int64     `json:"entries"` // how many it covers, forgotten ones included
	First   string    `json:"first"`   // the id of the oldest of them that was not forgotten then
	Last    string    `json:"last"`    // the id of the newest of them
	Digest  string    `json:"digest"`  // 64 hexadecimal digits
}

// seals holds the seals that were logged, by Seal.Last, and under forgotten the one over all entries that are forgotten.
var seals = newTable[Seal]("audit_seals")

const forgotten = "forgotten"

// Seals are what Verify found.
type Seals struct {
	Forgotten Seal   // over the entries that are forgotten; zero if none are
	Now       Seal   // over all entries
	Logged    []Seal // those that were logged, oldest first
	Broken    []Seal // those of Logged that the entries do not give any more: something was changed or removed
}

// Verify computes the digests of the audit anew, from what is forgotten to the newest entry, and compares them with those that were logged.
// Damaged entries are damage, as everywhere.
func Verify(tx Tx) (all Seals, err error) {
	if all.Forgotten, _, err = seals.Find(tx, forgotten); err != nil {
		return all, err
	}
	logged := map[string]Seal{}
	err = seals.Scan(tx, "", func(key string, s Seal) error {
		if key != forgotten {
			logged[key] = s
			all.Logged = append(all.Logged, s)
		}
		return nil
	})
	if err != nil {
		return all, err
	}
	c, err := chainFrom(all.Forgotten)
	if err != nil {
		return all, err
	}
	held := map[string]bool{}
	err = tx.Scan(Audit.Name, "", func(key string, value []byte) error {
		if err := c.add(key, value); err != nil {
			return err
		}
		if s, ok := logged[key]; ok {
			now := c.seal()
			held[key] = now.Digest == s.Digest && now.Entries == s.Entries
		}
		return nil
	})
	for _, s := range all.Logged {
		if !held[s.Last] {
			all.Broken = append(all.Broken, s)
		}
	}
	all.Now = c.seal()
	all.Now.At = time.Now()
	return all, err
}

// LastSeal returns the seal that was logged last, zero if none was: the one over the most entries, whatever the clock said.
func LastSeal(tx Tx) (last Seal, err error) {
	err = seals.Scan(tx, "", func(key string, s Seal) error {
		if key != forgotten { // they are in the order of the entries
			last = s
		}
		return nil
	})
	return last, err
}

// PutSeal keeps a seal that was logged. One that was logged before over the same entries stays, with the new time: where its digest is
// another one, it goes on showing that something was changed.
func PutSeal(tx Tx, s Seal) error {
	before, found, err := seals.Find(tx, s.Last)
	if found {
		before.At = s.At
		s = before
	}
	return errors.Join(err, seals.Put(tx, s.Last, s))
}

// chain is a digest in the making.
type chain struct {
	covers Seal
	sum    [sha256.Size]byte
	line   []byte // reused
}

func chainFrom(s Seal) (c chain, err error) {
	c.covers = Seal{Entries: s.Entries, Last: s.Last}
	if s.Digest == "" {
		return c, nil
	}
	if n, err := hex.Decode(c.sum[:], []byte(s.Digest)); err != nil || n != len(c.sum) {
		return c, fmt.Errorf("%w: the digest of what is forgotten of the audit is %q", ErrDamaged, s.Digest)
	}
	return c, nil
}

// add continues the digest with an entry as it is stored.
func (c *chain) add(key string, value []byte) error {
	text, err := Audit.text(key, value)
	if err != nil {
		return err
	}
	c.line = append(append(append(append(append(c.line[:0], c.sum[:]...), key...), ' '), text...), '\n')
	c.sum = sha256.Sum256(c.line)
	if c.covers.Entries++; c.covers.First == "" {
		c.covers.First = key
	}
	c.covers.Last = key
	return nil
}

func (c *chain) seal() Seal {
	s := c.covers
	s.Digest = hex.EncodeToString(c.sum[:])
	return s
}

// oldAudit returns 1 if the oldest entry is from before a time, else 0.
func oldAudit(tx Tx, before time.Time) (found int, err error) {
	err = Audit.Scan(tx, "", func(_ string, e AuditEntry) error {
		if e.At.Before(before) {
			found = 1
		}
		return ErrStop
	})
	return found, err
}

// forgetAudit forgets up to most of the oldest decisions and results before a time, with what leads to them, and returns how many.
func forgetAudit(tx Tx, before time.Time, most int) (found int, err error) {
	done, _, err := seals.Find(tx, forgotten)
	if err != nil {
		return 0, err
	}
	c, err := chainFrom(done)
	if err != nil {
		return 0, err
	}
	var old []AuditEntry
	err = tx.Scan(Audit.Name, "", func(key string, value []byte) error {
		e, err := Audit.decode(key, value)
		if err != nil {
			return err
		}
		if len(old) == most || !e.At.Before(before) {
			return ErrStop
		}
		e.ID = key
		old = append(old, e)
		return c.add(key, value)
	})
	if err != nil || len(old) == 0 {
		return 0, err
	}
	for _, e := range old {
		err = errors.Join(err, Audit.Delete(tx, e.ID), auditResults.Delete(tx, e.ID), seals.Delete(tx, e.ID))
		for _, list := range e.lists() {
			err = errors.Join(err, list.drop(tx, e.ID))
		}
		if of, _, wrong := auditOperations.Find(tx, e.Operation); e.Operation != "" && of == e.ID {
			err = errors.Join(err, wrong, auditOperations.Delete(tx, e.Operation))
		}
	}
	now := c.seal()
	now.At = time.Now()
	return len(old), errors.Join(err, seals.Put(tx, forgotten, now))
}
