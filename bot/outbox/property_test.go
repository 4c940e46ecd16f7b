package outbox_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"c66bot/bot/outbox"
	"c66bot/bot/outbox/mortal"
	"c66bot/storage"
)

// model is what Slack ought to show at the end: per channel the cards with their newest text, and under each its replies in order.
type model struct {
	cards   map[string]string
	replies map[string][]string
	home    map[string]string // a card's channel
}

func TestWhateverGoesWrongEachMessageStandsOnceWithItsNewestText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, n := mortal.Dir(t), 0
		// A bubble has no deadline, which rapid would ask a *testing.T for.
		rapid.Check(struct{ rapid.TB }{t}, func(rt *rapid.T) {
			n++
			r := newRig(rt, t.Context(), filepath.Join(dir, fmt.Sprint(n, ".db")))
			defer r.close()
			want := model{cards: map[string]string{}, replies: map[string][]string{}, home: map[string]string{}}
			r.start(mortal.New(0, false))
			for i := range rapid.IntRange(1, 25).Draw(rt, "events") {
				r.happen(rt, i, &want)
			}
			r.slack.ClearFaults()
			r.restart()
			r.settle()
			r.end()
			r.fairPlay()
			r.compare(want)
		})
	})
}

// happen has one thing happen: a put, a fault of Slack, a death, or nothing for a while.
func (r *rig) happen(rt *rapid.T, i int, want *model) {
	method := rapid.SampledFrom([]string{"chat.postMessage", "chat.update"}).Draw(rt, "method")
	switch rapid.SampledFrom([]string{"card", "card", "card", "reply", "reply", "fault", "death", "kill", "wait"}).Draw(rt, "event") {
	case "card":
		r.putCard(rt, fmt.Sprint("text ", i), want)
	case "reply":
		r.putReply(rt, fmt.Sprint("reply ", i), want)
	case "fault":
		switch rapid.SampledFrom([]string{"cut", "error", "limit", "proxy", "slow"}).Draw(rt, "fault") {
		case "cut":
			r.slack.FailCall(method, "", 1, true)
		case "error":
			r.slack.FailCall(method, "internal_error", 2, false)
		case "limit":
			r.slack.Throttle(method, 7*time.Second, 1)
		case "proxy":
			r.slack.BreakCall(method, 502, 1)
		case "slow":
			r.slack.SlowCall(method, 25*time.Second, 1)
		}
	case "death":
		r.end()
		r.start(mortal.New(rapid.IntRange(1, 12).Draw(rt, "step"), rapid.Bool().Draw(rt, "after")))
	case "kill":
		r.restart()
	case "wait":
		time.Sleep(rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, 10 * time.Second}).Draw(rt, "time"))
	}
}

func (r *rig) putCard(rt *rapid.T, text string, want *model) {
	key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "card")
	m := card(key, text)
	m.Urgent = rapid.Bool().Draw(rt, "urgent")
	m.Channel = map[string]string{"a": deploys, "b": deploys, "c": builds}[key]
	r.promise(m)
	want.cards[key], want.home[key] = text, m.Channel
}

func (r *rig) putReply(rt *rapid.T, text string, want *model) {
	key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "thread")
	if want.cards[key] == "" {
		return
	}
	m := reply(key, key+"/"+text, text)
	m.Channel = want.home[key]
	r.promise(m)
	want.replies[key] = append(want.replies[key], text)
}

// promise puts a message as a caller does that lives on: where the process is dead or dies of it, in the next one.
func (r *rig) promise(m storage.Message) {
	r.Helper()
	for {
		done := false
		err := r.records.Update(r.ctx, func(tx storage.Tx) error {
			_, err := storage.Operations.Get(tx, m.Text)
			if done = err == nil; done {
				return nil
			}
			if err := outbox.Put(tx, &m); err != nil {
				return err
			}
			return storage.Operations.Put(tx, m.Text, storage.Operation{})
		})
		if err == nil {
			r.outbox.Deliver(m)
			return
		}
		r.restart()
	}
}

func (r *rig) compare(want model) {
	r.Helper()
	for _, channel := range []string{deploys, builds} {
		var shown, wanted []string
		for key, home := range want.home {
			if home != channel {
				continue
			}
			text := want.cards[key]
			if replies := want.replies[key]; len(replies) > 0 {
				text += " ["
				for i, reply := range replies {
					text += map[bool]string{true: ", "}[i > 0] + reply
				}
				text += "]"
			}
			wanted = append(wanted, text)
		}
		shown = r.channel(channel)
		slices.Sort(shown)
		slices.Sort(wanted)
		if !slices.Equal(shown, wanted) {
			r.Fatalf("%s shows %q, want %q", channel, shown, wanted)
		}
	}
}
