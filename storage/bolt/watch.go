package bolt

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Intervals of Watch. A look costs a few system calls without disk access; a probe writes.
const (
	lookEvery   = time.Second / 4 // a note deleted with its database must be recreated before a second process starts
	probeEvery  = 45 * time.Second
	probeFaulty = 5 * time.Second // during a fault
	probeSize   = 64 << 10        // bytes that must fit on the disk: about one change with its messages
	probeKey    = "probe"
)

// Watch checks the file until ctx ends, so that a lost file or a full disk is noticed while nothing is written. It logs the start
// and the end of each fault. Call Close only after Watch returns.
func (db *DB) Watch(ctx context.Context, log *slog.Logger) {
	var rounds sync.WaitGroup
	defer rounds.Wait()
	rounds.Go(func() { // On its own goroutine, since the disk can block a round indefinitely.
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

// every calls f at an interval until ctx ends.
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
	default: // The holder of the turn checks too.
		set(db, &db.unnoted, unnoted)
	}
}

// probe tests for free disk space and, after a failed commit, retries by writing a constant record.
func (db *DB) probe(ctx context.Context) {
	done := db.timed()
	err := db.note.stretch()
	done()
	set(db, &db.cramped, err)
	if err == nil && get(db, &db.failed) != nil {
		_ = db.alone(ctx, func(tx *tx) error { return tx.put(metaBucket, probeKey, make([]byte, probeSize)) }) // commit records a failure.
	}
}
