package cloud66

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Deployment is one deployment of a stack (Cloud 66 API, Deployment). Strings and times that the server omits are zero.
type Deployment struct {
	ID            int64
	TriggeredBy   string // email address of a user or of the token's owner
	TriggeredVia  Value[Via]
	StartedAt     time.Time
	FinishedAt    time.Time
	Outcome       Value[Outcome]
	GitHash       string
	GitRef        string
	DeploySession string
	DeployType    Value[DeployType]
	IsHead        bool // the latest
	IsLive        bool // its commit is on the servers
	Reverted      bool // rolled back off the servers
	RevertedBy    string
	RevertedAt    time.Time
	IsDeploying   bool
	CommitURL     string
	SnapshotUUID  string
}

// Ended reports whether the deployment is over, whatever its outcome. An outcome and an end together outweigh the flag IsDeploying, except
// where the end is that of an earlier run.
func (d Deployment) Ended() bool {
	finished := !d.FinishedAt.IsZero()
	if d.IsDeploying {
		return finished && !d.FinishedAt.Before(d.StartedAt) && d.Outcome.Kind != OutcomePending && d.Outcome.String() != ""
	}
	switch d.Outcome.Kind {
	case OutcomeSuccess, OutcomeFailed, OutcomeCancelled:
		return true
	}
	return finished
}

// Queued reports whether the deployment waits for another one to end.
func (d Deployment) Queued() bool {
	return !d.Ended() && !d.IsDeploying
}

// Running reports whether the deployment is being carried out.
func (d Deployment) Running() bool {
	return d.IsDeploying && !d.Ended()
}

// Duration returns how long the deployment took, or 0 if unknown.
func (d Deployment) Duration() time.Duration {
	if d.StartedAt.IsZero() || d.FinishedAt.IsZero() {
		return 0
	}
	return max(d.FinishedAt.Sub(d.StartedAt), 0)
}

func (c *Client) deployment(r record) (Deployment, error) {
	d := Deployment{
		ID:            r.text("id").int(),
		TriggeredBy:   r.person("triggered_by"),
		TriggeredVia:  valueOf(r.get("triggered_via"), vias),
		StartedAt:     c.time(r, "started_at"),
		FinishedAt:    c.time(r, "finished_at"),
		Outcome:       valueOf(r.get("outcome"), outcomes),
		GitHash:       string(r.text("git_hash")),
		GitRef:        string(r.text("git_ref")),
		DeploySession: string(r.text("deploy_session")),
		DeployType:    valueOf(r.get("deploy_type"), types),
		IsHead:        r.bool("is_head"),
		IsLive:        r.bool("is_live"),
		Reverted:      r.bool("reverted"),
		RevertedBy:    r.person("reverted_by"),
		RevertedAt:    c.time(r, "reverted_at"),
		IsDeploying:   r.bool("is_deploying"),
		CommitURL:     string(r.text("commit_url")),
		SnapshotUUID:  string(r.text("snapshot_uuid")),
	}
	if d.ID <= 0 {
		return Deployment{}, errors.New("a deployment without an id")
	}
	return d, nil
}

// Deployment returns one deployment of a stack.
func (c *Client) Deployment(ctx context.Context, uid string, id int64) (Deployment, error) {
	return fetchOne(ctx, c, c.deployment, uid, "deployments", strconv.FormatInt(id, 10))
}

// usualOf is the number of successful deployments that the usual duration is based on.
const usualOf = 10

// UsualDuration returns the median duration of the most recent successful deployments of a type, at most usualOf, among those given, newest
// first. It is 0 if there are none. Builds and redeploys do the same work: where one has no successes, those of the other count.
func UsualDuration(newest []Deployment, of DeployType) time.Duration {
	took := successes(newest, []DeployType{of})
	if work := []DeployType{TypeBuild, TypeRedeploy, ""}; len(took) == 0 && slices.Contains(work, of) {
		took = successes(newest, work)
	}
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return (took[(len(took)-1)/2] + took[len(took)/2]) / 2
}

// successes returns the known durations of the newest successful deployments of some types, at most usualOf.
func successes(newest []Deployment, of []DeployType) (took []time.Duration) {
	for _, d := range newest {
		if d.Ended() && d.Outcome.Kind == OutcomeSuccess && d.Duration() > 0 && slices.Contains(of, d.Type()) && len(took) < usualOf {
			took = append(took, d.Duration())
		}
	}
	return took
}

// Type returns the deployment's type, in Cloud 66's words if it is unknown, or "" if Cloud 66 does not tell it.
func (d Deployment) Type() DeployType { return DeployType(d.DeployType.String()) }

const (
	slowUnknown = 30 * time.Minute // when a deployment counts as slow without a usual duration
	slowAtLeast = time.Minute      // nothing shorter is slow, however quick it usually is
)

