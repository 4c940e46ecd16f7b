package slacksim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/websocket"
)

const (
	maxSockets   = 10
	maxFrame     = 20480            // bytes in a frame from the client
	pingEvery    = 10 * time.Second // interval of the server's pings
	ticketLife   = 30 * time.Second // lifetime of a websocket URL
	warningAhead = 10 * time.Second // from the warning to refresh_requested
	closeDelay   = 5 * time.Second  // from refresh_requested to the close
)

// socket is one Socket Mode connection. The workspace's lock guards its fields. Only its writer goroutine writes to the connection.
type socket struct {
	w     *Workspace
	n     int
	host  string
	conn  *websocket.Conn
	queue []frame
	wake  chan struct{} // holds a value if the queue has frames
	gone  chan struct{} // closed when the reader ends
	half  bool          // half-open: no frames in either direction
	dead  bool          // gets no more envelopes
}

// frame is one message to the client; kind 0 closes the connection.
type frame struct {
	kind int
	data []byte
}

func (w *Workspace) connectionsOpen(*apiCall) (answer, error) {
	if !w.app.SocketMode {
		return nil, refuse("socket_mode_not_enabled")
	}
	id := fmt.Sprintf("ticket-%d", w.nextID())
	w.tickets[id] = time.Now().Add(ticketLife)
	return answer{"url": "ws" + w.base[len("http"):] + "/link/?ticket=" + id + "&app_id=" + appID}, nil
}

