package storage

import "time"

// Health holds the stacks whose health is watched because a deployment went live, by stack UID.
var Health = newTable[HealthWatch]("health")

// HealthWatch is the watch over a stack's health after a deployment. Its times are by the bot's clock.
type HealthWatch struct {
	Stack      StackRef  `json:"stack"`
	Deployment int64     `json:"deployment"`
	LiveAt     time.Time `json:"live_at"`
	Until      time.Time `json:"until"`
	Healthy    bool      `json:"healthy,omitempty"` // it was healthy before the deployment or since, so that an illness is news
	Ill        time.Time `json:"ill,omitzero"`      // since when it is ill, as it was told
	Well       time.Time `json:"well,omitzero"`     // since when it is healthy again, which is not told yet
}
