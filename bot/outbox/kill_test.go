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
	"c66bot/bot/slacksim"
	"c66bot/storage"
)

// scene is what a caller of the outbox does, each entry in one transaction, some time after the one before, and what must stand in Slack
// then.
type scene struct {
	does    [][]storage.Message
	meets   func(r *rig) // nil for nothing
	shows   []string
	directs int // messages to Lin alone
}

// scenes are by name.
func scenes() map[string]scene {
	end := last(urgent(reply("a", "a/2", "it is live")))
	end.Tell = []string{lin}
	does := [][]storage.Message{
		{urgent(card("a", "asked for"))},
		{urgent(card("a", "deploying")), reply("a", "a/1", "started")},
		{card("a", "deploying, 20 s")},
		{last(urgent(card("a", "live"))), end},
	}
	archived := func(r *rig) {
		r.slack.AddChannel(slacksim.Channel{ID: deploys, Name: "deploys", Members: []string{lin}, BotIsMember: true, Archived: true})
	}
	all := storage.Message{Key: "all", Channel: deploys, Text: "much ended", Urgent: true, Last: true, Tell: []string{lin, sam}}
	return map[string]scene{
		"a card with its thread": {does: does, shows: []string{"live [started, it is live]"}},
		"a card whose first post is cut": {
			does:  does,
			meets: func(r *rig) { r.slack.FailCall("chat.postMessage", "", 1, true) },
			shows: []string{"live [started, it is live]"},
		},
		"an end in a channel that is archived": {does: does, meets: archived, directs: 1},
		"many ends in one that is archived":    {does: [][]storage.Message{{all}}, meets: archived, directs: 2},
	}
}

func last(m storage.Message) storage.Message { m.Last = true; return m }

// play does what of the scene is not done yet, up to the death of the process. That a part is done is recorded with it.
func (r *rig) play(s scene) error {
	for i, messages := range s.does {
		done := false
		err := r.records.Update(r.ctx, func(tx storage.Tx) error {
			key := fmt.Sprint("scene", i)
			_, err := storage.Operations.Get(tx, key)
			if done = err == nil; done {
				return nil
			}
			for i := range messages {
				if err := outbox.Put(tx, &messages[i]); err != nil {
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
	for name, s := range scenes() {
		t.Run(name, func(t *testing.T) {
			effects, deaths := s.run(t, 0, false), 0
			for _, after := range []bool{false, true} {
				for step := range effects {
					if s.run(t, step+1, after) == step+1 {
						deaths++
					}
					if t.Failed() {
						return
					}
				}
			}
			t.Logf("%d effects, %d deaths", effects, deaths)
			if effects < 12 || deaths < 2*effects*3/4 { // goroutines are in no order
				t.Errorf("%d deaths at %d effects", deaths, effects)
			}
		})
	}
}

// run plays the scene with a process that dies at an effect, from 1, and with another one after it. It gives the effects of the first.
func (s scene) run(t *testing.T, step int, after bool) (effects int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, t.Context(), filepath.Join(mortal.Dir(t), "outbox.db"))
		defer r.close()
		if s.meets != nil {
			s.meets(r)
		}
		r.start(mortal.New(step, after))
		if err := r.play(s); err == nil {
			r.until("all is delivered or the process is dead", func() bool { return r.outbox.Queued() == 0 || r.process.Died() != "" })
		} else if !errors.Is(err, mortal.ErrDead) {
			r.Fatal(err)
		}
		death := r.process.Died()
		effects = len(r.process.Steps())
		r.restart()
		if err := r.play(s); err != nil {
			r.Fatal(err)
		}
		r.settle()
		r.end()
		r.shows(deploys, s.shows...)
		if n := len(r.directs()); n != s.directs {
			r.Errorf("%d direct messages, want %d: %q", n, s.directs, r.directs())
		}
		r.fairPlay()
		if t.Failed() {
			t.Fatalf("it died %s", death)
		}
	})
	return effects
}

// directs gives the direct messages that were sent.
func (r *rig) directs() []string {
	var told []string
	for _, e := range r.slack.Log() {
		if e.Kind == slacksim.KindPosted && e.Channel != deploys && e.Channel != builds {
			told = append(told, e.Message.Plain())
		}
	}
	return told
}

func TestWhatAProcessLeavesIsDeliveredOldestFirstWhateverTheClockSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, t.Context(), filepath.Join(mortal.Dir(t), "outbox.db"))
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

// hookedDB does something after each transaction.
type hookedDB struct {
	storage.DB

	after func()
}

func (d hookedDB) View(ctx context.Context, fn func(storage.Tx) error) error {
	err := d.DB.View(ctx, fn)
	d.after()
	return err
}

func (d hookedDB) Update(ctx context.Context, fn func(storage.Tx) error) error {
	err := d.DB.Update(ctx, fn)
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
				r := newRig(t, t.Context(), filepath.Join(mortal.Dir(t), "outbox.db"))
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
