package slacksim

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func failureOf(t *testing.T, err error) string {
	t.Helper()
	failure, ok := errors.AsType[*DeliveryError](err)
	if !ok {
		t.Fatalf("%v is no DeliveryError", err)
	}
	return failure.Code
}

func TestAnEnvelopeGoesToOneSocketEachInTurn(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		links := []*link{r.connect(), r.connect(), r.connect()}
		ids := map[any]bool{}
		for range 6 {
			ids[r.w.Person(lin).Command(general, "/c66").EnvelopeID] = true
		}
		for _, l := range links {
			for range 2 {
				e := l.read()
				if !ids[e["envelope_id"]] || e["type"] != "slash_commands" || e["accepts_response_payload"] != true {
					t.Errorf("got %v", e)
				}
				delete(ids, e["envelope_id"])
				l.ack(e, "")
			}
		}
		r.noViolations()
	})
}

func TestAnAcknowledgementIsTimed(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		l := r.connect()
		d := r.w.Person(lin).Command(general, "/c66")
		e := l.read()
		time.Sleep(2 * time.Second)
		l.ack(e, `{"text":"on it"}`)
		info, err := d.Wait(soon(t))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(AckInfo{After: 2 * time.Second, Payload: map[string]any{"text": "on it"}}, info); diff != "" {
			t.Error(diff)
		}
		m := r.last(lin, general)
		if !m.Ephemeral || m.Text != "on it" || len(r.w.Person(sam).Sees(general)) != 0 {
			t.Errorf("the message is %+v", m)
		}
		r.noViolations()
	})
}

func TestACommandThatIsNotAcknowledgedFailsForThePersonAndComesAgain(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		l := r.connect()
		d := r.w.Person(lin).Command(general, "/c66 list")
		l.read()
		start := time.Now()
		_, err := d.Wait(soon(t))
		if failureOf(t, err) != "operation_timeout" || time.Since(start) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if got := r.last(lin, general).Plain(); got != `/c66 failed with the error "operation_timeout"` {
			t.Errorf("the person reads %q", got)
		}
		time.Sleep(10 * time.Minute)
		again := r.connect()
		e := again.read()
		if e["envelope_id"] != d.EnvelopeID {
			t.Errorf("the next socket got %v", e)
		}
		again.ack(e, "")
		r.noViolations()
		select {
		case <-d.Acked():
		default:
			t.Error("the second delivery is not acknowledged")
		}
		if n := len(r.w.Person(lin).Sees(general)); n != 1 {
			t.Errorf("%d messages", n)
		}
	})
}

func TestWhatASocketDidNotAcknowledgeComesAgainOnTheNext(t *testing.T) {
	inBubble(t, appWith("channel_rename"), func(r *rig) {
		t := r.t
		l := r.connect()
		command := r.w.Person(lin).Command(general, "/c66")
		event := r.w.Emit(map[string]any{"type": "channel_rename"})
		l.read()
		l.read()
		r.w.Drop()
		synctest.Wait()
		next := r.connect()
		for _, want := range []string{command.EnvelopeID, event.EnvelopeID} {
			e := next.read()
			if e["envelope_id"] != want {
				t.Errorf("got %v, want %s", e, want)
			}
			next.ack(e, "")
		}
		if command.Err() != nil {
			t.Errorf("acknowledged in time, but %v", command.Err())
		}
		time.Sleep(10 * time.Minute)
		r.noViolations()
		if n := len(r.w.Log()); n == 0 || r.w.Sockets() != 1 {
			t.Error("the second socket is gone")
		}
	})
}

func TestWithoutASocketCommandsFailAndEventsWait(t *testing.T) {
	inBubble(t, appWith("channel_rename"), func(r *rig) {
		t := r.t
		d := r.w.Person(lin).Command(general, "/c66")
		if failureOf(t, d.Err()) != "dispatch_failed" {
			t.Errorf("the command: %v", d.Err())
		}
		event := r.w.Emit(map[string]any{"type": "channel_rename"})
		time.Sleep(time.Minute)
		l := r.connect()
		e := l.read()
		if e["envelope_id"] != event.EnvelopeID || e["retry_attempt"] != 1.0 || e["retry_reason"] != "timeout" {
			t.Errorf("got %v", e)
		}
		l.ack(e, "")
	})
}

