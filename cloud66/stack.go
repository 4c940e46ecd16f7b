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
	Git                    string // the repository, as git addresses it; it may hold a password and is never shown
	GitBranch              string
	Framework              string
	AccountName            string
	Tag                    string // tells it from another stack of its name and environment; set by whoever knows both
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

// Ill reports whether the stack is impaired or has failed.
func (h StackHealth) Ill() bool { return h == HealthImpaired || h == HealthFailed }

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

func (c *Client) stack(r record) (Stack, error) {
	s := Stack{
		UID: string(r.text("uid")), Name: string(r.text("name")), Environment: string(r.text("environment")),
		Git: string(r.text("git")), GitBranch: string(r.text("git_branch")),
		Framework: string(r.text("framework")), AccountName: string(r.text("account_name")),
		Status: StatusAbsent, Health: StackHealth(r.text("health").int()), IsBusy: r.bool("is_busy"),
		LastActivity: c.time(r, "last_activity_iso", "last_activity"),
		CreatedAt:    c.time(r, "created_at_iso", "created_at"),
		UpdatedAt:    c.time(r, "updated_at_iso", "updated_at"),
	}
	if status, ok := r.text("status").number(); ok {
		s.Status = StackStatus(status)
	}
	if s.UID == "" {
		return Stack{}, errors.New("a stack without a uid")
	}
	return s, nil
}

// Stack reads one stack. It takes one request.
func (c *Client) Stack(ctx context.Context, uid string) (Stack, error) {
	return fetchOne(ctx, c, c.stack, uid)
}

func (c *Client) stackList() listing[Stack] {
	return listing[Stack]{client: c, path: "/stacks", item: c.stack}
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
	return StackPage{Stacks: p.items, Next: next, Pages: min(max(believable(p, "pages"), number, next), pageLimit)}, nil
}
