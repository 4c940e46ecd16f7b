package bolt

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Intervals of Watch. A look costs a few system calls, none of which needs the disk; a probe writes.
const (
	lookEvery   = time.Second / 4 // what is deleted with its note must have another before a second process begins
	probeEvery  = 45 * time.Second
	probeFaulty = 5 * time.Second // while something is wrong
	probeSize   = 64 << 10        // bytes that must find room: as much as a change with its messages
	probeKey    = "probe"
)

// Watch looks after the file until ctx ends, so that a lost file or a full disk is noticed while nothing is written. It logs the
// begin and the end of a fault. Call Close after it.
func (db *DB) Watch(ctx context.Context, log *slog.Logger) {
	var rounds sync.WaitGroup
	defer rounds.Wait()
	rounds.Go(func() { // A disk may keep a round waiting for as long as it likes.
		probed := time.Now()
		every(ctx, lookEvery, func() {
			wait := probeEvery
			if db.Fault() != nil {
				wait = probeFaulty
			}
			db.round()
			if time.Since(probed) >= wait && get(db, &db.lost) == nil {
				probed = time.Now()
				db.probe(ctx)
			}
		})
	})
	logged := ""
	every(ctx, lookEvery, func() {
		fault := ""
		if err := db.Fault(); err != nil {
			fault = err.Error()
		}
		switch fault {
		case logged:
			return
		case "":
			log.InfoContext(ctx, "the database can be written again")
		default:
			log.ErrorContext(ctx, "not ready", "reason", fault)
		}
		logged = fault
	})
}

// every calls f in an interval until ctx ends.
func every(ctx context.Context, pause time.Duration, f func()) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f()
		}
	}
}

// round checks the file and its note. It sets both results together, so that neither is logged alone.
func (db *DB) round() {
	defer db.timed()()
	unnoted := db.note.keep()
	select {
	case db.queue.turn <- struct{}{}:
		defer func() { <-db.queue.turn }()
		lost := db.lookForLoss()
		db.mu.Lock()
		defer db.mu.Unlock()
		db.lost, db.unnoted = lost, unnoted
	default: // Whoever has it looks too.
		set(db, &db.unnoted, unnoted)
	}
}

// probe looks for room on the disk and, after a failed commit, tries another one. That writes a record, always the same.
func (db *DB) probe(ctx context.Context) {
	done := db.timed()
	err := db.note.stretch()
	done()
	set(db, &db.cramped, err)
	if err == nil && get(db, &db.failed) != nil {
		_ = db.alone(ctx, func(tx *tx) error { return tx.put(metaBucket, probeKey, make([]byte, probeSize)) }) // A failed commit is kept.
	}
}
