package cloud66sim

import (
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// Stack describes a stack of the simulated account. Empty fields get realistic defaults, except Git, Services and Profiles.
type Stack struct {
	UID           string        // UID identifies the stack, by default 32 generated hexadecimal digits.
	Name          string        // Name may contain spaces and may occur in several environments.
	Environment   string        // Environment is "production" by default.
	AccountID     int64         // AccountID is 1 by default; the X-Account header limits a request to one account.
	AccountName   string        // AccountName is "Acme" by default.
	Framework     string        // Framework is "rails" by default; "docker" makes it a docker stack.
	Git           string        // Git is the repository's URL; empty means a stack without git.
	GitBranch     string        // GitBranch is the default ref of deployments, "main" by default.
	Services      []Service     // Services are the services of a docker stack.
	Profiles      []string      // Profiles are the deployment profiles; nil accepts any.
	UsualDuration time.Duration // UsualDuration is the simulated duration of a deployment, 5 minutes by default.
	History       int           // History is the number of past successful deployments that AddStack generates; the last ended some hours ago.
	HidesNew      time.Duration // HidesNew is how long a new deployment is missing in the list and by its id.
	Health        string        // Health is "impaired", "healthy" or "failed"; empty lets it follow from the deployments.
	Busy          bool          // Busy simulates another operation: deployments stay queued until UpdateStack clears it.
}

// Service is a service of a docker stack.
type Service struct {
	Name         string // Name is the name in a redeploy's services parameter.
	SourceType   string // SourceType is "git" or "image" (default).
	GitRef       string // GitRef is the branch, tag or hash of a git service; it follows deployments as ImageTag does.
	ImageName    string // ImageName is the image of an image service.
	ImageTag     string // ImageTag is updated by each successful deployment that names a tag.
	DesiredCount int    // DesiredCount is the number of containers, 1 by default.
}

// stack is a Stack with its simulation state.
type stack struct {
	Stack

	number       int64
	deployments  []*deployment // ascending by id
	actions      []*action     // ascending by id
	queue        []*deployment
	running      *deployment
	head, live   *deployment
	nexts        []Next
	freeAt       time.Time
	createdAt    time.Time
	lastActivity time.Time
	updatedAt    time.Time
}

// AddStack adds a stack with its history and returns its UID. It replaces an existing stack with that UID.
func (s *Sim) AddStack(described Stack) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.advance()
	return s.addStack(described, now).UID
}

func (s *Sim) addStack(described Stack, now time.Time) *stack {
	s.lastStack++
	described = withDefaults(described, s.lastStack)
	st := &stack{Stack: described, number: s.lastStack, freeAt: now, createdAt: now, lastActivity: now, updatedAt: now}
	s.removeStack(st.UID)
	s.stacks = append(s.stacks, st)
	for range described.History {
		st.pastOf(s, past{start: Start{Via: "web"}, state: Success})
	}
	s.datePast(st, now)
	return st
}

// UpdateStack applies a change to the description of a stack and reports whether the stack exists. Changes of UID and History are ignored.
func (s *Sim) UpdateStack(uid string, change func(*Stack)) bool {
	return s.on(uid, func(st *stack, now time.Time) {
		wasBusy := st.Busy
		changed := st.Stack
		changed.Services = slices.Clone(changed.Services)
		change(&changed)
		changed.UID = uid
		st.Stack = withDefaults(changed, st.number)
		st.updatedAt = now
		if wasBusy && !st.Busy && st.running == nil {
			st.freeAt = now
		}
		s.advanceStack(st, now)
	})
}

// on calls do with an up-to-date stack, with the lock held, and reports whether the stack exists.
func (s *Sim) on(uid string, do func(st *stack, now time.Time)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.advance()
	st := s.find(uid)
	if st != nil {
		do(st, now)
	}
	return st != nil
}

// Ill reports whether a stack that has something live is failing.
func (s *Sim) Ill(uid string) (ill bool) {
	s.on(uid, func(st *stack, now time.Time) { ill = st.live != nil && st.health(now) == healthFailed })
	return ill
}

// RemoveStack removes a stack with all its state and reports whether it existed.
func (s *Sim) RemoveStack(uid string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.removeStack(uid)
}

func (s *Sim) removeStack(uid string) bool {
	before := len(s.stacks)
	s.stacks = slices.DeleteFunc(s.stacks, func(st *stack) bool { return st.UID == uid })
	return len(s.stacks) < before
}

func (s *Sim) find(uid string) *stack {
	if i := slices.IndexFunc(s.stacks, func(st *stack) bool { return st.UID == uid }); i >= 0 {
		return s.stacks[i]
	}
	return nil
}

func (st *stack) docker() bool {
	return strings.EqualFold(st.Framework, "docker")
}

// busy is the value of is_busy: true during any operation, or with a running or queued deployment.
func (st *stack) busy() bool {
	return st.Busy || st.running != nil || len(st.queue) > 0
}

func (st *stack) touch(at time.Time) {
	st.lastActivity, st.updatedAt = at, at
}

