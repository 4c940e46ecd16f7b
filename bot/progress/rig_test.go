package progress_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"c66bot/authz"
	"c66bot/bot/channels"
	"c66bot/bot/outbox"
	"c66bot/bot/outbox/mortal"
	"c66bot/bot/progress"
	"c66bot/bot/slacksim"
	"c66bot/bot/webapi"
	"c66bot/cloud66"
	"c66bot/cloud66/cloud66sim"
	"c66bot/cloud66/secret"
	"c66bot/commands"
	"c66bot/storage"
	"c66bot/storage/bolt"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // The heap is small, and simulated time lets it be collected without end.
	goleak.VerifyTestMain(m)
}

const (
	lin     = "U0LIN"
	sam     = "U0SAM"
	deploys = "C0DEPLOYS"
	builds  = "C0BUILDS"
	ops     = "C0OPS"
	away    = "C0AWAY" // a channel without the bot
	docker  = "d0c4e5" // UID of a docker stack, where there is one
)

// rig is an outbox and a progress between both simulators, in a synctest bubble.
type rig struct {
	*testing.T

	slack *slacksim.Workspace
	cloud *cloud66sim.Sim
	net   *wire
	stack storage.StackRef
	path  string
	*life

	poll   time.Duration                // the shortest time between two looks
	after  time.Duration                // how long the health is watched
	stall  atomic.Pointer[func()]       // called before each commit, unless nil
	refuse atomic.Pointer[func() error] // called before each commit, which fails with its error, unless nil
	stacks map[string]storage.StackRef  // the stacks of followMany
	emails map[string]string            // the ids of users by their addresses
	judge  atomic.Pointer[judge]        // nil allows everything
	queues queues

	lookups atomic.Int64 // of addresses
	held    atomic.Bool  // a lock holds every stack
	barred  string       // a user who may redeploy nothing
}

// queues run work by name, first in, first out.
type queues struct {
	mu   sync.Mutex
	last map[string]chan struct{} // closed when the latest work has ended
}

func (q *queues) add(name string, do func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.last == nil {
		q.last = map[string]chan struct{}{}
	}
	before, ended := q.last[name], make(chan struct{})
	q.last[name] = ended
	go func() {
		defer close(ended)
		if before != nil {
			<-before
		}
		do()
	}()
}

// turn takes the next turn of a verb on the rig's stack, after the work of an earlier process, until done is called.
func (r *rig) turn(verb commands.Verb) (done func()) {
	<-r.progress.Resumed()
	begun, over := make(chan struct{}), make(chan struct{})
	r.queues.add(commands.QueueOf(verb, r.stack.UID), func() { close(begun); <-over })
	<-begun
	return func() { close(over) }
}

// judge decides whether a user may have news of a stack sent to a channel.
type judge func(user, channel string, stack storage.StackRef) (bool, error)

func (r *rig) judges(j judge) { r.judge.Store(&j) }

// wire is the transport to Cloud 66. A test may intercept requests with a response or an error.
type wire struct {
	to     http.RoundTripper
	answer atomic.Pointer[answer]
	shift  atomic.Int64 // offset of Cloud 66's clock
}

// answer intercepts a request. A nil answer, or a nil response without an error, lets it through.
type answer func(*http.Request) (*http.Response, error)

func (w *wire) answers(a answer) { w.answer.Store(&a) }

