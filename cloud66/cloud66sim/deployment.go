package cloud66sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// State is the state of a deployment: Queued, Running or a final state.
type State string

// The states of a deployment. Next.Outcome can add other final ones, which count as failures.
const (
	Queued    State = "queued"
	Running   State = "running"
	Success   State = "success"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Start describes a deployment that is started by someone other than the client.
type Start struct {
	Via  string // Via is "web" (default), "api" or "hook"; an unknown value is sent with code 99.
	By   string // By is the author, "dev@example.com" by default.
	Ref  string // Ref is the branch, tag or full hash, by default the stack's branch.
	Hash string // Hash is the commit, by default generated from Ref.
	Type string // Type is "build" by default; "revert" restores the version before the live one. An unknown value is sent with code 99.
}

// Next describes the course of the next deployment that starts running on a stack.
type Next struct {
	Fail     bool          // Fail makes the deployment fail.
	Outcome  string        // Outcome replaces success or failure on the wire; an unknown value has code 99 and counts as a failure.
	Message  string        // Message is what the stack action of a failed deployment says, by default "Deployment failed".
	Duration time.Duration // Duration replaces the stack's UsualDuration; it too is divided by the speed.
	IllAfter time.Duration // IllAfter is when the stack fails after this deployment went live, divided by the speed; 0 is never.
}

// View is a snapshot of a deployment for tests.
type View struct {
	ID                int64
	Stack             string // Stack is the stack's UID.
	State             State
	Via, By, Type     string
	Ref, Hash         string
	Services          []string // Services has items "name" or "name:tag".
	Profile           string
	UserReference     string
	CreatedAt         time.Time
	StartedAt         time.Time // StartedAt is the start of the run; zero while queued.
	FinishedAt        time.Time
	CancelRequestedAt time.Time // CancelRequestedAt is the time of the first accepted cancellation.
	Head, Live        bool
	Reverted          bool
}

// deployment is a View with its simulation state. The Head, Live and Reverted of the View are set by stack.view only.
type deployment struct {
	View

	willBe     State
	endsAt     time.Time
	revertedBy *deployment // the revert that replaced it on the servers
	action     *action
	hiddenTill time.Time
	failsWith  string    // what its action says if it fails; may be empty
	illAt      time.Time // when the stack fails, if this deployment is live then; zero is never
}

// Deploy starts a deployment as someone else and returns its id, 0 for an unknown stack. On a busy stack the deployment is queued.
func (s *Sim) Deploy(uid string, start Start) (id int64) {
	s.on(uid, func(st *stack, now time.Time) {
		d := s.newDeployment(st, start)
		s.enqueue(st, d, now)
		id = d.ID
	})
	return id
}

// NextOutcome sets the course of the next deployment that starts running on a stack. Repeated calls queue up for later deployments.
func (s *Sim) NextOutcome(uid string, next Next) {
	s.on(uid, func(st *stack, _ time.Time) { st.nexts = append(st.nexts, next) })
}

// Deployment returns one deployment of a stack.
func (s *Sim) Deployment(uid string, id int64) (v View, found bool) {
	s.on(uid, func(st *stack, _ time.Time) {
		if d := st.deployment(id); d != nil {
			v, found = st.view(d), true
		}
	})
	return v, found
}

// Deployments returns all deployments of a stack, oldest first regardless of Options.Ascending.
func (s *Sim) Deployments(uid string) (views []View) {
	s.on(uid, func(st *stack, _ time.Time) {
		for _, d := range st.deployments {
			views = append(views, st.view(d))
		}
	})
	return views
}

func (st *stack) deployment(id int64) *deployment {
	if i := slices.IndexFunc(st.deployments, func(d *deployment) bool { return d.ID == id }); i >= 0 {
		return st.deployments[i]
	}
	return nil
}

func (st *stack) view(d *deployment) View {
	v := d.View
	v.Services = slices.Clone(v.Services)
	v.Head, v.Live, v.Reverted = d == st.head, d == st.live, d.revertedBy != nil
	return v
}

// newDeployment creates a queued deployment with the next id. The caller sets the times.
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

// previousHash returns the newest successfully deployed commit other than the live one, or "".
func (st *stack) previousHash() string {
	for _, d := range slices.Backward(st.deployments) {
		if d.State == Success && st.live != nil && d.Hash != st.live.Hash {
			return d.Hash
		}
	}
	return ""
}

// cancelTakes is the simulated time from an accepted cancellation to the end of a running deployment.
const cancelTakes = 5 * time.Second

// enqueue appends a new deployment to the queue and starts it if the stack is free.
func (s *Sim) enqueue(st *stack, d *deployment, now time.Time) {
	d.CreatedAt, d.hiddenTill = now, now.Add(st.HidesNew)
	d.action = s.newAction(st, d)
	st.deployments = append(st.deployments, d)
	st.queue = append(st.queue, d)
	st.touch(now)
	s.advanceStack(st, now)
}

// advanceStack finishes and starts the deployments of a stack that are due by now.
func (s *Sim) advanceStack(st *stack, now time.Time) {
	for {
		if st.running == nil && !s.beginNext(st) {
			return
		}
		if st.running.endsAt.After(now) {
			return
		}
		st.finishRunning()
	}
}

// beginNext starts the oldest queued deployment. It returns false if the queue is empty or the stack is busy otherwise.
func (s *Sim) beginNext(st *stack) bool {
	if st.Busy || len(st.queue) == 0 {
		return false
	}
	d := st.queue[0]
	st.queue = st.queue[1:]
	next := st.takeNext()
	d.State, d.willBe, d.failsWith = Running, next.state(), next.Message
	d.StartedAt = d.CreatedAt
	if st.freeAt.After(d.StartedAt) {
		d.StartedAt = st.freeAt
	}
	d.endsAt = d.StartedAt.Add(s.scaled(next.Duration))
	if next.IllAfter > 0 {
		d.illAt = d.endsAt.Add(s.scaled(next.IllAfter))
	}
	st.running = d
	st.touch(d.StartedAt)
	return true
}

// takeNext removes and returns the first Next of NextOutcome, completed by defaults.
func (st *stack) takeNext() Next {
	var next Next
	if len(st.nexts) > 0 {
		next, st.nexts = st.nexts[0], st.nexts[1:]
	}
	setDefault(&next.Duration, st.UsualDuration)
	return next
}

func (n Next) state() State {
	switch {
	case n.Outcome != "":
		return State(n.Outcome)
	case n.Fail:
		return Failed
	}
	return Success
}

func (st *stack) finishRunning() {
	d := st.running
	st.running, st.freeAt = nil, d.endsAt
	st.finish(d, d.willBe, d.endsAt)
	st.head = d
	if d.State == Success {
		st.goLive(d)
	}
}

// finish ends a deployment and its action.
func (st *stack) finish(d *deployment, state State, at time.Time) {
	d.State, d.FinishedAt = state, at
	if d.action != nil {
		d.action.finish(d)
	}
	st.touch(at)
}

// goLive makes a successful deployment the live one. A revert marks the previous one as reverted.
func (st *stack) goLive(d *deployment) {
	if d.Type == "revert" && st.live != nil {
		st.live.revertedBy = d
	}
	st.live = d
	for _, image := range d.Services {
		if name, tag, tagged := strings.Cut(image, ":"); tagged {
			st.setTag(name, tag)
		}
	}
}

func (st *stack) setTag(service, tag string) {
	for i := range st.Services {
		switch sv := &st.Services[i]; {
		case sv.Name != service:
		case sv.SourceType == "git":
			sv.GitRef = tag
		default:
			sv.ImageTag = tag
		}
	}
}

// cancel removes a queued deployment from the queue. A running one ends after cancelTakes, or by itself before that.
func (s *Sim) cancel(st *stack, d *deployment, now time.Time) {
	setDefault(&d.CancelRequestedAt, now)
	st.touch(now)
	if d.State == Queued {
		st.queue = slices.DeleteFunc(st.queue, func(other *deployment) bool { return other == d })
		st.finish(d, Cancelled, now)
		return
	}
	ends := now
	if !s.opts.CancelInstant {
		ends = now.Add(s.scaled(cancelTakes))
	}
	if ends.Before(d.endsAt) {
		d.endsAt, d.willBe = ends, Cancelled
	}
	s.advanceStack(st, now)
}

// redeployRequest is the body of a redeploy. Empty fields are absent.
type redeployRequest struct {
	GitRef        string       `json:"git_ref"`
	Services      wireServices `json:"services"`
	Profile       string       `json:"deployment_profile"`
	UserReference string       `json:"user_reference"`
}

// readRedeploy decodes the body of a redeploy. It refuses undocumented parameters, to expose the client's mistakes.
func readRedeploy(c *call) (req redeployRequest, err error) {
	if len(c.body) == 0 {
		return req, nil
	}
	if kind, _, err := mime.ParseMediaType(c.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return req, fmt.Errorf("a body of type %q is not understood", kind)
	}
	dec := json.NewDecoder(bytes.NewReader(c.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&req); err != nil {
		return req, fmt.Errorf("the body is not the JSON of a redeploy: %w", err)
	}
	return req, nil
}

// wireServices are images of services: an array, or a text with commas between them.
type wireServices []string

// UnmarshalJSON reads both forms.
func (w *wireServices) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		return json.Unmarshal(b, (*[]string)(w))
	}
	for service := range strings.SplitSeq(text, ",") {
		if service = strings.TrimSpace(service); service != "" {
			*w = append(*w, service)
		}
	}
	return nil
}

