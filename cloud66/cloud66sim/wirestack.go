package cloud66sim

import (
	"encoding/hex"
	"strings"
)

// The states of a stack (Cloud 66 API, Stacks).
const (
	statusDeployed  = 1
	statusFailed    = 2
	statusAnalyzed  = 4
	statusQueued    = 5
	statusDeploying = 6
)

// The healths of a stack (Cloud 66 API, Stacks).
const (
	healthUnknown  = 0
	healthBuilding = 1
	healthImpaired = 2
	healthHealthy  = 3
	healthFailed   = 4
)

type wireStack struct {
	UID                string  `json:"uid"`
	Name               string  `json:"name"`
	Git                *string `json:"git,omitempty"`
	GitBranch          *string `json:"git_branch,omitempty"`
	Environment        string  `json:"environment"`
	Cloud              string  `json:"cloud"`
	FQDN               string  `json:"fqdn"`
	Language           string  `json:"language"`
	Framework          string  `json:"framework"`
	Status             int     `json:"status"`
	Health             int     `json:"health"`
	LastActivity       string  `json:"last_activity"`
	LastActivityISO    string  `json:"last_activity_iso"`
	MaintenanceMode    bool    `json:"maintenance_mode"`
	HasLoadbalancer    bool    `json:"has_loadbalancer"`
	CreatedAt          string  `json:"created_at"`
	CreatedAtISO       string  `json:"created_at_iso"`
	UpdatedAt          string  `json:"updated_at"`
	UpdatedAtISO       string  `json:"updated_at_iso"`
	DeployDirectory    string  `json:"deploy_directory"`
	CloudStatus        string  `json:"cloud_status"`
	Backend            string  `json:"backend"`
	Version            string  `json:"version"`
	Revision           string  `json:"revision"`
	IsBusy             bool    `json:"is_busy"`
	AccountID          int64   `json:"account_id"`
	AccountName        string  `json:"account_name"`
	IsCluster          bool    `json:"is_cluster"`
	IsInsideCluster    bool    `json:"is_inside_cluster"`
	ClusterName        *string `json:"cluster_name"`
	ApplicationAddress *string `json:"application_address"`
	RedeployHook       string  `json:"redeploy_hook"`
}

func renderStack(st *stack) any {
	host := strings.ReplaceAll(strings.ToLower(st.Name), " ", "-") + "-" + st.Environment + ".c66.example"
	wire := wireStack{
		UID: st.UID, Name: st.Name, Environment: st.Environment, Cloud: "DigitalOcean", FQDN: host, Language: "ruby", Framework: st.Framework,
		Status: st.status(), Health: st.health(), IsBusy: st.busy(),
		LastActivity: plain(st.lastActivity), LastActivityISO: iso(st.lastActivity),
		CreatedAt: plain(st.createdAt), CreatedAtISO: iso(st.createdAt), UpdatedAt: plain(st.updatedAt), UpdatedAtISO: iso(st.updatedAt),
		DeployDirectory: "/var/deploy/" + strings.ReplaceAll(st.Name, " ", "_"), CloudStatus: "fully_deployed", Backend: "puma", Version: "1.0",
		AccountID: st.AccountID, AccountName: st.AccountName, ApplicationAddress: optional("https://" + host),
		RedeployHook: "https://hooks.example/redeploy/SECRET" + hex.EncodeToString(digest("hook", st.UID)[:8]), // which clients must never show
	}
	if st.Git != "" {
		wire.Git, wire.GitBranch = optional(st.Git), optional(st.GitBranch)
	}
	if st.live != nil {
		wire.Revision = st.live.Hash
	}
	return wire
}

func (st *stack) status() int {
	switch {
	case st.running != nil:
		return statusDeploying
	case len(st.queue) > 0:
		return statusQueued
	case st.head == nil:
		return statusAnalyzed
	case st.head.State == Success:
		return statusDeployed
	}
	return statusFailed
}

func (st *stack) health() int {
	switch {
	case st.running != nil:
		return healthBuilding
	case st.head == nil:
		return healthUnknown
	case st.head.State == Success:
		return healthHealthy
	case st.live != nil:
		return healthImpaired
	}
	return healthFailed
}
