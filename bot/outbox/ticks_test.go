package outbox_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"c66bot/bot/outbox/mortal"
	"c66bot/bot/slacksim"
	"c66bot/storage"
)

// commits returns the number of commits of the process so far.
func (r *rig) commits() (n int) {
	for _, step := range r.process.Steps() {
		if step == "commit" {
			n++
		}
	}
	return n
}

func TestADeliveryIsOneReadAndOneCommit(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.end()
		r.open(mortal.New(0, false))
		var transactions atomic.Int64 // the outbox's own
		r.outbox.Records = hookedDB{r.records, func() { transactions.Add(1) }}
		r.run()
		time.Sleep(10 * time.Second) // a start has few edits
		for _, c := range []struct {
			what string
			m    storage.Message
		}{
			{"a post", urgent(running("a", time.Now()))},
			{"an edit", urgent(last(card("a", "live")))},
			{"a reply", reply("a", "a/1", "it is live")},
		} {
			commits, before := r.commits(), transactions.Load()
			r.put(c.m)
			r.settle()
			time.Sleep(time.Second)
			if n := r.commits() - commits; n != 2 { // the put's is the other
				r.Errorf("%s made %d commits", c.what, n-1)
			}
			if n := transactions.Load() - before; n > 2 && c.what != "a post" || n > 3 { // a running card is read once more for its ticks
				r.Errorf("%s made %d transactions", c.what, n)
			}
		}
	})
}

func TestARunningTimeGoesOnWithoutCommitsAndAcrossARestartUntilTheEnd(t *testing.T) {
	inBubble(t, func(r *rig) {
		var transactions atomic.Int64
		r.end()
		r.open(mortal.New(0, false))
		r.outbox.Records = hookedDB{r.records, func() { transactions.Add(1) }}
		r.run()
		r.put(urgent(running("a", time.Now())))
		r.settle()
		commits, before := r.commits(), transactions.Load()
		for range 12 {
			time.Sleep(30 * time.Second)
			r.settle()
		}
		if edits := len(r.calls("chat.update")); edits < 34 || edits > 36 {
			r.Errorf("%d edits in six minutes", edits)
		}
		if n := r.commits() - commits; n != 0 {
			r.Errorf("%d commits for running times", n)
		}
		if n := transactions.Load() - before; n > 1 {
			r.Errorf("%d transactions for running times", n)
		}
		r.shows(deploys, "runs for 6m0s")
		r.restart()
		time.Sleep(25 * time.Second)
		r.shows(deploys, "runs for 6m20s")
		r.put(urgent(last(card("a", "live"))))
		time.Sleep(time.Second)
		r.shows(deploys, "live")
		edits := len(r.calls("chat.update"))
		time.Sleep(time.Hour)
		r.shows(deploys, "live")
		if n := len(r.calls("chat.update")) - edits; n != 0 {
			r.Errorf("%d edits after the end", n)
		}
	})
}

func TestChangesOfStateGoBeforeTheRunningTimesOfManyCards(t *testing.T) {
	inBubble(t, func(r *rig) {
		const cards = 60
		var all []storage.Message
		for i := range cards {
			m := running(fmt.Sprint("m", i), time.Now())
			m.Channel = fmt.Sprintf("C0ROOM%d", i)
			r.slack.AddChannel(slacksim.Channel{ID: m.Channel, Name: fmt.Sprint("room", i), Members: []string{lin}, BotIsMember: true})
			all = append(all, urgent(m))
		}
		r.put(all...)
		time.Sleep(3 * time.Minute) // the edits are used up by running times
		changed := time.Now()
		for i := range 3 {
			m := urgent(last(card(fmt.Sprint("m", i), "live")))
			m.Channel = all[i].Channel
			r.put(m)
		}
		r.settle()
		if took := time.Since(changed); took > 5*time.Second {
			r.Errorf("three ends were shown after %s", took)
		}
		time.Sleep(5 * time.Minute)
		for i := 3; i < cards; i++ {
			if got, want := r.channel(all[i].Channel)[0], "runs for 0s"; got == want {
				r.Errorf("the card of room %d has never been brought up to date", i)
			}
		}
	})
}

func TestARunningTimeHeedsWhatTheDatabaseSaysOfItsChannelMeanwhile(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(urgent(running("a", time.Now())))
		r.settle()
		time.Sleep(61500 * time.Millisecond) // between two edits
		none := func(storage.Tx) ([]storage.Message, error) { return nil, nil }
		if _, err := r.outbox.Refuse(r.ctx, deploys, "is_archived", none); err != nil {
			r.Fatal(err)
		}
		edits := len(r.calls("chat.update"))
		time.Sleep(5 * time.Minute)
		if n := len(r.calls("chat.update")) - edits; n > 0 {
			r.Errorf("%d edits in a channel that accepts no messages", n)
		}
		if _, err := r.outbox.Accept(r.ctx, deploys); err != nil {
			r.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		if n := len(r.calls("chat.update")) - edits; n < 2 {
			r.Errorf("%d edits since the channel accepts messages again", n)
		}
	})
}

func TestARunningTimeThatSlackRefusesWaitsForTheNextChange(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(urgent(running("a", time.Now())))
		r.settle()
		r.slack.FailCall("chat.update", "edit_window_closed", 1, false)
		time.Sleep(5 * time.Minute)
		if n := len(r.slack.Calls("chat.update")); n != 1 {
			r.Errorf("%d edits, want the one that is refused", n)
		}
		r.put(urgent(last(card("a", "live"))))
		r.settle()
		r.shows(deploys, "live")
	})
}
