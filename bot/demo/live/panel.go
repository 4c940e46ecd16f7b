package live

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

// panel is the side panel: it shows and changes what lies behind Slack.
type panel struct {
	slack *slacksim.Workspace
	cloud *cloud66sim.Sim
	child *child
	uids  map[string]string // by name@environment
	acts  map[string]func(args map[string]string) error

	mu    sync.Mutex      // guards the fields below
	speed float64         // of deployments
	api   string          // a key of troubles, or "" while the API is well
	mend  func()          // ends the trouble
	next  map[string]fate // by stack, until that deployment runs
	try   tries
}

// stack is a row of the panel.
type stack struct {
	Name   string `json:"name"`
	State  string `json:"state"` // "live", "ill", "deploying", "queued", "failed" or "cancelled"
	Newest int64  `json:"newest"`
	Ref    string `json:"ref"`
	By     string `json:"by"`
	Next   string `json:"next"` // what becomes of the next deployment where that is settled: "fails" or "falls ill"
}

// fate is what becomes of a stack's next deployment.
type fate struct {
	how    string // as in stack.Next
	newest int64  // the newest deployment when that was settled
}

type panelState struct {
	Stacks    []stack `json:"stacks"`
	Speed     float64 `json:"speed"`
	API       string  `json:"api"`
	Bot       bool    `json:"bot"`
	Connected bool    `json:"connected"`
	Tasks     []task  `json:"tasks"`
}

// troubles are what the API can have. A stalled one answers after most clients' patience.
var troubles = map[string]cloud66sim.Fault{
	"stalled":   {Delay: 40 * time.Second},
	"throttled": {Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "5"}},
	"down":      {Status: http.StatusServiceUnavailable, ContentType: "text/html", Body: "<h1>Service Unavailable</h1>"},
}

func newPanel(slack *slacksim.Workspace, cloud *cloud66sim.Sim, bot *child, speed float64) *panel {
	p := &panel{slack: slack, cloud: cloud, child: bot, speed: speed, uids: cloud66sim.SeedDemo(cloud), next: map[string]fate{}}
	p.try = tries{begin: time.Now()}
	onStack := func(act func(uid string)) func(map[string]string) error {
		return func(args map[string]string) error {
			uid, known := p.uids[args["stack"]]
			if !known {
				return fmt.Errorf("there is no stack %q", args["stack"])
			}
			act(uid)
			return nil
		}
	}
	just := func(act func()) func(map[string]string) error {
		return func(map[string]string) error {
			act()
			return nil
		}
	}
	p.acts = map[string]func(map[string]string) error{
		"push":   onStack(func(uid string) { cloud.Deploy(uid, cloud66sim.Start{By: by("ben"), Via: "hook"}) }),
		"deploy": onStack(func(uid string) { cloud.Deploy(uid, cloud66sim.Start{By: by("chloe"), Via: "web"}) }),
		"revert": onStack(func(uid string) { cloud.Deploy(uid, cloud66sim.Start{By: by("chloe"), Via: "web", Type: "revert"}) }),
		"fail next": func(args map[string]string) error {
			return p.settle(args["stack"], "fails", cloud66sim.Next{Fail: true, Message: args["message"]})
		},
		"ill next": func(args map[string]string) error {
			return p.settle(args["stack"], "falls ill", cloud66sim.Next{IllAfter: illAfter})
		},
		"speed":     p.setSpeed,
		"api":       p.setAPI,
		"cut slack": just(slack.Drop),
		"kill bot": just(func() {
			p.try.killed = p.try.killed || p.deploying()
			bot.kill()
		}),
		"start bot": func(map[string]string) error { return bot.start() },
	}
	return p
}

// illAfter is how long a stack that falls ill is well before, at speed 1.
const illAfter = 4 * time.Minute

// settle settles what becomes of a stack's next deployment.
func (p *panel) settle(name, how string, next cloud66sim.Next) error {
	uid, known := p.uids[name]
	if !known {
		return fmt.Errorf("there is no stack %q", name)
	}
	all := p.cloud.Deployments(uid)
	p.next[uid] = fate{how: how, newest: all[len(all)-1].ID}
	p.cloud.NextOutcome(uid, next)
	return nil
}

// Do carries out an act of the panel.
func (p *panel) Do(_ context.Context, act string, args map[string]string) error {
	do, known := p.acts[act]
	if !known {
		return fmt.Errorf("the panel has no %q", act)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.slack.Touch()
	return do(args)
}

func (p *panel) setSpeed(args map[string]string) error {
	speed, err := strconv.ParseFloat(args["speed"], 64)
	if err != nil || !(speed > 0 && speed <= 1000) {
		return fmt.Errorf("%q is no speed", args["speed"])
	}
	p.speed = speed
	p.cloud.SetSpeed(speed)
	return nil
}

// setAPI gives the API one of the troubles, or ends it.
func (p *panel) setAPI(args map[string]string) error {
	fault, known := troubles[args["state"]]
	if !known && args["state"] != "" {
		return fmt.Errorf("%q is no state of the API", args["state"])
	}
	if p.mend != nil {
		p.mend()
		p.mend = nil
	}
	p.api = args["state"]
	if known {
		p.mend = p.cloud.AddFault(fault)
	}
	return nil
}

// State returns what the panel shows.
func (p *panel) State() any {
	p.mu.Lock()
	defer p.mu.Unlock()
	state := panelState{Speed: p.speed, API: p.api, Bot: p.child.running(), Connected: p.slack.Sockets() > 0}
	for _, name := range slices.Sorted(maps.Keys(p.uids)) {
		state.Stacks = append(state.Stacks, p.row(name, p.uids[name]))
	}
	p.try.look(p)
	state.Tasks = p.try.tasks()
	return state
}

func (p *panel) row(name, uid string) stack {
	all := p.cloud.Deployments(uid)
	newest := all[len(all)-1]
	row := stack{Name: name, Newest: newest.ID, Ref: newest.Ref, By: strings.TrimSuffix(newest.By, "@acme.example"), State: "live"}
	switch newest.State {
	case cloud66sim.Running:
		row.State = "deploying"
	case cloud66sim.Queued:
		row.State = "queued"
	case cloud66sim.Failed, cloud66sim.Cancelled:
		row.State = string(newest.State)
	default:
		if p.cloud.Ill(uid) {
			row.State = "ill"
		}
	}
	if next, settled := p.next[uid]; settled {
		if newest.ID == next.newest || newest.StartedAt.IsZero() {
			row.Next = next.how
		} else {
			delete(p.next, uid)
		}
	}
	return row
}

// deploying reports whether any deployment runs.
func (p *panel) deploying() bool {
	for _, uid := range p.uids {
		all := p.cloud.Deployments(uid)
		if all[len(all)-1].FinishedAt.IsZero() {
			return true
		}
	}
	return false
}
