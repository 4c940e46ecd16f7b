package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"

	"c66bot/bot/webapi"
)

// The socket's times. Slack pings every few seconds; a connection without any frame for silentTicks is dead.
const (
	openTimeout  = 15 * time.Second
	helloTimeout = 10 * time.Second
	tickEvery    = 5 * time.Second
	silentTicks  = 6
	pingTicks    = 2                // between two pings of ours
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
	http   *http.Client // of api
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
type taker func(env envelope, ack func(payload any) error) (acked <-chan struct{})

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
	s.http.CloseIdleConnections() // what has ended the last connection may have ended these too, and nothing tells
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
	c := &connection{ws: ws, log: s.log, hello: make(chan frame, 1), leaving: make(chan struct{}), ended: make(chan struct{})}
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
func (s *socket) greet(hello frame) {
	s.mu.Lock()
	own := s.open
	others := max(0, int(hello.NumConnections)-own)
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

// serve reads a connection to its end, and watches it so that a dead one is noticed.
func (s *socket) serve(ctx context.Context, c *connection) {
	s.count(1)
	defer s.count(-1)
	stop := context.AfterFunc(ctx, c.endReading)
	defer stop()
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() { c.watch(done) })
	c.leave(c.read(s.take))
	close(done)
	c.drain()
	c.close()
	close(c.ended)
	s.lost(c)
	watch.Wait()
}

func (s *socket) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open += n
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
