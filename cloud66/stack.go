package cloud66

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Stack is an application with its servers (Cloud 66 API, Stacks), limited to the fields that this program uses.
type Stack struct {
	UID, Name, Environment string
	GitBranch              string
	Framework              string
	AccountName            string
	Status                 StackStatus
	Health                 StackHealth
	IsBusy                 bool // with any operation, not only a deployment
	LastActivity           time.Time
	CreatedAt              time.Time
	UpdatedAt              time.Time
}

// Docker reports whether the stack runs services from images.
func (s Stack) Docker() bool {
	return strings.EqualFold(s.Framework, "docker")
}

// Active reports whether an operation is pending or running on the stack.
func (s Stack) Active() bool {
	switch s.Status {
	case StatusPendingAnalysis, StatusAnalyzing, StatusQueued, StatusDeploying:
		return true
	}
	return s.IsBusy
}

// StackStatus is a stack's current or last operation.
type StackStatus int

// The statuses of a stack. StatusAbsent means that the server sent none.
const (
	StatusAbsent StackStatus = iota - 1
	StatusPendingAnalysis
	StatusDeployed
	StatusFailed
	StatusAnalyzing
	StatusAnalyzed
	StatusQueued
	StatusDeploying
	StatusUnableToAnalyze
)

var statusLabels = []string{
	"Pending analysis", "Deployed successfully", "Deployment failed", "Analyzing", "Analyzed",
	"Queued for deployment", "Deploying", "Unable to analyze",
}

// String returns Cloud 66's label.
func (s StackStatus) String() string {
	return label(statusLabels, int(s))
}

// StackHealth is the health of a stack.
type StackHealth int

// The health values of a stack.
const (
	HealthUnknown StackHealth = iota
	HealthBuilding
	HealthImpaired
	HealthHealthy
	HealthFailed
)

var healthLabels = []string{"Unknown", "Building", "Impaired", "Healthy", "Failed"}

// String returns Cloud 66's label.
func (h StackHealth) String() string {
	return label(healthLabels, int(h))
}

func label(labels []string, i int) string {
	switch {
	case i == int(StatusAbsent):
		return "Unknown"
	case i < 0 || i >= len(labels):
		return fmt.Sprintf("unknown (%d)", i)
	}
	return labels[i]
}

// wireStack has no field for redeploy_hook, so that this secret address, which deploys the stack, cannot leak.
type wireStack struct {
	UID             text `json:"uid"`
	Name            text `json:"name"`
	Environment     text `json:"environment"`
	GitBranch       text `json:"git_branch"`
	Framework       text `json:"framework"`
	AccountName     text `json:"account_name"`
	Status          text `json:"status"`
	Health          text `json:"health"`
	IsBusy          text `json:"is_busy"`
	LastActivity    text `json:"last_activity"`
	LastActivityISO text `json:"last_activity_iso"`
	CreatedAt       text `json:"created_at"`
	CreatedAtISO    text `json:"created_at_iso"`
	UpdatedAt       text `json:"updated_at"`
	UpdatedAtISO    text `json:"updated_at_iso"`
}

func (c *Client) stack(w wireStack) (Stack, error) {
	if w.UID == "" {
		return Stack{}, errors.New("a stack in it has no uid")
	}
	s := Stack{
		UID: string(w.UID), Name: string(w.Name), Environment: string(w.Environment), GitBranch: string(w.GitBranch),
		Framework: string(w.Framework), AccountName: string(w.AccountName),
		Status: StatusAbsent, Health: StackHealth(w.Health.int()), IsBusy: w.IsBusy.bool(),
		LastActivity: firstTime(c.oddTime, w.LastActivityISO, w.LastActivity),
		CreatedAt:    firstTime(c.oddTime, w.CreatedAtISO, w.CreatedAt),
		UpdatedAt:    firstTime(c.oddTime, w.UpdatedAtISO, w.UpdatedAt),
	}
	if status, ok := w.Status.number(); ok {
		s.Status = StackStatus(status)
	}
	return s, nil
}

func (c *Client) stackList() listing[Stack] {
	return listing[Stack]{client: c, path: "/stacks", item: each(c.stack), stacks: true}
}

// StackPage is one page of the list of all stacks.
type StackPage struct {
	Stacks []Stack
	Next   int // number of the next page; 0 if this is the last
	Pages  int // number of pages, as far as the server tells; at least this one and the next
}

// StackPage returns the page with the number, from 1, of the stacks that the token reaches. It takes one request. The pages shift if a
// stack is added or removed between two requests.
func (c *Client) StackPage(ctx context.Context, number int) (StackPage, error) {
	l := c.stackList()
	p, err := l.fetch(ctx, number)
	if err != nil {
		return StackPage{}, err
	}
	next, err := l.after(p, number)
	if err != nil {
		return StackPage{}, err
	}
	return StackPage{Stacks: p.items, Next: next, Pages: min(max(believable(p.Pages), number, next), pageLimit)}, nil
}

// Stack returns the stack with the UID.
func (c *Client) Stack(ctx context.Context, uid string) (Stack, error) {
	return fetchOne(ctx, c, uid, c.stack)
}
