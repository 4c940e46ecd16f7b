package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"c66bot/bot/webapi"
)

// The socket's times. Slack pings every few seconds; a connection without any frame for silence is dead.
const (
	openTimeout  = 15 * time.Second
	helloTimeout = 10 * time.Second
	silence      = 30 * time.Second
	pingEvery    = 10 * time.Second
	writeTimeout = 2 * time.Second  // of an acknowledgement, which is due within 3 s
	ackDrain     = time.Second      // how long a connection that is read no more waits for what is to be acknowledged on it
	drainFor     = 30 * time.Second // how long an old connection is read beside its successor

	shortestAttempt = time.Second // between two attempts to connect
	longestAttempt  = 30 * time.Second
	refusedPause    = 10 * time.Minute // between attempts with a token that was refused
	settledAfter    = 10 * time.Second // a connection that lived so long was a good one
	maxFrame        = 4 << 20
)

// socket keeps a Socket Mode connection open. At a refresh the new connection stands before the old one goes, and the old one is read
// until Slack closes it, so that no envelope is lost between them.
type socket struct {
	api    *slack.Client
	dialer *websocket.Dialer
	log    *slog.Logger
	take   taker
	state  func(err error) // nil: connected; else why not

	conns   sync.WaitGroup
	mu      sync.Mutex
	open    int // our own connections, those that drain included
	extra   int // connections of the app that were not ours at the last hello
	current *connection
}

// taker takes an envelope without waiting. The channel is closed when the envelope is acknowledged or never will be.
type taker func(env socketmode.Request, ack func(payload any) error) (acked <-chan struct{})

// run connects, and connects again, until the context ends. It returns when every connection is closed.
func (s *socket) run(ctx context.Context) {
	defer s.conns.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		faults int
		last   time.Time
	)
	for {
		if !sleep(ctx, time.Until(last.Add(min(shortestAttempt<<min(faults, 6), longestAttempt)))) {
			return
		}
		last = time.Now()
		next, err := s.connect(ctx)
		if err != nil {
			faults++
			if !s.report(ctx, err) {
				return
			}
			continue
		}
		s.succeed(next)
		select {
		case <-ctx.Done():
			return
		case <-next.leaving: // one that Slack asks us to leave is read on until its successor stands
		}
		if faults++; time.Since(last) > settledAfter {
			faults = 0
		}
	}
}

// succeed makes a connection the current one. Its predecessor is read a while longer.
func (s *socket) succeed(next *connection) {
	s.mu.Lock()
	old := s.current
	s.current = next
	s.mu.Unlock()
	old.retire()
	s.state(nil)
	select {
	case <-next.ended: // already: it may have ended before it was the current one
		s.lost(next)
	default:
	}
}

// lost says that there is no connection, where the one that ended was the current one.
func (s *socket) lost(c *connection) {
	s.mu.Lock()
	current := s.current == c
	s.mu.Unlock()
	if current {
		s.state(fmt.Errorf("the connection to Slack was lost: %w", c.err))
	}
}

// alive reports whether the current connection, which Slack may have asked us to leave, is still read.
func (s *socket) alive() bool {
	s.mu.Lock()
	current := s.current
	s.mu.Unlock()
	if current == nil {
		return false
	}
	select {
	case <-current.ended:
		return false
	default:
		return true
	}
}

// report says why there is no new connection, and waits where trying again soon would not help. It is false when the context has ended.
func (s *socket) report(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	if !s.alive() {
		s.state(err)
	}
	if _, refused := errors.AsType[*tokenError](err); !refused {
		s.log.Warn("no connection to Slack yet", "error", err)
		return true
	}
	s.log.Error("Slack refuses the connection; it is not tried again soon", "error", err, "again_in", refusedPause)
	return sleep(ctx, refusedPause)
}

