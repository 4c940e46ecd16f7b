package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"c66bot/authz"
	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
	"c66bot/storage"
	"c66bot/storage/bolt"
)

const (
	teamsPerLife = 2
	teamHistory  = 3 // deployments of a team's stack before it begins
)

// team guards a stack of its own, in a channel of its own. boss is an admin; dev may redeploy, peer and mate may approve.
type team struct {
	story                 func(m *team, over <-chan struct{})
	stack, uid, channel   string
	boss, dev, peer, mate *wish
	early                 bool // its lock or protection is there before the first life
	protected             bool // it does nothing else before its stack is protected
	mu                    sync.Mutex
	forbidden             []string // refs that were asked for while a lock held for certain
	expected              []expectation
}

// expectation is what must be seen of a delivery that was acknowledged, unless its author is told that nothing was done.
type expectation struct {
	who  *wish
	d    *slacksim.Delivery
	what string
	sees *regexp.Regexp
}

func (m *team) people() []*wish { return []*wish{m.boss, m.dev, m.peer, m.mate} }

// guards makes teams with their stacks, channels and rules.
func (w *world) guards(t *testing.T, n int) []*team {
	t.Helper()
	stories := []func(*team, <-chan struct{}){(*team).locks, (*team).approves, (*team).rejects, (*team).rollsBack, (*team).promotes}
	all := make([]*team, n)
	var rules []storage.Rule
	var locks []storage.Lock
	var protections []storage.Protection
	for i := range all {
		m := &team{story: stories[i%len(stories)], channel: fmt.Sprintf("C0G%05d", i)}
		name := fmt.Sprintf("guarded%d", i)
		m.stack = name + "@production"
		git := "https://github.com/acme/" + name + ".git"
		m.uid = w.cloud.AddStack(cloud66sim.Stack{Name: name, Git: git, History: teamHistory})
		w.cloud.AddStack(cloud66sim.Stack{Name: name, Environment: "staging", Git: git, History: teamHistory})
		m.boss, m.dev = w.newcomer("b", i, m.channel), w.newcomer("d", i, m.channel)
		m.peer, m.mate = w.newcomer("p", i, m.channel), w.newcomer("m", i, m.channel)
		var members []string
		for _, v := range m.people() {
			members = append(members, v.user)
		}
		w.slack.AddChannel(slacksim.Channel{ID: m.channel, Name: name, Members: members, BotIsMember: true})
		for user, right := range map[string]authz.Action{m.dev.user: authz.Redeploy, m.peer.user: authz.Approve, m.mate.user: authz.Approve} {
			rules = append(rules, storage.Rule{Channel: m.channel, Who: user, Actions: []string{string(right)}, Stacks: "*", By: m.boss.user})
		}
		m.early = i/len(stories)%2 == 0
		switch id := fmt.Sprintf("early%d", i); {
		case m.early && i%len(stories) == 0:
			locks = append(locks, storage.Lock{ID: id, Channel: m.channel, Stacks: m.stack, Holder: m.boss.user, Reason: "early", At: time.Now()})
		case m.early && i%len(stories) < 4:
			protections = append(protections, storage.Protection{ID: id, Channel: m.channel, Stacks: m.stack, Approvals: 1, By: m.boss.user})
		}
		all[i] = m
	}
	w.inDatabase(t, func(tx storage.Tx) (err error) {
		for _, r := range rules {
			_, wrong := authz.AddRule(tx, r)
			err = errors.Join(err, wrong)
		}
		for _, l := range locks {
			err = errors.Join(err, storage.Locks.Put(tx, l.ID, l))
		}
		for _, p := range protections {
			err = errors.Join(err, storage.Protections.Put(tx, p.ID, p))
		}
		return err
	})
	return all
}

