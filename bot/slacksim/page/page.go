// Package page serves a simulated workspace to browsers: each tab looks through the eyes of one person.
//
// The app under app is built by Vite into dist, which is embedded. It keeps no state of its own: a stream of server-sent events
// (GET /events) carries everything that a person sees, at first all of it and then what changed, and each act of a person is a POST.
// The handler answers only to the host that it is reached by on loopback and refuses foreign origins.
package page

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"

	"c66bot/bot/slacksim"
)

//go:generate npm ci --prefix app --ignore-scripts --no-audit --no-fund
//go:generate npm run --prefix app build

//go:embed dist
var dist embed.FS

// Config describes the page of a workspace.
type Config struct {
	Workspace *slacksim.Workspace
	Team      string
	Home      string     // name of the channel that is open at first, for who is in it
	People    []Person   // whose eyes one can look through; the first is the default
	Commands  []Command  // for the completion in the composer
	Shortcuts []Shortcut // global shortcuts, for the same
	Panel     Panel      // the side panel; nil for none
}

// Person is a person of the switch.
type Person struct {
	ID   string `json:"id"`
	Role string `json:"role"` // such as "admin"
}

// Command is a slash command of the app's manifest.
type Command struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Hint        string `json:"hint"`
}

// Shortcut is a global shortcut of the app's manifest.
type Shortcut struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	ID          string `json:"id"`
}

// Panel is what the side panel shows and does. State is called often.
type Panel interface {
	State() any
	Do(ctx context.Context, act string, args map[string]string) error
}

// Page is the handler.
type Page struct {
	cfg  Config
	mux  *http.ServeMux
	done chan struct{} // closed by Close

	mu    sync.Mutex                   // guards the field below
	reads map[string]map[string]string // the newest timestamp read, by person and channel
}

// New returns the handler of a page.
func New(cfg Config) *Page {
	p := &Page{cfg: cfg, mux: http.NewServeMux(), done: make(chan struct{}), reads: map[string]map[string]string{}}
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the folder is embedded
	}
	static := http.FileServerFS(files)
	p.mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" && !p.isShown(r.URL.Query().Get("as")) {
			http.Redirect(w, r, "/?as="+cfg.People[0].ID, http.StatusFound)
			return
		}
		if path.Ext(r.URL.Path) == ".js" { // Independent of the system's table of types.
			w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		}
		static.ServeHTTP(w, r)
	})
	p.mux.HandleFunc("GET /events", p.events)
	p.mux.HandleFunc("POST /act", p.act)
	p.mux.HandleFunc("POST /panel", p.panel)
	return p
}

// Close ends all streams of events, which a server's shutdown waits for.
func (p *Page) Close() { close(p.done) }

// policy allows what the page itself brings. The library's styles of elements need no inline style sheets.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// ServeHTTP serves the page, its events and its acts.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-store")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	switch {
	case !isLoopback(r.Host):
		http.Error(w, "not one of my names: ask by 127.0.0.1 or localhost", http.StatusMisdirectedRequest)
	case !ownOrigin(r):
		http.Error(w, "a foreign page may not ask this one", http.StatusForbidden)
	case r.Method == http.MethodPost && r.Header.Get("Content-Type") != "application/json":
		http.Error(w, "acts are JSON", http.StatusUnsupportedMediaType)
	default:
		p.mux.ServeHTTP(w, r)
	}
}

// isLoopback reports whether the host of a request is a name of the loopback interface. Any other could be a public name that its owner
// resolves to loopback.
func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// ownOrigin reports whether a request comes from the page itself or from no page at all, such as a link that was followed.
func ownOrigin(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		return err == nil && u.Scheme == "http" && u.Host == r.Host
	}
	site := r.Header.Get("Sec-Fetch-Site")
	return slices.Contains([]string{"", "none", "same-origin"}, site) || r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.URL.Path == "/"
}

// body decodes the JSON of an act.
func body[T any](w http.ResponseWriter, r *http.Request) (t T, err error) {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	decoder.DisallowUnknownFields()
	return t, decoder.Decode(&t)
}

// reply answers an act: what it returned, or the text that the person reads.
func reply(w http.ResponseWriter, result any, err error) {
	answer := map[string]any{"result": result}
	if err != nil {
		answer = map[string]any{"error": err.Error()}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // The browser may be gone.
}

func (p *Page) panel(w http.ResponseWriter, r *http.Request) {
	given, err := body[struct {
		Act  string            `json:"act"`
		Args map[string]string `json:"args"`
	}](w, r)
	if err == nil && p.cfg.Panel == nil {
		err = errors.New("the page has no panel")
	}
	if err == nil {
		err = p.cfg.Panel.Do(r.Context(), given.Act, given.Args)
	}
	reply(w, nil, err)
}
