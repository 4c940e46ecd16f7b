package commands

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/cloud66"
)

// library lists stacks as Cloud 66 does, and counts how often it is asked.
type library struct {
	mu       sync.Mutex
	stacks   []cloud66.Stack
	takes    time.Duration
	err      error // at the end of the list
	readings int
	ended    int // readings that their context ended
}

func (l *library) Stacks(ctx context.Context, _ cloud66.StackFilter) iter.Seq2[cloud66.Stack, error] {
	return func(yield func(cloud66.Stack, error) bool) {
		l.mu.Lock()
		l.readings++
		stacks, takes, err := slices.Clone(l.stacks), l.takes, l.err
		l.mu.Unlock()
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			l.mu.Lock()
			l.ended++
			l.mu.Unlock()
			yield(cloud66.Stack{}, ctx.Err())
			return
		}
		for _, s := range stacks {
			if !yield(s, nil) {
				return
			}
		}
		if err != nil {
			yield(cloud66.Stack{}, err)
		}
	}
}

func (l *library) set(change func(*library)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
}

// asked gives how often the list was read.
func (l *library) asked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.readings
}

func stack(uid, name, environment, account string) cloud66.Stack {
	return cloud66.Stack{UID: uid, Name: name, Environment: environment, AccountName: account}
}

// all tells of every stack.
func all(cloud66.Stack) bool { return true }

func TestAStackIsFoundBy(t *testing.T) {
	d := NewDirectory(&library{stacks: []cloud66.Stack{
		stack("11aa", "web", "production", "acme"), stack("22bb", "web", "staging", "acme"), stack("33cc", "web", "prod", "acme"),
		stack("44dd", "awesome app", "production", "acme"), stack("55ee", "team@home", "production", "acme"), stack("66ff", "api", "production", "acme"),
		stack("77aa", "api", "production", "other"), stack("88bb", "bob’s", "", "acme"), stack("99cc", "GRÖSSE", "Test", "acme"),
		stack("aadd", "team", "homestead", "acme"), stack("bbee", "lone", "production", "acme"),
	}})
	tests := map[string]struct {
		typed string
		want  []string
	}{
		"its name where that is the only one":      {"lone", []string{"bbee"}},
		"name and environment":                     {"web@staging", []string{"22bb"}},
		"a prefix of the environment":              {"web@stag", []string{"22bb"}},
		"an exact environment before a prefix":     {"web@prod", []string{"33cc"}},
		"a prefix that fits several":               {"web@pro", []string{"11aa", "33cc"}},
		"its UID":                                  {"22bb", []string{"22bb"}},
		"its UID in upper case":                    {"22BB", []string{"22bb"}},
		"a name with spaces":                       {"awesome app@production", []string{"44dd"}},
		"a name in other case":                     {"größe@TE", nil},
		"a name in upper case":                     {"Grösse@TE", []string{"99cc"}},
		"a name with an @ in it":                   {"team@home", []string{"55ee"}},
		"a name with an @, and its environment":    {"team@home@prod", []string{"55ee"}},
		"a name beside one with an @":              {"team@homes", []string{"aadd"}},
		"a name in several environments":           {"web", []string{"11aa", "22bb", "33cc"}},
		"name and environment in two accounts":     {"api@production", []string{"66ff", "77aa"}},
		"a curly apostrophe that was typed":        {"bob’s", []string{"88bb"}},
		"a straight apostrophe for a curly one":    {"bob's", []string{"88bb"}},
		"space around it":                          {"  web@ staging ", []string{"22bb"}},
		"the name of no environment of it":         {"web@test", nil},
		"the beginning of a name alone is nothing": {"we", nil},
		"nothing":    {"", nil},
		"an @ alone": {"@", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			found, _, err := d.find(t.Context(), Invocation{Stack: test.typed}, all)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range found {
				got = append(got, s.UID)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%q (-want +got):\n%s", test.typed, diff)
			}
		})
	}
}

func TestAnUnknownNameGetsUpToThreeNearestOnesEachOnce(t *testing.T) {
	d := NewDirectory(&library{stacks: []cloud66.Stack{
		stack("1", "web", "production", "a"), stack("2", "web", "production", "b"), stack("3", "web", "production", "c"),
		stack("4", "web", "staging", "a"), stack("5", "webs", "production", "a"), stack("6", "wbe", "test", "a"), stack("7", "billing", "x", "a"),
	}})
	found, near, err := d.find(t.Context(), Invocation{Stack: "webb"}, all)
	if err != nil || len(found) > 0 {
		t.Fatal(found, err)
	}
	if diff := cmp.Diff([]string{"web@production", "web@staging", "webs@production"}, near); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, near, err := d.find(t.Context(), Invocation{Stack: "completely different"}, all); err != nil || len(near) > 0 {
		t.Errorf("what is near to nothing got %q, %v", near, err)
	}
}

func TestTwoHundredWhoAskAtOnceShareOneReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &library{stacks: []cloud66.Stack{stack("1", "web", "production", "")}, takes: 10 * time.Second}
		d := NewDirectory(l)
		var everybody sync.WaitGroup
		for i := range 200 {
			everybody.Go(func() {
				time.Sleep(time.Duration(i) * 10 * time.Millisecond)
				if found, _, err := d.find(t.Context(), Invocation{Stack: "web"}, all); err != nil || len(found) != 1 {
					t.Errorf("found %v, %v", found, err)
				}
			})
		}
		everybody.Wait()
		if n := l.asked(); n != 1 {
			t.Errorf("the list was read %d times", n)
		}
		for range 200 {
			everybody.Go(func() {
				if found, _, err := d.find(t.Context(), Invocation{Stack: "wbe"}, all); err != nil || len(found) != 0 {
					t.Errorf("found %v, %v", found, err)
				}
			})
		}
		everybody.Wait()
		if n := l.asked(); n != 1 {
			t.Errorf("for a name that is not in a brand-new list it was read %d times", n)
		}
	})
}

func TestTheListIsTakenForTrueForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &library{stacks: []cloud66.Stack{stack("1", "web", "production", "")}}
		d := NewDirectory(l)
		for _, step := range []struct {
			pause time.Duration
			read  int
		}{{0, 1}, {time.Minute, 1}, {time.Second, 2}, {59 * time.Second, 2}} {
			time.Sleep(step.pause)
			if found, _, err := d.find(t.Context(), Invocation{Stack: "web"}, all); err != nil || len(found) != 1 || l.asked() != step.read {
				t.Errorf("after %s more: %v, %v, the list was read %d times", step.pause, found, err, l.asked())
			}
		}
	})
}

func TestANameThatIsNotFoundIsLookedForInAFreshList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &library{stacks: []cloud66.Stack{stack("1", "web", "production", "")}}
		d := NewDirectory(l)
		if _, _, err := d.find(t.Context(), Invocation{Stack: "web"}, all); err != nil {
			t.Fatal(err)
		}
		l.set(func(l *library) { l.stacks = append(l.stacks, stack("2", "new", "production", "")) })
		time.Sleep(6 * time.Second)
		if found, _, err := d.find(t.Context(), Invocation{Stack: "new"}, all); err != nil || len(found) != 1 {
			t.Errorf("a stack made seconds ago: %v, %v", found, err)
		}
		time.Sleep(6 * time.Second)
		l.set(func(l *library) { l.stacks = append(l.stacks, stack("3", "newer", "production", "")) })
		if found, _, err := d.find(t.Context(), Invocation{UID: "3"}, all); err != nil || len(found) != 1 {
			t.Errorf("its button: %v, %v", found, err)
		}
		if n := l.asked(); n != 3 {
			t.Errorf("the list was read %d times", n)
		}
	})
}

func TestAReadingThatFailsIsToldToAllAndNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		l := &library{stacks: []cloud66.Stack{stack("1", "web", "production", "")}, err: down, takes: time.Second}
		d := NewDirectory(l)
		var everybody sync.WaitGroup
		for range 20 {
			everybody.Go(func() {
				if found, _, err := d.find(t.Context(), Invocation{Stack: "web"}, all); !errors.Is(err, down) {
					t.Errorf("half a list was taken: %v, %v", found, err)
				}
			})
		}
		everybody.Wait()
		l.set(func(l *library) { l.err = nil })
		if found, _, err := d.find(t.Context(), Invocation{Stack: "web"}, all); err != nil || len(found) != 1 {
			t.Errorf("right after it: %v, %v", found, err)
		}
		if n := l.asked(); n != 2 {
			t.Errorf("the list was read %d times", n)
		}
	})
}

func TestAFailureAfterAMinuteDoesNotBringTheOldListBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &library{stacks: []cloud66.Stack{stack("1", "web", "production", "")}}
		d := NewDirectory(l)
		if _, _, err := d.find(t.Context(), Invocation{Stack: "web"}, all); err != nil {
			t.Fatal(err)
		}
		l.set(func(l *library) { l.err = errors.New("down") })
		time.Sleep(2 * time.Minute)
		if found, _, err := d.find(t.Context(), Invocation{Stack: "web"}, all); err == nil {
			t.Errorf("found %v in a list of two minutes ago", found)
		}
	})
}

func TestWhoLeavesDoesNotEndTheReadingForOthersAndTheLastOneDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &library{stacks: []cloud66.Stack{stack("1", "web", "production", "")}, takes: 10 * time.Second}
		d := NewDirectory(l)
		first, leave := context.WithCancel(t.Context())
		var everybody sync.WaitGroup
		everybody.Go(func() {
			if _, _, err := d.find(first, Invocation{Stack: "web"}, all); !errors.Is(err, context.Canceled) {
				t.Errorf("the one who left got %v", err)
			}
		})
		synctest.Wait()
		everybody.Go(func() {
			if found, _, err := d.find(t.Context(), Invocation{Stack: "web"}, all); err != nil || len(found) != 1 {
				t.Errorf("the one who stayed got %v, %v", found, err)
			}
		})
		time.Sleep(time.Second)
		leave()
		everybody.Wait()
		if l.asked() != 1 || l.ended != 0 {
			t.Errorf("the list was read %d times, %d were ended", l.asked(), l.ended)
		}

		time.Sleep(2 * time.Minute)
		alone, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		if _, _, err := d.find(alone, Invocation{Stack: "web"}, all); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the only one got %v", err)
		}
		synctest.Wait()
		if l.ended != 1 {
			t.Error("a reading that nobody waits for goes on")
		}
		if found, _, err := d.find(t.Context(), Invocation{Stack: "web"}, all); err != nil || len(found) != 1 {
			t.Errorf("the next one got %v, %v", found, err)
		}
	})
}

func TestStacksOfOneNameAreToldApart(t *testing.T) {
	got := labels([]cloud66.Stack{
		stack("1", "web", "production", "acme"), stack("2", "web", "staging", "acme"), stack("3", "api", "production", "acme"), stack("4", "api", "production", "other"),
		stack("5", "db", "production", "acme"), stack("6", "db", "production", "acme"), stack("7", "db", "production", "other"),
	})
	want := []string{
		"web@production", "web@staging", "api@production · acme", "api@production · other",
		"db@production · 5", "db@production · 6", "db@production · other",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
