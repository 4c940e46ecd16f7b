package cloud66sim

import (
	"crypto/sha256"
	_ "embed" // for the stacks of the demonstration
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// demoPeople are the authors of the past deployments of the demo stacks.
var demoPeople = []string{"ana@acme.example", "ben@acme.example", "chloe@acme.example", "dmitri@acme.example", "efua@acme.example"}

// demoStacks holds the demo stacks as a JSON list of demoStack.
//
//go:embed demo.json
var demoStacks []byte

type demoStack struct {
	Stack

	Minutes int // usual duration of a deployment
}

// SeedDemo adds a dozen realistic stacks, each with a history of 40 to 95 deployments, and returns their UIDs by name@environment.
func SeedDemo(s *Sim) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, uids := s.advance(), map[string]string{}
	var stacks []demoStack
	if err := json.Unmarshal(demoStacks, &stacks); err != nil {
		panic(fmt.Sprintf("cloud66sim: the stacks of the demonstration: %v", err)) // the file is embedded
	}
	for _, described := range stacks {
		number := described.History // including failed deployments
		described.History, described.UsualDuration = 0, time.Duration(described.Minutes)*time.Minute
		st := s.addStack(described.Stack, now)
		for i := range number {
			st.pastOf(s, st.demoPast(i, i == number-1))
		}
		s.datePast(st, now)
		uids[st.Name+"@"+st.Environment] = st.UID
	}
	return uids
}

// demoPast generates a past deployment. About every ninth failed, but neither the first nor the last.
func (st *stack) demoPast(i int, last bool) past {
	p := past{state: Success, start: Start{By: demoPeople[pick(len(demoPeople), "by", st.number, i)]}}
	p.start.Via = []string{"web", "hook", "hook", "api"}[pick(4, "via", st.number, i)]
	p.start.Type = "build"
	if p.start.Via == "api" {
		p.start.Type = "redeploy"
	}
	if i > 0 && !last && pick(9, "state", st.number, i) == 0 {
		p.state = Failed
	}
	if st.docker() && p.start.Type == "redeploy" {
		service := st.Services[0]
		p.services = []string{fmt.Sprintf("%s:%s", service.Name, service.ImageTag)}
	}
	return p
}

// past is a deployment that ended before the simulation started.
type past struct {
	start    Start
	state    State
	services []string
}

// pastOf appends a past deployment to a stack. datePast sets its times.
func (st *stack) pastOf(s *Sim, p past) {
	if len(st.deployments) == 0 {
		p.start.Type = "first_build"
	}
	d := s.newDeployment(st, p.start)
	d.State, d.Services = p.state, p.services
	st.deployments = append(st.deployments, d)
	st.head = d
	if p.state == Success {
		st.goLive(d)
	}
}

// datePast spreads the past deployments of a stack over the time before now, some hours apart. The last one ended three to five hours ago.
func (s *Sim) datePast(st *stack, now time.Time) {
	if len(st.deployments) == 0 {
		return
	}
	apart := 7*time.Hour + st.UsualDuration
	end := now.Add(-3 * time.Hour)
	for _, d := range slices.Backward(st.deployments) {
		percent := 85 + pick(31, "duration", d.ID)
		d.FinishedAt = end.Add(-time.Duration(pick(120, "pause", d.ID)) * time.Minute)
		d.StartedAt = d.FinishedAt.Add(-s.scaled(st.UsualDuration * time.Duration(percent) / 100))
		d.CreatedAt = d.StartedAt
		end = end.Add(-apart)
	}
	st.touch(st.head.FinishedAt)
	st.createdAt = st.deployments[0].StartedAt.Add(-time.Hour)
}

var fullHash = regexp.MustCompile(`^[0-9a-f]{40}$`)

// digest is the only source of generated values. It maps equal parts to the same 32 bytes.
func digest(parts ...any) []byte {
	sum := sha256.Sum256([]byte(fmt.Sprintln(parts...)))
	return sum[:]
}

// pick returns a number from 0 to n-1 that depends only on the parts.
func pick(n int, parts ...any) int {
	return int(binary.BigEndian.Uint32(digest(parts...)) % uint32(n))
}

// commitHash returns the commit of a ref, 40 hexadecimal digits. A full hash is returned in lower case.
func commitHash(uid, ref string, id int64) string {
	if lower := strings.ToLower(ref); fullHash.MatchString(lower) {
		return lower
	}
	return hex.EncodeToString(digest("commit", uid, ref, id)[:20])
}

// deploySession returns ten letters and digits.
func deploySession(id int64) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	sum := digest("session", id)
	session := make([]byte, 10)
	for i := range session {
		session[i] = alphabet[int(sum[i])%len(alphabet)]
	}
	return string(session)
}

// snapshotUUID returns a version 4 UUID.
func snapshotUUID(id int64) string {
	sum := digest("snapshot", id)
	sum[6] = sum[6]&0x0f | 0x40
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// commitURL returns the web page of a commit. The repository may be in any of git's usual notations.
func commitURL(git, hash string) string {
	repository := strings.TrimSuffix(git, ".git")
	if _, rest, found := strings.Cut(repository, "://"); found {
		repository = rest
	}
	if _, rest, found := strings.Cut(repository, "@"); found {
		repository = rest
	}
	return "https://" + strings.Replace(repository, ":", "/", 1) + "/commit/" + hash
}