// inDatabase runs a transaction while no bot runs.
func (w *world) inDatabase(t *testing.T, do func(tx storage.Tx) error) {
	t.Helper()
	db, err := bolt.Open(w.db)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(t.Context(), do), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// act plays a team's story, as far as a life lasts.
func (m *team) act(over <-chan struct{}) {
	select {
	case <-time.After(rand.N(longest / 10)):
		m.story(m, over)
	case <-over:
	}
}

// sends notes a delivery, and what must be seen of it.
func (m *team) sends(who *wish, what, sees string) func(d *slacksim.Delivery, err error) {
	return func(d *slacksim.Delivery, err error) {
		who.send(d, err)
		if err == nil && d != nil {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.expected = append(m.expected, expectation{who, d, what, regexp.MustCompile(sees)})
		}
	}
}

func (m *team) says(who *wish, text, sees string) {
	m.sends(who, text, sees)(who.person().Command(m.channel, "/c66 "+text), nil)
}

// clicks uses a button as soon as it is there.
func (m *team) clicks(who *wish, label, sees string, over <-chan struct{}) {
	waitFor(over, func() bool {
		for _, shown := range who.person().Sees(m.channel) {
			if d, err := who.person().Click(m.channel, shown, label); err == nil {
				m.sends(who, label, sees)(d, nil)
				m.sends(who, label, sees)(who.person().ClickOld(m.channel, shown, label)) // a second click
				return true
			}
		}
		return false
	})
}

// shown waits until somebody sees words, and reports whether that was before the life was over.
func (m *team) shown(who *wish, words string, over <-chan struct{}) (seen bool) {
	waitFor(over, func() bool {
		seen = slices.ContainsFunc(who.person().Sees(m.channel), func(s slacksim.Message) bool { return strings.Contains(s.Plain(), words) })
		return seen
	})
	return seen
}

func (m *team) ref(what string) string { return strings.ReplaceAll(m.boss.ref, "b", what) }

func (m *team) redeploys(who *wish, ref, sees, more string) {
	m.says(who, "redeploy "+m.stack+" --wait --ref "+ref+more, sees)
}

// locks has a redeploy refused, another one override the lock, and a third one begin after the lock is taken back.
func (m *team) locks(over <-chan struct{}) {
	if !m.early {
		m.says(m.boss, "lock "+m.stack+" migration", "locked "+m.stack)
		if !m.shown(m.boss, "🔒", over) {
			return
		}
	}
	if rand.N(2) == 0 {
		m.mu.Lock()
		m.forbidden = append(m.forbidden, m.ref("refused"))
		m.mu.Unlock()
		m.redeploys(m.dev, m.ref("refused"), "is locked", "")
		if !m.shown(m.dev, "is locked", over) {
			return // it is judged in a later life, under the same lock
		}
	}
	m.redeploys(m.boss, m.ref("override"), m.ref("override"), " --override --reason outage")
	if rand.N(2) == 0 && !m.shown(m.boss, "overrides lock", over) {
		return
	}
	m.says(m.boss, "unlock "+m.stack, "🔓")
	m.redeploys(m.dev, m.ref("free"), m.ref("free")+"|is locked", "")
	<-over
}

// protects has what follows wait for an approval.
func (m *team) protects(over <-chan struct{}) bool {
	if m.protected = m.early; m.early {
		return true
	}
	m.says(m.boss, "protect "+m.stack, "protected "+m.stack)
	m.protected = m.shown(m.boss, "protected "+m.stack, over)
	return m.protected
}

// both has two people act at the same moment.
func both(one, other func()) {
	var acting sync.WaitGroup
	acting.Go(one)
	acting.Go(other)
	acting.Wait()
}

const answered = "was approved|was rejected|was withdrawn|waits for approval"

// approves has two people approve a request at once, twice each.
func (m *team) approves(over <-chan struct{}) {
	if !m.protects(over) {
		return
	}
	m.redeploys(m.dev, m.ref("wanted"), m.ref("wanted")+"|"+answered, "")
	both(func() { m.clicks(m.peer, "Approve", answered, over) }, func() { m.clicks(m.mate, "Approve", answered, over) })
	<-over
}

// rejects has a request rejected, withdrawn and approved at once.
func (m *team) rejects(over <-chan struct{}) {
	if !m.protects(over) {
		return
	}
	m.redeploys(m.dev, m.ref("wanted"), m.ref("wanted")+"|"+answered, "")
	if !m.shown(m.peer, "waits for approval", over) {
		return
	}
	first, second := func() { m.clicks(m.dev, "Withdraw", answered, over) }, func() { m.clicks(m.mate, "Approve", answered, over) }
	if rand.N(2) == 0 {
		second = func() {}
	}
	if rand.N(2) == 0 {
		first = func() {
			m.clicks(m.peer, "Reject", "", over) // it opens a window
			waitFor(over, func() bool {
				if m.peer.person().Fill("Reason", "not today") != nil {
					return false
				}
				m.sends(m.peer, "Reject", answered)(m.peer.person().Submit())
				return true
			})
		}
	}
	both(first, second)
	<-over
}

// rollsBack has a rollback approved.
func (m *team) rollsBack(over <-chan struct{}) {
	if !m.protects(over) {
		return
	}
	m.says(m.dev, "rollback "+m.stack, "")
	m.clicks(m.dev, "Yes, roll back", answered, over)
	m.clicks(m.mate, "Approve", answered, over)
	<-over
}

// promotes locks a stack at the moment of a promotion.
func (m *team) promotes(over <-chan struct{}) {
	name, _, _ := strings.Cut(m.stack, "@")
	m.says(m.dev, "promote "+name+"@staging production", "")
	if !m.shown(m.dev, "Yes, promote", over) {
		return
	}
	both(func() { m.clicks(m.dev, "Yes, promote", name+"@staging|is locked", over) },
		func() { m.says(m.boss, "lock "+m.stack+" migration", "locked "+m.stack) })
	<-over
}

// kept is what the database has of a team's stack.
type kept struct {
	follows     []storage.Follow // of redeploys
	approvals   map[string]storage.Approval
	decisions   map[string]storage.AuditEntry // that allowed it, by operation
	undelivered string
}

// guarded checks what became of all that the teams did, and returns how much that was.
func (w *world) guarded(t *testing.T, all []*team) string {
	t.Helper()
	by := map[string]*kept{}
	of := func(uid string) *kept {
		if by[uid] == nil {
			by[uid] = &kept{approvals: map[string]storage.Approval{}, decisions: map[string]storage.AuditEntry{}}
		}
		return by[uid]
	}
	uids := map[string]string{}
	for _, m := range all {
		uids[m.channel] = m.uid
		for _, v := range m.people() {
			uids[v.user], uids["D"+v.user[1:]] = m.uid, m.uid
		}
	}
	w.inDatabase(t, func(tx storage.Tx) error {
		return errors.Join(
			storage.Follows.Scan(tx, "", func(_ string, f storage.Follow) error {
				if f.Wish != nil {
					of(f.Stack.UID).follows = append(of(f.Stack.UID).follows, f)
				}
				return nil
			}),
			storage.Approvals.Scan(tx, "", func(id string, a storage.Approval) error {
				of(a.Follow.Stack.UID).approvals[id] = a
				return nil
			}),
			storage.EachAudit(tx, time.Time{}, func(e storage.AuditEntry) error {
				if e.Allowed && e.Operation != "" {
					of(e.Stack.UID).decisions[e.Operation] = e
				}
				return nil
			}),
			storage.Messages.Scan(tx, "", func(_ string, msg storage.Message) error {
				if uid := uids[msg.Channel]; uid != "" && !msg.Delivered() {
					of(uid).undelivered += msg.Text + "\n"
				}
				return nil
			}),
		)
	})
	var begun, overridden, approved, refused int
	for _, m := range all {
		k := of(m.uid)
		if faults := m.faults(w, k); len(faults) > 0 {
			boss, _ := m.boss.says()
			dev, _ := m.dev.says()
			t.Errorf("%s: %s; follows %+v; approvals %+v; shown was\n%s\nand to who redeploys\n%s", m.stack, strings.Join(faults, "; "),
				k.follows, k.approvals, boss, dev)
		}
		for _, f := range k.follows {
			switch begun++; k.decisions[f.Operation].By.Kind {
			case storage.ByLock:
				overridden++
			case storage.ByApproval:
				approved++
			}
		}
		refused += len(m.forbidden)
	}
	return fmt.Sprintf("of %d teams %d redeploys began, %d of them over a lock and %d approved, and %d were refused", len(all), begun,
		overridden, approved, refused)
}

// faults says what is wrong with what became of all that a team did.
func (m *team) faults(w *world, k *kept) (wrong []string) {
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	sent := map[string]bool{}
	for _, d := range w.cloud.Deployments(m.uid)[teamHistory:] {
		i := slices.IndexFunc(k.follows, func(f storage.Follow) bool { return f.Wish.Reference == d.UserReference })
		switch {
		case i < 0:
			add("#%d of %s was asked for by nobody", d.ID, d.Ref)
		case sent[d.UserReference]:
			add("%s was sent twice", d.Ref)
		case k.follows[i].Wish.Ref != d.Ref:
			add("#%d deploys %s, not %s", d.ID, d.Ref, k.follows[i].Wish.Ref)
		case slices.Contains(m.forbidden, d.Ref):
			add("%s was deployed though the stack was locked", d.Ref)
		}
		sent[d.UserReference] = true
	}
	began := map[string]int{} // by request
	for _, f := range k.follows {
		e, found := k.decisions[f.Operation]
		switch {
		case !found:
			add("the audit does not say who allowed %s", f.Wish.Ref)
		case m.protected && e.By.Kind != storage.ByApproval:
			add("%s began without an approval: %+v", f.Wish.Ref, e)
		case len(f.Wish.Overrides) > 0 && (e.By.Kind != storage.ByLock || e.By.ID != f.Wish.Overrides[0].Lock):
			add("%s overrides %+v, and the audit says %+v", f.Wish.Ref, f.Wish.Overrides, e)
		case f.Phase == storage.PhaseEnded && (e.Result == nil || e.Result.Outcome != f.State || e.Result.Deployment != f.Deployment):
			add("%s ended %s as #%d, and the audit says %+v", f.Wish.Ref, f.State, f.Deployment, e.Result)
		case f.Phase == storage.PhaseEnded && f.Deployment == 0 && sent[f.Wish.Reference] && f.State != storage.Unclear:
			add("%s was deployed, and said to be %s", f.Wish.Ref, f.State)
		}
		if e.By.Kind == storage.ByApproval {
			began[e.By.ID]++
		}
	}
	for id, a := range k.approvals {
		want := 0
		if a.State == storage.Approved {
			want = 1
		}
		if began[id] != want {
			add("request %s is %s and began %d times", id, a.State, began[id])
		}
		if want == 1 && (len(a.Given) == 0 || slices.ContainsFunc(a.Given, func(g storage.Given) bool { return g.User == a.Follow.Asker })) {
			add("request %s was approved by %+v", id, a.Given)
		}
	}
	return append(wrong, m.unsaid(k)...)
}

// answeredHead matches the first line of a request that was answered, where it looks like a card.
var answeredHead = regexp.MustCompile(`(?m)^(✅|🚫) \S+@\S+ redeploy by @`)

// unsaid says what was lost or doubled of what people were told.
func (m *team) unsaid(k *kept) (wrong []string) {
	public, _ := m.peer.says()
	requests := strings.Count(public, " redeploy by @")
	cards := len(cardHead.FindAllString(public, -1)) - len(answeredHead.FindAllString(public, -1))
	if cards > len(k.follows) || requests > len(k.approvals) {
		wrong = append(wrong, fmt.Sprintf("doubled: %d cards of %d redeploys, %d requests of %d",
			cards, len(k.follows), requests, len(k.approvals)))
	}
	for _, v := range m.people() {
		if _, direct := v.says(); direct > len(v.deliveries()) {
			wrong = append(wrong, fmt.Sprintf("doubled: %s got %d direct messages of %d operations", v.user, direct, len(v.deliveries())))
		}
	}
	for _, e := range m.expected {
		select {
		case <-e.d.Acked():
			if text, _ := e.who.says(); !e.sees.MatchString(text+k.undelivered) && !told.MatchString(text+k.undelivered) {
				wrong = append(wrong, fmt.Sprintf("lost: nothing is said of “%s” of %s", e.what, e.who.user))
			}
		default:
		}
	}
	return wrong
}
