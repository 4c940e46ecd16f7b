package cloud66sim

import (
	"cmp"
	"slices"
	"time"
)

// renderDeployment renders a deployment as in the examples of the deployment endpoints. While it is queued, started_at is its creation.
// Only the example of the deployment model has git_ref and snapshot_uuid, and a reverted that is false.
func (s *Sim) renderDeployment(st *stack, d *deployment) any {
	v := st.view(d)
	wire := Object{
		"id": v.ID, "triggered_by": v.By, "triggered_via": s.coded(vias, v.Via),
		"started_at": s.iso(later(v.CreatedAt, v.StartedAt)), "finished_at": s.optionalTime(v.FinishedAt),
		"outcome": s.coded(outcomes, s.outcome(v.State)), "git_hash": optional(v.Hash),
		"deploy_session": deploySession(v.ID), "deploy_type": s.coded(deployTypes, v.Type),
		"is_head": v.Head, "is_live": v.Live, "is_deploying": v.State == Running,
		"reverted": nil, "reverted_by": nil, "reverted_at": nil, "commit_url": nil,
	}
	if v.Reverted || s.opts.Codes == Strings {
		wire["reverted"] = v.Reverted
	}
	if d.revertedBy != nil {
		wire["reverted_by"], wire["reverted_at"] = optional(d.revertedBy.By), s.optionalTime(d.revertedBy.FinishedAt)
	}
	if v.Hash != "" {
		wire["commit_url"] = commitURL(st.Git, v.Hash)
	}
	if s.opts.Codes == Strings || s.opts.WithGitRef {
		wire["git_ref"], wire["snapshot_uuid"] = optional(v.Ref), snapshotUUID(v.ID)
	}
	return wire
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

func renderService(sv Service) any {
	return Object{
		"name": sv.Name, "source_type": sv.SourceType, "git_ref": optional(sv.GitRef), "image_name": optional(sv.ImageName),
		"image_tag": optional(sv.ImageTag), "desired_count": sv.DesiredCount,
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

// optional returns null for an empty text.
func optional(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (s *Sim) optionalTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return s.iso(t)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
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

// coded returns a name as a coded field in the style of Options.Codes (Cloud 66 API, Deployment).
func (s *Sim) coded(table []string, name string) Object {
	if s.opts.Codes == Strings {
		return Object{"code": name, "meaning": cmp.Or(labels[name], name)}
	}
	number := slices.Index(table, name)
	if number < 0 {
		number = unknownCode
	}
	return Object{"code": number, "meaning": name}
}
