package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"c66bot/bot/outbox/mortal"
	"c66bot/commands"
	"c66bot/storage"
	"c66bot/storage/bolt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is an inbox whose commands record what becomes of them.
type rig struct {
	*testing.T
	*Inbox

	stop func() // ends the work
	mu   sync.Mutex
	did  []string // in order
	told []string
	n    int
}

// inBubble runs f with an inbox over records, or over a database of its own for nil.
func inBubble(t *testing.T, records storage.DB, f func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if records == nil {
			db, err := bolt.Open(filepath.Join(mortal.Dir(t), "inbox.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			}()
			records = db
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		r := &rig{T: t, Inbox: New(Config{Records: records, Command: "/c66", Log: slog.New(slog.DiscardHandler)}), stop: stop}
		r.Begin(ctx, ctx)
		f(r)
		r.Wait(24 * time.Hour)
	})
}

func (r *rig) record(list *[]string, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*list = append(*list, what)
}

// command returns a command that takes a time. A change is one with a typed form.
func (r *rig) command(what, words string, takes time.Duration) *Command {
	r.n++
	c := &Command{
		Key: fmt.Sprint("envelope", r.n), User: "U0LIN", Channel: "C0", What: what, Words: words, Operation: fmt.Sprint("op", r.n),
		Do: func(ctx context.Context) *Step {
			r.record(&r.did, what+words)
			select {
			case <-time.After(takes):
			case <-ctx.Done():
			}
			return nil
		},
		Tell: func(_ context.Context, reply commands.Reply, _ bool) { r.record(&r.told, fmt.Sprint(reply)) },
	}
	if what != "" {
		c.Kind = Change
	}
	return c
}

func taken(any) error { return nil }

// both are the lists of a rig so far.
func (r *rig) both() (did, told []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.did), slices.Clone(r.told)
}

func TestAnEnvelopeIsFreshAgainUnlessItWasAcknowledged(t *testing.T) {
	lost := func(any) error { return errors.New("the connection is gone") }
	for name, c := range map[string]struct {
		what  string
		ack   func(any) error
		works int // how often the work is done when the envelope comes twice
	}{
		"a read, acknowledged":                      {"", taken, 1},
		"a read, not acknowledged":                  {"", lost, 1},
		"a change, acknowledged":                    {"redeploy web", taken, 1},
		"a change, not acknowledged, which is told": {"redeploy web", lost, 0},
		"a change that panicked before":             {"redeploy web", func(any) error { panic("a fault of the bot's own") }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(r *rig) {
				come := func(ack func(any) error) {
					next := r.command(c.what, "", 0)
					next.Key, next.Operation = "e", "op"
					<-r.Take(next, time.Now(), ack)
					time.Sleep(time.Second)
				}
				come(c.ack)
				acked := 0
				come(func(any) error { acked++; return nil })
				if acked != 1 {
					t.Errorf("the second one was acknowledged %d times", acked)
				}
				did, _ := r.both()
				if len(did) != c.works {
					t.Errorf("it was done %d times, want %d", len(did), c.works)
				}
			})
		})
	}
}

func TestAnEnvelopeIsTakenWithoutAWaitThoughItsAcknowledgementPanicsAndItsAuthorIsHardToTell(t *testing.T) {
	inBubble(t, nil, func(r *rig) {
		c := r.command("", "look", 0)
		c.Tell = func(context.Context, commands.Reply, bool) { time.Sleep(time.Minute); r.record(&r.told, "it failed") }
		begun := time.Now()
		r.Take(c, begun, func(any) error { panic("a fault of the bot's own") })
		if took := time.Since(begun); took != 0 {
			t.Errorf("the connection was held for %s", took)
		}
		time.Sleep(2 * time.Minute)
		if _, told := r.both(); len(told) != 1 {
			t.Errorf("its author was told %q", told)
		}
	})
}