func TestAnEventIsRetriedAtOnceAfterAMinuteAndAfterFive(t *testing.T) {
	inBubble(t, appWith("channel_rename"), func(r *rig) {
		t := r.t
		l := r.connect()
		start := time.Now()
		d := r.w.Emit(map[string]any{"type": "channel_rename"})
		var got []string
		for range 4 {
			e := l.read()
			inner := object(e["payload"])
			if inner["event_id"] != d.Payload["event_id"] || object(inner["event"])["type"] != "channel_rename" {
				t.Errorf("payload %v", inner)
			}
			got = append(got, fmt.Sprintf("%v attempt %v %v", time.Since(start), e["retry_attempt"], e["retry_reason"]))
		}
		want := []string{"0s attempt 0 ", "3s attempt 1 timeout", "1m6s attempt 2 timeout", "6m9s attempt 3 timeout"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if _, err := d.Wait(soon(t)); failureOf(t, err) != "event_dropped" {
			t.Errorf("the event: %v", err)
		}
	})
}

func TestOnlyDeclaredEventsAreSent(t *testing.T) {
	inBubble(t, appWith("member_joined_channel"), func(r *rig) {
		t := r.t
		if failureOf(t, r.w.Emit(map[string]any{"type": "user_change"}).Err()) != "not_subscribed" {
			t.Error("an event that is not declared was sent")
		}
		l := r.connect()
		r.w.Invite(random)
		r.w.Kick(random)
		r.w.Archive(random)
		event := object(object(l.read()["payload"])["event"])
		if event["type"] != "member_joined_channel" || event["channel"] != random || event["user"] != "U0C66BOT" {
			t.Errorf("got %v", event)
		}
		synctest.Wait()
		delivered := 0
		for _, e := range r.w.Log() {
			if e.Kind == "delivered" {
				delivered++
			}
		}
		if delivered != 1 {
			t.Errorf("%d events were sent", delivered)
		}
	})
}

func TestBreachesOfTheProtocolAreListed(t *testing.T) {
	tests := map[string]struct {
		do   func(r *rig, l *link, e map[string]any)
		want string // part of the one violation, "" for none
	}{
		"one acknowledgement": {
			do: func(_ *rig, l *link, e map[string]any) { l.ack(e, "") },
		},
		"an empty payload": {
			do: func(_ *rig, l *link, e map[string]any) { l.ack(e, "{}") },
		},
		"an acknowledgement on another socket": {
			do: func(r *rig, _ *link, e map[string]any) { r.connect().ack(e, "") },
		},
		"one for each of two deliveries": {
			do: func(r *rig, l *link, e map[string]any) {
				l.ack(e, "")
				if !r.w.Redeliver(word(e["envelope_id"])) {
					r.t.Error("not delivered again")
				}
				l.ack(l.read(), "")
			},
		},
		"two acknowledgements": {
			do: func(_ *rig, l *link, e map[string]any) {
				l.ack(e, "")
				l.ack(e, "")
			},
			want: "acknowledged 2 times",
		},
		"a payload that is not taken": {
			do:   func(_ *rig, l *link, e map[string]any) { l.ack(e, `{"text":"x"}`) },
			want: "takes no payload",
		},
		"an unknown envelope": {
			do: func(_ *rig, l *link, e map[string]any) {
				l.ack(e, "")
				l.ack(map[string]any{"envelope_id": "nobody"}, "")
			},
			want: "unknown envelope nobody",
		},
		"a late acknowledgement": {
			do: func(_ *rig, l *link, e map[string]any) {
				time.Sleep(2900 * time.Millisecond)
				time.Sleep(200 * time.Millisecond)
				l.ack(e, "")
			},
			want: "after 3.1s",
		},
		"a frame that is no JSON": {
			do: func(_ *rig, l *link, e map[string]any) {
				l.ack(e, "")
				l.send("thanks")
				synctest.Wait()
			},
			want: "no acknowledgement",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(r *rig) {
				t := r.t
				l := r.connect()
				r.w.Deliver("interactive", map[string]any{"type": "test"}, false)
				tt.do(r, l, l.read())
				got := strings.Join(r.w.Violations(), "\n")
				if !strings.Contains(got, tt.want) || (tt.want == "") != (got == "") || strings.Contains(got, "\n") {
					t.Errorf("violations %q, want %q", got, tt.want)
				}
			})
		})
	}
}

func TestAnAcknowledgementsMessageKeepsTheLimits(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		l := r.connect()
		r.w.Person(lin).Command(general, "/c66")
		l.ack(l.read(), `{"response_type":"in_channel","text":"for all"}`)
		if m := r.last(sam, general); m.Ephemeral || m.Text != "for all" {
			t.Errorf("the message is %+v", m)
		}
		r.noViolations()
		r.w.Person(lin).Command(general, "/c66")
		l.ack(l.read(), `{"blocks":[{"type":"nothing"}]}`)
		if v := r.w.Violations(); len(v) != 1 || !strings.Contains(v[0], "invalid_blocks") {
			t.Errorf("violations: %q", v)
		}
	})
}