func (s *Sim) redeploy(c *call, st *stack) answer {
	req, err := readRedeploy(c)
	if err == nil {
		err = req.check(st)
	}
	if err != nil {
		return badRequest(err.Error())
	}
	d := s.newDeployment(st, Start{Via: "api", By: owner, Type: "redeploy", Ref: req.GitRef})
	d.Services, d.Profile, d.UserReference = req.Services, req.Profile, req.UserReference
	s.enqueue(st, d, c.now)
	return s.redeployAnswer(d)
}

// redeployAnswer returns the response to a redeploy in the style of Options.Answer.
func (s *Sim) redeployAnswer(d *deployment) answer {
	queued := d.State == Queued
	reply := Object{"ok": true, "message": "Stack starting redeployment", "queued": queued}
	if queued {
		reply["message"] = "Stack queued for redeployment"
	}
	switch s.opts.Answer {
	case AnswerS0:
		reply = Object{"id": d.ID, "message": "Deployment scheduled", "queued": queued}
	case AnswerAction:
		reply = Object{"async_action_id": d.action.id}
	case AnswerD:
		reply["async_action_id"] = d.action.id
	case AnswerBare:
		delete(reply, "queued")
	}
	return respond(reply)
}

// check returns an error for parameters that the stack does not allow (Cloud 66 API, Redeploy Stack).
func (req redeployRequest) check(st *stack) error {
	switch {
	case st.docker() && req.GitRef != "":
		return errors.New("git_ref is for stacks that are not docker stacks")
	case !st.docker() && len(req.Services) > 0:
		return errors.New("services is for docker stacks only")
	case utf8.RuneCountInString(req.UserReference) > 255:
		return errors.New("user_reference is longer than 255 characters")
	case req.Profile != "" && st.Profiles != nil && !slices.Contains(st.Profiles, req.Profile):
		return fmt.Errorf("deployment_profile %q is unknown", req.Profile)
	}
	return st.checkServices(req.Services)
}

func (st *stack) checkServices(images []string) error {
	seen := map[string]bool{}
	for _, image := range images {
		name, tag, tagged := image, "", false
		if at := strings.IndexAny(image, ":@"); at >= 0 { // a tag, or a digest as in web@sha256:9f86…
			name, tag, tagged = image[:at], image[at+1:], true
		}
		switch {
		case !slices.ContainsFunc(st.Services, func(sv Service) bool { return sv.Name == name }):
			return fmt.Errorf("service %q is unknown", name)
		case tagged && tag == "":
			return fmt.Errorf("service %q has an empty tag", name)
		case seen[name]:
			return fmt.Errorf("service %q is given twice", name)
		}
		seen[name] = true
	}
	return nil
}

func (s *Sim) cancelDeployment(c *call, st *stack) answer {
	d := st.deployment(c.id())
	switch {
	case d == nil:
		return notFound("Deployment")
	case d.State != Queued && d.State != Running:
		return conflict("The deployment has finished already")
	}
	s.cancel(st, d, c.now)
	if s.opts.Answer == AnswerD {
		return respondOK("Cancelling deployment")
	}
	return respondOK("Deployment cancelled")
}
