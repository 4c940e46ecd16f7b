package cloud66sim

import (
	"slices"
	"time"
)

// State is where a deployment stands: Queued, Running, or how it ended.
type State string

// The states of a deployment. Next.Outcome can make up others, which count as failures.
const (
	Queued    State = "queued"
	Running   State = "running"
	Success   State = "success"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Start is a deployment that someone else than the client begins.
type Start struct {
	Via  string // Via is "web" unless given, "api" or "hook"; an unknown one is sent with code 99.
	By   string // By is who triggered it, "dev@example.com" unless given.
	Ref  string // Ref is the branch, tag or full hash; the stack's branch unless given.
	Hash string // Hash is the commit; made up from Ref unless given.
	Type string // Type is "build" unless given; "revert" brings back the version before the live one. An unknown one is sent with code 99.
}

// Next is what the next deployment that begins to run on a stack does.
type Next struct {
	Fail     bool          // Fail makes it fail.
	Outcome  string        // Outcome replaces success or failure in what is sent; an unknown one has code 99 and counts as a failure.
	Duration time.Duration // Duration replaces the stack's usual one and is divided by the speed as well.
}

// View is a deployment as a test sees it.
type View struct {
	ID                int64
	Stack             string // Stack is the stack's UID.
	State             State
	Via, By, Type     string
	Ref, Hash         string
	Services          []string // Services are "name" or "name:tag".
	Profile           string
	UserReference     string
	CreatedAt         time.Time
	StartedAt         time.Time // StartedAt is when it began to run; zero while it is queued.
	FinishedAt        time.Time
	CancelRequestedAt time.Time // CancelRequestedAt is when the first cancellation was accepted.
	Head, Live        bool
	Reverted          bool
}

// deployment is one deployment of a stack.
type deployment struct {
	View

	willBe     State
	endsAt     time.Time
	revertedBy *deployment // the revert that took it off the servers
	action     *action
}

// Deploy begins a deployment as somebody else and returns its id, 0 where there is no such stack. It waits where the stack is busy.
func (s *Sim) Deploy(uid string, start Start) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.advance()
	st := s.find(uid)
	if st == nil {
		return 0
	}
	d := s.newDeployment(st, start)
	s.enqueue(st, d, now)
	return d.ID
}

// NextOutcome says what the next deployment that begins to run on a stack does. Several calls concern as many deployments, in order.
func (s *Sim) NextOutcome(uid string, next Next) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	if st := s.find(uid); st != nil {
		st.nexts = append(st.nexts, next)
	}
}

// Deployment returns one deployment of a stack.
func (s *Sim) Deployment(uid string, id int64) (View, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	if st := s.find(uid); st != nil {
		if d := st.deployment(id); d != nil {
			return st.view(d), true
		}
	}
	return View{}, false
}

// Deployments returns all deployments of a stack, oldest first whatever the options say about lists.
func (s *Sim) Deployments(uid string) []View {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
	st := s.find(uid)
	if st == nil {
		return nil
	}
	views := make([]View, 0, len(st.deployments))
	for _, d := range st.deployments {
		views = append(views, st.view(d))
	}
	return views
}

func (st *stack) deployment(id int64) *deployment {
	for _, d := range st.deployments {
		if d.ID == id {
			return d
		}
	}
	return nil
}

func (st *stack) view(d *deployment) View {
	v := d.View
	v.Services = slices.Clone(v.Services)
	v.Head, v.Live, v.Reverted = d == st.head, d == st.live, d.revertedBy != nil
	return v
}

// newDeployment makes a deployment with the next id, and with everything that does not depend on time.
func (s *Sim) newDeployment(st *stack, start Start) *deployment {
	s.lastDeployment++
	setDefault(&start.Via, "web")
	setDefault(&start.By, "dev@example.com")
	setDefault(&start.Type, "build")
	if st.Git == "" {
		start.Ref, start.Hash = "", ""
	} else {
		setDefault(&start.Ref, st.GitBranch)
		if start.Type == "revert" {
			setDefault(&start.Hash, st.previousHash())
		}
		setDefault(&start.Hash, commitHash(st.UID, start.Ref, s.lastDeployment))
	}
	return &deployment{View: View{
		ID: s.lastDeployment, Stack: st.UID, State: Queued, Via: start.Via, By: start.By, Type: start.Type, Ref: start.Ref, Hash: start.Hash,
	}}
}

// previousHash is the newest successful commit that is not the live one, or "".
func (st *stack) previousHash() string {
	for _, d := range slices.Backward(st.deployments) {
		if d.State == Success && st.live != nil && d.Hash != st.live.Hash {
			return d.Hash
		}
	}
	return ""
}
