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
	maxFrame     = 20480            // bytes of a frame from the client
	ticketLife   = 30 * time.Second // how long a websocket address can be used
	warningAhead = 10 * time.Second // from the warning to refresh_requested
	closeDelay   = 5 * time.Second  // from refresh_requested to the close
	debugLife    = 6 * time.Minute  // a socket's life with debug_reconnects=true
)

// ticket is the right to open one socket.
type ticket struct {
	until time.Time
}

// socket is one open Socket Mode connection. Its fields are guarded by the
// workspace's lock, the connection's writes belong to its writer goroutine.
type socket struct {
	w     *Workspace
	n     int
	host  string
	conn  *websocket.Conn
	queue []frame
	wake  chan struct{} // holds a value where the queue has frames
	gone  chan struct{} // closed when the reader ends
	pings int
	half  bool // nothing flows any more, either way
	dead  bool // no envelope goes there any more
}

// frame is one message to the client; kind 0 closes the connection.
type frame struct {
	kind int
	data []byte
}

// connectionsOpen gives out the address of one websocket connection.
func (w *Workspace) connectionsOpen(c *apiCall) (answer, error) {
	if !w.app.socketMode {
		return nil, refuse("socket_mode_not_enabled")
	}
	id := fmt.Sprintf("ticket-%d", w.nextID())
	w.tickets[id] = ticket{until: time.Now().Add(ticketLife)}
	return answer{"url": "ws" + c.base[len("http"):] + "/link/?ticket=" + id + "&app_id=" + w.opts.AppID}, nil
}

// serveLink upgrades to a websocket, from any origin, and reads it to its end.
func (w *Workspace) serveLink(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	id := r.URL.Query().Get("ticket")
	t, known := w.tickets[id]
	delete(w.tickets, id)
	usable := known && time.Now().Before(t.until) && !w.closed
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
	life := w.opts.Lifetime
	if r.URL.Query().Get("debug_reconnects") == "true" {
		life = debugLife
	}
	w.run(conn, life)
}

// run owns one connection: it greets, starts the writer, reads, and joins the writer.
func (w *Workspace) run(conn *websocket.Conn, life time.Duration) {
	s := &socket{w: w, conn: conn, wake: make(chan struct{}, 1), gone: make(chan struct{})}
	conn.SetReadLimit(maxFrame)
	conn.SetPingHandler(func(data string) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.opts.NoPongs {
			s.push(frame{websocket.PongMessage, []byte(data)})
		}
		return nil
	})
	stop := w.admit(s, life)
	written := make(chan struct{})
	go func() {
		defer close(written)
		s.write()
	}()
	s.read()
	close(s.gone)
	_ = conn.Close() // it may be closed already
	<-written
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stop(stop)
	w.dropped(s)
}

// admit greets a new socket, or refuses it where there are too many, and gives
// it what waits for a connection.
func (w *Workspace) admit(s *socket, life time.Duration) *timer {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.socketSeq++
	s.n, s.host = w.socketSeq, fmt.Sprintf("applink-%d", w.socketSeq)
	if w.closed {
		s.cut()
		return nil
	}
	if len(w.sockets) >= maxSockets {
		s.dead = true
		s.announce("too_many_websockets")
		s.push(frame{})
		return nil
	}
	w.sockets = append(w.sockets, s)
	s.push(w.twisted(map[string]any{
		"type": "hello", "num_connections": len(w.sockets),
		"connection_info": map[string]any{"app_id": w.opts.AppID},
		"debug_info": map[string]any{
			"host": s.host, "build_number": 66, "started": time.Now().UTC().Format("2006-01-02 15:04:05.000"),
			"approximate_connection_time": 18060,
		},
	}))
	w.record(Event{Kind: KindConnected, Socket: s.n})
	w.deliverWaiting(s)
	if life < 0 {
		return nil
	}
	return w.after(life, func() { s.wind("warning") })
}

// dropped forgets a socket that has ended. What it did not acknowledge comes again on the newest of the others, or waits for the next one.
func (w *Workspace) dropped(s *socket) {
	s.dead = true
	w.sockets = slices.DeleteFunc(w.sockets, func(o *socket) bool { return o == s })
	w.record(Event{Kind: KindDisconnected, Socket: s.n})
	for _, e := range w.envelopes {
		if e.on == s && !e.acked {
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
		s.w.mu.Lock()
		if err == nil && !s.half {
			s.w.receive(s, data)
		}
		tooBig := errors.Is(err, websocket.ErrReadLimit)
		if tooBig {
			s.w.violate("socket %d: a frame above %d bytes", s.n, maxFrame)
		}
		s.w.mu.Unlock()
		if tooBig {
			s.drain()
		}
		if err != nil {
			return
		}
	}
}

// drain reads what the client still sends, for a second at most, so that the
// close frame reaches it and no reset of the connection overtakes it.
func (s *socket) drain() {
	conn := s.conn.NetConn()
	if conn.SetReadDeadline(time.Now().Add(time.Second)) == nil {
		_, _ = io.Copy(io.Discard, conn) // it ends in an error or the end of the stream
	}
}

// write sends what is queued and the server's pings until the reader ends.
func (s *socket) write() {
	ping := time.NewTicker(s.w.opts.PingEvery)
	defer ping.Stop()
	for {
		select {
		case <-s.gone:
			return
		case <-ping.C:
			s.w.mu.Lock()
			s.ping()
			s.w.mu.Unlock()
		case <-s.wake:
			if !s.flush() {
				return
			}
		}
	}
}

// flush writes the queue; false means that the connection has ended.
func (s *socket) flush() bool {
	s.w.mu.Lock()
	queue := s.queue
	s.queue = nil
	s.w.mu.Unlock()
	for _, f := range queue {
		if f.kind == 0 {
			message := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
			_ = s.conn.WriteControl(websocket.CloseMessage, message, time.Now().Add(time.Second)) // it closes either way
			_ = s.conn.Close()
			return false
		}
		if s.conn.WriteMessage(f.kind, f.data) != nil {
			_ = s.conn.Close()
			return false
		}
	}
	return true
}

// push queues a frame, unless nothing flows any more. The lock is held.
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

func (s *socket) ping() {
	s.pings++
	control := s.w.opts.Pings == PingControl || (s.w.opts.Pings == PingBoth && s.pings%2 == 0)
	kind := websocket.TextMessage
	if control {
		kind = websocket.PingMessage
	}
	s.push(frame{kind, []byte("Ping from " + s.host)})
}

// cut ends the connection abruptly. The lock is held.
func (s *socket) cut() {
	s.dead = true
	_ = s.conn.NetConn().Close() // the reader notices
}

func textFrame(v any) frame {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("slacksim: a frame that is no JSON: %v", err)) // payloads are made of decoded JSON
	}
	return frame{websocket.TextMessage, data}
}
