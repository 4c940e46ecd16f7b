package slacksim

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Workspace is one simulated Slack workspace with one app. Its methods may be
// called from any goroutine.
type Workspace struct {
	opts Options
	app  declared
	mux  *http.ServeMux
	done chan struct{}  // closed by Close
	wg   sync.WaitGroup // sockets, timers and observers

	mu      sync.Mutex
	closed  bool
	changed chan struct{} // closed and replaced at each change
	timers  map[*timer]struct{}
	lastTS  int64 // microseconds of the newest timestamp given out
	lastID  int
	ahead   time.Duration // the workspace's clock, of time.Now
	endless bool          // lists never end
	noForm  string        // the code that refuses every message with blocks
	base    string        // scheme and host under which the app reaches the workspace

	users    map[string]*User
	userIDs  []string // in order of arrival
	channels map[string]*channelState
	chanIDs  []string
	groups   map[string]*Group
	groupIDs []string
	names    map[string]string // what people read for an id; replaced, never changed

	tickets   map[string]ticket
	sockets   []*socket
	turn      int // whose turn it is among the sockets
	twist     func(frame map[string]any)
	oldest    bool
	socketSeq int

	envelopes map[string]*envelope
	waiting   []*envelope // for the next socket that connects
	hooks     map[string]*hook
	slashes   int

	triggers map[string]*trigger
	views    map[string]*viewState   // the open ones
	stacks   map[string][]*viewState // by user, the bottom one first

	faults   map[string][]*fault
	windows  map[string][]time.Time
	channelR map[string]*bucket

	events     []Event
	calls      []Call
	violations []string
}

// New returns a workspace that holds the bot's user and nobody else. It panics
// where Options.Manifest is not one that ParseManifest takes.
func New(o Options) *Workspace {
	o, app := o.withManifest()
	w := &Workspace{
		opts: o.withDefaults(), app: app, done: make(chan struct{}), changed: make(chan struct{}),
		timers: map[*timer]struct{}{}, users: map[string]*User{}, channels: map[string]*channelState{},
		groups: map[string]*Group{}, names: map[string]string{}, tickets: map[string]ticket{},
		envelopes: map[string]*envelope{}, hooks: map[string]*hook{}, faults: map[string][]*fault{},
		windows: map[string][]time.Time{}, channelR: map[string]*bucket{},
		triggers: map[string]*trigger{}, views: map[string]*viewState{}, stacks: map[string][]*viewState{},
	}
	w.mux = http.NewServeMux()
	w.mux.HandleFunc("/api/{method}", w.serveAPI)
	w.mux.HandleFunc("GET /link/", w.serveLink)
	w.mux.HandleFunc("POST /commands/{team}/{id}", w.serveHook)
	w.mux.HandleFunc("POST /actions/{team}/{id}", w.serveHook)
	w.mux.HandleFunc("POST /app/{team}/{id}", w.serveHook)
	w.AddUser(User{ID: w.opts.BotUserID, Name: w.opts.BotName, RealName: w.opts.BotName, IsBot: true})
	w.AddUser(User{ID: slackbot, Name: "slackbot", RealName: "Slackbot"})
	return w
}

// ServeHTTP serves /api/<method>, the websocket under /link/ and the
// response_urls under /commands/, /actions/ and /app/.
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

// Close closes every socket, stops every timer and joins every goroutine of the workspace.
func (w *Workspace) Close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.done)
		for t := range w.timers {
			w.stop(t)
		}
		for _, s := range w.sockets {
			s.cut()
		}
		w.touch()
	}
	w.mu.Unlock()
	w.wg.Wait()
}

// WaitFor returns nil as soon as cond holds. It asks cond first and then after
// every change of the workspace; cond may call the workspace's methods.
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

// touch wakes whoever waits for a change. The lock is held.
func (w *Workspace) touch() {
	close(w.changed)
	w.changed = make(chan struct{})
}
