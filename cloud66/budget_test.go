package cloud66

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func TestNeverMoreThanTheBudgetInAnyHour(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		perHour := rapid.IntRange(1, 40).Draw(r, "per hour")
		longest := rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 10 * time.Minute, 2 * time.Hour}).Draw(r, "longest pause")
		pauses := rapid.SliceOfN(rapid.Int64Range(0, int64(longest)), 1, 300).Draw(r, "pauses")
		fault := ""
		synctest.Test(t, func(*testing.T) { fault = overspent(perHour, pauses) })
		if fault != "" {
			r.Fatal(fault)
		}
	})
}

// overspent asks a budget for a request after each pause, waits now and then for as long as it says, and returns how it
// broke its word, if it did.
func overspent(perHour int, pauses []int64) string {
	b := newBudget(perHour)
	var sent []time.Time
	for i, pause := range pauses {
		time.Sleep(time.Duration(pause))
		number, refusal := b.take(purpose{class: changing})
		if refusal != nil && i%10 == 0 {
			time.Sleep(refusal.RetryAfter)
			if number, refusal = b.take(purpose{class: changing}); refusal != nil {
				return fmt.Sprintf("refused when it said to try again: %v", refusal)
			}
		}
		if refusal == nil {
			b.done(number, reading{})
			sent = append(sent, time.Now())
		}
	}
	for i := perHour; i < len(sent); i++ {
		if within := sent[i].Sub(sent[i-perHour]); within <= time.Hour {
			return fmt.Sprintf("%d requests within %s", perHour+1, within)
		}
	}
	return ""
}

func TestTheWholeBudgetCanBeUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := answering(t, 200, `{"response":{"id":1}}`)
		c.budget = newBudget(10)
		sent, refusedAt := 0, time.Time{}
		for sent < 30 {
			if _, err := c.Deployment(t.Context(), "a", 1); err == nil {
				sent++
			} else if refusedAt.IsZero() {
				refusedAt = time.Now()
			}
			time.Sleep(time.Second)
		}
		diff(t, 30, len(s.requests()))
		if took := time.Since(refusedAt); took > 130*time.Minute {
			t.Errorf("20 more requests took %s of a budget of 10 an hour", took)
		}
	})
}

func TestAReserveIsKeptForPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := answering(t, 200, `{"response":{"id":1}}`)
		c.budget = newBudget(10)
		for i := range 20 {
			if _, err := c.Deployment(Background(t.Context()), "a", 1); (err == nil) != (i < 8) {
				t.Errorf("background request %d gives %v", i, err)
			}
		}
		diff(t, BudgetState{PerHour: 10, Used: 8, Rest: 2, ReadingRest: 1}, c.Budget())
		for range 2 {
			if _, err := c.Deployment(t.Context(), "a", 1); err != nil {
				t.Fatal(err)
			}
		}
		_, err := c.Redeploy(t.Context(), "a", RedeployRequest{})
		e, ok := errors.AsType[*Error](err)
		if !ok || !errors.Is(err, ErrBudget) || !NothingDone(err) {
			t.Fatalf("got %v", err)
		}
		diff(
			t,
			Error{Method: "POST", Path: "/stacks/a/deployments", RetryAfter: slots * slot},
			Error{Method: e.Method, Path: e.Path, RetryAfter: e.RetryAfter},
		)
		diff(t, 10, len(s.requests()))
		diff(t, BudgetState{PerHour: 10, Used: 10, NextTry: time.Now().Add(slots * slot)}, c.Budget())
		time.Sleep(e.RetryAfter)
		diff(t, BudgetState{PerHour: 10, Rest: 10, ReadingRest: 9, BackgroundRest: 8}, c.Budget())
	})
}

func TestReadingCannotUseWhatIsKeptForChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := answering(t, 200, `{"response":{"id":1}}`)
		c.budget = newBudget(3000)
		read := func(person string) error { _, err := c.Deployment(Reading(t.Context(), person), "a", 1); return err }
		for i := range 4000 { // several persons in collusion
			err := read(fmt.Sprintf("U%d", i/10))
			if (err == nil) != (i < 2700) || err != nil && !errors.Is(err, ErrBudget) {
				t.Fatalf("reading %d gives %v", i, err)
			}
		}
		diff(t, BudgetState{PerHour: 3000, Used: 2700, Rest: 300}, c.Budget())
		ctx := Changing(t.Context(), "U1") // who has read the most, too
		if _, err := c.Deployment(ctx, "a", 1); err != nil {
			t.Error(err)
		}
		if _, err := c.Redeploy(ctx, "a", RedeployRequest{}); errors.Is(err, ErrBudget) {
			t.Error(err)
		}
	})
}

func TestNobodyHasMoreThanAShare(t *testing.T) {
	for name, as := range map[string]func(context.Context, string) context.Context{"reading": Reading, "changing": Changing} {
		synctest.Test(t, func(t *testing.T) {
			c, _ := answering(t, 200, `{"response":{"id":1}}`)
			c.budget = newBudget(3000)
			ask := func(person string) error { _, err := c.Deployment(as(t.Context(), person), "a", 1); return err }
			had, again := map[string]int{}, time.Duration(0)
			for _, person := range []string{"U1", "U2", "U3", "U4", "U5", "U6"} { // one after the other takes what can be had
				for range 3000 {
					err := ask(person)
					if err == nil {
						had[person]++
						continue
					}
					e := faultOf(t, err)
					if !errors.Is(err, ErrShare) || e.RetryAfter <= 0 || e.RetryAfter > slots*slot {
						t.Fatalf("%s: %v", name, err)
					}
					again = e.RetryAfter
				}
			}
			want := map[string]int{"U1": 600, "U2": 600, "U3": 600, "U4": 600, "U5": 300, "U6": 150}
			if name == "reading" {
				want["U4"], want["U5"], want["U6"] = 450, 225, 113
			}
			diff(t, want, had)
			if err := ask("U7"); err != nil {
				t.Errorf("%s: somebody who has asked for nothing gets %v", name, err)
			}
			if err := ask(""); err != nil {
				t.Errorf("%s: what is for all gets %v", name, err)
			}
			time.Sleep(again)
			if err := ask("U6"); err != nil {
				t.Errorf("%s: after the time that was told: %v", name, err)
			}
			time.Sleep(3 * time.Hour)
			if err := ask("U8"); err != nil || len(c.budget.persons) != 1 {
				t.Errorf("%s: %v, and %d persons are remembered", name, err, len(c.budget.persons))
			}
		})
	}
}

func TestRetriesCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := answering(t, 500, ``)
		_, err := c.Stack(t.Context(), "a")
		diff(t, true, errors.Is(err, ErrServer))
		diff(t, 3, len(s.requests()))
		diff(t, 3, c.Budget().Used)
	})
}

// limited answers as Cloud 66 does at its own limit.
type limited struct {
	mu   sync.Mutex
	rest int
}

func (l *limited) set(rest int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = rest
}

func (l *limited) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest--
	w.Header().Set("X-RateLimit-Limit", "100")
	w.Header().Set("X-RateLimit-Remaining", strconv.Itoa(max(l.rest, 0)))
	if l.rest < 0 {
		w.Header().Set("Retry-After", "3600")
		says(503, `{"error":"throttled"}`)(w, r)
		return
	}
	says(200, `{"response":{"id":1}}`)(w, r)
}

func TestTheServersSmallerRestHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &limited{rest: 25}
		s := &server{handler: l.ServeHTTP}
		c := newTestClient(t, s)
		get := func(ctx context.Context) error { _, err := c.Deployment(ctx, "a", 1); return err }
		for i := range 12 { // the share of people is 20 of the server's 100; the sixth is the probe
			if err := get(Background(t.Context())); (err == nil) != (i < 6) {
				t.Errorf("background request %d gives %v", i, err)
			}
			if i == 0 {
				diff(t, BudgetState{PerHour: 1_000_000, Used: 1, Rest: 24, ReadingRest: 14, BackgroundRest: 4, ServerRest: new(24)}, c.Budget())
			}
		}
		diff(t, BudgetState{PerHour: 1_000_000, Used: 6, Rest: 19, ReadingRest: 9, ServerRest: new(19)}, c.Budget())
		for range 19 {
			if err := get(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		diff(t, BudgetState{PerHour: 1_000_000, Used: 25, ServerRest: new(0), NextTry: time.Now().Add(time.Minute)}, c.Budget())
		if err := get(t.Context()); !errors.Is(err, ErrBudget) || !NothingDone(err) {
			t.Errorf("without a rest: %v", err)
		}
		diff(t, 25, len(s.requests()))
		l.set(100)
		time.Sleep(time.Minute)
		if err := get(t.Context()); err != nil {
			t.Errorf("the probe gives %v", err)
		}
		diff(t, 99, c.Budget().Rest)
	})
}

func TestThrottledItTriesOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &limited{}
		s := &server{handler: l.ServeHTTP}
		c := newTestClient(t, s)
		start := time.Now()
		for time.Since(start) < 10*time.Minute { // by turns a person and background work, each second
			for _, ctx := range []context.Context{t.Context(), Background(t.Context())} {
				_, err := c.Deployment(ctx, "a", 1)
				if e, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, ErrThrottled) || e.RetryAfter <= 0 || e.RetryAfter > time.Minute {
					t.Fatalf("got %v", err)
				}
			}
			time.Sleep(time.Second)
		}
		diff(t, 10, len(s.requests()))
		state := c.Budget()
		diff(t, BudgetState{PerHour: 1_000_000, Used: 10, ServerRest: new(0), Blocked: true, NextTry: start.Add(10 * time.Minute)}, state)
		l.set(100)
		time.Sleep(time.Until(state.NextTry))
		for range 5 {
			if _, err := c.Deployment(t.Context(), "a", 1); err != nil {
				t.Fatalf("after the hour: %v", err)
			}
		}
		diff(t, false, c.Budget().Blocked)
	})
}

func TestAProbeThatFailsLeavesTheBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(100)
		early, _ := b.take(purpose{class: changing})
		throttled, _ := b.take(purpose{class: changing})
		b.done(throttled, reading{throttled: true})
		b.done(early, reading{served: true}) // it was sent before
		diff(t, true, b.state().Blocked)
		time.Sleep(time.Minute)
		probe, refusal := b.take(purpose{})
		if refusal != nil {
			t.Fatal(refusal)
		}
		if _, refusal = b.take(purpose{class: changing}); refusal == nil {
			t.Error("a second probe was let through in the same minute")
		}
		b.done(probe, reading{})
		diff(t, true, b.state().Blocked)
		time.Sleep(time.Minute)
		probe, refusal = b.take(purpose{class: changing})
		if refusal != nil {
			t.Fatal(refusal)
		}
		b.done(probe, reading{served: true})
		diff(t, false, b.state().Blocked)
	})
}

func TestTheServersLastRequestIsNotFollowedByAProbeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(100)
		last, _ := b.take(purpose{class: changing})
		b.done(last, reading{served: true, restKnown: true})
		_, refusal := b.take(purpose{class: changing})
		if refusal == nil {
			t.Fatal("a request was let through")
		}
		diff(t, time.Minute, refusal.RetryAfter)
	})
}

func TestAnswersOutOfOrderDoNotRaiseTheRest(t *testing.T) {
	b := newBudget(1000)
	first, _ := b.take(purpose{class: changing})
	second, _ := b.take(purpose{class: changing})
	third, _ := b.take(purpose{class: changing})
	b.done(second, reading{served: true, restKnown: true, rest: 98})
	diff(t, 96, b.state().Rest) // two are in flight, and may not be in the 98
	b.done(first, reading{served: true, restKnown: true, rest: 99})
	diff(t, 96, b.state().Rest)
	b.done(third, reading{served: true, restKnown: true, rest: 97})
	diff(t, 97, b.state().Rest)
}