func withDefaults(st Stack, number int64) Stack {
	setDefault(&st.UID, hex.EncodeToString(digest("stack", number)[:16]))
	setDefault(&st.Name, "stack-"+st.UID[:min(6, len(st.UID))])
	setDefault(&st.Environment, "production")
	setDefault(&st.AccountID, 1)
	setDefault(&st.AccountName, "Acme")
	setDefault(&st.Framework, "rails")
	setDefault(&st.GitBranch, "main")
	setDefault(&st.UsualDuration, 5*time.Minute)
	st.Services = slices.Clone(st.Services)
	for i := range st.Services {
		setDefault(&st.Services[i].SourceType, "image")
		setDefault(&st.Services[i].DesiredCount, 1)
	}
	return st
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// The states of a stack (Cloud 66 API, Stacks).
const (
	statusDeployed  = 1
	statusFailed    = 2
	statusAnalyzed  = 4
	statusQueued    = 5
	statusDeploying = 6
)

// The health values of a stack (Cloud 66 API, Stacks).
const (
	healthUnknown  = 0
	healthBuilding = 1
	healthImpaired = 2
	healthHealthy  = 3
	healthFailed   = 4
)

// wireStack is a stack in an answer.
type wireStack struct {
	UID              string `json:"uid"`
	Name             string `json:"name"`
	Environment      string `json:"environment"`
	Cloud            string `json:"cloud"`
	FQDN             string `json:"fqdn"`
	Language         string `json:"language"`
	Framework        string `json:"framework"`
	Git              string `json:"git,omitempty"`
	GitBranch        string `json:"git_branch,omitempty"`
	Status           int    `json:"status"`
	Health           int    `json:"health"`
	IsBusy           bool   `json:"is_busy"`
	LastActivity     string `json:"last_activity"`
	LastActivityISO  string `json:"last_activity_iso"`
	CreatedAt        string `json:"created_at"`
	CreatedAtISO     string `json:"created_at_iso"`
	UpdatedAt        string `json:"updated_at"`
	UpdatedAtISO     string `json:"updated_at_iso"`
	MaintenanceMode  bool   `json:"maintenance_mode"`
	HasLoadbalancer  bool   `json:"has_loadbalancer"`
	IsCluster        bool   `json:"is_cluster"`
	IsInsideCluster  bool   `json:"is_inside_cluster"`
	ClusterName      any    `json:"cluster_name"`
	DeployDirectory  string `json:"deploy_directory"`
	CloudStatus      string `json:"cloud_status"`
	Backend          string `json:"backend"`
	Version          string `json:"version"`
	Revision         string `json:"revision"`
	AccountID        int64  `json:"account_id"`
	AccountName      string `json:"account_name"`
	ApplicationURL   string `json:"application_address"`
	RedeployHookLink string `json:"redeploy_hook"` // clients must not show it
}

func (s *Sim) renderStack(st *stack, now time.Time) any {
	host := strings.ReplaceAll(strings.ToLower(st.Name), " ", "-") + "-" + st.Environment + ".c66.example"
	wire := wireStack{
		UID: st.UID, Name: st.Name, Environment: st.Environment, Cloud: "DigitalOcean", FQDN: host, Language: "ruby",
		Framework: st.Framework, Status: st.status(), Health: st.health(now), IsBusy: st.busy(),
		LastActivity: s.plain(st.lastActivity), LastActivityISO: s.iso(st.lastActivity),
		CreatedAt: s.plain(st.createdAt), CreatedAtISO: s.iso(st.createdAt),
		UpdatedAt: s.plain(st.updatedAt), UpdatedAtISO: s.iso(st.updatedAt),
		DeployDirectory: "/var/deploy/" + strings.ReplaceAll(st.Name, " ", "_"), CloudStatus: "fully_deployed", Backend: "puma",
		Version: "1.0", AccountID: st.AccountID, AccountName: st.AccountName, ApplicationURL: "https://" + host,
		RedeployHookLink: "https://hooks.example/redeploy/SECRET" + hex.EncodeToString(digest("hook", st.UID)[:8]),
	}
	if st.Git != "" {
		wire.Git, wire.GitBranch = st.Git, st.GitBranch
	}
	if st.live != nil {
		wire.Revision = st.live.Hash
	}
	return wire
}

func (st *stack) status() int {
	switch {
	case st.running != nil:
		return statusDeploying
	case len(st.queue) > 0:
		return statusQueued
	case st.head == nil:
		return statusAnalyzed
	case st.head.State == Success:
		return statusDeployed
	}
	return statusFailed
}

func (st *stack) health(now time.Time) int {
	described := map[string]int{"impaired": healthImpaired, "healthy": healthHealthy, "failed": healthFailed}[st.Health]
	switch {
	case described != 0:
		return described
	case st.running != nil:
		return healthBuilding
	case st.head == nil:
		return healthUnknown
	case st.live != nil && !st.live.illAt.IsZero() && !now.Before(st.live.illAt):
		return healthFailed
	case st.head.State == Success:
		return healthHealthy
	case st.live != nil:
		return healthImpaired
	}
	return healthFailed
}
