package watch

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/cloud66"
	"c66bot/cloud66/cloud66sim"
	"c66bot/cloud66/panics"
	"c66bot/cloud66/secret"
	"c66bot/storage"
)

// reader wants stacks and keeps how far it has read them, as the bot does: a deployment's start and end are each news once.
type reader struct {
	follows

	mu        sync.Mutex
	wants     func(s cloud66.Stack) bool
	positions map[string]storage.Position
	firsts    map[string]int // how often each stack was given its first position by the list alone
	deaf      bool           // it keeps nothing
	looks     []Look
	rounds    []Round
	started   map[int64]time.Time // when a look showed it first
	ended     map[int64]time.Time
	twice     []int64  // told again
	gone      []string // stacks that the watcher dropped
}

// dropped is a log handler that notes which stacks the watcher drops.
type dropped struct {
	slog.Handler
	r *reader
}

// Enabled implements slog.Handler.
func (dropped) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (d dropped) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "a stack is on no page any more" {
		return nil
	}
	d.r.mu.Lock()
	defer d.r.mu.Unlock()
	r.Attrs(func(a slog.Attr) bool { d.r.gone = append(d.r.gone, a.Value.String()); return true })
	return nil
}

// allGone gives the stacks that the watcher dropped.
func (r *reader) allGone() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.gone)
}

func newReader() *reader {
	return &reader{
		wants:     func(cloud66.Stack) bool { return true },
		positions: map[string]storage.Position{}, firsts: map[string]int{}, started: map[int64]time.Time{}, ended: map[int64]time.Time{},
	}
}

// listed gives the aims of the stacks on a page, without those whose aim panics.
func (r *reader) listed(_ context.Context, stacks []cloud66.Stack) (map[string]Aim, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	aims := map[string]Aim{}
	for _, s := range stacks {
		_ = panics.Catch(func() error {
			if _, known := r.positions[s.UID]; !known && r.wants(s) && !s.Active() && !r.deaf {
				r.firsts[s.UID]++
				r.positions[s.UID] = storage.Position{Mark: MarkOf(s), Since: Later(s.LastActivity, time.Now().Add(-time.Hour)), At: time.Now()}
			}
			aims[s.UID] = r.aim(s.UID, &s)
			return nil
		})
	}
	return aims, nil
}

// aim gives what the records say of a stack.
func (r *reader) aim(uid string, listed *cloud66.Stack) Aim {
	a := Aim{Followed: r.followed(uid), Subscribed: listed != nil && r.wants(*listed)}
	if p, ok := r.positions[uid]; ok {
		a.Position = &p
	}
	return a
}

func (r *reader) seen(_ context.Context, l Look) (Aim, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a := r.aim(l.Stack, l.Listed); !l.Covers(a) {
		return a, nil
	}
	r.looks = append(r.looks, l)
	if l.Err == nil && !r.deaf {
		r.take(l)
	}
	return r.aim(l.Stack, l.Listed), nil
}

func (r *reader) take(l Look) {
	before, known := r.positions[l.Stack]
	after := storage.Position{Mark: l.Mark, Newest: before.Newest, Since: before.Since, At: l.At}
	if !known && l.Listed != nil {
		after.Since = Later(l.Listed.LastActivity, l.At.Add(-time.Hour))
	}
	for _, d := range slices.Concat(l.Newest, l.Others) {
		if !d.Ended() {
			after.Open = append(after.Open, d.ID)
		}
		after.Newest = max(after.Newest, d.ID)
		if isNews(before, after.Since, d) {
			r.tell(d, slices.Contains(before.Open, d.ID))
		}
	}
	r.positions[l.Stack] = after
}

func isNews(p storage.Position, since time.Time, d cloud66.Deployment) bool {
	if p.Newest == 0 {
		return !d.Ended() || d.StartedAt.After(since)
	}
	return d.ID > p.Newest || slices.Contains(p.Open, d.ID)
}

func (r *reader) tell(d cloud66.Deployment, open bool) {
	if _, ok := r.started[d.ID]; !ok {
		r.started[d.ID] = time.Now()
	} else if !open {
		r.twice = append(r.twice, d.ID)
	}
	if d.Ended() {
		r.ended[d.ID] = time.Now()
	}
}

func (r *reader) swept(_ context.Context, round Round) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rounds = append(r.rounds, round)
	return nil
}

func (r *reader) allRounds() []Round {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.rounds)
}

func (r *reader) allLooks() []Look {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.looks)
}

// account is a simulated Cloud 66 with a watcher over it, in a bubble.
type account struct {
	t      *testing.T
	sim    *cloud66sim.Sim
	reader *reader
	w      *watcher
	*cloud66.Client
	bend   atomic.Pointer[func(*cloud66.StackPage)] // what the list shows, where that is not what is
	change func(*Config)                            // the configuration of the next watcher
	idle   bool                                     // nothing is subscribed to when a watcher begins
	stop   func()
}

// StackPage is the client's, as the test bends it.
func (a *account) StackPage(ctx context.Context, number int) (cloud66.StackPage, error) {
	p, err := a.Client.StackPage(ctx, number)
	if bend := a.bend.Load(); bend != nil {
		(*bend)(&p)
	}
	return p, err
}

func (a *account) bendBy(bend func(*cloud66.StackPage)) { a.bend.Store(&bend) }

