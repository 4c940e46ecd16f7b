// Package slacksim simulates a headless Slack workspace with one app in Socket Mode. An http.Handler serves the Web API, the websocket and
// the response_urls. With a Go API tests and the demo act as people: they send commands, click, use shortcuts, fill in modal views and
// mention the bot.
//
// It is as strict as Slack's documentation, and stricter where Slack is sometimes lenient: it enforces every block limit, scope, membership
// and rate limit, and Violations lists each breach of the protocol. It refuses block types and methods that the bot does not use.
// Faults of calls (Throttle, FailCall, …) and of sockets (Disconnect, Drop, …) reproduce Slack's failures.
//
// It imports no Slack library and none of the bot's packages: its own wire types share no mistake with a client. Messages and views are
// returned as snapshots. All waits work in a testing/synctest bubble; the lock is never held across one, and timers run with it held.
package slacksim

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The ids of the workspace and of the app installed in it.
const (
	teamID    = "T0HOME"
	appID     = "A0C66"
	botID     = "B0C66"
	botUserID = "U0C66BOT"
)

// Workspace is a simulated Slack workspace with one app. Exported methods are safe for concurrent use. Unexported ones require the lock,
// except those that serve HTTP, run a socket or handle a fault.
type Workspace struct {
	opts Options
	app  Manifest
	mux  *http.ServeMux
	done chan struct{}  // closed by Close
	wg   sync.WaitGroup // sockets

	mu      sync.Mutex // guards the fields below
	closed  bool
	changed chan struct{} // closed and replaced on each change
	lastTS  int64         // the newest timestamp, in microseconds
	lastID  int
	ahead   time.Duration // offset of the workspace's clock from time.Now
	base    string        // scheme and host of the last request

	users    map[string]*User
	channels map[string]*channelState
	groups   map[string]*Group
	groupIDs []string          // in order of creation
	names    map[string]string // display names by id; replaced, never modified

	tickets   map[string]time.Time // expiry by ticket
	sockets   []*socket
	turn      int // round-robin counter of the sockets
	twist     func(frame map[string]any)
	oldest    bool
	socketSeq int
	envelopes map[string]*envelope
	waiting   []*envelope // for the next socket
	hooks     map[string]*hook
	slashes   int
	triggers  map[string]*trigger
	views     map[string]*viewState // open views by user

	faults   map[string][]*fault
	endless  bool   // see RepeatPages
	noBlocks string // error code for messages with blocks, see RefuseBlocks
	windows  map[string][]time.Time
	limiters map[string]*rate.Limiter // of posts, by channel

	events     []Event
	calls      []Call
	violations []string
}

// New returns a workspace whose only users are the bot and Slackbot. It panics if ParseManifest refuses Options.Manifest.
func New(o Options) *Workspace {
	o, app := o.withDefaults()
	w := &Workspace{
		opts: o, app: app, done: make(chan struct{}), changed: make(chan struct{}),
		users: map[string]*User{}, channels: map[string]*channelState{}, groups: map[string]*Group{}, names: map[string]string{},
		tickets: map[string]time.Time{}, envelopes: map[string]*envelope{}, hooks: map[string]*hook{}, triggers: map[string]*trigger{},
		views: map[string]*viewState{}, faults: map[string][]*fault{}, windows: map[string][]time.Time{}, limiters: map[string]*rate.Limiter{},
	}
	w.mux = http.NewServeMux()
	w.mux.HandleFunc("/api/{method}", func(rw http.ResponseWriter, r *http.Request) {
		w.serve(rw, r, r.PathValue("method"), w.call, w.writeJSON)
	})
	w.mux.HandleFunc("POST /hooks/{id}", func(rw http.ResponseWriter, r *http.Request) {
		w.serve(rw, r, ResponseURL, func(c *apiCall) (answer, error) { return nil, w.useHook(r.PathValue("id"), c) }, w.writeHook)
	})
	w.mux.HandleFunc("GET /link/", w.serveLink)
	w.AddUser(User{ID: botUserID, Name: app.BotName, RealName: app.BotName, IsBot: true})
	w.AddUser(User{ID: slackbot, Name: "slackbot", RealName: "Slackbot"})
	return w
}

// ServeHTTP serves /api/<method>, the websocket under /link/ and the response_urls under /hooks/.
func (w *Workspace) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	w.mu.Lock()
	w.base = scheme + "://" + r.Host
	closed := w.closed
	w.mu.Unlock()
	if closed {
		http.Error(rw, "the workspace is closed", http.StatusServiceUnavailable)
		return
	}
	w.mux.ServeHTTP(rw, r)
}

// Close cuts every socket and joins its goroutines. Pending timers become no-ops.
func (w *Workspace) Close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.done)
		for _, s := range w.sockets {
			s.cut()
		}
		w.touch()
	}
	w.mu.Unlock()
	w.wg.Wait()
}

// WaitFor blocks until cond holds. It calls cond at once and after every change, without the lock. It fails when ctx ends or the
// workspace is closed.
func (w *Workspace) WaitFor(ctx context.Context, cond func() bool) error {
	for {
		w.mu.Lock()
		changed := w.changed
		w.mu.Unlock()
		if cond() {
			return nil
		}
		select {
		case <-changed:
		case <-w.done:
			return fmt.Errorf("wait for a change of the workspace: %w", http.ErrServerClosed)
		case <-ctx.Done():
			return fmt.Errorf("wait for a change of the workspace: %w", ctx.Err())
		}
	}
}

// lock acquires the lock and returns the function that releases it.
func (w *Workspace) lock() func() {
	w.mu.Lock()
	return w.mu.Unlock
}

func (w *Workspace) touch() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// after runs f with the lock held after d, unless the workspace is closed by then.
func (w *Workspace) after(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(d, func() {
		defer w.lock()()
		if !w.closed {
			f()
		}
	})
}

// SetClock sets the offset of the workspace's clock from time.Now. It applies to timestamps and to the header Date.
func (w *Workspace) SetClock(ahead time.Duration) {
	defer w.lock()()
	w.ahead, w.lastTS = ahead, 0
}

// nextTS returns a unique, ascending timestamp such as "1700000000.000100".
func (w *Workspace) nextTS() string {
	w.lastTS = max(w.lastTS+1, time.Now().Add(w.ahead).UnixMicro())
	return fmt.Sprintf("%d.%06d", w.lastTS/1e6, w.lastTS%1e6)
}

// parseTS parses a timestamp, with or without a fraction, as microseconds.
func parseTS(ts string) (int64, bool) {
	whole, fraction, _ := strings.Cut(ts, ".")
	if len(fraction) > 6 {
		return 0, false
	}
	micros, err := strconv.ParseInt(whole+(fraction + "000000")[:6], 10, 64)
	return micros, err == nil
}

func (w *Workspace) nextID() int {
	w.lastID++
	return w.lastID
}

// shortID returns a unique id in base 36, like Slack's short ids.
func (w *Workspace) shortID() string { return strconv.FormatInt(int64(w.nextID())+46656, 36) }
