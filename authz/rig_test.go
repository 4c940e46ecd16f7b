package authz_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"c66bot/authz"
	"c66bot/storage"
)

// The channel of most tests, the users and the groups. Users without a telling name are colleagues in the workspace.
const (
	channel = "C0OPS"
	lin     = "U0LIN" // the configured admin
	sam     = "U0SAM"
	ana     = "U0ANA"
	robot   = "U0BOT"
	gone    = "U0GONE"
	guest   = "U0GUEST" // of another organisation
	gus     = "U0GUS"   // a guest of the workspace
	nobody  = "U0NOBODY"
	devs    = "S0DEVS"
	ops     = "S0OPS"
)

var (
	web     = storage.StackRef{UID: "aaaa1111", Name: "web", Environment: "production"}
	staging = storage.StackRef{UID: "aaaa2222", Name: "web", Environment: "staging"}
	shop    = storage.StackRef{UID: "bbbb1111", Name: "Shop", Environment: "production"}
)

// workspace is a fake of Slack's directory. The lookup of an unknown person fails.
type workspace struct {
	people  map[string]authz.Person
	groups  map[string][]string // by user
	noGroup error               // the error of every lookup of groups
	persons atomic.Int64        // counters of the lookups, as lists and rooms
	lists   atomic.Int64
	members map[string][]string // members of private channels
	noRoom  error               // the error of every lookup of a channel
	rooms   atomic.Int64
}

func newWorkspace() *workspace {
	return &workspace{
		people: map[string]authz.Person{
			lin: {}, sam: {}, ana: {}, robot: {Bot: true}, gone: {Deactivated: true}, guest: {Outsider: true},
			gus: {Guest: true},
		},
		groups: map[string][]string{
			sam: {devs}, ana: {ops}, robot: {devs, ops}, gone: {devs, ops}, guest: {devs, ops}, nobody: {ops}, gus: {devs},
		},
	}
}

func (w *workspace) Person(_ context.Context, id string) (authz.Person, error) {
	w.persons.Add(1)
	switch p, ok := w.people[id]; {
	case ok:
		return p, nil
	case id == nobody:
		return authz.Person{}, authz.ErrNoPerson
	default:
		return authz.Person{}, errors.New("users.info: fatal_error")
	}
}

// Inside reports membership of a private channel. A channel without a list of members is public.
func (w *workspace) Inside(_ context.Context, channel, user string) (bool, error) {
	w.rooms.Add(1)
	members, private := w.members[channel]
	return !private || slices.Contains(members, user), w.noRoom
}

func (w *workspace) GroupsOf(_ context.Context, user string) ([]string, error) {
	w.lists.Add(1)
	return w.groups[user], w.noGroup
}

// memory is an in-memory database with injectable failures.
type memory struct {
	mu      sync.RWMutex
	tables  map[string]map[string][]byte
	views   atomic.Int64
	failing error         // the error of every transaction
	broken  error         // the error of every Update
	inView  func()        // called at the end of each View, inside it
	hold    chan struct{} // if not nil, a View waits for it
}

func newMemory() *memory { return &memory{tables: map[string]map[string][]byte{}} }

func (m *memory) View(ctx context.Context, fn func(storage.Tx) error) error {
	m.views.Add(1)
	if err := errors.Join(ctx.Err(), m.failing); err != nil {
		return err
	}
	m.mu.RLock()
	err := fn(memoryTx{m})
	m.mu.RUnlock()
	if m.inView != nil {
		m.inView()
	}
	if m.hold != nil {
		<-m.hold
	}
	return err
}

func (m *memory) Update(ctx context.Context, fn func(storage.Tx) error) error {
	if err := errors.Join(ctx.Err(), m.failing, m.broken); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	before := maps.Clone(m.tables)
	for name, table := range before {
		before[name] = maps.Clone(table)
	}
	err := fn(memoryTx{m})
	if err != nil {
		m.tables = before
	}
	return err
}

func (m *memory) Close() error { return nil }

func (m *memory) Fault() error { return nil }

func (m *memory) Changes() uint64 { return 0 }

type memoryTx struct{ m *memory }

