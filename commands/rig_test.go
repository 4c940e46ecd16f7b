package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/notify"
	"c66bot/bot/outbox/mortal"
	"c66bot/cloud66"
	"c66bot/storage"
	"c66bot/storage/bolt"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // The heap is small, and simulated time lets it be collected without end.
	goleak.VerifyTestMain(m)
}

const (
	lin     = "U0LIN" // an admin in the configuration
	sam     = "U0SAM" // a colleague without rights, unless a rule grants them
	kim     = "U0KIM" // another colleague
	robot   = "U0BOT"
	gone    = "U0GONE"  // a deactivated account
	guest   = "U0GUEST" // of another organisation
	ops     = "S0OPS"   // a group of admins in the configuration
	devs    = "S0DEVS"
	retired = "S0OLD" // a disabled group

	here   = "C0"  // the channel of most tests
	there  = "C1"  // another channel
	secret = "C2"  // a channel without the bot
	direct = "D01" // a direct message
)

// rig is a Handler with fakes of its dependencies.
type rig struct {
	*Handler
	t        *testing.T
	db       *breaking
	stacks   *library
	cloud    *cloud
	progress *progress
	slack    *slack
	channels *channels
	status   BotStatus
	log      *bytes.Buffer
	turns    sync.Map // by queue
}

// Do executes a request with its steps, one at a time in each queue.
func (r *rig) Do(ctx context.Context, req Request) Reply {
	do, reply := r.Prepare(ctx, req)
	if do == nil {
		return reply
	}
	reply, next := do(ctx)
	for next != nil {
		queue, _ := r.turns.LoadOrStore(next.Queue, make(chan struct{}, 1))
		turn, _ := queue.(chan struct{})
		turn <- struct{}{}
		reply, next = next.Do(ctx)
		<-turn
	}
	return reply
}

// inBubble runs f in a synctest bubble, with a handler of the stacks web@production, web@staging, "awesome app@production" and, on docker,
// api@production.
func inBubble(t *testing.T, f func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		db, err := bolt.Open(filepath.Join(mortal.Dir(t), "test.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}()
		r := &rig{
			t: t, db: &breaking{DB: db}, stacks: &library{}, cloud: &cloud{deployments: map[string][]cloud66.Deployment{}}, slack: newSlack(),
			log: &bytes.Buffer{},
		}
		r.progress, r.channels = &progress{records: r.db}, &channels{records: r.db}
		r.stacks.stacks = []cloud66.Stack{
			{UID: "web1", Name: "web", Environment: "production", Framework: "rails", GitBranch: "main"},
			{UID: "web2", Name: "web", Environment: "staging", Framework: "rails"},
			{UID: "app1", Name: "awesome app", Environment: "production"},
			{UID: "api1", Name: "api", Environment: "production", Framework: "docker"},
		}
		r.Handler = New(Config{
			Cloud: r.cloud, Directory: NewDirectory(r.stacks), Records: r.db, Progress: r.progress, People: r.slack, Channels: r.channels,
			Authz: authz.New(authz.Config{Admins: []string{lin, ops}, People: r.slack, Records: r.db}),
			Announces: func(s storage.Subscription, e Entry, usual time.Duration) bool {
				return notify.Told(s, notify.Sight{At: time.Now(), Deployment: e.Deployment, Found: true, Usual: usual, Cancelled: e.Cancelled})
			},
			Status: func() BotStatus { return r.status }, Command: "/c66", Profiles: []string{"canary"},
			SlackWords:   func(code string) string { return code + " in words" },
			Watch:        func() WatchStatus { return WatchStatus{} },
			Page:         func(storage.StackRef) markup.Address { return markup.Address{} },
			Resubscribed: func(context.Context) error { return nil }, Waits: func() {},
			Log: slog.New(slog.NewTextHandler(r.log, nil)),
		})
		defer r.Directory.Close()
		f(t, r)
	})
}

// request returns a request of a user in a channel, with an operation key of its own.
func request(inv Invocation, user, channel string) Request {
	return Request{Invocation: inv, User: user, Channel: channel, Operation: "command:" + storage.NewID(time.Now())}
}

// say executes a command of a user in the usual channel.
func (r *rig) say(user, text string) Reply { r.t.Helper(); return r.sayIn(here, user, text) }

// sayIn executes a command of a user in a channel.
func (r *rig) sayIn(channel, user, text string) Reply {
	r.t.Helper()
	inv, err := Parse(text)
	if err != nil {
		r.t.Fatalf("%s: %v", text, err)
	}
	return r.Do(r.t.Context(), request(inv, user, channel))
}

