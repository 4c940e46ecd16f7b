// Package socket keeps a Socket Mode connection to Slack open.
//
// Its read loop is its own, because slack-go's Run hides whether an acknowledgement was written. It hands over each envelope with a
// function that acknowledges it on the connection it came on, and with the earliest time at which it can have arrived: after a standstill
// of the process the frames in the socket's buffer are older than they seem, and Slack may have given them up. At a refresh the new
// connection is established before the old one ends, and the old one is read until Slack closes it or drainFor has passed, so that no
// envelope is lost in between.
package socket

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

	"c66bot/bot/routine"
	"c66bot/bot/webapi"
)

// Timings of the socket. Slack pings every few seconds; a connection without a frame for silentTicks is dead.
const (
	openTimeout  = 15 * time.Second
	helloTimeout = 10 * time.Second
	tickEvery    = 5 * time.Second
	silentTicks  = 6
	pingTicks    = 2                // ticks between two of our pings
	writeTimeout = 2 * time.Second  // for an acknowledgement, which is due within 3 s
	ackDrain     = time.Second      // wait for pending acknowledgements after reading has ended
	drainFor     = 30 * time.Second // an old connection is read alongside its successor for this long

	shortestAttempt = time.Second // between two connection attempts
	longestAttempt  = 30 * time.Second
	settledAfter    = 10 * time.Second // a connection that lived this long counts as good
	maxFrame        = 4 << 20

	// Another instance is reported while the hello that counted it is fresh. The bot reconnects after recountAfter to count again, because
	// that hello may have counted an earlier process. Slack may count a closed connection of our own for closingTime.
	freshHello   = 5 * time.Minute
	recountAfter = 3 * time.Minute
	closingTime  = 2 * time.Minute
)

// Config holds the dependencies of a Socket.
type Config struct {
	API   *slack.Client
	HTTP  *http.Client // the client used by API
	Dial  webapi.Dial  // opens connections; nil means the net package's dialer
	Take  Taker
	Hello func()        // called for each established connection
	Beat  time.Duration // interval of the standstill detection, normally Beat; 0 for none
	Log   *slog.Logger
}

// Taker handles an envelope without blocking. received is the earliest time at which it can have arrived. The returned channel is closed
// when the envelope is acknowledged or never will be.
type Taker func(env Envelope, received time.Time, ack func(payload any) error) (acked <-chan struct{})

// Socket is a Socket Mode connection with its successors.
type Socket struct {
	Config
	dialer websocket.Dialer
	conns  sync.WaitGroup

	mu      sync.Mutex                // guards the state below and that of each connection
	own     map[*connection]time.Time // end times of our own connections, also of recent ones; zero while open or draining
	extra   int                       // connections of other instances at the last hello
	counted time.Time                 // time of the last hello
	current *connection
	fault   error // error of the last attempt, nil if it succeeded
	pulse   pulse
}

// New returns a Socket. It makes no connection.
func New(cfg Config) *Socket {
	return &Socket{
		Config: cfg, own: map[*connection]time.Time{},
		dialer: websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: openTimeout, NetDialContext: cfg.Dial},
	}
}

// Run connects and reconnects until the context ends. It returns when all connections are closed.
func (s *Socket) Run(ctx context.Context) {
	defer s.conns.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.Beat > 0 {
		s.conns.Go(func() { s.beats(ctx) })
	}
	var (
		faults int
		last   time.Time
		token  webapi.Trust
		pause  = shortestAttempt
	)
	for {
		if !routine.Sleep(ctx, time.Until(last.Add(pause))) {
			return
		}
		last = time.Now()
		next, err := s.connect(ctx)
		if err != nil {
			faults++
			pause = s.report(ctx, err, &token, faults)
			continue
		}
		token.Accept()
		s.succeed(next)
		s.Hello()
		var recount <-chan time.Time
		if s.Others() > 0 {
			recount = time.After(recountAfter)
		}
		select {
		case <-ctx.Done():
			return
		case <-next.leaving: // a connection that Slack asks us to leave is read until its successor is established
		case <-recount:
		}
		if faults++; time.Since(last) > settledAfter {
			faults = 0
		}
		pause = growing(faults)
	}
}

func growing(faults int) time.Duration { return min(shortestAttempt<<min(faults, 6), longestAttempt) }

