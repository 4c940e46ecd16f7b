package progress_test

import (
	"strings"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
	"c66bot/storage"
)

// waits records that Sam waits for the rig's stack to be free.
func (r *rig) waits() {
	w := storage.Waiter{Stack: r.stack, User: sam, Channel: deploys, Form: `{"v":"redeploy","u":"x","_":true}`, At: time.Now()}
	err := r.records.Update(r.ctx, func(tx storage.Tx) error { return storage.Waiters.Put(tx, r.stack.UID+"/"+sam, w) })
	if err != nil {
		r.Error(err)
	}
	r.progress.Waits()
}

// freeTold returns how often Sam was told that a stack is free.
func (r *rig) freeTold() (n int) {
	for _, line := range r.direct() {
		if strings.Contains(line, "web@production is free") {
			n++
		}
	}
	return n
}

func TestWhoWaitsIsToldOnceWhenAStackIsFree(t *testing.T) {
	for name, c := range map[string]struct {
		play func(r *rig)
		told int
	}{
		"one that nobody follows": {func(r *rig) { r.elsewhere(cloud66sim.Next{Duration: 3 * time.Minute}) }, 1},
		"two, one after the other": {func(r *rig) {
			r.elsewhere(cloud66sim.Next{Duration: time.Minute})
			r.elsewhere(cloud66sim.Next{Duration: 3 * time.Minute})
		}, 1},
		"a redeploy that fails":         {func(r *rig) { r.elsewhere(cloud66sim.Next{Duration: time.Minute, Fail: true}) }, 1},
		"one that is longer than a day": {func(r *rig) { r.elsewhere(cloud66sim.Next{Duration: 26 * time.Hour}) }, 0},
		"whoever may not redeploy it then": {func(r *rig) {
			r.barred = sam
			r.elsewhere(cloud66sim.Next{Duration: time.Minute})
		}, 0},
		"a lock until it is undone": {func(r *rig) {
			r.held.Store(true)
			r.elsewhere(cloud66sim.Next{Duration: time.Minute})
			time.AfterFunc(10*time.Minute, func() { r.held.Store(false) })
		}, 1},
		"the bot is killed meanwhile": {func(r *rig) { r.elsewhere(cloud66sim.Next{Duration: 3 * time.Minute}) }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			unhurried(t, cloud66sim.Options{}, func(r *rig) {
				c.play(r)
				r.waits()
				if name == "the bot is killed meanwhile" {
					time.Sleep(time.Minute)
					r.restart(4 * time.Minute)
				}
				if name == "a lock until it is undone" {
					if time.Sleep(9 * time.Minute); r.freeTold() > 0 {
						t.Error("it is told although a lock holds it")
					}
				}
				time.Sleep(30 * time.Minute)
				if !r.newest().FinishedAt.IsZero() && r.freeTold() != c.told {
					t.Errorf("told %d times, want %d: %q", r.freeTold(), c.told, r.direct())
				}
				time.Sleep(27 * time.Hour)
				if n := r.freeTold(); n != c.told {
					t.Errorf("at last told %d times, want %d", n, c.told)
				}
				left := 0
				_ = r.records.View(r.ctx, func(tx storage.Tx) error {
					return storage.Waiters.Scan(tx, "", func(string, storage.Waiter) error { left++; return nil })
				})
				if left != 0 {
					t.Error("somebody still waits")
				}
			})
		})
	}
}

func TestAFollowedStackIsToldFreeAtOnce(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		if err := r.redeploy("op"); err != nil {
			t.Fatal(err)
		}
		r.waits()
		r.until("it is live", func() bool { return !r.newest().FinishedAt.IsZero() })
		time.Sleep(15 * time.Second)
		if n := r.freeTold(); n != 1 {
			t.Errorf("told %d times within 15 s", n)
		}
	})
}

func TestAProcessThatDiesWhileItTellsThatAStackIsFreeTellsItOnce(t *testing.T) {
	everyDeath(t, scene{
		down: 5 * time.Second, writes: true,
		before: func(r *rig) {
			r.elsewhere(cloud66sim.Next{Duration: 3 * 65 * time.Minute}) // it ends five minutes after the process has begun
			r.waits()
		},
		play: func(r *rig) {
			_ = r.follow("op", builds, r.newest().ID)
			time.Sleep(8 * time.Minute)
		},
		check: func(r *rig, _ string) {
			time.Sleep(5 * time.Minute)
			r.settle()
			if n := r.freeTold(); n != 1 {
				r.Errorf("told %d times", n)
			}
		},
	})
}
