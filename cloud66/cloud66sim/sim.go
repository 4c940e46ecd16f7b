// Package cloud66sim simulates the Cloud 66 API v3 with its state: stacks, their deployments, the queue of each stack, stack
// actions, services, scopes, the hourly rate limit, and faults on demand.
//
// It is for tests and for the demonstration. It has wire types of its own, so that it cannot hide a mistake of the client, and it refuses
// what the API's documents do not allow. It starts no goroutine: each access computes from time.Now what has happened since the last one.
// So it runs in a testing/synctest bubble and leaves nothing behind. The same calls give the same ids, hashes and durations.
package cloud66sim

import (
	"net/http"
	"sync"
	"time"
)

const (
	// DemoToken is the token that a new Sim accepts. It has the scopes "public" and "redeploy".
	DemoToken = "c66-demo-token"

	owner = "owner@example.com" // of all tokens
)

// CodeStyle is how coded fields of a deployment are sent.
type CodeStyle int

const (
	// Integers sends integer codes with terse meanings, as the examples of the deployment endpoints do.
	Integers CodeStyle = iota
	// Strings sends string codes with labels, and git_ref and snapshot_uuid, as the example of the deployment model does.
	Strings
)

// AnswerStyle is the shape of the answers to a redeploy and to a cancellation. Sources disagree about both.
type AnswerStyle int

const (
	// AnswerS0 answers id, message and queued.
	AnswerS0 AnswerStyle = iota
	// AnswerD answers ok, message, async_action_id and queued.
	AnswerD
	// AnswerIGOR answers ok, message and queued.
	AnswerIGOR
	// AnswerBare answers ok and message alone.
	AnswerBare
)

// Options are the ways in which one Sim differs from another. The zero value is usable.
type Options struct {
	Speed            float64     // Speed divides the durations of deployments and cancellations; 60 makes a minute last a second, 0 means 1.
	RateLimit        int         // RateLimit is how many requests a token may make in a clock hour; 0 means 3,600.
	Codes            CodeStyle   // Codes is the style of coded fields.
	WithGitRef       bool        // WithGitRef sends git_ref and snapshot_uuid with Integers too.
	Answer           AnswerStyle // Answer is the style of the answers to a redeploy and to a cancellation.
	CancelInstant    bool        // CancelInstant ends a cancelled deployment at once rather than 5 simulated seconds later.
	CancelledOutcome bool        // CancelledOutcome gives a cancelled deployment an outcome of its own rather than "failed".
	Ascending        bool        // Ascending lists deployments and actions oldest first.
}

// Sim is a simulated Cloud 66. It is an http.Handler for "<server>/api/3" and safe for concurrent use.
type Sim struct {
	opts Options

	mu             sync.Mutex
	speed          float64
	tokens         map[string][]string
	usage          map[string]allowance
	stacks         []*stack
	lastStack      int64
	lastDeployment int64
	lastAction     int64
	faults         []*activeFault
	requests       []*Request // the newest, oldest first
	requestCount   int
}

var _ http.Handler = (*Sim)(nil)

// New returns a Sim without stacks. The first deployment's id will be 1001.
func New(opts Options) *Sim {
	setDefault(&opts.RateLimit, 3600)
	return &Sim{
		opts:           opts,
		speed:          usableSpeed(opts.Speed),
		tokens:         map[string][]string{DemoToken: {scopePublic, scopeRedeploy}},
		usage:          map[string]allowance{},
		lastDeployment: 1000,
	}
}

// SetSpeed changes the speed from now on. What is left of running deployments and cancellations is shortened or lengthened with it.
func (s *Sim) SetSpeed(speed float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.advance()
	factor := s.speed / usableSpeed(speed)
	for _, st := range s.stacks {
		if st.running != nil {
			left := float64(st.running.endsAt.Sub(now))
			st.running.endsAt = now.Add(time.Duration(left * factor))
		}
	}
	s.speed = usableSpeed(speed)
}

// advance brings every stack up to the present, which it returns.
func (s *Sim) advance() time.Time {
	now := time.Now()
	for _, st := range s.stacks {
		s.advanceStack(st, now)
	}
	return now
}

// scaled is how long a simulated duration really takes.
func (s *Sim) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / s.speed)
}

func usableSpeed(speed float64) float64 {
	if speed <= 0 {
		return 1
	}
	return speed
}
