package progress_test

import (
	"errors"
	"flag"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/bot/outbox/mortal"
	"c66bot/cloud66/cloud66sim"
	"c66bot/storage"
)

var everyEffect = flag.Bool("everydeath", false, "a process dies at each of its effects, not at some of them")

// stride is how far apart the effects are at which processes die, of so many.
func stride(effects int) int {
	if *everyEffect {
		return 1
	}
	return max(sparse, effects/6)
}

// scene is what a process does that dies at one of its effects, and what must have come of it.
type scene struct {
	opts   cloud66sim.Options
	before func(r *rig) // what an earlier process has done, an hour ago; nil for nothing
	play   func(r *rig) // what people ask for meanwhile; the dead have nobody to tell
	down   time.Duration
	after  time.Duration              // how long the health is watched
	writes bool                       // reads of Cloud 66 are no deaths, since there are very many
	check  func(r *rig, death string) // when another process has carried on and all is over; the death is "" for a process that lived
}

// everyDeath plays a scene with a process that lives, whose effects it counts: each commit, and each request to Slack and to Cloud 66. Then
// it plays it again for each of them with a process that dies right before it, and with one that dies right after it, before it learns of
// the answer. After each death another process carries on. Unless all are asked for, it dies at some of the effects, spread evenly.
func everyDeath(t *testing.T, s scene) {
	t.Helper()
	s.opts.Speed = 3 // a minute takes 20 s
	effects, runs, deaths := len(s.run(t, 0, false)), 0, 0
	every := stride(effects)
	for i, after := range []bool{false, true} {
		for step := i * every / 2; step < effects; step += every {
			runs++
			if died := s.run(t, step+1, after); len(died) == step+1 {
				deaths++
			}
			if t.Failed() {
				return
			}
		}
	}
	t.Logf("%d effects, %d runs, %d deaths", effects, runs, deaths)
	// A scene may come with a few effects more or less: goroutines are in no order.
	if effects < 12 || deaths < runs*3/4 {
		t.Errorf("%d deaths in %d runs with %d effects", deaths, runs, effects)
	}
}

// run plays the scene once, with a process that dies at an effect, from 1, or with one that lives. It gives the effects of that process.
func (s scene) run(t *testing.T, step int, after bool) (effects []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, s.opts)
		r.after = s.after
		if s.before != nil {
			r.start(newProcess())
			s.before(r)
			r.end()
			time.Sleep(time.Hour)
		}
		p := mortal.New(step, after)
		if !s.writes {
			p.WithReads()
		}
		r.start(p)
		played := make(chan struct{})
		go func() { defer close(played); s.play(r) }()
		r.until("the process is dead or all is over", func() bool {
			return r.process.Died() != "" || (closed(played) && r.progress.Open() == 0 && r.outbox.Queued() == 0)
		})
		death := r.process.Died()
		effects = r.process.Steps()
		r.end()
		<-played
		time.Sleep(s.down)
		r.start(newProcess())
		r.settle()
		s.check(r, death)
		if t.Failed() {
			t.Fatalf("it died %s", death)
		}
	})
	return effects
}

// taken reports whether an operation was recorded.
func (r *rig) taken(operation string) bool {
	r.Helper()
	err := r.records.View(r.ctx, func(tx storage.Tx) error {
		_, err := storage.Operations.Get(tx, operation)
		return err
	})
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		r.Fatal(err)
	}
	return err == nil
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
