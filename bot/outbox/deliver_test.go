package outbox_test

import (
	"fmt"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/storage"
)

func TestAMessageIsPostedOnceAndItsTimestampIsRecorded(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(card("a", "asked for"))
		r.put(card("a", "asked for")) // the same again is nothing new
		ts, err := r.outbox.Posted(r.ctx, "a")
		if err != nil {
			r.Fatal(err)
		}
		r.settle()
		r.shows(deploys, "asked for")
		if m := r.message("a"); m.TS != ts || ts != r.slack.Person(lin).Sees(deploys)[0].TS || m.Sent != 1 {
			r.Errorf("Posted gave %q, the record is %+v", ts, m)
		}
		if n := len(r.slack.Calls("")); n != 1 {
			r.Errorf("%d calls of Slack for one message", n)
		}
	})
}

func TestALaterPutEditsTheMessage(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(card("a", "asked for"))
		r.settle()
		r.put(card("a", "deploying"))
		r.settle()
		r.shows(deploys, "deploying")
		if m := r.slack.Person(lin).Sees(deploys)[0]; m.Edits != 1 || len(m.Blocks) != 1 || m.Metadata == nil {
			r.Errorf("it was edited %d times, with %d blocks and metadata %v", m.Edits, len(m.Blocks), m.Metadata)
		}
	})
}

func TestTheNewestRevisionWinsWhereSlackIsSlow(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(card("a", "0"))
		r.settle()
		r.slack.SlowCall("chat.update", 10*time.Second, 2)
		for i := range 100 {
			r.put(card("a", fmt.Sprint(i+1)))
			time.Sleep(100 * time.Millisecond)
		}
		r.settle()
		r.shows(deploys, "100")
		if n := len(r.calls("chat.update")); n > 3 {
			r.Errorf("100 revisions made %d edits", n)
		}
	})
}

func TestWhatChangesBeforeItIsPostedIsPostedAsItIsThen(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(urgent(card("a", "first")), urgent(card("b", "old")))
		time.Sleep(500 * time.Millisecond) // b waits for the channel's pace
		r.put(urgent(card("b", "new")))
		r.settle()
		r.shows(deploys, "first", "new")
		if n := len(r.calls("chat.update")); n != 0 {
			r.Errorf("%d edits of what could have been posted right", n)
		}
	})
}

func TestAReplyWaitsForItsParentAndAThreadKeepsItsOrder(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.slack.FailCall("chat.postMessage", "internal_error", 3, false)
		r.put(reply("a", "a/z", "queued"), reply("a", "a/y", "started"), card("a", "card"))
		r.put(reply("a", "a/x", "failed"))
		r.settle()
		r.shows(deploys, "card [queued, started, failed]")
	})
}

func TestAnUrgentReplyDoesNotOvertakeItsThread(t *testing.T) {
	for name, restart := range map[string]bool{"at once": false, "after a restart": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.put(card("a", "card"), card("b", "other"))
				r.settle()
				r.slack.FailCall("chat.postMessage", "internal_error", 3, false)
				other, started := reply("b", "b/started", "other started"), reply("a", "a/started", "started")
				other.Urgent, started.Urgent = false, false
				r.put(other, started, reply("a", "a/failed", "failed"))
				if restart {
					r.restart()
				}
				r.settle()
				r.shows(deploys, "card [started, failed]", "other [other started]")
			})
		})
	}
}

func TestAFailureIsAlsoShownInTheChannel(t *testing.T) {
	inBubble(t, func(r *rig) {
		failure := reply("a", "a/failed", "failed")
		failure.Broadcast = true
		r.put(urgent(card("a", "card")), failure)
		r.settle()
		r.shows(deploys, "card [failed]", "failed")
	})
}

func TestPostsKeepToOneASecondAndChannel(t *testing.T) {
	inBubble(t, func(r *rig) {
		start := time.Now()
		for i := range 10 {
			r.put(card(fmt.Sprint("a", i), "a"))
			b := card(fmt.Sprint("b", i), "b")
			b.Channel = builds
			r.put(b)
		}
		r.settle()
		for _, channel := range []string{deploys, builds} {
			var last time.Time
			for _, c := range r.slack.Calls("chat.postMessage") {
				if c.Args["channel"] != channel {
					continue
				}
				if since := c.Time.Sub(last); since < time.Second {
					r.Errorf("two posts to %s within %s", channel, since)
				}
				last = c.Time
			}
		}
		if took := time.Since(start); took > 12*time.Second {
			r.Errorf("10 posts to each of two channels took %s: the channels wait for each other", took)
		}
	})
}

func TestNoMinuteHoldsMoreThanFiftyEditsAcrossChannelsAndRestarts(t *testing.T) {
	inBubble(t, func(r *rig) {
		const channels = 8
		for i := range channels {
			id := fmt.Sprint("C", i)
			r.slack.AddChannel(slacksim.Channel{ID: id, Name: id, Members: []string{lin}, BotIsMember: true})
		}
		for second := range 300 {
			var all []storage.Message
			for i := range channels {
				m := card(fmt.Sprint("m", i), fmt.Sprint(second))
				m.Channel, m.Urgent = fmt.Sprint("C", i), i%2 == 0
				all = append(all, m)
			}
			r.put(all...)
			if second == 100 || second == 110 || second == 120 {
				r.restart()
			}
			time.Sleep(time.Second)
		}
		r.settle()
		edits := r.calls("chat.update")
		for i := range edits {
			if i+50 < len(edits) && edits[i+50].Sub(edits[i]) < time.Minute {
				r.Fatalf("51 edits within %s from %s on", edits[i+50].Sub(edits[i]), edits[i])
			}
		}
		if len(edits) < 180 {
			r.Errorf("only %d edits in 5 minutes: the pace is not used", len(edits))
		}
		if all := r.slack.Calls("chat.update"); len(all) != len(edits) {
			r.Errorf("Slack refused %d edits", len(all)-len(edits))
		}
	})
}

func TestChangesOfStateGoBeforeProgress(t *testing.T) {
	inBubble(t, func(r *rig) {
		progress := func(text string) {
			var all []storage.Message
			for i := range 8 {
				m := card(fmt.Sprint("m", i), text)
				m.Channel = []string{deploys, builds}[i%2]
				all = append(all, m)
			}
			r.put(all...)
		}
		progress("asked for")
		r.settle()
		for round := range 5 {
			for second := range 20 { // more progress than there are edits
				progress(fmt.Sprint("running ", round, second))
				time.Sleep(time.Second + 70*time.Millisecond)
			}
			at := time.Now()
			failed := urgent(card("m1", fmt.Sprint("failed ", round)))
			failed.Channel = builds
			r.put(urgent(card("m0", fmt.Sprint("live ", round))), failed)
			r.until("the changes of state are shown", func() bool { return r.message("m0").Delivered() && r.message("m1").Delivered() })
			if took := time.Since(at); took > 200*time.Millisecond {
				r.Errorf("changes of state waited %s behind progress", took)
			}
		}
	})
}
