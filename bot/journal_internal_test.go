package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/commands"
	"c66bot/storage"
	"c66bot/storage/bolt"
)

func entry(n int) storage.Entry {
	return storage.Entry{Operation: fmt.Sprint("command:", n), Deliveries: []string{fmt.Sprint("envelope", n)}}
}

// fill has a journal take all that it may.
func (j *journal) fill(t *testing.T) {
	t.Helper()
	for n := range maxOpen {
		if c, first := j.receive(entry(n)); c.excess || !first {
			t.Fatalf("change %d is not taken", n)
		}
	}
}

func TestTheJournalTakesNoMoreThanItsBound(t *testing.T) {
	var j journal
	j.fill(t)
	if c, _ := j.receive(entry(maxOpen)); !c.excess || j.size() != maxOpen {
		t.Error("one more is taken")
	}
	known, first := j.receive(entry(7))
	if known.excess || first {
		t.Error("one that came before is not known any more")
	}
	j.forget(known)
	if c, first := j.receive(entry(maxOpen)); c.excess || !first {
		t.Error("after one is settled another one is not taken")
	}
}

func TestWhatAFullJournalTurnsAwayIsRecordedSoThatNoLaterProcessTakesItUp(t *testing.T) {
	db, err := bolt.Open(filepath.Join(t.TempDir(), "c66bot.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	var tasks sync.WaitGroup
	j := journal{records: db, tasks: &tasks, log: slog.New(slog.DiscardHandler)}
	j.fill(t)
	b := &Bot{log: j.log, journal: &j}
	var said commands.Reply
	turned := &task{operation: entry(maxOpen).Operation, delivery: entry(maxOpen).Deliveries[0], received: time.Now(),
		decline: func(reply commands.Reply) any { said = reply; return reply }}
	b.receive(turned, "redeploy web --now")
	if b.accept(t.Context(), turned, func(any) error { return nil }) {
		t.Error("it was let through")
	}
	if problem, ok := said.(commands.ProblemReply); !ok || !strings.Contains(problem.What, "too many changes") {
		t.Errorf("its author was told %+v", said)
	}
	for name, bring := range map[string]struct {
		entry  storage.Entry
		before bool
	}{
		"the same envelope": {entry(maxOpen), true},
		"another envelope":  {storage.Entry{Operation: entry(maxOpen).Operation, Deliveries: []string{"a second click"}}, false},
	} {
		err := db.Update(t.Context(), func(tx storage.Tx) error {
			before, err := enter(tx, bring.entry)
			if before != bring.before {
				t.Errorf("%s was taken before: %t", name, before)
			}
			return errors.Join(err, errRollback)
		})
		if !errors.Is(err, errRollback) || errors.Is(err, storage.ErrDamaged) {
			t.Error(err)
		}
	}
}

// errRollback undoes what a transaction wrote.
var errRollback = errors.New("only tried")

// hanging is a disk that takes nothing before a time, whatever its callers' patience.
type hanging struct {
	storage.DB
	until <-chan struct{}
	tries *atomic.Int64
}

func (h hanging) Update(context.Context, func(storage.Tx) error) error {
	h.tries.Add(1)
	<-h.until
	return errors.New("no space left on device")
}

func TestWhatIsTurnedAwayWaitsNoLongerForTheDiskThanItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var tasks sync.WaitGroup
		var tries atomic.Int64
		mended := make(chan struct{})
		j := journal{records: hanging{until: mended, tries: &tries}, tasks: &tasks, log: slog.New(slog.DiscardHandler)}
		j.fill(t)
		c, _ := j.receive(entry(maxOpen))
		began := time.Now()
		j.turnAway(ctx, c, began.Add(journalWait))
		if took := time.Since(began); took != journalWait {
			t.Errorf("it took %s", took)
		}
		close(mended)
		time.Sleep(time.Hour)
		if n := tries.Load(); n != 1 {
			t.Errorf("what a full journal may not hold was tried %d times", n)
		}
	})
}
