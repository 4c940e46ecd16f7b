package slacksim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

const (
	ackWithin     = 3 * time.Second // Slack's deadline for an acknowledgement
	redeliverLife = time.Hour       // how long an unacknowledged envelope may be redelivered
)

// retryAfter holds the delays between the timeout of an attempt to deliver an event and its next retry.
var retryAfter = [...]time.Duration{0, time.Minute, 5 * time.Minute}

// envelope is one Socket Mode envelope with the state of its delivery.
type envelope struct {
	id       string
	seq      int
	kind     string // the envelope's type
	payload  map[string]any
	accepts  bool
	delivery *Delivery
	made     time.Time
	sentAt   time.Time
	on       *socket // the socket of the last send
	sends    int
	acks     int
	retries  int // scheduled retries so far
	attempt  int // retry_attempt, which a redelivery increments too
	acked    bool
}

func (e *envelope) isEvent() bool { return e.kind == "events_api" }

// Emit sends the app an event, given as the inner event with its type. The Delivery fails if the event is not declared or its scope is
// missing.
func (w *Workspace) Emit(event map[string]any) *Delivery {
	defer w.lock()()
	return w.emit(event)
}

func (w *Workspace) emit(event map[string]any) *Delivery {
	d, kind := w.newDelivery("", ""), text(event["type"])
	scopes := rules().Events[kind]
	switch {
	case !slices.Contains(w.app.BotEvents, kind):
		return d.fail("not_subscribed", fmt.Sprintf("the app does not subscribe to the event %q", kind))
	case !anyOf(scopes, w.opts.BotScopes):
		return d.fail("missing_scope", fmt.Sprintf("the event %q needs the scope %v", kind, scopes))
	}
	return w.dispatch("events_api", w.eventPayload(event), false, d)
}

// Deliver sends the app an envelope of any type, documented by Slack or not.
func (w *Workspace) Deliver(kind string, payload map[string]any, acceptsPayload bool) *Delivery {
	defer w.lock()()
	return w.dispatch(kind, payload, acceptsPayload, w.newDelivery("", ""))
}

// Redeliver sends an envelope again, acknowledged or not, as Slack sometimes does; an event then is a retry with the same event_id.
// It returns false if the envelope is unknown or no socket is open.
func (w *Workspace) Redeliver(envelopeID string) bool {
	defer w.lock()()
	e, s := w.envelopes[envelopeID], w.pick()
	if e == nil || s == nil {
		return false
	}
	e.attempt++
	w.send(e, s)
	return true
}

// dispatch creates an envelope and sends it to one socket. Without an open socket, events wait and everything else fails at once.
func (w *Workspace) dispatch(kind string, payload map[string]any, accepts bool, d *Delivery) *Delivery {
	seq := w.nextID()
	e := &envelope{
		id:  fmt.Sprintf("%08x-c66b-4c66-8c66-%012x", seq, seq), // looks like a UUID and contains seq
		seq: seq, kind: kind, payload: payload, accepts: accepts, delivery: d, made: time.Now(),
	}
	d.EnvelopeID, d.Payload = e.id, payload
	w.envelopes[e.id] = e
	s := w.pick()
	switch {
	case s != nil:
		w.send(e, s)
	case e.isEvent():
		w.again(e)
	default:
		w.nack(e, "dispatch_failed")
	}
	return d
}

// pick returns the socket for the next envelope, in turn or the oldest if PreferOldest is on, or nil if none is open.
func (w *Workspace) pick() *socket {
	open := slices.DeleteFunc(slices.Clone(w.sockets), func(s *socket) bool { return s.dead })
	switch {
	case len(open) == 0:
		return nil
	case w.oldest:
		return open[0]
	}
	w.turn++
	return open[w.turn%len(open)]
}

func (w *Workspace) send(e *envelope, s *socket) {
	e.on, e.sentAt = s, time.Now()
	e.sends++
	sends := e.sends
	body := map[string]any{"type": e.kind, "envelope_id": e.id, "payload": e.payload, "accepts_response_payload": e.accepts}
	if e.isEvent() {
		body["retry_attempt"], body["retry_reason"] = e.attempt, ""
		if e.attempt > 0 {
			body["retry_reason"] = "timeout"
		}
	}
	s.push(w.twisted(body))
	w.record(Event{Kind: "delivered", Envelope: e.id, Socket: s.n})
	w.after(ackWithin, func() {
		if e.sends == sends && !e.acked {
			w.overdue(e)
		}
	})
}

