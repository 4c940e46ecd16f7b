package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
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
	settledAfter    = 10 * time.Second // a connection that lived so long was a good one
	maxFrame        = 4 << 20

	// Another instance is reported while a hello that counts it is fresh. The bot connects anew after recountAfter to count again: the
	// hello may have counted an earlier process. Slack may count a connection of our own for closingTime after its end.
	freshHello   = 5 * time.Minute
	recountAfter = 3 * time.Minute
	closingTime  = 2 * time.Minute
)

// socket keeps a Socket Mode connection open. At a refresh the new connection stands before the old one goes, and the old one is read
// until Slack closes it, so that no envelope is lost between them.
type socket struct {
	api    *slack.Client
	http   *http.Client // of api
	dialer *websocket.Dialer
	log    *slog.Logger
	take   taker
	hello  func() // told of each connection that stands
	pulse  pulse
	beat   time.Duration // of the pulse, 0 for none

	conns   sync.WaitGroup
	mu      sync.Mutex
	own     map[*connection]time.Time // when each of our own ended, also lately; zero for those that are open or drain
	extra   int                       // connections of the app that were not ours at the last hello
	counted time.Time                 // when that was
	current *connection
	fault   error // of the last attempt, where it brought no connection
}

// taker takes an envelope, which may have arrived as early as received, and does not wait. The channel is closed when it is acknowledged or
// never will be.
type taker func(env envelope, received time.Time, ack func(payload any) error) (acked <-chan struct{})

// run connects, and connects again, until the context ends. It returns when every connection is closed.
func (s *socket) run(ctx context.Context) {
	defer s.conns.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.beat > 0 {
		s.conns.Go(func() { s.pulse.run(ctx, s.beat) })
	}
	var (
		faults int
		last   time.Time
		token  trust
		pause  = shortestAttempt
	)
	for {
		if !sleep(ctx, time.Until(last.Add(pause))) {
			return
		}
		last = time.Now()
		next, err := s.connect(ctx)
		if err != nil {
			faults++
			pause = s.report(ctx, err, &token, faults)
			continue
		}
		token.accept()
		s.succeed(next)
		s.hello()
		var recount <-chan time.Time
		if s.others() > 0 {
			recount = time.After(recountAfter)
		}
		select {
		case <-ctx.Done():
			return
		case <-next.leaving: // one that Slack asks us to leave is read on until its successor stands
		case <-recount:
		}
		if faults++; time.Since(last) > settledAfter {
			faults = 0
		}
		pause = growing(faults)
	}
}

// growing is the time between two attempts to connect after so many faults.
func growing(faults int) time.Duration { return min(shortestAttempt<<min(faults, 6), longestAttempt) }

// succeed makes a connection the current one. Its predecessor is read a while longer, since Slack may still deliver on it.
func (s *socket) succeed(next *connection) {
	s.mu.Lock()
	old := s.current
	s.current, s.fault = next, nil
	s.mu.Unlock()
	if old != nil {
		old.readUntil(time.Now().Add(drainFor))
	}
}

// err says why there is no connection, nil where there is one. Slack may have asked us to leave that.
func (s *socket) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil {
		select {
		case <-s.current.ended:
		default:
			return nil
		}
	}
	switch {
	case s.fault != nil: // which is newer than why the connection ended
		return s.fault
	case s.current != nil:
		return fmt.Errorf("the connection to Slack was lost: %w", s.current.err)
	default:
		return errors.New("not connected to Slack yet")
	}
}

// report says why there is no new connection. It gives the time between this attempt and the next.
func (s *socket) report(ctx context.Context, err error, token *trust, faults int) time.Duration {
	if ctx.Err() != nil {
		return 0
	}
	s.mu.Lock()
	s.fault = err
	s.mu.Unlock()
	if _, refused := errors.AsType[*tokenError](err); refused {
		_, again := token.refuse()
		s.log.Error("Slack refuses the connection; it is not tried again at once", "error", err, "again_in", again)
		return again
	}
	s.log.Warn("no connection to Slack yet", "error", err)
	return growing(faults)
}

// connect opens a connection and waits for its hello.
func (s *socket) connect(ctx context.Context) (*connection, error) {
	openCtx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	s.http.CloseIdleConnections() // what ended the last connection may have ended these silently
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
	c := &connection{ws: ws, log: s.log, pulse: &s.pulse, hello: make(chan frame, 1), leaving: make(chan struct{}), ended: make(chan struct{})}
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
	maps.DeleteFunc(s.own, func(_ *connection, end time.Time) bool { return !end.IsZero() && since(end) > closingTime })
	own := len(s.own)
	others := max(0, hello.NumConnections.count()-own)
	s.extra, s.counted = others, time.Now()
	s.mu.Unlock()
	if others > 0 {
		s.log.Warn("the app has another connection: another instance takes part of the commands", "connections", hello.NumConnections, "own", own)
	}
	s.log.Info("connected to Slack", "app", hello.ConnectionInfo.AppID, "host", hello.DebugInfo.Host)
}

// others gives the number of connections of the app that are not ours, as far as a fresh hello says so.
func (s *socket) others() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if since(s.counted) > freshHello {
		return 0
	}
	return s.extra
}

// serve reads a connection to its end, and watches it so that a dead one is noticed.
func (s *socket) serve(ctx context.Context, c *connection) {
	s.note(c, time.Time{})
	defer func() { s.note(c, time.Now()) }()
	stop := context.AfterFunc(ctx, func() { c.readUntil(time.Now()) }) // what came can still be acknowledged
	defer stop()
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() { c.watch(done) })
	c.leave(c.read(s.take))
	close(done)
	ended(&c.unacked, ackDrain)
	c.close()
	close(c.ended)
	watch.Wait()
}

// note takes note of a connection of our own, and of when it ended.
func (s *socket) note(c *connection, end time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own == nil {
		s.own = map[*connection]time.Time{}
	}
	s.own[c] = end
}

// ended waits until nothing in a group is under way, for as long as it may take.
func ended(group *sync.WaitGroup, limit time.Duration) bool {
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	select {
	case <-done:
		return true
	case <-time.After(limit):
		return false
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
