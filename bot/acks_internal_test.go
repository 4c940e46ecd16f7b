package bot

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"

	"c66bot/bot/outbox"
	"c66bot/bot/webapi"
	"c66bot/commands"
)

func TestAnEnvelopeIsFreshAgainUnlessItWasAcknowledged(t *testing.T) {
	taken := func(any) error { return nil }
	lost := func(any) error { return errors.New("the connection is gone") }
	first, again := make(chan struct{}), make(chan struct{})
	for name, c := range map[string]struct {
		ack  func(any) error
		do   func(a *acks)
		want arrival
	}{
		"acknowledged":                             {taken, func(a *acks) { _ = a.write("e", nil, false); a.drop("e", first) }, repeated},
		"not acknowledged, and nobody was told":    {lost, func(a *acks) { _ = a.write("e", nil, false); a.drop("e", first) }, fresh},
		"not acknowledged, but its author is told": {lost, func(a *acks) { _ = a.write("e", nil, true); a.drop("e", first) }, repeated},
		"given up before its acknowledgement":      {taken, func(a *acks) { a.drop("e", first) }, fresh},
		"not acknowledged, and came again before it was given up": {lost, func(a *acks) {
			_ = a.write("e", nil, false)
			a.arrive("e", taken, again)
			a.drop("e", first)
		}, waiting},
		"still under way": {taken, func(*acks) {}, waiting},
	} {
		t.Run(name, func(t *testing.T) {
			var a acks
			if came, _ := a.arrive("e", c.ack, first); came != fresh {
				t.Fatal("the first one is not fresh")
			}
			c.do(&a)
			if came, _ := a.arrive("e", c.ack, nil); came != c.want {
				t.Errorf("the second one is %d, want %d", came, c.want)
			}
		})
	}
}

// unreachable is a Slack that cannot be reached.
type unreachable struct{}

// RoundTrip implements http.RoundTripper.
func (unreachable) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no route")
}

func TestAnEnvelopeWhoseTaskPanicsBeforeItsAcknowledgementIsFreshAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := slack.New("xoxb", slack.OptionHTTPClient(&http.Client{Transport: unreachable{}}))
		b := &Bot{log: slog.New(slog.DiscardHandler), work: t.Context(), api: api,
			slack: outbox.API{API: webapi.API{HTTP: &http.Client{Transport: unreachable{}}}}}
		places := &places{all: 1, each: 1, atOnce: 1, crowds: map[string]*crowd{}}
		task := &task{place: places.enter("U0LIN"), answer: answer{user: "U0LIN"}}
		acked := 0
		ack := func(any) error { acked++; return nil }
		done := make(chan struct{})
		b.acks.arrive("e", ack, done)
		b.start(task, "e", done, func(context.Context) bool { panic("a fault of the bot's own") })
		<-done
		if came, _ := b.acks.arrive("e", ack, make(chan struct{})); came != fresh {
			t.Errorf("the second one is %d", came)
		}
		if err := b.acks.write("e", nil, false); err != nil || acked != 1 {
			t.Errorf("it was acknowledged %d times: %v", acked, err)
		}
		b.tasks.Wait()
		if places.count() != 0 {
			t.Error("its place is not free again")
		}
	})
}

func TestWhatAnAcknowledgementSaysTooLateIsSaidBesideIt(t *testing.T) {
	for age, beside := range map[time.Duration]int{0: 0, 2 * time.Second: 0, 4 * time.Second: 1} {
		b, told := &Bot{intake: t.Context()}, 0
		late := &task{received: time.Now().Add(-age), decline: func(reply commands.Reply) any { return reply }}
		b.decline(late, commands.TakenReply, func(any) error { return nil }, func() { told++ })
		if told != beside {
			t.Errorf("after %s it was told %d times beside the acknowledgement", age, told)
		}
	}
}
