package socket

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"c66bot/bot/routine"
	"c66bot/bot/webapi"
)

// connection is one websocket connection.
type connection struct {
	*Socket
	ws      *websocket.Conn
	hello   chan frame
	leaving chan struct{} // closed when a successor is needed
	ended   chan struct{} // closed when reading has ended
	once    sync.Once
	reason  error          // why it is being left; set before leaving is closed
	unacked sync.WaitGroup // envelopes not acknowledged yet
	writing sync.Mutex     // held while an acknowledgement is written: the websocket takes one writer

	// The state below is guarded by the socket's mutex.
	retired    bool      // it has a read deadline
	quiet      int       // ticks since the last frame
	answers    bool      // the server has answered one of our pings
	unanswered bool      // the last ping has no pong yet
	empty      time.Time // when nothing was buffered in it
}

// leave requests a successor. Only the first reason is kept.
func (c *connection) leave(err error) {
	c.once.Do(func() {
		c.reason = err
		close(c.leaving)
	})
}

// close closes the underlying connection at once. TLS's close-notify could block on a peer that no longer reads.
func (c *connection) close() {
	conn := c.ws.NetConn()
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	_ = conn.Close() // an error loses nothing
}

func (c *connection) drop(why string) {
	c.leave(errors.New(why))
	c.close()
}

// readUntil sets the read deadline. Once it is set, only a deadline that has already passed replaces it, which ends reading at once.
func (c *connection) readUntil(end time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.retired && time.Now().Before(end) { // a deadline is set already
		return
	}
	c.retired = true
	_ = c.ws.SetReadDeadline(end) // fails only on a closed connection
}

// heard records a ping or a pong as a sign of life.
func (c *connection) heard(pong bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.quiet = 0
	if pong {
		c.answers, c.unanswered = true, false
	}
}

// came records a frame as a sign of life, and returns the earliest time at which it can have arrived. It was read from ready to now.
func (c *connection) came(ready, now time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.quiet = 0
	if now.Sub(ready) > waited {
		c.empty = c.pulse.emptied(ready, now)
	}
	return c.pulse.came(c.empty, now)
}

// serve reads the connection to its end while watching it for silence.
func (c *connection) serve(ctx context.Context) {
	c.note(c, time.Time{})
	defer func() { c.note(c, time.Now()) }()
	stop := context.AfterFunc(ctx, func() { c.readUntil(time.Now()) }) // received envelopes can still be acknowledged
	defer stop()
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() { c.watch(done) })
	c.leave(c.read())
	close(done)
	routine.Ended(&c.unacked, ackDrain)
	c.close()
	close(c.ended)
	watch.Wait()
}

func (c *connection) read() error {
	c.ws.SetReadLimit(maxFrame)
	c.ws.SetPongHandler(func(string) error {
		c.heard(true)
		return nil
	})
	c.ws.SetPingHandler(func(data string) error {
		c.heard(false)
		err := c.ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeTimeout))
		var timeout net.Error
		if errors.Is(err, websocket.ErrCloseSent) || errors.As(err, &timeout) {
			return nil // the read reports how the connection ends
		}
		return err
	})
	for {
		ready := time.Now()
		_, data, err := c.ws.ReadMessage()
		if err != nil {
			return err
		}
		c.frame(data, c.came(ready, time.Now()))
	}
}

// watch checks on every tick whether the connection is alive, until done is closed. It counts ticks instead of time: after a standstill of
// minutes the process sees one tick and first reads its backlog. Slack's pings do not prove that our frames arrive, so watch also sends
// pings.
func (c *connection) watch(done <-chan struct{}) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for ticks := 1; ; ticks++ {
		select {
		case <-done:
			return
		case <-tick.C:
			if !c.tick(ticks%pingTicks == 0) {
				c.drop("nothing came on it any more")
				return
			}
		}
	}
}

// tick counts a tick and sends a ping if asked to. It returns false if the connection is dead. A connection whose pings are no longer
// answered gets a successor but is still read.
func (c *connection) tick(ping bool) bool {
	c.mu.Lock()
	c.quiet++
	silent, deaf := c.quiet >= silentTicks, ping && c.answers && c.unanswered
	c.unanswered = c.unanswered || ping
	c.mu.Unlock()
	if deaf {
		c.leave(errors.New("no pings are answered on it any more"))
	}
	if ping && !silent {
		return c.ws.WriteControl(websocket.PingMessage, []byte("c66bot"), time.Now().Add(writeTimeout)) == nil
	}
	return !silent
}

// frame handles one frame. Unreadable envelopes are also acknowledged, because Slack would redeliver them again and again.
func (c *connection) frame(data []byte, received time.Time) {
	f, ok := readFrame(data)
	switch {
	case !ok:
	case f.Type == "hello":
		select {
		case c.hello <- f:
		default:
		}
	case f.Type == "disconnect":
		reason := webapi.Parting(string(f.Reason))
		c.Log.Info("Slack asks for a new connection", "reason", reason)
		c.leave(fmt.Errorf("closed by Slack: %s", reason))
	case f.ID != "":
		acked := c.Take(f.Envelope, received, func(payload any) error { return c.ack(f.ID, payload) })
		select {
		case <-acked:
		default:
			c.unacked.Go(func() { <-acked })
		}
	}
}

// ack writes an acknowledgement. It returns once the write has succeeded or failed.
func (c *connection) ack(id Word, payload any) error {
	b, err := json.Marshal(acknowledgement{ID: id, Payload: payload})
	if err != nil {
		return fmt.Errorf("encode an acknowledgement: %w", err)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if err = c.ws.SetWriteDeadline(time.Now().Add(writeTimeout)); err == nil {
		err = c.ws.WriteMessage(websocket.TextMessage, b)
	}
	if err != nil {
		c.drop("nothing can be written on it any more") // Slack must redeliver on another connection
		return fmt.Errorf("acknowledge %s: %w", id, err)
	}
	return nil
}
