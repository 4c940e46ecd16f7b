package cloud66sim

import (
	"encoding/json"
	"time"
)

// wireDeployment is a deployment as in the examples of the deployment endpoints.
type wireDeployment struct {
	ID            int64   `json:"id"`
	TriggeredBy   string  `json:"triggered_by"`
	TriggeredVia  code    `json:"triggered_via"`
	StartedAt     string  `json:"started_at"`
	FinishedAt    *string `json:"finished_at"`
	Outcome       code    `json:"outcome"`
	GitHash       *string `json:"git_hash"`
	DeploySession string  `json:"deploy_session"`
	DeployType    code    `json:"deploy_type"`
	IsHead        bool    `json:"is_head"`
	IsLive        bool    `json:"is_live"`
	Reverted      *bool   `json:"reverted"`
	RevertedBy    *string `json:"reverted_by"`
	RevertedAt    *string `json:"reverted_at"`
	IsDeploying   bool    `json:"is_deploying"`
	CommitURL     *string `json:"commit_url"`
}

// wireDeploymentWithRef adds two fields that only the example of the deployment model has.
type wireDeploymentWithRef struct {
	wireDeployment

	GitRef       *string `json:"git_ref"`
	SnapshotUUID *string `json:"snapshot_uuid"`
}

// wireDeployment renders a deployment. While it is queued, started_at is its creation.
func (s *Sim) wireDeployment(st *stack, d *deployment) any {
	v := st.view(d)
	wire := wireDeployment{
		ID: v.ID, TriggeredBy: v.By, TriggeredVia: s.coded(vias, v.Via),
		StartedAt: s.iso(later(v.CreatedAt, v.StartedAt)), FinishedAt: s.optionalTime(v.FinishedAt),
		Outcome: s.coded(outcomes, s.outcome(v.State)), GitHash: optional(v.Hash),
		DeploySession: deploySession(v.ID), DeployType: s.coded(deployTypes, v.Type),
		IsHead: v.Head, IsLive: v.Live, IsDeploying: v.State == Running,
	}
	if v.Reverted || s.opts.Codes == Strings {
		wire.Reverted = &v.Reverted
	}
	if d.revertedBy != nil {
		wire.RevertedBy, wire.RevertedAt = optional(d.revertedBy.By), s.optionalTime(d.revertedBy.FinishedAt)
	}
	if v.Hash != "" {
		wire.CommitURL = optional(commitURL(st.Git, v.Hash))
	}
	if s.opts.Codes != Strings && !s.opts.WithGitRef {
		return wire
	}
	return wireDeploymentWithRef{wireDeployment: wire, GitRef: optional(v.Ref), SnapshotUUID: optional(snapshotUUID(v.ID))}
}

// outcome returns the name of the outcome of a state.
func (s *Sim) outcome(state State) string {
	switch {
	case state == Queued || state == Running:
		return "pending"
	case state == Cancelled && !s.opts.CancelledOutcome:
		return "failed"
	}
	return string(state)
}

type wireService struct {
	Name         string  `json:"name"`
	SourceType   string  `json:"source_type"`
	GitRef       *string `json:"git_ref"`
	ImageName    *string `json:"image_name"`
	ImageTag     *string `json:"image_tag"`
	DesiredCount int     `json:"desired_count"`
}

func renderService(sv Service) any {
	return wireService{
		Name: sv.Name, SourceType: sv.SourceType, GitRef: optional(sv.GitRef),
		ImageName: optional(sv.ImageName), ImageTag: optional(sv.ImageTag), DesiredCount: sv.DesiredCount,
	}
}

// iso formats a time as most fields do, to the second.
func (s *Sim) iso(t time.Time) string {
	return t.Add(s.opts.ClockOff).UTC().Format("2006-01-02T15:04:05Z")
}

// plain formats a time as the stack fields without "_iso" do.
func (s *Sim) plain(t time.Time) string {
	return t.Add(s.opts.ClockOff).UTC().Format("2006-01-02 15:04:05 UTC")
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func (s *Sim) optionalTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return optional(s.iso(t))
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// code is a coded field: an integer or string with its meaning (Cloud 66 API, Deployment).
type code struct {
	Code    json.RawMessage `json:"code"`
	Meaning string          `json:"meaning"`
}

// unknownCode is the integer of values that are not in the tables.
const unknownCode = 99

// The names of the coded fields' values in the order of their integers. Integers that are missing in the examples follow the order of the
// names in the model.
var (
	vias        = []string{"web", "api", "hook"}
	outcomes    = []string{"pending", "success", "failed", "cancelled"}
	deployTypes = []string{"build", "redeploy", "scale", "first_build", "revert"}
)

// labels are the meanings of string codes.
var labels = map[string]string{
	"web": "Web Interface", "api": "API", "hook": "Redeployment Hook",
	"pending": "Pending", "success": "Successful", "failed": "Failed", "cancelled": "Cancelled",
	"build": "Build", "redeploy": "Redeploy", "scale": "Scale", "first_build": "First Build", "revert": "Revert",
}

// coded returns a name as a coded field in the style of Options.Codes.
func (s *Sim) coded(table []string, name string) code {
	if s.opts.Codes == Strings {
		label := labels[name]
		setDefault(&label, name)
		return code{Code: marshal(name), Meaning: label}
	}
	number := unknownCode
	for i, known := range table {
		if known == name {
			number = i
		}
	}
	return code{Code: marshal(number), Meaning: name}
}