func TestWhatComesAgainBeforeItsAcknowledgementIsAcknowledgedOnBothConnections(t *testing.T) {
	inBubble(t, nil, func(r *rig) {
		var acks atomic.Int64
		ack := func(any) error { acks.Add(1); return nil }
		for range 2 {
			c := r.command("", "", 0)
			c.Key, c.Content = "e", func(context.Context) (any, bool) { time.Sleep(time.Second); return nil, true }
			r.Take(c, time.Now(), ack)
		}
		time.Sleep(2 * time.Second)
		if did, _ := r.both(); acks.Load() != 2 || len(did) != 1 {
			t.Errorf("%d acknowledgements, done %q", acks.Load(), did)
		}
	})
}

func TestTheChangesOfOnePersonInOneChannelKeepTheirOrderAndThoseOfOthersDoNotWait(t *testing.T) {
	inBubble(t, nil, func(r *rig) {
		var want []string
		for i := range 20 {
			what := fmt.Sprint("change ", i)
			want = append(want, what)
			r.Take(r.command(what, "", time.Minute), time.Now(), taken)
		}
		other := r.command("another", "", time.Minute)
		other.Channel = "C1"
		r.Take(other, time.Now(), taken)
		time.Sleep(time.Second)
		did, _ := r.both()
		slices.Sort(did)
		if !slices.Equal(did, []string{"another", "change 0"}) {
			t.Errorf("at first there are under way %q", did)
		}
		time.Sleep(time.Hour)
		did, _ = r.both()
		if did = slices.DeleteFunc(did, func(s string) bool { return s == "another" }); !slices.Equal(did, want) {
			t.Errorf("the order is %q", did)
		}
		if all, changes := r.UnderWay(); all+changes != 0 {
			t.Errorf("%d commands and %d changes are left", all, changes)
		}
	})
}

func TestACommandThatGoesOnInAnotherQueueHoldsUpNothingBehindIt(t *testing.T) {
	inBubble(t, nil, func(r *rig) {
		for i := range 3 {
			c := r.command(fmt.Sprint("redeploy ", i), "", 0)
			do := c.Do
			c.Do = func(ctx context.Context) *Step {
				do(ctx)
				return &Step{Queue: "web", Do: func(context.Context) *Step {
					r.record(&r.did, fmt.Sprint("begin ", i))
					time.Sleep(time.Minute)
					return nil
				}}
			}
			r.Take(c, time.Now(), taken)
		}
		time.Sleep(30 * time.Second)
		if did, _ := r.both(); len(did) != 4 || !slices.Contains(did, "redeploy 2") || slices.Contains(did, "begin 1") {
			t.Errorf("after half a minute %q", did)
		}
		time.Sleep(time.Hour)
		did, _ := r.both()
		if did = slices.DeleteFunc(did, func(s string) bool { return strings.HasPrefix(s, "redeploy") }); !slices.Equal(did,
			[]string{"begin 0", "begin 1", "begin 2"}) {
			t.Errorf("the order is %q", did)
		}
	})
}

func TestSomeOfOnePersonsReadsRunAtOnceAndTooManyAreTurnedAwayInOneMessage(t *testing.T) {
	inBubble(t, nil, func(r *rig) {
		most := limits[Look].each
		for range most + 10 {
			r.Take(r.command("", "list web", time.Minute), time.Now(), taken)
		}
		time.Sleep(time.Second)
		did, told := r.both()
		if len(did) != looksAtOnce {
			t.Errorf("%d run at once", len(did))
		}
		if len(told) != 1 || !strings.Contains(told[0], "“list web” (10 times)") {
			t.Errorf("their author was told %q", told)
		}
		time.Sleep(time.Hour)
		if did, _ := r.both(); len(did) != most {
			t.Errorf("%d were carried out", len(did))
		}
	})
}

func TestTheAcknowledgementsOfABurstGoBeforeTheWork(t *testing.T) {
	inBubble(t, nil, func(r *rig) {
		begun := time.Now()
		for range 50 {
			r.Take(r.command("", "list web", 0), time.Now(), func(any) error {
				if did, _ := r.both(); len(did) > 0 && time.Since(begun) < longestBurst {
					t.Errorf("something was done after %s", time.Since(begun))
				}
				return nil
			})
			time.Sleep(lull / 2)
		}
	})
}