// connect opens a connection and waits for its hello.
func (s *socket) connect(ctx context.Context) (*connection, error) {
	openCtx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	_, address, err := s.api.StartSocketModeContext(openCtx)
	if err != nil {
		return nil, explainToken("app-level token (C66BOT_SLACK_APP_TOKEN)", "connections:write", err)
	}
	if u, err := url.Parse(address); err != nil || (u.Scheme != "wss" && u.Scheme != "ws") {
		return nil, errors.New("apps.connections.open gave an address that is no websocket's") // the address holds a ticket
	}
	ws, response, err := s.dialer.DialContext(openCtx, address, nil)
	if response != nil && response.Body != nil {
		_ = response.Body.Close() // of a handshake: there is nothing in it to lose
	}
	if err != nil {
		return nil, fmt.Errorf("open the websocket: %w", webapi.WithoutURL(err))
	}
	c := &connection{ws: ws, log: s.log, hello: make(chan socketmode.Request, 1), leaving: make(chan struct{}), ended: make(chan struct{})}
	s.conns.Go(func() { s.serve(ctx, c) })
	select {
	case hello := <-c.hello:
		s.greet(hello)
		return c, nil
	case <-c.leaving:
		c.close() // a server that asks us to leave may keep it open
		return nil, fmt.Errorf("the websocket closed before its hello: %w", c.err)
	case <-time.After(helloTimeout):
		c.leave(errors.New("no hello came"))
		c.close()
		return nil, errors.New("the websocket gave no hello in time")
	}
}

// greet takes note of a hello. Other connections of the app than our own take part of the envelopes.
func (s *socket) greet(hello socketmode.Request) {
	s.mu.Lock()
	own := s.open
	others := max(0, hello.NumConnections-own)
	s.extra = others
	s.mu.Unlock()
	if others > 0 {
		s.log.Warn("the app has another connection: another instance takes part of the commands", "connections", hello.NumConnections, "own", own)
	}
	s.log.Info("connected to Slack", "app", hello.ConnectionInfo.AppID, "host", hello.DebugInfo.Host)
}

// others gives the number of connections of the app that were not ours when the last one opened.
func (s *socket) others() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.extra
}

// serve reads a connection to its end, and pings it so that a dead one is noticed.
func (s *socket) serve(ctx context.Context, c *connection) {
	s.count(1)
	defer s.count(-1)
	stop := context.AfterFunc(ctx, c.endReading)
	defer stop()
	done := make(chan struct{})
	var pings sync.WaitGroup
	pings.Go(func() { c.ping(done) })
	err := c.read(s.take)
	close(done)
	pings.Wait()
	c.leave(err)
	c.drain()
	c.close()
	close(c.ended)
	s.lost(c)
}

func (s *socket) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open += n
}

// retire closes an old connection after a while in which Slack may still deliver on it.
func (c *connection) retire() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.retired { // nothing more is read of it at all
		return
	}
	c.retired = true
	_ = c.ws.SetReadDeadline(time.Now().Add(drainFor)) // fails only on a closed connection
}

// endReading has nothing more read, so that what came can still be acknowledged.
func (c *connection) endReading() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retired = true
	_ = c.ws.SetReadDeadline(time.Now()) // fails only on a closed connection
}

// drain waits a while for the acknowledgements of what came.
func (c *connection) drain() {
	done := make(chan struct{})
	go func() { c.unacked.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(ackDrain):
	}
}

// connection is one websocket.
type connection struct {
	ws      *websocket.Conn
	log     *slog.Logger
	hello   chan socketmode.Request
	leaving chan struct{} // closed when a successor is needed
	ended   chan struct{} // closed when nothing more is read

	writing sync.Mutex
	once    sync.Once
	err     error // why it is left; set before leaving is closed

	unacked sync.WaitGroup // envelopes that are not acknowledged yet

	mu      sync.Mutex
	retired bool
	pong    time.Time // the last answer to a ping of ours; zero where this server has never given one
	shut    sync.Once
}

// leave says that a successor is needed, and why. The first reason counts.
func (c *connection) leave(err error) {
	c.once.Do(func() {
		c.err = err
		close(c.leaving)
	})
}

