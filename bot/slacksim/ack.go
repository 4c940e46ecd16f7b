package slacksim

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// receive reads one frame of the client.
func (w *Workspace) receive(s *socket, data []byte) {
	text := string(data)
	switch {
	case strings.HasPrefix(text, "Ping"):
		s.push(frame{websocket.TextMessage, []byte("Pong from " + s.host)})
		return
	case strings.HasPrefix(text, "Pong"):
		return
	}
	var ack struct {
		EnvelopeID string         `json:"envelope_id"`
		Payload    map[string]any `json:"payload"`
	}
	if err := json.Unmarshal(data, &ack); err != nil || ack.EnvelopeID == "" {
		w.violate("socket %d: a frame that is no acknowledgement", s.n)
		return
	}
	e := w.envelopes[ack.EnvelopeID]
	if e == nil || e.sends == 0 {
		w.violate("socket %d: an acknowledgement of the unknown envelope %s", s.n, ack.EnvelopeID)
		return
	}
	w.acknowledge(e, s, ack.Payload)
}

// acknowledge takes an acknowledgement and records what is wrong with it.
func (w *Workspace) acknowledge(e *envelope, s *socket, payload map[string]any) {
	after := time.Since(e.sentAt)
	e.acks++
	w.record(Event{Kind: KindAcked, Envelope: e.id, Socket: s.n})
	if e.acks > e.sends {
		w.violate("envelope %s was acknowledged %d times but sent %d times", e.id, e.acks, e.sends)
	}
	if after > ackWithin {
		w.violate("envelope %s was acknowledged after %v", e.id, after)
	}
	if len(payload) > 0 && !e.accepts {
		w.violate("envelope %s takes no payload with its acknowledgement", e.id)
		payload = nil
	}
	if e.acked {
		return
	}
	e.acked = true
	w.waiting = slices.DeleteFunc(w.waiting, func(o *envelope) bool { return o == e })
	if len(payload) == 0 {
		payload = nil
	}
	e.delivery.info = AckInfo{After: after, Payload: payload, OtherSocket: e.on != s}
	if payload != nil && e.kind == "slash_commands" && after <= ackWithin {
		w.showAck(e, payload)
	}
	if taken := e.delivery.taken; taken != nil && e.delivery.err == nil {
		taken(payload)
	}
	close(e.delivery.acked)
}

// nack tells the person that their command or click failed.
func (w *Workspace) nack(e *envelope, code string) {
	command, _ := e.payload["command"].(string)
	channel, user := e.delivery.channel, e.delivery.user
	shown := "the action failed with the error \"" + code + "\""
	if command != "" {
		shown = command + " failed with the error \"" + code + "\""
	}
	first := e.delivery.err == nil
	e.delivery.fail(code, shown)
	if first && e.delivery.lost != nil {
		e.delivery.lost()
	}
	w.record(Event{Kind: KindNack, Envelope: e.id, Channel: channel, User: user, Text: code})
	if c := w.channels[channel]; first && command != "" && c != nil {
		w.post(c, Message{User: slackbot, Text: shown, Ephemeral: true, For: user})
	}
}
