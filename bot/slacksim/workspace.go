// Package slacksim is a simulated, headless Slack workspace for one app in Socket Mode: the Web API, the websocket and the response_urls as
// an http.Handler, and a Go API with which tests and the demo act as people: they send commands, click, use shortcuts, fill in modal views,
// and mention the bot.
//
// It is as strict as Slack's documentation, and stricter where Slack only sometimes forgives: every block limit, scope, membership and rate
// limit is enforced, and Violations lists each breach of the protocol. Block kinds and methods that the bot does not use are refused.
// Faults of calls (Throttle, FailCall, …) and of sockets (Disconnect, Drop, …) make it misbehave as Slack does.
//
// Its wire types are its own, so that it shares no mistake with a client library. All its waits work in a testing/synctest bubble.
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

// The workspace, and the app installed in it.
const (
	teamID    = "T0HOME"
	appID     = "A0C66"
	botID     = "B0C66"
	botUserID = "U0C66BOT"
)

// Workspace is one simulated Slack workspace with one app. Its exported methods may be called from any goroutine; the others need the lock,
// except those that serve HTTP, run a socket or make a fault.
type Workspace struct {
	opts Options
	app  Manifest
	mux  *http.ServeMux
	done chan struct{}  // closed by Close
	wg   sync.WaitGroup // sockets

	mu      sync.Mutex // guards all that follows
	closed  bool
	changed chan struct{} // closed and replaced at each change
	lastTS  int64         // microseconds of the newest timestamp
	lastID  int
	ahead   time.Duration // of the workspace's clock before time.Now
	base    string        // scheme and host under which the app reaches the workspace

	users    map[string]*User
	channels map[string]*channelState
	groups   map[string]*Group
	groupIDs []string          // in order of arrival
	names    map[string]string // what people read for an id; replaced, never changed

	tickets   map[string]time.Time // until when each can be used
	sockets   []*socket
	turn      int // whose turn it is among the sockets
	twist     func(frame map[string]any)
	oldest    bool
	socketSeq int
	envelopes map[string]*envelope
	waiting   []*envelope // for the next socket that connects
	hooks     map[string]*hook
	slashes   int
	triggers  map[string]*trigger
	views     map[string]*viewState // the open ones, by user

	faults   map[string][]*fault
	endless  bool   // lists never end
	noBlocks string // the code that refuses every message with blocks
	windows  map[string][]time.Time
	limiters map[string]*rate.Limiter // of posts, by channel

	events     []Event
	calls      []Call
	violations []string
}

// New returns a workspace that holds the bot's user and nobody else. It panics where ParseManifest refuses Options.Manifest.
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

// Close closes every socket and joins its goroutines; no timer does anything any more.
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

// WaitFor returns nil as soon as cond holds. It calls cond, which may call the workspace, first and after every change.
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

// lock takes the lock and returns what releases it.
func (w *Workspace) lock() func() {
	w.mu.Lock()
	return w.mu.Unlock
}

func (w *Workspace) touch() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// after runs f with the lock held once d has passed, unless the workspace is closed by then.
func (w *Workspace) after(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(d, func() {
		defer w.lock()()
		if !w.closed {
			f()
		}
	})
}

// SetClock sets the workspace's clock ahead of the caller's, or behind it. Timestamps and the header Date show it.
func (w *Workspace) SetClock(ahead time.Duration) {
	defer w.lock()()
	w.ahead, w.lastTS = ahead, 0
}

// nextTS gives out a timestamp like "1700000000.000100", unique and ascending.
func (w *Workspace) nextTS() string {
	w.lastTS = max(w.lastTS+1, time.Now().Add(w.ahead).UnixMicro())
	return fmt.Sprintf("%d.%06d", w.lastTS/1e6, w.lastTS%1e6)
}

// parseTS reads a timestamp as microseconds; whole seconds are fine too.
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

// shortID gives out a number in the letters and digits of Slack's short ids.
func (w *Workspace) shortID() string { return strconv.FormatInt(int64(w.nextID())+46656, 36) }
