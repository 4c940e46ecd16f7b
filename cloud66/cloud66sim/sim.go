// Package cloud66sim is a stateful simulation of the Cloud 66 API v3 for tests and the demo: stacks, deployments, one deployment queue per
// stack, stack actions, services, scopes, the hourly rate limit, and faults on demand. It is strict; what a real server might do wrong is
// asked for: Options.ClockOff, Stack.HidesNew, and [Fault], whose Edit changes any answer, such as codes, ids, times or the end of a list.
//
// Its own wire types cannot hide a mistake of the client, and it refuses parameters that the API's documentation does not allow. It starts
// no goroutine: each access advances the state from the last access to time.Now. So it runs in a testing/synctest bubble and needs no
// shutdown. Ids, hashes and durations are deterministic: equal sequences of calls yield equal values.
package cloud66sim

import (
	"net/http"
	"sync"
	"time"
)

const (
	// DemoToken is the token that a new Sim accepts. It has the scopes "public" and "redeploy".
	DemoToken = "c66-demo-token"

	owner = "owner@example.com" // author of all redeploys over the API
)

// CodeStyle is the wire format of coded fields of a deployment.
type CodeStyle int

const (
	// Integers sends integer codes with terse meanings, as the examples of the deployment endpoints do.
	Integers CodeStyle = iota
	// Strings sends string codes with labels, and git_ref and snapshot_uuid, as the example of the deployment model does.
	Strings
)

// AnswerStyle is the shape of the responses to a redeploy and a cancellation. The sources disagree about both.
type AnswerStyle int

const (
	// AnswerS0 responds with id, message and queued.
	AnswerS0 AnswerStyle = iota
	// AnswerD responds with ok, message, async_action_id and queued.
	AnswerD
	// AnswerIGOR responds with ok, message and queued.
	AnswerIGOR
	// AnswerBare responds with ok and message only.
	AnswerBare
	// AnswerAction responds with async_action_id only.
	AnswerAction
)

// Options configure a Sim. The zero value is usable.
type Options struct {
	Speed            float64     // Speed divides the durations of deployments and cancellations: at 60 a minute lasts a second; 0 means 1.
	RateLimit        int         // RateLimit is the number of requests per token and clock hour; 0 means 3,600.
	Codes            CodeStyle   // Codes is the format of coded fields.
	WithGitRef       bool        // WithGitRef sends git_ref and snapshot_uuid with Integers too.
	Answer           AnswerStyle // Answer is the shape of the responses to a redeploy and a cancellation.
	CancelInstant    bool        // CancelInstant ends a cancelled deployment at once instead of 5 simulated seconds later.
	CancelledOutcome bool        // CancelledOutcome sends the outcome "cancelled" instead of "failed" for a cancelled deployment.
	Ascending        bool        // Ascending lists deployments and actions oldest first.

	ClockOff time.Duration // ClockOff is how far the clock of all times in responses is ahead; negative if it is behind.
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
	requests       []*Request // the newest keptRequests, oldest first
	requestCount   int
}

var _ http.Handler = (*Sim)(nil)

// New returns a Sim without stacks. The first deployment gets the id 1001.
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

// SetSpeed changes the speed and rescales the remaining time of running deployments and cancellations.
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

// advance brings every stack up to date and returns the current time.
func (s *Sim) advance() time.Time {
	now := time.Now()
	for _, st := range s.stacks {
		s.advanceStack(st, now)
	}
	return now
}

// scaled converts a simulated duration to real time.
func (s *Sim) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / s.speed)
}

func usableSpeed(speed float64) float64 {
	if speed <= 0 {
		return 1
	}
	return speed
}