// serveLink redeems a ticket, upgrades the request to a websocket from any origin, and serves it to its end.
func (w *Workspace) serveLink(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	id := r.URL.Query().Get("ticket")
	usable := time.Now().Before(w.tickets[id]) && !w.closed
	delete(w.tickets, id)
	if usable {
		w.wg.Add(1)
	}
	w.mu.Unlock()
	if !usable {
		http.Error(rw, "the ticket is unknown, used or expired", http.StatusForbidden)
		return
	}
	defer w.wg.Done()
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := upgrader.Upgrade(rw, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	w.run(conn)
}

// run owns a connection: it sends the hello, starts the writer, reads, and joins the writer.
func (w *Workspace) run(conn *websocket.Conn) {
	s := &socket{w: w, conn: conn, wake: make(chan struct{}, 1), gone: make(chan struct{})}
	conn.SetReadLimit(maxFrame)
	conn.SetPingHandler(func(data string) error {
		defer w.lock()()
		if !w.opts.NoPongs {
			s.push(frame{websocket.PongMessage, []byte(data)})
		}
		return nil
	})
	w.mu.Lock()
	w.admit(s)
	end := w.after(w.opts.Lifetime, func() { s.wind("warning") })
	w.mu.Unlock()
	written := make(chan struct{})
	go func() {
		defer close(written)
		s.write()
	}()
	s.read()
	end.Stop()
	close(s.gone)
	_ = conn.Close() // it may be closed already
	<-written
	defer w.lock()()
	w.dropped(s)
}

// admit sends hello and the waiting envelopes to a new socket, or refuses it with too_many_websockets.
func (w *Workspace) admit(s *socket) {
	w.socketSeq++
	s.n, s.host = w.socketSeq, fmt.Sprintf("applink-%d", w.socketSeq)
	switch {
	case w.closed:
		s.cut()
		return
	case len(w.sockets) >= maxSockets:
		s.dead = true
		s.announce("too_many_websockets")
		s.push(frame{})
		return
	}
	w.sockets = append(w.sockets, s)
	s.push(w.twisted(map[string]any{
		"type": "hello", "num_connections": len(w.sockets),
		"connection_info": map[string]any{"app_id": appID},
		"debug_info": map[string]any{
			"host": s.host, "build_number": 66, "started": time.Now().UTC().Format("2006-01-02 15:04:05.000"),
			"approximate_connection_time": 18060,
		},
	}))
	w.record(Event{Kind: KindConnected, Socket: s.n})
	w.deliverWaiting(s)
}

// dropped removes an ended socket. Its unacknowledged envelopes are redelivered on the newest other socket, or wait for the next one.
func (w *Workspace) dropped(s *socket) {
	s.dead = true
	w.sockets = slices.DeleteFunc(w.sockets, func(o *socket) bool { return o == s })
	w.record(Event{Kind: KindDisconnected, Socket: s.n})
	for _, e := range w.envelopes {
		if e.on == s {
			w.again(e)
		}
	}
	slices.SortFunc(w.waiting, func(a, b *envelope) int { return a.seq - b.seq })
	if others := len(w.sockets); others > 0 {
		w.deliverWaiting(w.sockets[others-1])
	}
}

// read takes frames from the client until the connection ends.
func (s *socket) read() {
	for {
		_, data, err := s.conn.ReadMessage()
		tooBig := errors.Is(err, websocket.ErrReadLimit)
		s.w.mu.Lock()
		if err == nil && !s.half {
			s.w.receive(s, data)
		}
		if tooBig {
			s.w.violate("socket %d: a frame above %d bytes", s.n, maxFrame)
		}
		s.w.mu.Unlock()
		if tooBig { // drain for up to a second, so that no connection reset overtakes the close frame
			_ = s.conn.NetConn().SetReadDeadline(time.Now().Add(time.Second))
			_, _ = io.Copy(io.Discard, s.conn.NetConn()) // ends with an error or EOF
		}
		if err != nil {
			return
		}
	}
}

// write sends the queue and the server's pings, alternately as text and control frames, until the reader ends.
func (s *socket) write() {
	ticks := time.NewTicker(pingEvery)
	defer ticks.Stop()
	kinds := []int{websocket.TextMessage, websocket.PingMessage}
	for n := 0; ; {
		select {
		case <-s.gone:
			return
		case <-ticks.C:
			s.w.mu.Lock()
			s.push(frame{kinds[n%2], []byte("Ping from " + s.host)})
			s.w.mu.Unlock()
			n++
		case <-s.wake:
			if !s.flush() {
				return
			}
		}
	}
}

// flush writes the queue. It returns false once the connection has ended.
func (s *socket) flush() bool {
	s.w.mu.Lock()
	queue := s.queue
	s.queue = nil
	s.w.mu.Unlock()
	for _, f := range queue {
		if f.kind == 0 {
			message := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
			_ = s.conn.WriteControl(websocket.CloseMessage, message, time.Now().Add(time.Second)) // it closes either way
		}
		if f.kind == 0 || s.conn.WriteMessage(f.kind, f.data) != nil {
			_ = s.conn.Close()
			return false
		}
	}
	return true
}

// push queues a frame. A half-open socket takes the closing frame only.
func (s *socket) push(f frame) {
	if s.half && f.kind != 0 {
		return
	}
	s.queue = append(s.queue, f)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *socket) cut() {
	s.dead = true
	_ = s.conn.NetConn().Close() // the reader notices
}

func (s *socket) announce(reason string) {
	s.push(textFrame(map[string]any{"type": "disconnect", "reason": reason, "debug_info": map[string]any{"host": s.host}}))
	s.w.record(Event{Kind: "announced", Socket: s.n, Text: reason})
}

// wind announces the end of a socket and closes it later. Until then it still gets envelopes.
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

func (w *Workspace) eachSocket(do func(*socket)) {
	defer w.lock()()
	for _, s := range w.sockets {
		do(s)
	}
}

// Disconnect ends every open socket as Slack does for a reason: "warning" is followed by "refresh_requested" after 10 s. That reason,
// "link_disabled" and any other are followed by the close after 5 s.
func (w *Workspace) Disconnect(reason string) { w.eachSocket(func(s *socket) { s.wind(reason) }) }

// Announce sends every socket a disconnect frame only.
func (w *Workspace) Announce(reason string) { w.eachSocket(func(s *socket) { s.announce(reason) }) }

// Drop cuts every socket abruptly, without a close frame.
func (w *Workspace) Drop() { w.eachSocket((*socket).cut) }

// HalfOpen keeps every current socket open but drops all frames in both directions.
func (w *Workspace) HalfOpen() { w.eachSocket(func(s *socket) { s.half, s.queue = true, nil }) }

// SendFrame sends every socket a raw text frame, such as an undocumented one.
func (w *Workspace) SendFrame(text string) {
	w.eachSocket(func(s *socket) { s.push(frame{websocket.TextMessage, []byte(text)}) })
}

// Sockets returns the number of open connections.
func (w *Workspace) Sockets() (n int) {
	w.eachSocket(func(*socket) { n++ })
	return n
}

// PreferOldest sends all envelopes to the oldest open socket instead of to each in turn.
func (w *Workspace) PreferOldest(on bool) {
	defer w.lock()()
	w.oldest = on
}

// Twist sets a function that modifies every hello and envelope before the send, for values of undocumented types. Nil removes it.
func (w *Workspace) Twist(twist func(frame map[string]any)) {
	defer w.lock()()
	w.twist = twist
}

func (w *Workspace) twisted(body map[string]any) frame {
	plain := textFrame(body)
	if w.twist == nil {
		return plain
	}
	var own map[string]any               // a copy, since the envelope keeps its payload
	_ = json.Unmarshal(plain.data, &own) // marshalled above
	w.twist(own)
	return textFrame(own)
}

func textFrame(v any) frame {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("slacksim: a frame that is no JSON: %v", err)) // payloads are made of decoded JSON
	}
	return frame{websocket.TextMessage, data}
}
