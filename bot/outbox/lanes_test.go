package outbox_test

import (
	"fmt"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/storage"
)

// failure is a card in a channel that fails, and the line of its thread that says so.
func failure(channel, key string) (edit, line storage.Message) {
	edit, line = urgent(card(key, "failed "+key)), reply(key, key+"/failed", "it failed")
	edit.Channel, line.Channel = channel, channel
	return edit, line
}

func TestWhatNotifiesWaitsForNothingThatDecorates(t *testing.T) {
	for name, fault := range map[string]func(w *slacksim.Workspace){
		"edits are limited for five minutes": func(w *slacksim.Workspace) { w.Throttle("chat.update", 5*time.Minute, 1) },
		"edits are limited again and again":  func(w *slacksim.Workspace) { w.Throttle("chat.update", 30*time.Second, 1000) },
		"a limit that names no time":         func(w *slacksim.Workspace) { w.FailCall("chat.update", "ratelimited", 1000, false) },
		"edits fail":                         func(w *slacksim.Workspace) { w.BreakCall("chat.update", 500, 1000) },
		"edits hang":                         func(w *slacksim.Workspace) { w.SlowCall("chat.update", time.Hour, 1000) },
		"edits are refused":                  func(w *slacksim.Workspace) { w.FailCall("chat.update", "update_failed", 1000, false) },
		"edits have a scope of their own":    func(w *slacksim.Workspace) { w.FailCall("chat.update", "missing_scope", 1000, false) },
		"history is limited":                 func(w *slacksim.Workspace) { w.Throttle("conversations.history", 5*time.Minute, 1000) },
		"direct messages are limited":        func(w *slacksim.Workspace) { w.Throttle("conversations.open", 5*time.Minute, 1000) },
		"one channel's edits are limited":    func(w *slacksim.Workspace) { w.ThrottleIn(builds, "chat.update", 5*time.Minute, 1000) },
		"one channel takes no posts":         func(w *slacksim.Workspace) { w.ThrottleIn(random, "chat.postMessage", 5*time.Minute, 1000) },
		"one channel's posts hang":           func(w *slacksim.Workspace) { w.FailIn(random, "chat.postMessage", "server_error", 1000) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.slack.AddChannel(slacksim.Channel{ID: random, Name: "random", Members: []string{lin}, BotIsMember: true})
				b := card("b", "running b")
				b.Channel = builds
				r.put(card("a", "running a"), b)
				r.settle()
				fault(r.slack)
				r.put(urgent(card("a", "deploying a")), storage.Message{Key: "d", Channel: "direct:" + sam, Text: "hello", Urgent: true, Last: true})
				other := urgent(card("c", "running c"))
				other.Channel = random
				r.put(other)
				time.Sleep(10 * time.Second) // what is held is under way
				failedAt := time.Now()
				editA, lineA := failure(deploys, "a")
				editB, lineB := failure(builds, "b")
				r.put(editA, lineA, editB, lineB)
				r.until("both lines stand", func() bool {
					return len(r.slack.Person(lin).Thread(deploys, r.message("a").TS)) == 2 &&
						len(r.slack.Person(lin).Thread(builds, r.message("b").TS)) == 2
				})
				if took := time.Since(failedAt); took > 3*time.Second {
					r.Errorf("the failures were told after %s", took)
				}
				r.slack.ClearFaults()
				r.settle()
				r.shows(deploys, "failed a [it failed]")
				r.shows(builds, "failed b [it failed]")
				r.shows(random, "running c")
			})
		})
	}
}

func TestEditsDoNotWaitForTheirChannelsPosts(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(card("a", "running"))
		r.settle()
		r.slack.ThrottleIn(deploys, "chat.postMessage", 5*time.Minute, 1)
		r.put(urgent(card("b", "another")))
		time.Sleep(time.Second)
		r.put(urgent(card("a", "live")))
		time.Sleep(time.Second)
		r.shows(deploys, "live")
		r.settle()
		r.shows(deploys, "live", "another")
	})
}

