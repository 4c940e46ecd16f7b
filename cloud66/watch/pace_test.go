package watch

import (
	"testing"
	"time"

	"c66bot/cloud66"
)

func TestThePaceOfASweepFollowsFromPagesLooksAndBudget(t *testing.T) {
	now := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name     string
		budget   cloud66.BudgetState
		pages    int
		shortest time.Duration
		before   func(p *pace)
		lo, hi   time.Duration
	}{
		{"one page at the documented budget", cloud66.BudgetState{PerHour: 3000, BackgroundRest: 2400}, 1, 5 * time.Second, nil, 5 * time.Second,
			5 * time.Second},
		{"one page and a short " +
			"interval", cloud66.BudgetState{PerHour: 3000, BackgroundRest: 2400}, 1, 50 * time.Millisecond, nil, 5 * time.Second, 5 * time.Second},
		{"one page and a budget without end", cloud66.BudgetState{PerHour: 1_000_000, BackgroundRest: 800_000}, 1, 50 * time.Millisecond, nil,
			50 * time.Millisecond, 50 * time.Millisecond},
		{"two pages", cloud66.BudgetState{PerHour: 3000, BackgroundRest: 2400}, 2, 5 * time.Second, nil, 2500 * time.Millisecond,
			2500 * time.Millisecond},
		{"many pages", cloud66.BudgetState{PerHour: 3000, BackgroundRest: 2400}, 100, 5 * time.Second, nil, 1500 * time.Millisecond,
			1600 * time.Millisecond},
		{"many pages, a seldom one", cloud66.BudgetState{PerHour: 3000, BackgroundRest: 2400}, 2, time.Minute, nil, 30 * time.Second,
			30 * time.Second},
		{"many pages beside many looks", cloud66.BudgetState{PerHour: 3000, BackgroundRest: 2400}, 100, 5 * time.Second,
			func(p *pace) { p.looks.add(now, 400) }, 3 * time.Second, 4 * time.Second},
		{"after a rush", cloud66.BudgetState{PerHour: 3000, BackgroundRest: 2300}, 100, 5 * time.Second,
			func(p *pace) { p.spent(now, 100, &p.pages) }, 3 * time.Second, 4 * time.Second},
		{"a rest below the margin", cloud66.BudgetState{PerHour: 3000, BackgroundRest: 12}, 100, 5 * time.Second, nil, 6 * time.Second,
			7 * time.Second},
		{"no rest", cloud66.BudgetState{PerHour: 3000}, 100, 5 * time.Second, nil, throttled, throttled},
		{"a budget of one a minute", cloud66.BudgetState{PerHour: 60, BackgroundRest: 48}, 100, 5 * time.Second, nil, throttled, throttled},
		{"before the budget is known", cloud66.BudgetState{}, 2, 5 * time.Second, nil, 2500 * time.Millisecond, 2500 * time.Millisecond},
	} {
		var p pace
		if c.before != nil {
			c.before(&p)
		}
		if got := p.page(now, c.budget, c.pages, c.shortest); got < c.lo || got > c.hi {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}

func TestLooksMayUseWhatTheSweepWould(t *testing.T) {
	now := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	var p pace
	if got := p.look(now, cloud66.BudgetState{PerHour: 3000, BackgroundRest: 60}); got != 20*time.Second {
		t.Errorf("without a sweep: %s", got)
	}
	p.spent(now, 540, &p.pages)
	if got := p.look(now, cloud66.BudgetState{PerHour: 3000, BackgroundRest: 60}); got != 2*time.Second {
		t.Errorf("beside a sweep: %s", got)
	}
	if got := p.look(now, cloud66.BudgetState{PerHour: 3000}); got != throttled {
		t.Errorf("without a rest: %s", got)
	}
	if got := p.look(now.Add(3*horizon), cloud66.BudgetState{PerHour: 3000, BackgroundRest: 60}); got < 13*time.Second ||
		got > 15*time.Second {
		t.Errorf("an hour after a sweep: %s", got)
	}
}