func (t memoryTx) Get(bucket, key string) ([]byte, error) {
	value, ok := t.m.tables[bucket][key]
	if !ok {
		return nil, storage.ErrNotFound
	}
	return slices.Clone(value), nil
}

func (t memoryTx) Put(bucket, key string, value []byte) error {
	if t.m.tables[bucket] == nil {
		t.m.tables[bucket] = map[string][]byte{}
	}
	t.m.tables[bucket][key] = slices.Clone(value)
	return nil
}

func (t memoryTx) Delete(bucket, key string) error {
	delete(t.m.tables[bucket], key)
	return nil
}

func (t memoryTx) Scan(bucket, prefix string, fn func(string, []byte) error) error {
	for _, key := range slices.Sorted(maps.Keys(t.m.tables[bucket])) {
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		if err := fn(key, t.m.tables[bucket][key]); err != nil {
			if errors.Is(err, storage.ErrStop) {
				return nil
			}
			return err
		}
	}
	return nil
}

// rig is an Authorizer with lin as the admin, on a fake workspace and a fake database.
type rig struct {
	*authz.Authorizer
	slack *workspace
	db    *memory
}

func newRig(admins ...string) *rig {
	r := &rig{slack: newWorkspace(), db: newMemory()}
	r.Authorizer = authz.New(authz.Config{Admins: append([]string{lin}, admins...), People: r.slack, Records: r.db})
	return r
}

// rule parses a rule of the form "WHO allow|deny ACTIONS STACKS".
func rule(tb testing.TB, words string) storage.Rule {
	tb.Helper()
	f := strings.SplitN(words, " ", 4)
	if len(f) != 4 {
		tb.Fatalf("%q is no rule", words)
	}
	actions, err := authz.ParseActions(f[2])
	if err != nil {
		tb.Fatal(err)
	}
	r := storage.Rule{Channel: channel, Who: f[0], Deny: f[1] == "deny", Stacks: f[3], By: lin, At: time.Now()}
	for _, a := range actions {
		r.Actions = append(r.Actions, string(a))
	}
	return r
}

// add adds a rule through the Authorizer, as the commands do.
func (r *rig) add(tb testing.TB, rule storage.Rule) storage.Rule {
	tb.Helper()
	added, err := r.tryAdd(tb, rule)
	if err != nil {
		tb.Fatal(err)
	}
	return added
}

func (r *rig) tryAdd(tb testing.TB, rule storage.Rule) (added storage.Rule, err error) {
	tb.Helper()
	err = r.db.Update(tb.Context(), func(tx storage.Tx) (err error) {
		added, err = authz.AddRule(tx, rule)
		return err
	})
	r.Changed()
	return added, err
}

// put stores rules without validation.
func (r *rig) put(tb testing.TB, rules ...storage.Rule) {
	tb.Helper()
	err := r.db.Update(tb.Context(), func(tx storage.Tx) error {
		for _, rule := range rules {
			if err := storage.Rules.Put(tx, storage.ChannelKey(rule.Channel, rule.ID), rule); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	r.Changed()
}

func (r *rig) decide(tb testing.TB, user string, action authz.Action, stack storage.StackRef) authz.Decision {
	tb.Helper()
	return r.standing(tb, user, channel).Decide(action, stack)
}

func (r *rig) standing(tb testing.TB, user, channel string) authz.Standing {
	tb.Helper()
	s, err := r.Standing(tb.Context(), authz.Subject{User: user, Channel: channel})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// authorize decides a request by the standing of its subject.
func (r *rig) authorize(ctx context.Context, req authz.Request) (authz.Decision, error) {
	standing, err := r.Standing(ctx, req.Subject)
	if err != nil {
		return authz.Decision{}, err
	}
	return r.Authorize(ctx, standing, req)
}

// audit returns the audit entries, oldest first.
func (r *rig) audit(tb testing.TB) (entries []storage.AuditEntry) {
	tb.Helper()
	err := r.db.View(tb.Context(), func(tx storage.Tx) error {
		return storage.Audit.Scan(tx, "", func(_ string, e storage.AuditEntry) error {
			entries = append(entries, e)
			return nil
		})
	})
	if err != nil {
		tb.Fatal(err)
	}
	return entries
}