func TestAShutdownTellsEveryCommandThatWaits(t *testing.T) {
	inBubble(t, nil, func(r *rig) {
		for i := range 30 {
			r.Take(r.command(fmt.Sprint("change ", i), "", time.Hour), time.Now(), taken)
		}
		time.Sleep(time.Second)
		began := time.Now()
		r.stop()
		r.Flush()
		if did, _ := r.both(); len(did) != 30 || time.Since(began) > time.Second {
			t.Errorf("%d heard of it, after %s", len(did), time.Since(began))
		}
	})
}

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
		var tries atomic.Int64
		mended := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		in := New(Config{Records: hanging{until: mended, tries: &tries}, Log: slog.New(slog.DiscardHandler)})
		in.Begin(ctx, ctx)
		in.places[place{Change, "U0LIN"}] = limits[Change].each
		r := &rig{T: t, Inbox: in}
		began := time.Now()
		<-in.Take(r.command("redeploy web", "", 0), began, taken)
		if took := time.Since(began); took != journalWait {
			t.Errorf("it took %s", took)
		}
		close(mended)
		time.Sleep(time.Hour)
		if n := tries.Load(); n != 2 {
			t.Errorf("it was tried %d times", n)
		}
		if _, changes := in.UnderWay(); changes != 0 {
			t.Errorf("%d changes are left", changes)
		}
	})
}

func TestWhatIsTurnedAwayIsRecordedSoThatNoLaterProcessTakesItUp(t *testing.T) {
	inBubble(t, nil, func(r *rig) {
		r.places[place{Change, "U0LIN"}] = limits[Change].each
		c := r.command("redeploy web", "", 0)
		c.Delivery = "a click"
		<-r.Take(c, time.Now(), taken)
		time.Sleep(time.Second)
		if did, told := r.both(); len(did) != 0 || len(told) != 1 || !strings.Contains(told[0], "busy with too many commands") {
			t.Errorf("done %q, told %q", did, told)
		}
		for delivery, before := range map[string]bool{"a click": true, "a second click": false} {
			err := r.Records.Update(r.Context(), func(tx storage.Tx) error {
				was, err := enter(tx, storage.Entry{Operation: c.Operation, Deliveries: []string{delivery}})
				if was != before {
					t.Errorf("%s was taken before: %t", delivery, was)
				}
				return errors.Join(err, errRollback)
			})
			if !errors.Is(err, errRollback) || errors.Is(err, storage.ErrDamaged) {
				t.Error(err)
			}
		}
	})
}

// errRollback undoes what a transaction wrote.
var errRollback = errors.New("only tried")

func TestWhatAnAcknowledgementSaysTooLateIsSaidBesideIt(t *testing.T) {
	for age, beside := range map[time.Duration]int{0: 0, 2 * time.Second: 0, 4 * time.Second: 1} {
		inBubble(t, nil, func(r *rig) {
			late := r.command("redeploy web", "", 0)
			late.received, late.Refusal = time.Now().Add(-age), func(reply commands.Reply) any { return reply }
			late.Tell = func(context.Context, commands.Reply, bool) { r.record(&r.told, "beside") }
			r.arrive(late, taken)
			late.away = nil // as if the disk had taken that long
			r.decline(late, commands.Taken{})
			if _, told := r.both(); len(told) != beside {
				t.Errorf("after %s it was told %q beside the acknowledgement", age, told)
			}
			r.forget(late)
		})
	}
}

func TestARecentKeyIsRemembered(t *testing.T) {
	var r recent
	for i := range rememberMax {
		if !r.add(fmt.Sprint(i)) {
			t.Fatalf("%d is known", i)
		}
	}
	if r.add(fmt.Sprint(rememberMax-1)) || len(r.young)+len(r.old) > rememberMax {
		t.Error("the newest is not remembered, or too much is")
	}
	r.remove(fmt.Sprint(rememberMax - 1))
	if !r.add(fmt.Sprint(rememberMax - 1)) {
		t.Error("a removed key is remembered")
	}
}