// SlowAfter returns when a deployment counts as slow: after twice its usual duration.
func SlowAfter(usual time.Duration) time.Duration {
	if usual <= 0 {
		return slowUnknown
	}
	return max(2*usual, slowAtLeast)
}

// Value is a field that Cloud 66 sends as a code with its meaning. Kind is empty if the value is absent or unknown.
type Value[K ~string] struct {
	Kind    K
	Raw     string // the code as received
	Meaning string // the word beside it
}

// String returns the kind, else what Cloud 66 says, or "" if it says nothing.
func (v Value[K]) String() string {
	switch _, err := strconv.Atoi(v.Raw); {
	case v.Kind != "":
		return string(v.Kind)
	case v.Meaning != "" || err != nil:
		return cmp.Or(v.Meaning, v.Raw)
	}
	return "unknown (" + v.Raw + ")"
}

// Via is the way a deployment was triggered.
type Via string

// The ways to trigger a deployment.
const (
	ViaWeb  Via = "web"
	ViaAPI  Via = "api"
	ViaHook Via = "hook"
)

// Outcome is the result of a deployment.
type Outcome string

// The outcomes of a deployment.
const (
	OutcomePending   Outcome = "pending"
	OutcomeSuccess   Outcome = "success"
	OutcomeFailed    Outcome = "failed"
	OutcomeCancelled Outcome = "cancelled"
)

// DeployType is the type of a deployment.
type DeployType string

// The types of deployments.
const (
	TypeBuild      DeployType = "build"
	TypeRedeploy   DeployType = "redeploy"
	TypeScale      DeployType = "scale"
	TypeFirstBuild DeployType = "first_build"
	TypeRevert     DeployType = "revert"
)

// kind is a value of a coded field with the words that Cloud 66 and the like use for it, in lower case, of letters and digits
// alone, with spaces around each.
type kind[K ~string] struct {
	kind  K
	words string
}

// The kinds of each coded field in the order of their integers (Cloud 66 API, Deployments).
var (
	vias = []kind[Via]{
		{ViaWeb, " web webinterface webui ui user dashboard portal browser manual "},
		{ViaAPI, " api apiv3 restapi toolbelt cloud66toolbelt cli cx token "},
		{ViaHook, " hook webhook githook deployhook redeployhook deploymenthook redeploymenthook git gitpush push github gitlab bitbucket "},
	}
	outcomes = []kind[Outcome]{
		{OutcomePending, " pending queued queuedfordeployment waiting scheduled started running deploying building inprogress "},
		{OutcomeSuccess, " success successful successfully succeeded succeed ok okay passed deployed deployedsuccessfully completed " +
			"complete completedsuccessfully "},
		{OutcomeFailed, " failed fail failure error errored unsuccessful deploymentfailed timedout timeout crashed "},
		{OutcomeCancelled, " cancelled canceled cancel cancellation cancelledbyuser canceledbyuser aborted abort "},
	}
	types = []kind[DeployType]{
		{TypeBuild, " build rebuild "},
		{TypeRedeploy, " redeploy redeployment deploy deployment "},
		{TypeScale, " scale scaling scaled scaleup scaledown "},
		{TypeFirstBuild, " firstbuild firstdeploy firstdeployment initialbuild initialdeploy initialdeployment "},
		{TypeRevert, " revert reverted rollback rolledback "},
	}
)

// valueOf maps a code to its kind. The word beside it decides, then the code if it is a word; an integer decides only where there is no
// word, because few integers are documented.
func valueOf[K ~string](data json.RawMessage, kinds []kind[K]) Value[K] {
	v := Value[K]{Raw: string(scalar(data))}
	wire, _ := split(nil, data)
	for _, f := range wire {
		switch {
		case bytes.EqualFold(f.key, []byte("code")):
			v.Raw = string(scalar(f.value))
		case bytes.EqualFold(f.key, []byte("meaning")):
			v.Meaning = string(scalar(f.value))
		}
	}
	for _, said := range []string{v.Meaning, v.Raw} {
		if said == "" {
			continue
		}
		number, isNumber := text(said).number()
		isNumber = isNumber && v.wordless()
		word := " " + strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				return unicode.ToLower(r)
			}
			return -1
		}, said) + " "
		for i, k := range kinds {
			if strings.Contains(k.words, word) || isNumber && number == int64(i) {
				v.Kind = k.kind
				return v
			}
		}
	}
	return v
}

// wordless reports whether the meaning is no word.
func (v Value[K]) wordless() bool {
	return !strings.ContainsFunc(v.Meaning, unicode.IsLetter)
}

const usualPage = 30 // items on a page (Cloud 66 API, Deployments)

// DeploymentRange is a part of a stack's deployments, newest first.
type DeploymentRange struct {
	Deployments []Deployment
	Offset      int // number of newer ones
	Total       int // of the stack
}