// succeed makes a connection the current one. Its predecessor is read for drainFor, since Slack may still deliver on it.
func (s *Socket) succeed(next *connection) {
	s.mu.Lock()
	old := s.current
	s.current, s.fault = next, nil
	s.mu.Unlock()
	if old != nil {
		old.readUntil(time.Now().Add(drainFor))
	}
}

// Err returns the reason why there is no connection, or nil. A connection that Slack asked us to leave still counts.
func (s *Socket) Err() error {
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
	case s.fault != nil: // newer than the end of the connection
		return s.fault
	case s.current != nil:
		return fmt.Errorf("the connection to Slack was lost: %w", s.current.reason)
	default:
		return errors.New("not connected to Slack yet")
	}
}

// report records a failed attempt and returns the time between its start and the start of the next one.
func (s *Socket) report(ctx context.Context, err error, token *webapi.Trust, faults int) time.Duration {
	if ctx.Err() != nil {
		return 0
	}
	s.mu.Lock()
	s.fault = err
	s.mu.Unlock()
	if _, refused := errors.AsType[*webapi.TokenError](err); refused {
		_, again := token.Refuse()
		s.Log.Error("Slack refuses the connection; it is not tried again at once", "error", err, "again_in", again)
		return again
	}
	s.Log.Warn("no connection to Slack yet", "error", err)
	return growing(faults)
}

func (s *Socket) connect(ctx context.Context) (*connection, error) {
	openCtx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	s.HTTP.CloseIdleConnections() // the end of the last connection may have silently broken these
	_, address, err := s.API.StartSocketModeContext(openCtx)
	if err != nil {
		return nil, webapi.ExplainToken("app-level token (C66BOT_SLACK_APP_TOKEN)", "connections:write", err)
	}
	if u, err := url.Parse(address); err != nil || (u.Scheme != "wss" && u.Scheme != "ws") {
		return nil, errors.New("apps.connections.open gave an address that is no websocket's") // the address holds a ticket
	}
	ws, response, err := s.dialer.DialContext(openCtx, address, nil)
	if response != nil && response.Body != nil {
		_ = response.Body.Close() // the handshake's body loses nothing
	}
	if err != nil {
		return nil, fmt.Errorf("open the websocket: %w", webapi.WithoutURL(err))
	}
	c := s.connection(ws)
	s.conns.Go(func() { c.serve(ctx) })
	select {
	case hello := <-c.hello:
		s.greet(hello)
		return c, nil
	case <-c.leaving:
		c.close() // a server that asks us to leave may keep it open
		return nil, fmt.Errorf("the websocket closed before its hello: %w", c.reason)
	case <-time.After(helloTimeout):
		c.drop("no hello came")
		return nil, errors.New("the websocket gave no hello in time")
	}
}

func (s *Socket) greet(hello frame) {
	s.mu.Lock()
	maps.DeleteFunc(s.own, func(_ *connection, end time.Time) bool { return !end.IsZero() && Since(end) > closingTime })
	own := len(s.own)
	others := max(0, hello.NumConnections.count()-own)
	s.extra, s.counted = others, time.Now()
	s.mu.Unlock()
	if others > 0 {
		s.Log.Warn("the app has another connection: another instance takes part of the commands", "connections", hello.NumConnections, "own", own)
	}
	s.Log.Info("connected to Slack", "app", hello.ConnectionInfo.AppID, "host", hello.DebugInfo.Host)
}

// Others returns the number of the app's connections that are not ours, or 0 if no fresh hello says so.
func (s *Socket) Others() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if Since(s.counted) > freshHello {
		return 0
	}
	return s.extra
}

func (s *Socket) connection(ws *websocket.Conn) *connection {
	return &connection{
		Socket: s, ws: ws, hello: make(chan frame, 1), leaving: make(chan struct{}), ended: make(chan struct{}), empty: time.Now(),
	}
}

func (s *Socket) beats(ctx context.Context) {
	tick := time.NewTicker(s.Beat)
	defer tick.Stop()
	for {
		s.mu.Lock()
		s.pulse.beat(time.Now())
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// note records a connection of our own and, once it ended, when.
func (s *Socket) note(c *connection, end time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.own[c] = end
}
