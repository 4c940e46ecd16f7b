package storage

import (
	"cmp"
	"time"
)

// History holds the deployments that have ended, by DeploymentKey, whoever started them.
var History = newTable[Deployed]("history")

// Deployed is a deployment that has ended, as the bot last saw it. Its times are by Cloud 66's clock, except SeenAt and UnhealthyAt.
type Deployed struct {
	Stack   string `json:"stack"` // UID
	Number  int64  `json:"number"`
	Type    string `json:"type,omitempty"`
	Outcome string `json:"outcome,omitempty"`
	Via     string `json:"via,omitempty"`
	By      string `json:"by,omitempty"`    // as Cloud 66 names who started it
	Asker   string `json:"asker,omitempty"` // Slack user who requested it through the bot
	Ref     string `json:"ref,omitempty"`
	Commit  string `json:"commit,omitempty"`
	// Services is what the services of a docker stack were deployed from when it went live, as in "api:1.4.2,worker:8c7f3d3", as far as known.
	Services  string    `json:"services,omitempty"`
	StartedAt time.Time `json:"started_at,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	SeenAt    time.Time `json:"seen_at"` // when the bot first saw that it had ended
	// UnhealthyAt is when its stack fell ill after it went live, by the bot's clock; zero if it did not, or was not watched.
	UnhealthyAt time.Time `json:"unhealthy_at,omitzero"`
	// Said is what Cloud 66 said of its failure, as far as it was asked.
	Said string `json:"said,omitempty"`
}

// Over returns when the deployment ended, as far as that is known.
func (d Deployed) Over() time.Time { return cmp.Or(d.EndedAt, d.StartedAt, d.SeenAt) }
