package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/storage"
	"c66bot/storage/bolt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	lin = "U0LIN" // an admin
	sam = "U0SAM" // nobody in particular
)

// rig is a Handler among fakes.
type rig struct {
	*Handler
	t        *testing.T
	stacks   *library
	cloud    *cloud
	progress *progress
	groups   *groups
	log      *bytes.Buffer
}

// inBubble runs f with a handler that knows the stacks web@production, web@staging, "awesome app@production" and, on docker, api@production.
func inBubble(t *testing.T, f func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		db, err := bolt.Open(filepath.Join(t.TempDir(), "test.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}()
		r := &rig{t: t, stacks: &library{}, cloud: &cloud{deployments: map[string][]cloud66.Deployment{}}, groups: &groups{}, log: &bytes.Buffer{}}
		r.progress = &progress{records: db}
		r.stacks.stacks = []cloud66.Stack{
			{UID: "web1", Name: "web", Environment: "production", Framework: "rails", GitBranch: "main"},
			{UID: "web2", Name: "web", Environment: "staging", Framework: "rails"},
			{UID: "app1", Name: "awesome app", Environment: "production"},
			{UID: "api1", Name: "api", Environment: "production", Framework: "docker"},
		}
		r.Handler = New(Config{
			Cloud: r.cloud, Directory: NewDirectory(r.stacks), Records: db, Authz: authz.New([]string{lin, "S0OPS"}, r.groups), Progress: r.progress,
			Command: "/c66", Log: slog.New(slog.NewTextHandler(r.log, nil)),
		})
		f(t, r)
	})
}

// say has somebody type a command.
func (r *rig) say(user, text string) Reply {
	r.t.Helper()
	inv, err := Parse(text)
	if err != nil {
		r.t.Fatalf("%s: %v", text, err)
	}
	return r.Do(r.t.Context(), Request{Invocation: inv, User: user, Channel: "C0", Operation: "command:" + storage.NewID(time.Now())})
}

// click has somebody click a button, whose value goes through Slack.
func (r *rig) click(user string, inv Invocation) Reply {
	r.t.Helper()
	value, err := inv.Value()
	if err != nil {
		r.t.Fatal(err)
	}
	back, err := FromValue(value)
	if err != nil {
		r.t.Fatalf("%s: %v", value, err)
	}
	operation := "click:" + storage.NewID(time.Now())
	if back.Nonce != "" {
		operation = "answer:" + back.Nonce
	}
	return r.Do(r.t.Context(), Request{Invocation: back, User: user, Channel: "C0", Operation: operation})
}

// as has a reply be of a type.
func as[T Reply](t *testing.T, reply Reply) T {
	t.Helper()
	got, ok := reply.(T)
	if !ok {
		t.Fatalf("the reply is %T: %+v", reply, reply)
	}
	return got
}

// problemThat has a reply be a problem that says all of these.
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

// nothingDone checks that nothing was asked of Progress.
func (r *rig) nothingDone() {
	r.t.Helper()
	if len(r.progress.done) > 0 {
		r.t.Errorf("something was done: %q", r.progress.done)
	}
}

// cloud answers as the client of Cloud 66 does, from deployments that are kept newest first.
type cloud struct {
	deployments map[string][]cloud66.Deployment
	services    []cloud66.Service
	err         error
	calls       []string
}

func (c *cloud) DeploymentRange(_ context.Context, uid string, offset, limit int) (cloud66.DeploymentRange, error) {
	c.calls = append(c.calls, fmt.Sprintf("range %s %d+%d", uid, offset, limit))
	all := c.deployments[uid]
	from := min(offset, len(all))
	return cloud66.DeploymentRange{Deployments: slices.Clone(all[from:min(from+limit, len(all))]), Offset: offset, Total: len(all)}, c.err
}

func (c *cloud) Deployment(_ context.Context, uid string, id int64) (cloud66.Deployment, error) {
	c.calls = append(c.calls, fmt.Sprintf("get %s %d", uid, id))
	for _, d := range c.deployments[uid] {
		if d.ID == id {
			return d, c.err
		}
	}
	return cloud66.Deployment{}, &cloud66.Error{Kind: cloud66.ErrNotFound, Method: http.MethodGet, Status: 404}
}

