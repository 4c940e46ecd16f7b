package cloud66

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
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

// Ended reports whether the deployment is over, whatever its outcome.
func (d Deployment) Ended() bool {
	if d.IsDeploying {
		return false
	}
	switch d.Outcome.Kind {
	case OutcomeSuccess, OutcomeFailed, OutcomeCancelled:
		return true
	}
	return !d.FinishedAt.IsZero()
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

type wireDeployment struct {
	ID            text `json:"id"`
	TriggeredBy   text `json:"triggered_by"`
	TriggeredVia  code `json:"triggered_via"`
	StartedAt     text `json:"started_at"`
	FinishedAt    text `json:"finished_at"`
	Outcome       code `json:"outcome"`
	GitHash       text `json:"git_hash"`
	GitRef        text `json:"git_ref"`
	DeploySession text `json:"deploy_session"`
	DeployType    code `json:"deploy_type"`
	IsHead        text `json:"is_head"`
	IsLive        text `json:"is_live"`
	Reverted      text `json:"reverted"`
	RevertedBy    text `json:"reverted_by"`
	RevertedAt    text `json:"reverted_at"`
	IsDeploying   text `json:"is_deploying"`
	CommitURL     text `json:"commit_url"`
	SnapshotUUID  text `json:"snapshot_uuid"`
}

func (c *Client) deployment(w wireDeployment) (Deployment, error) {
	d := Deployment{
		ID:            w.ID.int(),
		TriggeredBy:   string(w.TriggeredBy),
		TriggeredVia:  valueOf(w.TriggeredVia, vias),
		StartedAt:     firstTime(c.oddTime, w.StartedAt),
		FinishedAt:    firstTime(c.oddTime, w.FinishedAt),
		Outcome:       valueOf(w.Outcome, outcomes),
		GitHash:       string(w.GitHash),
		GitRef:        string(w.GitRef),
		DeploySession: string(w.DeploySession),
		DeployType:    valueOf(w.DeployType, types),
		IsHead:        w.IsHead.bool(),
		IsLive:        w.IsLive.bool(),
		Reverted:      w.Reverted.bool(),
		RevertedBy:    string(w.RevertedBy),
		RevertedAt:    firstTime(c.oddTime, w.RevertedAt),
		IsDeploying:   w.IsDeploying.bool(),
		CommitURL:     string(w.CommitURL),
		SnapshotUUID:  string(w.SnapshotUUID),
	}
	if d.ID <= 0 {
		return Deployment{}, errors.New("a deployment in it has no id")
	}
	return d, nil
}

// Deployment returns one deployment of a stack.
func (c *Client) Deployment(ctx context.Context, uid string, id int64) (Deployment, error) {
	return fetchOne(ctx, c, uid, c.deployment, "deployments", strconv.FormatInt(id, 10))
}

// usualOf is the number of successful deployments that the usual duration is based on.
const usualOf = 10

// UsualDuration returns the median duration of the most recent successful deployments, at most usualOf, among those given, newest first. It
// is 0 if there are none.
func UsualDuration(newest []Deployment) time.Duration {
	var took []time.Duration
	for _, d := range newest {
		if d.Ended() && d.Outcome.Kind == OutcomeSuccess && d.Duration() > 0 {
			took = append(took, d.Duration())
		}
		if len(took) == usualOf {
			break
		}
	}
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return (took[(len(took)-1)/2] + took[len(took)/2]) / 2
}

// slowUnknown is when a deployment counts as slow on a stack without a usual duration.
const slowUnknown = 30 * time.Minute

// SlowAfter returns when a deployment counts as slow: after twice its stack's usual duration.
func SlowAfter(usual time.Duration) time.Duration {
	if usual <= 0 {
		return slowUnknown
	}
	return 2 * usual
}

// Value is a field that Cloud 66 sends as a code with its meaning. Kind is empty if the code is absent or unknown.
type Value[K ~string] struct {
	Kind    K
	Raw     string // the code as received
	Meaning string // the server's label
}

// String returns the kind, "unknown (code)" for an unknown code, or "" if the code is absent.
func (v Value[K]) String() string {
	switch {
	case v.Kind != "":
		return string(v.Kind)
	case v.Raw != "":
		return "unknown (" + v.Raw + ")"
	}
	return ""
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

// Kinds in the order of their integer codes (Cloud 66 API, Deployments).
var (
	vias     = []Via{ViaWeb, ViaAPI, ViaHook}
	outcomes = []Outcome{OutcomePending, OutcomeSuccess, OutcomeFailed, OutcomeCancelled}
	types    = []DeployType{TypeBuild, TypeRedeploy, TypeScale, TypeFirstBuild, TypeRevert}
)

// code is the wire form of a code with its meaning; a bare scalar is read as the code.
type code struct{ Code, Meaning text }

// UnmarshalJSON accepts any value.
func (c *code) UnmarshalJSON(data []byte) error {
	if data[0] != '{' {
		return c.Code.UnmarshalJSON(data)
	}
	type plain code
	return json.Unmarshal(data, (*plain)(c))
}

// valueOf maps a code to its kind: the code is the kind's index or its name.
func valueOf[K ~string](c code, kinds []K) Value[K] {
	v := Value[K]{Raw: string(c.Code), Meaning: string(c.Meaning)}
	name := strings.ToLower(strings.TrimSpace(v.Raw))
	if name == "canceled" {
		name = string(OutcomeCancelled)
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(kinds) {
		v.Kind = kinds[i]
	} else if slices.Contains(kinds, K(name)) {
		v.Kind = K(name)
	}
	return v
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
	b := pager{list: c.deploymentList(path), read: map[int]page[Deployment]{}}
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

func (c *Client) deploymentList(path string) listing[Deployment] {
	return listing[Deployment]{client: c, path: path, item: each(c.deployment)}
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
	b.total = (b.pages-1)*b.perPage + len(last.items)
	return nil
}

// measure derives the size of the list from a page, inferring what the server omits.
func (b *pager) measure(p page[Deployment]) {
	count := believable(p.Count)
	b.perPage = max(cmp.Or(believable(p.PerPage), usualPage), len(p.items))
	b.pages = max(believable(p.Pages), believable(p.Next), (count+b.perPage-1)/b.perPage, 1)
	b.total = count
	if b.pages > 1 {
		b.total = max(count, (b.pages-1)*b.perPage+1)
	}
}

// believable returns the text as a size between 0 and a million.
func believable(t text) int {
	return int(min(max(t.int(), 0), 1_000_000))
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
