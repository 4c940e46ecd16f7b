package bolt

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// How a file is looked after. A look costs a few calls of the system, which no disk has to answer; a probe writes.
const (
	lookEvery   = time.Second / 4 // what is deleted with its note must have another before a second process begins
	probeEvery  = 45 * time.Second
	probeFaulty = 5 * time.Second // while something is wrong
	probeSize   = 64 << 10        // bytes that must find room: as much as a change with its messages
	probeKey    = "probe"
)

// Watch looks after the file until ctx ends, so that its loss, and a disk that takes no writes, are noticed also while there is nothing to
// write. What begins to be wrong is logged, and its end. Close comes after it.
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
		switch {
		case fault == logged:
			return
		case fault == "":
			log.InfoContext(ctx, "the database can be written again")
		default:
			log.ErrorContext(ctx, "not ready", "reason", fault)
		}
		logged = fault
	})
}

// every calls f again and again until ctx ends.
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

// round looks at the file and at its note once. Both findings are set together, so that none is logged alone.
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

// probe tries whether there is room on the disk, and, after a commit that failed, whether another one succeeds. That writes a record,
// always the same one.
func (db *DB) probe(ctx context.Context) {
	done := db.timed()
	err := db.note.stretch()
	done()
	set(db, &db.cramped, err)
	if err == nil && get(db, &db.failed) != nil {
		_ = db.alone(ctx, func(tx *tx) error { return tx.put(metaBucket, probeKey, make([]byte, probeSize)) }) // A failed commit is kept.
	}
}
