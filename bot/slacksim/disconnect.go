package slacksim

import (
	"encoding/json"
	"fmt"

	"github.com/gorilla/websocket"
)

// Disconnect does to every open socket what Slack does with a reason:
// "warning" is followed by "refresh_requested" 10 s later, which is followed by
// the close 5 s later; "link_disabled" and any other reason close after 5 s as well.
func (w *Workspace) Disconnect(reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.sockets {
		s.wind(reason)
	}
}

// Announce sends every socket a disconnect frame and does nothing more.
func (w *Workspace) Announce(reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.sockets {
		s.announce(reason)
	}
}

// Drop cuts every socket abruptly, without a close frame.
func (w *Workspace) Drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.sockets {
		s.cut()
	}
}

// HalfOpen lets every socket that is open now stay open while nothing flows any more, in either direction.
func (w *Workspace) HalfOpen() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.sockets {
		s.half, s.queue = true, nil
	}
}

// PreferOldest makes envelopes go to the oldest open socket, for as long as it
// is open, instead of to each in turn.
func (w *Workspace) PreferOldest(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.oldest = on
}

// Twist has every hello and envelope changed before it is sent, as by a Slack that keeps its documents' names but not their types. Nil ends
// it.
func (w *Workspace) Twist(twist func(frame map[string]any)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.twist = twist
}

// twisted is a frame of an envelope or a hello. The lock is held.
func (w *Workspace) twisted(body map[string]any) frame {
	if w.twist != nil {
		plain := textFrame(body) // the payload belongs to whoever made the envelope
		body = map[string]any{}
		if err := json.Unmarshal(plain.data, &body); err != nil {
			panic(fmt.Sprintf("slacksim: a frame that is no JSON: %v", err))
		}
		w.twist(body)
	}
	return textFrame(body)
}

// SendFrame sends every socket a text frame as it is, for what no Slack document mentions.
func (w *Workspace) SendFrame(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.sockets {
		s.push(frame{websocket.TextMessage, []byte(text)})
	}
}

// Sockets is how many connections are open.
func (w *Workspace) Sockets() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.sockets)
}

// announce queues a disconnect frame.
func (s *socket) announce(reason string) {
	s.push(textFrame(map[string]any{
		"type": "disconnect", "reason": reason, "debug_info": map[string]any{"host": s.host},
	}))
	s.w.record(Event{Kind: KindAnnounced, Socket: s.n, Text: reason})
}

// wind announces the end of a socket and brings it about. Envelopes go there until it closes.
func (s *socket) wind(reason string) {
	if s.dead {
		return
	}
	s.announce(reason)
	if reason == "warning" {
		s.w.after(warningAhead, func() { s.wind("refresh_requested") })
		return
	}
	s.w.after(closeDelay, func() {
		s.dead = true
		s.push(frame{})
	})
}
