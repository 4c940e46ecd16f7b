package main

import (
	"flag"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"c66bot/bot"
	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
	"c66bot/storage"
	"c66bot/storage/bolt"
)

// watched is how many stacks the real binary watches. From fullSize on its memory is held to mostMemory, which the race detector does not
// allow:
//
//	go test -run ManyStacks ./cmd/c66bot -watched 3000
var watched = flag.Int("watched", 300, "how many stacks the process watches")

const (
	fullSize   = 3000
	mostMemory = 150 << 20
	atOnce     = 50
)

// At full size the real binary watches 3,000 stacks for 10,000 subscriptions in 500 channels in less than 150 MiB.
func TestManyStacksAndSubscriptionsFitIntoLittleMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Options{Manifest: []byte(bot.Manifest("/c66"))}, cloud66sim.Options{RateLimit: 1 << 30})
	subscriptions, channels := *watched*10/3, *watched/6
	var uids []string
	for i := range *watched {
		uids = append(uids, w.cloud.AddStack(cloud66sim.Stack{Name: fmt.Sprintf("app%d", i), Environment: "production", History: 1}))
	}
	for i := range channels {
		w.slack.AddChannel(
			slacksim.Channel{ID: fmt.Sprintf("C0MANY%d", i), Name: fmt.Sprintf("many%d", i), Members: []string{lin}, BotIsMember: true},
		)
	}
	w.subscribeMany(t, subscriptions, channels)
	s := w.serve(t, "C66BOT_POLL_MIN=1s", "C66BOT_POLL_MAX=1m")
	w.readyz(t, s, http.StatusOK)
	w.gaugeReaches(t, s, "c66bot_watched_stacks", float64(*watched))
	quiet := w.gauges(t)
	for _, uid := range uids[:atOnce] {
		w.cloud.Deploy(uid, cloud66sim.Start{})
	}
	w.gaugeReaches(t, s, "c66bot_follows", atOnce)
	busy := w.gauges(t)
	t.Logf("%d stacks and %d subscriptions watched: %s; with %d deploying: %s", *watched, subscriptions, quiet, atOnce, busy)
	if most := max(quiet.resident, busy.resident); *watched >= fullSize && most > mostMemory {
		t.Errorf("%.0f bytes are resident", most)
	}
}

// subscribeMany fills the database of a bot that does not run.
func (w *world) subscribeMany(t *testing.T, subscriptions, channels int) {
	t.Helper()
	db, err := bolt.Open(w.db)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(t.Context(), func(tx storage.Tx) error {
		for i := range subscriptions {
			sub := storage.Subscription{
				ID: fmt.Sprintf(
					"s%d",
					i,
				), Channel: fmt.Sprintf("C0MANY%d", i%channels), Stacks: fmt.Sprintf("app%d*@prod*", i%*watched), Events: []string{"started", "failed"},
				Author: lin, At: time.Now(),
			}
			if i == 0 {
				sub.Channel, sub.Stacks = deploys, "*"
			}
			if err := storage.Subscriptions.Put(tx, storage.ChannelKey(sub.Channel, sub.ID), sub); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// gaugeReaches waits until a metric of the bot's has a value.
func (w *world) gaugeReaches(t *testing.T, s *server, name string, least float64) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(3 * time.Minute); ; {
		got := w.metrics(t)[name]
		if got >= least {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("%s is %v after 3 minutes, want %v; log:\n%s", name, got, least, strings.TrimSpace(s.log.String()))
		}
	}
}