// click executes the invocation of a button, after encoding it as a button value.
func (r *rig) click(user string, inv Invocation) Reply {
	r.t.Helper()
	return r.clickIn(here, user, inv)
}

func (r *rig) clickIn(channel, user string, inv Invocation) Reply {
	r.t.Helper()
	req := request(throughSlack(r.t, inv), user, channel)
	if inv.Nonce != "" {
		req.Operation = "answer:" + inv.Nonce
	}
	return r.Do(r.t.Context(), req)
}

// throughSlack encodes an invocation as a button value and decodes it.
func throughSlack(t *testing.T, inv Invocation) Invocation {
	t.Helper()
	value, err := inv.Value()
	if err != nil {
		t.Fatal(err)
	}
	back, err := FromValue(value)
	if err != nil {
		t.Fatalf("%s: %v", value, err)
	}
	if diff := cmp.Diff(inv, back); diff != "" {
		t.Fatalf("through Slack (-sent +got):\n%s", diff)
	}
	return back
}

// form opens a form for a user.
func (r *rig) form(user string, inv Invocation) Reply {
	r.t.Helper()
	return r.Form(r.t.Context(), request(inv, user, here))
}

// rule creates a rule in the usual channel by a command of the admin and returns its id.
func (r *rig) rule(text string) string { r.t.Helper(); return r.ruleIn(here, text) }

func (r *rig) ruleIn(channel, text string) string {
	r.t.Helper()
	before := len(r.channels.said)
	if reply := r.sayIn(channel, lin, text); len(r.channels.said) != before+1 {
		r.t.Fatalf("%s made no rule: %+v", text, reply)
	}
	return ruleIn(r.t, r.channels.said[before].Reply)
}

// ruleIn returns the id of the rule that an announcement is about.
func ruleIn(t *testing.T, reply Reply) string {
	t.Helper()
	text := of(t, "rule", reply).Fallback().String()
	id := regexp.MustCompile("rule `(\\w+)`").FindStringSubmatch(text)
	if id == nil {
		t.Fatalf("it names no rule: %s", text)
	}
	return id[1]
}

// stores runs change in a transaction.
func (r *rig) stores(change func(tx storage.Tx) error) {
	r.t.Helper()
	if err := r.db.Update(r.t.Context(), change); err != nil {
		r.t.Fatal(err)
	}
}