// newAccount has stacks named stack0000 and so on. Each request takes 200 ms. The watcher is not running yet.
func newAccount(t *testing.T, stacks, perHour int) *account {
	t.Helper()
	a := &account{t: t, sim: cloud66sim.New(cloud66sim.Options{RateLimit: 1_000_000}), reader: newReader(), stop: func() {}}
	var err error
	a.Client, err = cloud66.New(cloud66.Config{
		BaseURL: "http://cloud66.test/api/3", Token: secret.New(cloud66sim.DemoToken), RequestsPerHour: perHour, UserAgent: "test",
		Transport: slowed{a.sim.RoundTripper()},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range stacks {
		a.add(i)
	}
	return a
}

func uidOf(i int) string { return fmt.Sprintf("stack%04d", i) }

func (a *account) add(i int) {
	a.sim.AddStack(cloud66sim.Stack{UID: uidOf(i), Name: "web", UsualDuration: 10 * time.Minute, History: 3})
}

// run runs a watcher, after another one has ended.
func (a *account) run() {
	a.stop()
	ctx, cancel := context.WithCancel(a.t.Context())
	ended := make(chan struct{})
	cfg := Config{
		Cloud: a, Min: shortest, Max: longest, Log: slog.New(dropped{slog.DiscardHandler, a.reader}),
		Seen: a.reader.seen, List: a, Listed: a.reader.listed, Swept: a.reader.swept,
	}
	if a.change != nil {
		a.change(&cfg)
	}
	w := &watcher{New(cfg), &a.reader.follows}
	a.w = w
	w.Subscribed(!a.idle)
	go func() { w.Run(ctx); close(ended) }()
	a.stop = func() { cancel(); <-ended }
}

// deploy starts a deployment that takes so long.
func (a *account) deploy(i int, takes time.Duration) int64 {
	a.sim.NextOutcome(uidOf(i), cloud66sim.Next{Duration: takes})
	return a.sim.Deploy(uidOf(i), cloud66sim.Start{})
}

// watchingAll runs a test in a bubble over an account of so many stacks, with a watcher that has made its first round.
func watchingAll(t *testing.T, stacks int, test func(a *account)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t, stacks, 3000)
		a.run()
		defer func() { a.stop() }()
		time.Sleep(2 * time.Minute)
		test(a)
	})
}

// looksAt gives the looks at one stack since a time.
func (a *account) looksAt(i int, since time.Time) []Look {
	var found []Look
	for _, l := range a.reader.allLooks() {
		if l.Stack == uidOf(i) && !l.At.Before(since) {
			found = append(found, l)
		}
	}
	return found
}

// pagesSince gives how often each page of the stacks was asked for since a time.
func (a *account) pagesSince(since time.Time) map[string]int {
	pages := map[string]int{}
	for _, r := range a.sim.Requests() {
		if r.Path == "/api/3/stacks" && !r.Time.Before(since) {
			pages[r.Query.Get("page")]++
		}
	}
	return pages
}

// requests counts those since a time, for the list of stacks and for single stacks.
func (a *account) requests(since time.Time) (pages, looks int) {
	for _, r := range a.sim.Requests() {
		switch {
		case r.Time.Before(since):
		case r.Path == "/api/3/stacks":
			pages++
		default:
			looks++
		}
	}
	return pages, looks
}

// slowed has each request take 200 ms on its way.
type slowed struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (s slowed) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-time.After(200 * time.Millisecond):
	case <-r.Context().Done():
	}
	return s.RoundTripper.RoundTrip(r)
}

// traffic keeps so many deployments running on random stacks, each for 4 to 16 minutes, until the context ends.
type traffic struct {
	a     *account
	first int // stacks before this one are left alone
	mu    sync.Mutex
	rand  *rand.Rand
	busy  map[int]bool
	ids   map[int64]int // the deployments, and on which stack
}

func newTraffic(a *account, seed uint64) *traffic {
	return &traffic{a: a, rand: rand.New(rand.NewPCG(seed, 1)), busy: map[int]bool{}, ids: map[int64]int{}}
}

func (tr *traffic) run(ctx context.Context, stacks, running int) {
	var slots sync.WaitGroup
	for range running {
		slots.Go(func() {
			pause(ctx, tr.between(0, 10*time.Minute))
			for ctx.Err() == nil {
				takes := tr.between(4*time.Minute, 16*time.Minute)
				i := tr.start(stacks, takes)
				pause(ctx, takes)
				tr.mu.Lock()
				delete(tr.busy, i)
				tr.mu.Unlock()
				pause(ctx, tr.between(0, time.Second))
			}
		})
	}
	slots.Wait()
}

func (tr *traffic) between(lo, hi time.Duration) time.Duration {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return lo + time.Duration(tr.rand.Int64N(int64(hi-lo)))
}

func (tr *traffic) start(stacks int, takes time.Duration) int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	i := tr.first + tr.rand.IntN(stacks)
	for tr.busy[i] {
		i = tr.first + tr.rand.IntN(stacks)
	}
	tr.busy[i] = true
	if id := tr.a.deploy(i, takes); id > 0 {
		tr.ids[id] = i
	}
	return i
}

// deployments gives what became of those that were started, as far as their stacks are there.
func (tr *traffic) deployments() []cloud66sim.View {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	var all []cloud66sim.View
	for _, id := range slices.Sorted(maps.Keys(tr.ids)) {
		if v, ok := tr.a.sim.Deployment(uidOf(tr.ids[id]), id); ok {
			all = append(all, v)
		}
	}
	return all
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