// overdue handles an envelope that missed its deadline: an event is retried; anything else has failed and may be redelivered on the next
// connection.
func (w *Workspace) overdue(e *envelope) {
	switch {
	case !e.isEvent():
		w.nack(e, "operation_timeout")
		w.again(e)
	case e.retries >= len(retryAfter):
		w.nack(e, "event_dropped")
	case !slices.Contains(w.waiting, e): // otherwise its socket is gone and the next one gets it
		delay := retryAfter[e.retries]
		e.retries++
		e.attempt++
		w.after(delay, func() {
			if s := w.pick(); s != nil && !e.acked {
				w.send(e, s)
			} else {
				w.again(e)
			}
		})
	}
}

func (w *Workspace) again(e *envelope) {
	if !e.acked && !slices.Contains(w.waiting, e) {
		w.waiting = append(w.waiting, e)
	}
}

// deliverWaiting sends the waiting envelopes to a socket, with unchanged envelope ids. It drops those older than redeliverLife.
func (w *Workspace) deliverWaiting(s *socket) {
	waiting := w.waiting
	w.waiting = nil
	for _, e := range waiting {
		if time.Since(e.made) >= redeliverLife {
			continue
		}
		if e.isEvent() && e.attempt == 0 && time.Since(e.made) > ackWithin { // Slack has made the first attempt meanwhile
			e.attempt = 1
		}
		w.send(e, s)
	}
}

func (w *Workspace) receive(s *socket, data []byte) {
	switch {
	case strings.HasPrefix(string(data), "Ping"):
		s.push(frame{websocket.TextMessage, []byte("Pong from " + s.host)})
		return
	case strings.HasPrefix(string(data), "Pong"):
		return
	}
	var ack struct {
		ID      string         `json:"envelope_id"`
		Payload map[string]any `json:"payload"`
	}
	if err := json.Unmarshal(data, &ack); err != nil || ack.ID == "" {
		w.violate("socket %d: a frame that is no acknowledgement", s.n)
		return
	}
	e := w.envelopes[ack.ID]
	if e == nil || e.sends == 0 {
		w.violate("socket %d: an acknowledgement of the unknown envelope %s", s.n, ack.ID)
		return
	}
	w.acknowledge(e, s, ack.Payload)
}

// acknowledge settles an envelope and records violations: a duplicate, late or unwanted payload. A late one settles it too.
func (w *Workspace) acknowledge(e *envelope, s *socket, payload map[string]any) {
	after := time.Since(e.sentAt)
	e.acks++
	w.record(Event{Kind: "acked", Envelope: e.id, Socket: s.n})
	if e.acks > e.sends {
		w.violate("envelope %s was acknowledged %d times but sent %d times", e.id, e.acks, e.sends)
	}
	if after > ackWithin {
		w.violate("envelope %s was acknowledged after %v", e.id, after)
	}
	if len(payload) > 0 && !e.accepts {
		w.violate("envelope %s takes no payload with its acknowledgement", e.id)
	}
	if len(payload) == 0 || !e.accepts {
		payload = nil
	}
	if e.acked {
		return
	}
	e.acked = true
	w.waiting = slices.DeleteFunc(w.waiting, func(o *envelope) bool { return o == e })
	d := e.delivery
	d.info = AckInfo{After: after, Payload: payload}
	if payload != nil && e.kind == "slash_commands" && after <= ackWithin {
		w.showAck(e, payload)
	}
	if d.taken != nil && d.err == nil {
		d.taken(payload)
	}
	close(d.acked)
}

func (w *Workspace) nack(e *envelope, code string) {
	d, command := e.delivery, text(e.payload["command"])
	first := d.err == nil
	shown := "the action failed with the error \"" + code + "\""
	if command != "" {
		shown = command + " failed with the error \"" + code + "\""
	}
	d.fail(code, shown)
	w.record(Event{Kind: KindNack, Envelope: e.id, Channel: d.channel, User: d.user, Text: code})
	if c := w.channels[d.channel]; first && command != "" && c != nil {
		w.post(c, Message{User: slackbot, Text: shown, Ephemeral: true, For: d.user})
	}
}