// audit returns the decisions in the audit, oldest first.
func (r *rig) audit() []storage.AuditEntry {
	r.t.Helper()
	var all []storage.AuditEntry
	err := r.db.View(r.t.Context(), func(tx storage.Tx) error {
		return storage.Audit.Scan(tx, "", func(_ string, e storage.AuditEntry) error {
			if e.Result == nil {
				all = append(all, e)
			}
			return nil
		})
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

// lastAudit returns the newest audit entry.
func (r *rig) lastAudit() storage.AuditEntry {
	r.t.Helper()
	all := r.audit()
	if len(all) == 0 {
		r.t.Fatal("nothing was recorded")
	}
	return all[len(all)-1]
}

// rulesOf returns the rules of a channel, in the form "deny everyone view *".
func (r *rig) rulesOf(channel string) []string {
	r.t.Helper()
	rules, err := r.Authz.Rules(r.t.Context(), channel)
	if err != nil {
		r.t.Fatal(err)
	}
	words := []string{}
	for _, rule := range rules {
		verb := "allow "
		if rule.Deny {
			verb = "deny "
		}
		words = append(words, verb+rule.Who+" "+strings.Join(rule.Actions, ",")+" "+rule.Stacks)
	}
	return words
}

// said returns what a reply says beside that the bot is not in the channel.
func said(reply Reply) Reply {
	if there, ok := reply.(ElsewhereReply); ok {
		return there.Reply
	}
	return reply
}

// as fails the test unless a reply has the type T.
func as[T Reply](t *testing.T, reply Reply) T {
	t.Helper()
	got, ok := said(reply).(T)
	if !ok {
		t.Fatalf("the reply is %T: %+v", reply, reply)
	}
	return got
}

// problemThat fails the test unless a reply is a problem that contains all of says.
func problemThat(t *testing.T, reply Reply, says ...string) ProblemReply {
	t.Helper()
	p := as[ProblemReply](t, reply)
	text := strings.Join([]string{p.What, p.State, p.Do, p.Example}, "\n")
	for _, s := range says {
		if !strings.Contains(text, s) {
			t.Errorf("it does not say %q:\n%s", s, text)
		}
	}
	if p.Example != "" {
		if _, err := Parse(p.Example); err != nil {
			t.Errorf("the example %q does not work: %v", p.Example, err)
		}
	}
	return p
}

// refusalOf fails the test unless a reply is the refusal of a right.
func refusalOf(t *testing.T, reply Reply, right authz.Action) RefusalReply {
	t.Helper()
	refusal := as[RefusalReply](t, reply)
	if refusal.Right != right {
		t.Errorf("refused is %q, not %q", refusal.Right, right)
	}
	return refusal
}

// noticeThat fails the test unless a reply is a notice that contains all of says.
func noticeThat(t *testing.T, reply Reply, says ...string) {
	t.Helper()
	text := noticeIn(t, reply).Text
	for _, s := range says {
		if !strings.Contains(text, s) {
			t.Errorf("it does not say %q: %s", s, text)
		}
	}
}

// of fails the test unless a reply is a document of a kind.
func of(t *testing.T, kind string, reply Reply) doc.Document {
	t.Helper()
	if reply == nil || reply.Document().Kind != kind {
		t.Fatalf("the reply is no %s: %+v", kind, reply)
	}
	return reply.Document()
}

// rowsIn returns the lines below the title of a list.
func rowsIn(t *testing.T, kind string, reply Reply) []string {
	t.Helper()
	var rows []string
	for _, b := range of(t, kind, reply).Blocks[1:] {
		for _, line := range b.Lines {
			rows = append(rows, line.String())
		}
	}
	return rows
}

// notice is the text of a notice.
type notice struct{ Text string }

func noticeIn(t *testing.T, reply Reply) notice {
	t.Helper()
	return notice{of(t, kindNotice, reply).Fallback().String()}
}

// button returns the invocation of a button.
func button(t *testing.T, b doc.Button) Invocation {
	t.Helper()
	inv, err := FromValue(b.Value)
	if err != nil {
		t.Fatalf("the button %s carries %q: %v", b.Label, b.Value, err)
	}
	return inv
}

// shownChoice is a question for one of several options, with the invocations of its buttons.
type shownChoice struct {
	What    string
	Options []shownOption
}

type shownOption struct {
	Label      string
	Invocation Invocation
}

func choiceIn(t *testing.T, reply Reply) shownChoice {
	t.Helper()
	d := of(t, kindChoice, reply)
	c := shownChoice{What: d.Blocks[0].Lines[0].String()}
	for _, b := range d.Blocks[1].Buttons {
		c.Options = append(c.Options, shownOption{b.Label.String(), button(t, b)})
	}
	return c
}

// yesIn returns the invocation of the Yes button of a question.
func yesIn(t *testing.T, reply Reply) Invocation {
	t.Helper()
	d := of(t, "question", reply)
	return button(t, d.Blocks[2].Buttons[0])
}

// silent fails the test unless the asker gets no reply.
func silent(t *testing.T, reply Reply) {
	t.Helper()
	if reply != nil {
		t.Errorf("it is answered %T: %+v", reply, reply)
	}
}

// nothingDone fails the test if Progress was called or a message was announced.
func (r *rig) nothingDone() {
	r.t.Helper()
	if len(r.progress.done) > 0 || len(r.channels.said) > 0 {
		r.t.Errorf("something was done: %q, %+v", r.progress.done, r.channels.said)
	}
}

// cloud is a fake of the Cloud 66 client. Its deployments are ordered newest first.
type cloud struct {
	mu          sync.Mutex
	deployments map[string][]cloud66.Deployment
	services    []cloud66.Service
	err         error
	noServices  error // the error of Services
	takes       time.Duration
	calls       []string
}

// called records a call and waits for its duration.
func (c *cloud) called(ctx context.Context, what string) error {
	c.mu.Lock()
	c.calls = append(c.calls, what)
	c.mu.Unlock()
	select {
	case <-time.After(c.takes):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *cloud) DeploymentRange(ctx context.Context, uid string, offset, limit int) (cloud66.DeploymentRange, error) {
	if err := c.called(ctx, fmt.Sprintf("range %s %d+%d", uid, offset, limit)); err != nil {
		return cloud66.DeploymentRange{}, err
	}
	all := c.deployments[uid]
	from := min(offset, len(all))
	return cloud66.DeploymentRange{Deployments: slices.Clone(all[from:min(from+limit, len(all))]), Offset: offset, Total: len(all)}, c.err
}

func (c *cloud) Deployment(ctx context.Context, uid string, id int64) (cloud66.Deployment, error) {
	if err := c.called(ctx, fmt.Sprintf("get %s %d", uid, id)); err != nil {
		return cloud66.Deployment{}, err
	}
	for _, d := range c.deployments[uid] {
		if d.ID == id {
			return d, c.err
		}
	}
	return cloud66.Deployment{}, &cloud66.Error{Kind: cloud66.ErrNotFound, Method: http.MethodGet, Status: 404}
}

func (c *cloud) Services(ctx context.Context, uid string) ([]cloud66.Service, error) {
	if err := c.called(ctx, "services "+uid); err != nil {
		return nil, err
	}
	return c.services, errors.Join(c.err, c.noServices)
}

// has sets the deployments of a stack: n successful ones of four minutes, with the ids n to 1.
func (c *cloud) has(uid string, n int) {
	start := time.Now().Add(-time.Hour)
	c.deployments[uid] = nil
	for id := n; id > 0; id-- {
		c.deployments[uid] = append(c.deployments[uid], cloud66.Deployment{
			ID: int64(
				id,
			), StartedAt: start, FinishedAt: start.Add(4 * time.Minute),
			Outcome: cloud66.Value[cloud66.Outcome]{Kind: cloud66.OutcomeSuccess, Raw: "1"},
		})
	}
}

// lively has every stack be active now, with deployments that succeeded and one that failed.
func (r *rig) lively() {
	for i := range r.stacks.stacks {
		s := &r.stacks.stacks[i]
		s.LastActivity = time.Now()
		r.cloud.has(s.UID, 5)
		r.cloud.deployments[s.UID][1].Outcome.Kind = cloud66.OutcomeFailed
	}
}

// runs adds an unfinished deployment to a stack, running or queued, and returns its id.
func (c *cloud) runs(uid string, running bool) int64 {
	id := newestID(c.deployments[uid]) + 1
	d := cloud66.Deployment{ID: id, IsDeploying: running, Outcome: cloud66.Value[cloud66.Outcome]{Kind: cloud66.OutcomePending, Raw: "0"}}
	c.deployments[uid] = append([]cloud66.Deployment{d}, c.deployments[uid]...)
	return id
}

// ends finishes a stack's newest deployment with an outcome.
func (c *cloud) ends(uid string, outcome cloud66.Outcome) {
	d := &c.deployments[uid][0]
	d.IsDeploying, d.Outcome.Kind, d.FinishedAt = false, outcome, time.Now()
}

// progress is a fake that records its calls. Like the real one it takes each operation once.
type progress struct {
	records storage.DB
	err     error
	done    []string
	follow  storage.Follow // of the last operation
	open    bool           // the result of Refresh
}

func (p *progress) take(ctx context.Context, what string, s Start) error {
	err := p.records.Update(ctx, func(tx storage.Tx) error {
		if _, err := storage.Operations.Get(tx, s.Operation); !errors.Is(err, storage.ErrNotFound) {
			return errors.Join(ErrTaken, err)
		}
		return errors.Join(storage.Operations.Put(tx, s.Operation, storage.Operation{Key: s.Operation}), s.Decided(tx))
	})
	if err != nil {
		return err
	}
	p.done, p.follow = append(p.done, what), s.Follow
	return p.err
}

func (p *progress) Redeploy(ctx context.Context, s Start) error {
	return p.take(ctx, "redeploy "+s.Follow.Stack.UID, s)
}

func (p *progress) Follow(ctx context.Context, s Start) error {
	return p.take(ctx, fmt.Sprintf("follow %s %d", s.Follow.Stack.UID, s.Follow.Deployment), s)
}

func (p *progress) Cancel(ctx context.Context, s Start) (cloud66.CancelAnswer, error) {
	f := s.Follow
	if err := p.take(ctx, fmt.Sprintf("cancel %s %d", f.Stack.UID, f.Deployment), s); err != nil {
		return cloud66.CancelAnswer{}, err
	}
	err := p.records.Update(ctx, func(tx storage.Tx) error {
		return storage.Cancels.Put(tx, storage.DeploymentKey(f.Stack.UID, f.Deployment), storage.Cancel{User: f.Asker, At: time.Now()})
	})
	return cloud66.CancelAnswer{Message: "Cancelling deployment"}, err
}

func (p *progress) Refresh(_ context.Context, follow string) (bool, error) {
	p.done = append(p.done, "refresh "+follow)
	return p.open, p.err
}

// slowProgress delays each redeploy and cancellation by a second and then calls then.
type slowProgress struct {
	*progress
	then func()
}

func (s *slowProgress) Redeploy(ctx context.Context, start Start) error {
	err := s.progress.Redeploy(ctx, start)
	time.Sleep(time.Second)
	s.then()
	return err
}

func (s *slowProgress) Cancel(ctx context.Context, start Start) (cloud66.CancelAnswer, error) {
	answer, err := s.progress.Cancel(ctx, start)
	time.Sleep(time.Second)
	s.then()
	return answer, err
}
