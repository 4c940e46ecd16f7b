package cloud66

import (
	"context"
	"errors"
	"strconv"
	"time"
)

// Deployment is one deployment of a stack (Cloud 66 API, Deployment). Strings and times that the server leaves out are zero.
type Deployment struct {
	ID            int64
	TriggeredBy   string // a person's or the token owner's address
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

// Ended reports whether the deployment is over, whatever came of it.
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

// Duration returns how long the deployment took, 0 where that is unknown.
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
