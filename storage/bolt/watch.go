package bolt

import (
	"bytes"
	"context"
	"errors"
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
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var rounds sync.WaitGroup
	defer rounds.Wait()
	free := make(chan struct{}, 1) // A disk may keep a round waiting for as long as it likes.
	told, probed := "", time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		fault := db.Fault()
		told = tellFault(ctx, log, told, fault)
		select {
		case free <- struct{}{}:
		default:
			continue
		}
		wait := probeEvery
		if fault != nil {
			wait = probeFaulty
		}
		probe := time.Since(probed) >= wait
		if probe {
			probed = time.Now()
		}
		rounds.Go(func() {
			defer func() { <-free }()
			db.round(ctx, probe)
		})
	}
}

// tellFault logs what is wrong where it is not what was told last.
func tellFault(ctx context.Context, log *slog.Logger, told string, fault error) string {
	if fault == nil {
		if told != "" {
			log.InfoContext(ctx, "the database can be written again")
		}
		return ""
	}
	if text := fault.Error(); text != told {
		log.ErrorContext(ctx, "not ready", "reason", text)
		return text
	}
	return told
}

// round looks at the file once, and tries whether it can be written where that is due.
func (db *DB) round(ctx context.Context, probe bool) {
	err := db.timed(func() error {
		unnoted := db.note.keep(db.path)
		db.mu.Lock()
		db.unnoted = unnoted
		db.mu.Unlock()
		select {
		case db.queue.turn <- struct{}{}:
			defer func() { <-db.queue.turn }()
			return db.look()
		default: // Whoever has it looks too.
			return nil
		}
	})
	if err != nil {
		return
	}
	if probe {
		db.probe(ctx)
	}
}

// probe tries whether there is room on the disk, and, after a commit that failed, whether another one succeeds.
func (db *DB) probe(ctx context.Context) {
	err := db.timed(db.note.stretch)
	db.mu.Lock()
	db.cramped = err
	failed := db.failed
	db.mu.Unlock()
	if err != nil || failed == nil {
		return
	}
	put := func(tx *tx) error { return tx.put(metaBucket, probeKey, make([]byte, probeSize)) }
	remove := func(tx *tx) error { return tx.Delete(metaBucket, probeKey) }
	for _, do := range []func(*tx) error{put, remove} {
		select {
		case db.queue.turn <- struct{}{}:
		case <-ctx.Done():
			return
		}
		err := db.transact(true, do)
		<-db.queue.turn
		if err != nil { // The commit has taken note of it.
			return
		}
	}
}

// stretch makes the note longer for a moment. It stands on the database's disk, and, being open, can be written as long as that can.
func (n *note) stretch() error {
	own := int64(len(ownID()))
	_, err := n.file.WriteAt(bytes.Repeat([]byte("\n"), probeSize), own)
	if err == nil {
		err = n.file.Sync()
	}
	return wrap("look for room on the disk", errors.Join(err, n.file.Truncate(own)))
}