var instants = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`)

// shifted returns a response with its times moved by the offset of Cloud 66's clock.
func (w *wire) shifted(res *http.Response) (*http.Response, error) {
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	body = instants.ReplaceAllFunc(body, func(text []byte) []byte {
		at, err := time.Parse(time.RFC3339, string(text))
		if err != nil {
			panic(err)
		}
		return []byte(at.Add(time.Duration(w.shift.Load())).Format(time.RFC3339))
	})
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	res.Header.Del("Content-Length")
	return res, nil
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if a := w.answer.Load(); a != nil && *a != nil {
		if res, err := (*a)(r); res != nil || err != nil {
			return res, err
		}
	}
	res, err := w.to.RoundTrip(r)
	if err != nil || w.shift.Load() == 0 {
		return res, err
	}
	return w.shifted(res)
}

// stalling is a database whose commits may stall or fail.
type stalling struct {
	storage.DB
	r *rig
}

func (s stalling) Update(ctx context.Context, fn func(storage.Tx) error) error {
	if stall := s.r.stall.Load(); stall != nil {
		(*stall)()
	}
	if refuse := s.r.refuse.Load(); refuse != nil {
		if err := (*refuse)(); err != nil {
			return err
		}
	}
	return s.DB.Update(ctx, fn)
}

// life is one process of the bot.
type life struct {
	process  *mortal.Process
	progress *progress.Progress
	outbox   *outbox.Outbox
	channels *channels.Channels
	records  storage.DB
	ctx      context.Context // of requests by people
	end      func()
}

// inBubble runs f with a running process in a synctest bubble.
func inBubble(t *testing.T, opts cloud66sim.Options, f func(r *rig)) {
	t.Helper()
	polling(t, 5*time.Second, opts, f)
}

// unhurried is inBubble with few looks at Cloud 66, where hours pass and nothing has to be told within seconds.
func unhurried(t *testing.T, opts cloud66sim.Options, f func(r *rig)) {
	t.Helper()
	polling(t, time.Minute, opts, f)
}

func polling(t *testing.T, poll time.Duration, opts cloud66sim.Options, f func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, opts)
		r.poll = poll
		r.start(newProcess())
		f(r)
	})
}

func newRig(t *testing.T, opts cloud66sim.Options) *rig {
	t.Helper()
	r := &rig{
		T:      t,
		slack:  slacksim.New(slacksim.Options{}),
		cloud:  cloud66sim.New(opts),
		path:   filepath.Join(mortal.Dir(t), "progress.db"),
		poll:   5 * time.Second,
		stacks: map[string]storage.StackRef{},
	}
	for _, id := range []string{lin, sam} {
		r.slack.AddUser(slacksim.User{ID: id, Name: strings.ToLower(id[2:])})
	}
	for _, id := range []string{deploys, builds, ops, away} {
		r.slack.AddChannel(slacksim.Channel{ID: id, Name: strings.ToLower(id[2:]), Members: []string{lin, sam}, BotIsMember: id != away})
	}
	r.net = &wire{to: r.cloud.RoundTripper()}
	r.stack = storage.StackRef{Name: "web", Environment: "production"}
	r.stack.UID = r.cloud.AddStack(cloud66sim.Stack{
		Name: "web", Git: "https://github.com/acme/web.git", UsualDuration: time.Minute, History: 3,
	})
	t.Cleanup(func() {
		if r.life != nil && r.end != nil {
			r.end()
		}
		r.slack.Close()
		for _, v := range r.slack.Violations() {
			t.Errorf("Slack's protocol was broken: %s", v)
		}
	})
	return r
}

// start starts a process on the rig's database file.
func (r *rig) start(p *mortal.Process) {
	r.Helper()
	db, err := bolt.Open(r.path)
	if err != nil {
		r.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	cloud, err := cloud66.New(cloud66.Config{
		BaseURL: "http://cloud66.test/api/3", Token: secret.New(cloud66sim.DemoToken), RequestsPerHour: 3000, Transport: p.RoundTripper(r.net),
	})
	if err != nil {
		r.Fatal(err)
	}
	records := stalling{p.DB(db), r}
	var rooms *channels.Channels
	out := outbox.New(outbox.Config{
		Records: records, Log: log, Draw: progress.Draw,
		Refused: func(ctx context.Context, channel, code string) error { return rooms.Refused(ctx, channel, code) },
		Slack: outbox.API{
			API:  webapi.API{HTTP: p.Client(r.slack), URL: "http://slack.test/api/", Token: secret.New("xoxb-c66-demo"), Clock: &webapi.Clock{}},
			Self: func() outbox.Self { return outbox.Self{User: "U0C66BOT", Bot: "B0C66"} },
		},
	})
	pr := progress.New(progress.Config{
		Records: records, Outbox: out, Cloud: cloud, List: cloud, PollMin: r.poll, PollMax: time.Minute, Log: log,
		Page:       func(storage.StackRef) string { return "" },
		WatchAfter: r.after, Pattern: pattern, Queue: r.queues.add, Docker: func(uid string) bool { return uid == docker },
		MayRedeploy: func(_ context.Context, user, _ string, _ storage.StackRef) (bool, error) {
			return user != r.barred, nil
		},
		Held: func(context.Context, storage.StackRef) (bool, error) { return r.held.Load(), nil },
		ByEmail: func(_ context.Context, text string) (string, error) {
			r.lookups.Add(1)
			if text == "slack@down" {
				return "", errors.New("missing_scope")
			}
			return r.emails[text], nil
		},
		May: func(_ context.Context, user, channel string, stack storage.StackRef) (bool, error) {
			if may := r.judge.Load(); may != nil {
				return (*may)(user, channel, stack)
			}
			return true, nil
		},
	})
	rooms = channels.New(channels.Config{Records: records, Outbox: out, Changed: pr.SubscriptionsChanged, Log: log})
	ctx, cancel := context.WithCancel(r.Context())
	ended := make(chan error, 2)
	go func() { ended <- out.Run(ctx) }()
	go func() { ended <- pr.Run(ctx) }()
	r.life = &life{process: p, progress: pr, outbox: out, channels: rooms, records: records, ctx: ctx}
	r.end = func() {
		r.end = nil
		p.Kill()
		cancel()
		for range 2 {
			if err := <-ended; err != nil && !errors.Is(err, mortal.ErrDead) {
				r.Errorf("a part ended with: %v", err)
			}
		}
		if err := db.Close(); err != nil {
			r.Error(err)
		}
	}
}

func pattern(glob string) (func(storage.StackRef) bool, error) {
	p, err := authz.ParsePattern(glob)
	return p.Match, err
}

// restart kills the process, waits for down, and starts another one on the same file.
func (r *rig) restart(down time.Duration) {
	r.Helper()
	r.end()
	time.Sleep(down)
	r.start(newProcess())
}

// refuseCommit makes the nth commit from now on fail, counted from 1. It returns whether that has happened.
func (r *rig) refuseCommit(nth int64) *atomic.Bool {
	var n atomic.Int64
	var refused atomic.Bool
	refuse := func() error {
		if n.Add(1) == nth {
			refused.Store(true)
			return errors.New("the disk is full")
		}
		return nil
	}
	r.refuse.Store(&refuse)
	return &refused
}

// begins returns the start of a follow that is allowed.
func begins(operation string, f storage.Follow) commands.Start {
	return commands.Start{Operation: operation, Follow: f, Decided: func(storage.Tx) error { return nil }}
}

// redeploy requests a redeploy as Lin in #deploys.
func (r *rig) redeploy(operation string) error {
	return r.progress.Redeploy(r.ctx, begins(operation, r.wish(deploys)))
}

func (r *rig) wish(channel string) storage.Follow {
	var newest int64
	for _, d := range r.cloud.Deployments(r.stack.UID) {
		newest = max(newest, d.ID)
	}
	return storage.Follow{Stack: r.stack, Channel: channel, Asker: lin, Wish: &storage.Wish{NewestBefore: newest, Reason: "a test"}}
}

func (r *rig) follow(operation, channel string, id int64) error {
	return r.progress.Follow(r.ctx, begins(operation, storage.Follow{Stack: r.stack, Deployment: id, Channel: channel, Asker: lin}))
}

func (r *rig) cancel(operation, asker string, id int64) error {
	_, err := r.progress.Cancel(r.ctx, begins(operation, storage.Follow{Stack: r.stack, Deployment: id, Channel: deploys, Asker: asker}))
	return err
}

// until waits until holds returns true, for two simulated hours at most.
func (r *rig) until(what string, holds func() bool) {
	r.Helper()
	from := time.Now()
	limit := from.Add(2 * time.Hour)
	for synctest.Wait(); !holds(); synctest.Wait() {
		if time.Now().After(limit) {
			r.Fatalf("it never came about that %s; the channel shows %q", what, r.shown(deploys))
		}
		time.Sleep(min(time.Second, max(100*time.Millisecond, time.Since(from)/100)))
	}
}

// settle waits until no follow is open and the outbox is empty.
func (r *rig) settle() {
	r.Helper()
	r.until("all is over", func() bool { return r.progress.Open() == 0 && r.outbox.Queued() == 0 })
}

// aside matches the parts of lines that tests ignore: who is mentioned, and durations of what ended well or runs.
var aside = regexp.MustCompile(`( · @.*|, usually done in .*|, took .*)`)

// shown returns the first line of each message in a channel, followed by its thread's, indented.
func (r *rig) shown(channel string) []string {
	var all []string
	say := func(indent string, m slacksim.Message) {
		line, _, _ := strings.Cut(m.Plain(), "\n")
		if before, _, well := strings.Cut(line, "went live after"); well {
			line = before + "went live"
		}
		all = append(all, indent+aside.ReplaceAllString(line, ""))
	}
	for _, m := range r.slack.Person(lin).Sees(channel) {
		if m.Broadcast {
			say("(in the channel too) ", m)
			continue
		}
		say("", m)
		for _, reply := range r.slack.Person(lin).Thread(channel, m.TS) {
			if reply.TS != m.TS {
				say("  ", reply)
			}
		}
	}
	return all
}

func (r *rig) shows(channel string, want ...string) {
	r.Helper()
	if got := r.shown(channel); !slices.Equal(got, want) {
		r.Errorf("the channel shows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// sent returns the number of requests to Cloud 66 with a method.
func (r *rig) sent(method string) int {
	n := 0
	for _, q := range r.cloud.Requests() {
		if q.Method == method {
			n++
		}
	}
	return n
}

func (r *rig) sentOnce() {
	r.Helper()
	if n := r.sent("POST"); n != 1 {
		r.Errorf("%d POSTs were sent, want 1", n)
	}
}

func (r *rig) newest() cloud66sim.View {
	all := r.cloud.Deployments(r.stack.UID)
	return all[len(all)-1]
}

// newProcess returns a process that only the test kills.
func newProcess() *mortal.Process { return mortal.New(0, false) }