func (c *connection) close() { c.shut.Do(func() { _ = c.ws.Close() }) }

// alive moves the time by which another frame must come, unless the connection only drains.
func (c *connection) alive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.retired {
		_ = c.ws.SetReadDeadline(time.Now().Add(silence)) // fails only on a closed connection, which the read tells
	}
}

// read takes frames until the connection ends.
func (c *connection) read(take taker) error {
	c.ws.SetReadLimit(maxFrame)
	c.ws.SetPongHandler(func(string) error {
		c.mu.Lock()
		c.pong = time.Now()
		c.mu.Unlock()
		c.alive()
		return nil
	})
	c.ws.SetPingHandler(func(data string) error {
		c.alive()
		err := c.ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeTimeout))
		var timeout net.Error
		if errors.Is(err, websocket.ErrCloseSent) || errors.As(err, &timeout) {
			return nil // the read tells how it ends
		}
		return err
	})
	c.alive()
	for {
		kind, frame, err := c.ws.ReadMessage()
		if err != nil {
			return err
		}
		c.alive()
		if kind == websocket.TextMessage {
			c.frame(frame, take)
		}
	}
}

// frame takes one frame. What is no JSON object is a ping in words; an envelope of an unexpected shape is acknowledged, since Slack would
// send it again and again.
func (c *connection) frame(frame []byte, take taker) {
	var env socketmode.Request
	if err := json.Unmarshal(frame, &env); err != nil {
		var least struct {
			EnvelopeID string `json:"envelope_id"`
		}
		if json.Unmarshal(frame, &least) == nil && least.EnvelopeID != "" {
			c.log.Error("an envelope could not be read; it is acknowledged and dropped", "envelope", least.EnvelopeID, "error", err)
			if err := c.ack(least.EnvelopeID, nil); err != nil {
				c.log.Warn("acknowledgement not written", "envelope", least.EnvelopeID, "error", err)
			}
		}
		return
	}
	switch {
	case env.Type == "hello":
		select {
		case c.hello <- env:
		default:
		}
	case env.Type == "disconnect":
		c.log.Info("Slack asks for a new connection", "reason", disconnectReason(env.Reason))
		c.leave(fmt.Errorf("closed by Slack: %s", disconnectReason(env.Reason)))
	case env.EnvelopeID != "":
		acked := take(env, func(payload any) error { return c.ack(env.EnvelopeID, payload) })
		select {
		case <-acked:
		default:
			c.unacked.Go(func() { <-acked })
		}
	}
}

func disconnectReason(reason string) string {
	switch reason {
	case "link_disabled":
		return "Socket Mode is turned off in the app's settings"
	case "too_many_websockets":
		return "the app has too many connections; other instances use its token"
	default:
		return reason
	}
}

// ack acknowledges an envelope. It returns when the acknowledgement is written, or was not.
func (c *connection) ack(id string, payload any) error {
	b, err := json.Marshal(socketmode.Response{EnvelopeID: id, Payload: payload})
	if err != nil {
		return fmt.Errorf("encode an acknowledgement: %w", err)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.ws.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return fmt.Errorf("acknowledge %s: %w", id, err)
	}
	if err := c.ws.WriteMessage(websocket.TextMessage, b); err != nil {
		c.close() // nothing more can be written on it: Slack must deliver on another
		return fmt.Errorf("acknowledge %s: %w", id, err)
	}
	return nil
}

// ping asks for a sign of life until done: Slack's own pings do not show that our frames arrive. A connection on which pings were
// answered and are no more is closed.
func (c *connection) ping(done <-chan struct{}) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if c.deaf() || c.ws.WriteControl(websocket.PingMessage, []byte("c66bot"), time.Now().Add(writeTimeout)) != nil {
				c.close()
				return
			}
		}
	}
}

// deaf reports whether the other side has stopped answering pings.
func (c *connection) deaf() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.pong.IsZero() && time.Since(c.pong) > silence
}

// sleep waits, and reports whether the context is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
