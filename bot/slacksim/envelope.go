package slacksim

import (
	"fmt"
	"slices"
	"time"
)

const (
	ackWithin     = 3 * time.Second // Slack's time to acknowledge
	redeliverLife = time.Hour       // how long an unacknowledged envelope may come again
)

// retryAfterTimeout is when an event comes again, counted from the attempt before.
func retryAfterTimeout() []time.Duration { return []time.Duration{0, time.Minute, 5 * time.Minute} }

// envelope is one thing that the app is told, with what became of it.
type envelope struct {
	id       string
	seq      int
	kind     string // the envelope's type
	payload  map[string]any
	accepts  bool
	delivery *Delivery
	made     time.Time
	sentAt   time.Time
	on       *socket // where it was sent last
	sends    int
	acks     int
	retries  int    // how many of the scheduled ones were made
	attempt  int    // retry_attempt, which a redelivery counts up too
	reason   string // why it is sent again
	acked    bool
}

// Redeliver sends an envelope once more, as Slack sometimes does, acknowledged
// or not; an event then comes as a retry with the same event_id. It answers
// false where no such envelope or no socket is there.
func (w *Workspace) Redeliver(envelopeID string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	e, s := w.envelopes[envelopeID], w.pick()
	if e == nil || s == nil {
		return false
	}
	if e.kind == "events_api" {
		e.attempt++
		e.reason = "timeout"
	}
	w.send(e, s)
	return true
}

// Emit sends the app an event of the Events API, given as the inner event with
// its type; what the app did not declare, or has no scope for, is not sent and fails.
func (w *Workspace) Emit(event map[string]any) *Delivery {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.emit(event)
}

func (w *Workspace) emit(event map[string]any) *Delivery {
	d := w.newDelivery()
	kind, _ := event["type"].(string)
	if !slices.Contains(w.opts.Events, kind) {
		return d.fail("not_subscribed", fmt.Sprintf("the app does not subscribe to the event %q", kind))
	}
	has := func(scope string) bool { return slices.Contains(w.opts.BotScopes, scope) }
	if scopes := eventScopes[kind]; len(scopes) > 0 && !slices.ContainsFunc(scopes, has) {
		return d.fail("missing_scope", fmt.Sprintf("the event %q needs the scope %v", kind, scopes))
	}
	w.dispatch("events_api", w.eventPayload(event), false, d)
	return d
}

// Deliver sends the app an envelope of any type, known to Slack's documents or not.
func (w *Workspace) Deliver(kind string, payload map[string]any, acceptsPayload bool) *Delivery {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.newDelivery()
	w.dispatch(kind, payload, acceptsPayload, d)
	return d
}

// dispatch makes an envelope and sends it to one socket. With none open, events
// wait and all else fails at once. The lock is held.
func (w *Workspace) dispatch(kind string, payload map[string]any, accepts bool, d *Delivery) {
	seq := w.nextID()
	e := &envelope{
		id: envelopeID(seq), seq: seq, kind: kind, payload: payload, accepts: accepts, delivery: d, made: time.Now(),
	}
	d.EnvelopeID, d.Payload = e.id, payload
	w.envelopes[e.id] = e
	s := w.pick()
	switch {
	case s != nil:
		w.send(e, s)
	case e.kind == "events_api":
		w.waiting = append(w.waiting, e)
	default:
		w.nack(e, "dispatch_failed")
	}
}

// pick chooses the socket that gets the next envelope, each in turn.
func (w *Workspace) pick() *socket {
	var open []*socket
	for _, s := range w.sockets {
		if !s.dead {
			open = append(open, s)
		}
	}
	switch {
	case len(open) == 0:
		return nil
	case w.oldest:
		return open[0]
	}
	w.turn++
	return open[w.turn%len(open)]
}

// send puts an envelope on a socket and starts its time to be acknowledged.
func (w *Workspace) send(e *envelope, s *socket) {
	e.on, e.sentAt = s, time.Now()
	e.sends++
	sends := e.sends
	body := map[string]any{
		"type": e.kind, "envelope_id": e.id, "payload": e.payload, "accepts_response_payload": e.accepts,
	}
	if e.kind == "events_api" {
		body["retry_attempt"], body["retry_reason"] = e.attempt, e.reason
	}
	s.push(w.twisted(body))
	w.record(Event{Kind: KindDelivered, Envelope: e.id, Socket: s.n})
	w.after(ackWithin, func() {
		if e.sends == sends && !e.acked {
			w.overdue(e)
		}
	})
}

// overdue treats an envelope that was not acknowledged in time: an event is
// retried, all else is shown as failed and may come again on the next connection.
func (w *Workspace) overdue(e *envelope) {
	if e.kind != "events_api" {
		w.nack(e, "operation_timeout")
		w.again(e)
		return
	}
	if e.retries >= len(retryAfterTimeout()) {
		w.nack(e, "event_dropped")
		return
	}
	if slices.Contains(w.waiting, e) {
		return // its socket is gone, the next one gets it
	}
	delay := retryAfterTimeout()[e.retries]
	e.retries++
	e.attempt++
	e.reason = "timeout"
	w.after(delay, func() { w.retry(e) })
}

// retry sends an event again, or lets it wait for a socket.
func (w *Workspace) retry(e *envelope) {
	if e.acked {
		return
	}
	if s := w.pick(); s != nil {
		w.send(e, s)
		return
	}
	w.again(e)
}

// again lets an envelope wait for the next socket that connects.
func (w *Workspace) again(e *envelope) {
	if !e.acked && !slices.Contains(w.waiting, e) {
		w.waiting = append(w.waiting, e)
	}
}

// deliverWaiting gives a new socket what waits, with the same envelope ids.
func (w *Workspace) deliverWaiting(s *socket) {
	waiting := w.waiting
	w.waiting = nil
	for _, e := range waiting {
		if !e.acked && time.Since(e.made) < redeliverLife {
			if e.kind == "events_api" && e.attempt == 0 && time.Since(e.made) > ackWithin { // Slack has tried meanwhile
				e.attempt, e.reason = 1, "timeout"
			}
			w.send(e, s)
		}
	}
}