func (c *cloud) Services(_ context.Context, uid string) ([]cloud66.Service, error) {
	c.calls = append(c.calls, "services "+uid)
	return c.services, c.err
}

// has gives a stack so many deployments, newest first with the number n, all of them successful and of four minutes.
func (c *cloud) has(uid string, n int) {
	start := time.Now().Add(-time.Hour)
	c.deployments[uid] = nil
	for id := n; id > 0; id-- {
		c.deployments[uid] = append(c.deployments[uid], cloud66.Deployment{
			ID: int64(id), StartedAt: start, FinishedAt: start.Add(4 * time.Minute), Outcome: cloud66.Value[cloud66.Outcome]{Kind: cloud66.OutcomeSuccess, Raw: "1"},
		})
	}
}

// runs gives a stack one more deployment that has not ended: a running one, or a queued one.
func (c *cloud) runs(uid string, running bool) int64 {
	id := newestID(c.deployments[uid]) + 1
	d := cloud66.Deployment{ID: id, IsDeploying: running, Outcome: cloud66.Value[cloud66.Outcome]{Kind: cloud66.OutcomePending, Raw: "0"}}
	c.deployments[uid] = append([]cloud66.Deployment{d}, c.deployments[uid]...)
	return id
}

// ends has a stack's newest deployment come to its end.
func (c *cloud) ends(uid string, outcome cloud66.Outcome) {
	d := &c.deployments[uid][0]
	d.IsDeploying, d.Outcome.Kind, d.FinishedAt = false, outcome, time.Now()
}

// progress notes what it is asked for and takes each operation once, as the real one.
type progress struct {
	records storage.DB
	err     error
	done    []string
	follow  storage.Follow // of the last one
	open    bool           // what Refresh answers
}

func (p *progress) take(ctx context.Context, what, operation string, f storage.Follow) error {
	err := p.records.Update(ctx, func(tx storage.Tx) error {
		if _, err := storage.Operations.Get(tx, operation); !errors.Is(err, storage.ErrNotFound) {
			return errors.Join(ErrTaken, err)
		}
		return storage.Operations.Put(tx, operation, storage.Operation{Key: operation})
	})
	if err != nil {
		return err
	}
	p.done, p.follow = append(p.done, what), f
	return p.err
}

func (p *progress) Redeploy(ctx context.Context, operation string, f storage.Follow) error {
	return p.take(ctx, "redeploy "+f.Stack.UID, operation, f)
}

func (p *progress) Follow(ctx context.Context, operation string, f storage.Follow) error {
	return p.take(ctx, fmt.Sprintf("follow %s %d", f.Stack.UID, f.Deployment), operation, f)
}

func (p *progress) Cancel(ctx context.Context, operation string, f storage.Follow) (cloud66.CancelAnswer, error) {
	if err := p.take(ctx, fmt.Sprintf("cancel %s %d", f.Stack.UID, f.Deployment), operation, f); err != nil {
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

// groups is Slack as authz sees it: everybody in members is a colleague.
type groups struct {
	members []string
	err     error
}

func (g *groups) Members(context.Context, string) ([]string, error) { return g.members, g.err }
func (g *groups) Colleague(context.Context, string) (bool, error)   { return true, g.err }

// slowProgress takes a second for what changes something, at whose end the world changes too.
type slowProgress struct {
	*progress
	then func()
}

func (s *slowProgress) Redeploy(ctx context.Context, operation string, f storage.Follow) error {
	err := s.progress.Redeploy(ctx, operation, f)
	time.Sleep(time.Second)
	s.then()
	return err
}

func (s *slowProgress) Cancel(ctx context.Context, operation string, f storage.Follow) (cloud66.CancelAnswer, error) {
	answer, err := s.progress.Cancel(ctx, operation, f)
	time.Sleep(time.Second)
	s.then()
	return answer, err
}