// DeploymentRange returns up to limit deployments, newest first, skipping the offset newest. It requests only the pages that hold them: one
// page, if the server lists the newest first and one page holds them all.
func (c *Client) DeploymentRange(ctx context.Context, uid string, offset, limit int) (DeploymentRange, error) {
	if offset < 0 || limit < 1 {
		return DeploymentRange{}, fmt.Errorf("list %d deployments from %d on: there is no such range", limit, offset)
	}
	path, err := stackPath(uid, "deployments")
	if err != nil {
		return DeploymentRange{}, err
	}
	limit = min(limit, usualPage*pageLimit)
	b := pager{list: c.deploymentList(uid, path), read: map[int]page[Deployment]{}}
	if err := b.open(ctx, offset/usualPage+1); err != nil {
		return DeploymentRange{}, err
	}
	found, err := b.slice(ctx, offset, limit)
	if err != nil {
		return DeploymentRange{}, err
	}
	if len(found) > 0 {
		b.total = max(b.total, offset+len(found))
	}
	return DeploymentRange{Deployments: found, Offset: offset, Total: b.total}, nil
}

func (c *Client) deploymentList(uid, path string) listing[Deployment] {
	return listing[Deployment]{client: c, path: path, stack: uid, item: c.deployment}
}

// pager is a stack's list of deployments with the pages read so far.
type pager struct {
	list      listing[Deployment]
	read      map[int]page[Deployment]
	perPage   int
	pages     int
	total     int
	ascending bool
}

// open reads the page that is likely needed first, and derives the size and the order of the list.
func (b *pager) open(ctx context.Context, number int) error {
	p, err := b.page(ctx, number)
	if err != nil {
		return err
	}
	b.measure(p)
	if b.pages > 1 && len(p.items) < 2 && number != 1 {
		if p, err = b.page(ctx, 1); err != nil { // a page of one item has no order
			return err
		}
	}
	b.ascending = b.pages > 1 && len(p.items) > 1 && slices.IsSortedFunc(p.items, older)
	if !b.ascending {
		return nil
	}
	last, err := b.page(ctx, b.pages)
	if err != nil {
		return err
	}
	b.total = (b.pages-1)*b.perPage + last.came
	return nil
}

// measure derives the size of the list from a page, inferring what the server omits.
func (b *pager) measure(p page[Deployment]) {
	count := believable(p, "count")
	b.perPage = max(cmp.Or(believable(p, "per_page"), usualPage), p.came)
	b.pages = max(believable(p, "pages"), believable(p, "next"), (count+b.perPage-1)/b.perPage, 1)
	b.total = count
	if b.pages > 1 {
		b.total = max(count, (b.pages-1)*b.perPage+1)
	}
}

// believable returns a field of the pagination as a size between 0 and a million.
func believable[T any](p page[T], key string) int {
	return int(min(max(p.pagination.text(key).int(), 0), 1_000_000))
}

// slice returns the requested deployments from the pages that hold them.
func (b *pager) slice(ctx context.Context, offset, limit int) ([]Deployment, error) {
	end := min(offset+limit, b.pages*b.perPage)
	first, last, skip := offset/b.perPage+1, (end-1)/b.perPage+1, offset%b.perPage
	if b.ascending {
		end = min(end, b.total)
		first, last = (b.total-end)/b.perPage+1, (b.total-offset-1)/b.perPage+1
		skip = min(last*b.perPage, b.total) - (b.total - offset)
	}
	if offset >= end {
		return nil, nil
	}
	found, err := b.gather(ctx, first, last)
	found = found[min(skip, len(found)):]
	return found[:min(limit, len(found))], err
}

// gather returns the deployments of the pages, each once, newest first.
func (b *pager) gather(ctx context.Context, first, last int) ([]Deployment, error) {
	if last-first >= pageLimit {
		return nil, fmt.Errorf("list deployments: %d pages are too many", last-first+1)
	}
	var found []Deployment
	for number := first; number <= last; number++ {
		p, err := b.page(ctx, number)
		if err != nil {
			return nil, err
		}
		found = append(found, p.items...)
	}
	slices.SortStableFunc(found, func(x, y Deployment) int { return older(y, x) })
	return slices.CompactFunc(found, func(x, y Deployment) bool { return x.ID == y.ID }), nil
}

// older orders deployments by id, then by start.
func older(x, y Deployment) int {
	return cmp.Or(cmp.Compare(x.ID, y.ID), x.StartedAt.Compare(y.StartedAt))
}

func (b *pager) page(ctx context.Context, number int) (page[Deployment], error) {
	if p, ok := b.read[number]; ok {
		return p, nil
	}
	p, err := b.list.fetch(ctx, number)
	if err == nil {
		b.read[number] = p
	}
	return p, err
}