func TestAWokenOutboxTriesAtOnceWhatWaitsForAFaultAndNotWhatIsLimited(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.slack.FailCall("chat.postMessage", "flux_drained", 8, false) // the last pauses are minutes
		r.slack.Throttle("chat.update", 5*time.Minute, 1)
		b := card("b", "running")
		b.Channel = builds
		r.put(b)
		r.until("it waits", func() bool { return len(r.slack.Calls("chat.postMessage")) == 8 })
		time.Sleep(2 * time.Second)
		r.outbox.Wake()
		r.until("it stands", func() bool { return len(r.channel(deploys))+len(r.channel(builds)) > 0 })
		calls := r.slack.Calls("chat.postMessage")
		if took := calls[8].Time.Sub(calls[7].Time); took > 3*time.Second {
			r.Errorf("it was tried %s after the last fault", took)
		}
		r.settle()
		b.Text = "live"
		r.put(b)
		time.Sleep(time.Second)
		limited := time.Now()
		r.outbox.Wake()
		r.settle()
		if took := time.Since(limited); took < 4*time.Minute {
			r.Errorf("a limit of five minutes was left after %s", took)
		}
	})
}

func TestWhatFailsAfterAWakeOfWhatWasBeforeItIsTriedAtOnce(t *testing.T) {
	const longest = time.Minute // between two tries
	inBubble(t, func(r *rig) {
		r.put(urgent(card("a", "running")))
		r.settle()
		r.slack.BreakCall("chat.update", 502, 8)
		r.put(urgent(card("a", "live")))
		calls := func() int { return len(r.slack.Calls("chat.update")) }
		r.until("it waits long", func() bool { return calls() == 8 })
		r.slack.SlowCall("chat.update", time.Hour, 1)
		time.Sleep(longest + 5*time.Second) // the next try is under way
		r.outbox.Wake()
		woken := time.Now()
		r.settle()
		if took := time.Since(woken); took > 20*time.Second { // its time runs out after 15 s
			r.Errorf("it was done %s after the wake", took)
		}
	})
}

func TestAThreadKeepsItsOrderWhereItsChannelGetsAnotherIDWhileALimitHoldsIt(t *testing.T) {
	inBubble(t, func(r *rig) {
		const shared = "C0SHARED"
		r.put(card("a", "running"), card("b", "running"))
		r.settle()
		r.slack.ThrottleIn(deploys, "chat.postMessage", 5*time.Minute, 1)
		r.put(reply("b", "b1", "started"))
		time.Sleep(2 * time.Second)
		r.put(reply("a", "a1", "started")) // which waits for the limit and has not failed
		time.Sleep(2 * time.Second)
		r.slack.ChangeID(deploys, shared, true)
		if err := r.records.Update(r.ctx, func(tx storage.Tx) error { return storage.MoveChannel(tx, deploys, shared, time.Now()) }); err != nil {
			r.Fatal(err)
		}
		r.outbox.Wake()
		time.Sleep(time.Second)
		end := reply("a", "a2", "live")
		end.Channel = shared
		r.put(end)
		r.settle()
		r.shows(shared, "running [started, live]", "running [started]")
	})
}

func TestAMessageThatIsTriedForADayHoldsUpNoOther(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.slack.FailIn(deploys, "chat.postMessage", "flux_drained", 7)
		start := time.Now()
		r.put(urgent(card("a", "odd")), urgent(card("b", "fine")))
		for i := range 3 {
			r.put(urgent(card(fmt.Sprint("c", i), fmt.Sprint(i))))
		}
		r.until("the others stand", func() bool { return len(r.channel(deploys)) >= 4 })
		if took := time.Since(start); took > 30*time.Second {
			r.Errorf("the others waited %s", took)
		}
		r.settle()
	})
}
