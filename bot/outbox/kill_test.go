package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/bot/outbox"
	"c66bot/bot/outbox/mortal"
	"c66bot/storage"
)

// scene is what a caller of the outbox does, each entry in one transaction, some time after the one before.
var scene = [][]storage.Message{
	{urgent(card("a", "asked for"))},
	{urgent(card("a", "deploying")), reply("a", "a/1", "started")},
	{card("a", "deploying, 20 s")},
	{last(urgent(card("a", "live"))), reply("a", "a/2", "it is live")},
}

func last(m storage.Message) storage.Message { m.Last = true; return m }

// play does what of the scene is not done yet, up to the death of the process. That a part is done is recorded with it.
func (r *rig) play() error {
	for i, messages := range scene {
		done := false
		err := r.records.Update(r.ctx, func(tx storage.Tx) error {
			key := fmt.Sprint("scene", i)
			_, err := storage.Operations.Get(tx, key)
			if done = err == nil; done {
				return nil
			}
			for _, m := range messages {
				if err := outbox.Put(tx, m); err != nil {
					return err
				}
			}
			return storage.Operations.Put(tx, key, storage.Operation{})
		})
		if err != nil {
			return err
		}
		if !done {
			r.outbox.Deliver(messages...)
			time.Sleep(1500 * time.Millisecond)
		}
	}
	return nil
}

func TestAProcessThatDiesAtAnyStepLosesNothingAndTellsNothingTwice(t *testing.T) {
	for _, after := range []bool{false, true} {
		for step, alive := 1, false; !alive; step++ {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, t.Context(), filepath.Join(t.TempDir(), "outbox.db"))
				defer r.close()
				r.start(mortal.New(step, after))
				if err := r.play(); err == nil {
					r.until("all is delivered or the process is dead", func() bool { return r.outbox.Queued() == 0 || r.process.Died() != "" })
				} else if !errors.Is(err, mortal.ErrDead) {
					r.Fatal(err)
				}
				death := r.process.Died()
				r.restart()
				if err := r.play(); err != nil {
					r.Fatal(err)
				}
				r.settle()
				r.end()
				r.shows(deploys, "live [started, it is live]")
				r.fairPlay()
				alive = death == ""
				if t.Failed() {
					t.Fatalf("it died %s", death)
				}
			})
		}
	}
}

func TestWhatAProcessLeavesIsDeliveredOldestFirstWhateverTheClockSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, t.Context(), filepath.Join(t.TempDir(), "outbox.db"))
		defer r.close()
		r.open(mortal.New(0, false))
		// All at one moment of a coarse clock, in an order that no sorting by name gives.
		r.put(urgent(card("z", "z")), urgent(card("a", "a")), reply("z", "z/started", "started"), reply("z", "z/failed", "failed"))
		r.end()
		r.open(mortal.New(0, false))
		r.put(urgent(card("b", "b"))) // before the outbox runs, as another part of the bot may
		r.run()
		r.settle()
		r.shows(deploys, "z [started, failed]", "a", "b")
		r.end()
	})
}

// hookedDB does something after each view.
type hookedDB struct {
	storage.DB

	after func()
}

func (d hookedDB) View(ctx context.Context, fn func(storage.Tx) error) error {
	err := d.DB.View(ctx, fn)
	d.after()
	return err
}

func TestWhatIsPutBetweenALookAtTheRecordsAndItsUseIsDeliveredToo(t *testing.T) {
	tests := map[string]struct {
		left, late storage.Message
		want       []string
	}{
		"another message, while the outbox starts": {urgent(card("z", "left")), urgent(card("a", "late")), []string{"left", "late"}},
		"a revision, while the last one is done":   {urgent(card("z", "left")), card("z", "late"), []string{"late"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, t.Context(), filepath.Join(t.TempDir(), "outbox.db"))
				defer r.close()
				r.open(mortal.New(0, false))
				r.put(tt.left)
				put := false
				r.outbox.Records = hookedDB{r.records, func() {
					if !put && (tt.late.Key != tt.left.Key || r.message(tt.left.Key).Delivered()) {
						put = true
						r.put(tt.late)
					}
				}}
				r.run()
				r.settle()
				r.shows(deploys, tt.want...)
			})
		})
	}
}
