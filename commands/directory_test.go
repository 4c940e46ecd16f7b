package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"c66bot/cloud66"
	token66 "c66bot/cloud66/secret"
)

// library lists stacks as Cloud 66 does, and counts how often it is asked.
type library struct {
	mu       sync.Mutex
	stacks   []cloud66.Stack
	takes    time.Duration
	err      error // of a page
	perPage  int   // 0: all on one
	readings int
	ended    int // readings that their context ended

	pagesRead []int
}

func (l *library) StackPage(ctx context.Context, number int) (cloud66.StackPage, error) {
	l.mu.Lock()
	perPage := cmp.Or(l.perPage, max(len(l.stacks), 1))
	pages := max(1, (len(l.stacks)+perPage-1)/perPage)
	l.pagesRead = append(l.pagesRead, number)
	if number == 1 {
		l.readings++
	}
	p := cloud66.StackPage{Stacks: slices.Clone(l.stacks[min((number-1)*perPage, len(l.stacks)):min(number*perPage, len(l.stacks))]),
		Pages: pages}
	if number < pages {
		p.Next = number + 1
	}
	takes, err := l.takes, l.err
	l.mu.Unlock()
	select {
	case <-time.After(takes):
		return p, err
	case <-ctx.Done():
		l.mu.Lock()
		l.ended++
		l.mu.Unlock()
		return cloud66.StackPage{}, ctx.Err()
	}
}

func (l *library) Budget() cloud66.BudgetState { return cloud66.BudgetState{PerHour: 3000} }

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
		stack(
			"44dd",
			"awesome app",
			"production",
			"acme",
		), stack("55ee", "team@home", "production", "acme"), stack("66ff", "api", "production", "acme"),
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
		"a name in other case, folded":             {"größe@TE", []string{"99cc"}},
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
		"marks and quotes around it":               {"`“*web*@staging”`", nil},
		"quotes and marks around all of it":        {"`*“web@staging”*`", []string{"22bb"}},
		"nothing":                                  {"", nil},
		"an @ alone":                               {"@", nil},
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
			if diff := gocmp.Diff(test.want, got); diff != "" {
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
	if diff := gocmp.Diff([]string{"web@production", "web@staging", "webs@production"}, labelsOf(near)); diff != "" {
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

func TestANameThatIsNotFoundIsLookedForInAFreshListOnceAMinuteForAll(t *testing.T) {
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
		l.set(func(l *library) { l.stacks = append(l.stacks, stack("3", "newer", "production", "")) })
		for i := range 50 { // names that differ each time
			time.Sleep(time.Second)
			if found, _, err := d.find(t.Context(), Invocation{Stack: fmt.Sprintf("none%d", i)}, all); err != nil || len(found) != 0 {
				t.Errorf("a name that nothing has: %v, %v", found, err)
			}
		}
		if n := l.asked(); n != 2 {
			t.Errorf("the list was read %d times", n)
		}
		time.Sleep(11 * time.Second)
		if found, _, err := d.find(t.Context(), Invocation{UID: "3"}, all); err != nil || len(found) != 1 {
			t.Errorf("a minute later, its button: %v, %v", found, err)
		}
		if n := l.asked(); n != 3 {
			t.Errorf("the list was read %d times", n)
		}
	})
}

// shelves are so many stacks, thirty to a page.
func shelves(n int) *library {
	l := &library{perPage: 30}
	for i := range n {
		l.stacks = append(l.stacks, stack(fmt.Sprint(i), fmt.Sprintf("app%d", i), "production", ""))
	}
	return l
}

func (l *library) pagesAsked() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	asked := l.pagesRead
	l.pagesRead = nil
	return asked
}

func TestALongListCostsNoMoreThanItsShareHoweverMuchIsTyped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := shelves(3000)
		d := NewDirectory(l)
		start, n := time.Now(), 0
		for ; time.Since(start) < time.Hour; n++ { // nobody else reads a page
			typed := fmt.Sprintf("app%d", n%3000)
			if n%2 == 1 {
				typed = fmt.Sprintf("none%d", n)
			}
			if _, _, err := d.find(t.Context(), Invocation{Stack: typed}, func(s cloud66.Stack) bool { return s.UID == "7" }); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Second)
		}
		if asked := len(l.pagesAsked()); asked > 600+200 {
			t.Errorf("%d commands in an hour cost %d requests", n, asked)
		}
	})
}

func TestAStackOfALongListIsGivenAsItIsNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := shelves(600)
		d := NewDirectory(l)
		find := func(typed string) []cloud66.Stack {
			found, _, err := d.find(t.Context(), Invocation{Stack: typed}, all)
			if err != nil {
				t.Error(err)
			}
			return found
		}
		find("app100")
		if asked := l.pagesAsked(); len(asked) != 20 {
			t.Errorf("the first reads the pages %v", asked)
		}
		time.Sleep(90 * time.Second)
		l.set(func(l *library) { l.stacks[100].Name, l.stacks[101].IsBusy = "renamed", true })
		if found := find("app100"); len(found) != 0 {
			t.Errorf("what bears another name was found: %v", found)
		}
		if found := find("renamed"); len(found) != 1 {
			t.Errorf("found by its new name: %v", found)
		}
		if found := find("app101"); len(found) != 1 || !found[0].IsBusy {
			t.Errorf("got %v", found)
		}
		if asked := l.pagesAsked(); !slices.Equal(asked, []int{4}) {
			t.Errorf("for that the pages %v were read", asked)
		}
		// The sweep reads pages too, which count for all.
		for n := 1; n <= 20; n++ {
			if _, err := d.StackPage(t.Context(), n); err != nil {
				t.Error(err)
			}
		}
		l.pagesAsked()
		time.Sleep(50 * time.Second)
		find("app500")
		if asked := l.pagesAsked(); len(asked) != 0 {
			t.Errorf("though all were just read, the pages %v were", asked)
		}
		// One is deleted, and those behind it move up, over the edges of pages that are read at different times.
		l.set(func(l *library) { l.stacks = slices.Delete(l.stacks, 0, 1) })
		if _, err := d.StackPage(t.Context(), 4); err != nil {
			t.Error(err)
		}
		if found := find("app90"); len(found) != 1 {
			t.Errorf("the first of a page is not found any more: %v", found)
		}
		time.Sleep(10 * time.Minute)
		if found := find("app0"); len(found) != 0 {
			t.Errorf("the deleted one is found: %v", found)
		}
		if found := find("app90"); len(found) != 1 {
			t.Errorf("got %v", found)
		}
	})
}

// An admin's redeploy finds its stack, though people have read so much that nothing is left for reading.
func TestWithoutABudgetForReadingAnOldListServesChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := `{"response":[{"uid":"1","name":"web","environment":"production"}],"pagination":{"next":null}}`
		cloud, err := cloud66.New(cloud66.Config{BaseURL: "http://cloud66.test", Token: token66.New("x"), RequestsPerHour: 100,
			Transport: saying(page)})
		if err != nil {
			t.Fatal(err)
		}
		d := NewDirectory(cloud)
		if found, _, err := d.find(t.Context(), Invocation{Stack: "web"}, all); err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		for i := range 100 {
			_, _ = cloud.StackPage(cloud66.Reading(t.Context(), fmt.Sprint(i)), 1) // until it is refused
		}
		time.Sleep(2 * time.Minute)
		looking, changing := cloud66.Reading(t.Context(), "U1"), cloud66.Changing(t.Context(), "U1")
		if found, _, err := d.find(looking, Invocation{Stack: "web"}, all); !errors.Is(err, cloud66.ErrBudget) {
			t.Errorf("to look at it: %v, %v", found, err)
		}
		if found, _, err := d.find(changing, Invocation{Stack: "wbe"}, all); !errors.Is(err, cloud66.ErrBudget) {
			t.Errorf("what is not in an old list may be there: %v, %v", found, err)
		}
		for range 3 {
			if found, _, err := d.find(changing, Invocation{Stack: "web"}, all); err != nil || len(found) != 1 {
				t.Errorf("to change it: %v, %v", found, err)
			}
			time.Sleep(10 * time.Second)
		}
		if used := cloud.Budget().Used; used != 91 {
			t.Errorf("%d requests were made", used)
		}
	})
}

// saying answers every request with one body.
type saying string

func (s saying) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(s))), Request: r}, nil
}

func TestAListThatKeepsFailingIsReadSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		l := &library{err: down}
		d := NewDirectory(l)
		for range 600 {
			if _, _, err := d.find(t.Context(), Invocation{Stack: "web"}, all); !errors.Is(err, down) {
				t.Errorf("got %v", err)
			}
			time.Sleep(time.Second)
		}
		if n := l.asked(); n > 40 {
			t.Errorf("in ten minutes it was read %d times", n)
		}
		l.set(func(l *library) { l.err, l.stacks = nil, []cloud66.Stack{stack("1", "web", "production", "")} })
		time.Sleep(20 * time.Second)
		for range 3 {
			if found, _, err := d.find(t.Context(), Invocation{Stack: "web"}, all); err != nil || len(found) != 1 {
				t.Errorf("got %v, %v", found, err)
			}
		}
	})
}

// endless is a list of 7,000 stacks a page that never ends.
type endless struct{ asked int }

func (e *endless) StackPage(_ context.Context, number int) (cloud66.StackPage, error) {
	e.asked++
	p := cloud66.StackPage{Next: number + 1, Pages: number + 1}
	for i := range 7000 {
		p.Stacks = append(p.Stacks, stack(fmt.Sprintf("%d-%d", number, i), "app", "production", ""))
	}
	return p, nil
}

func (*endless) Budget() cloud66.BudgetState { return cloud66.BudgetState{PerHour: 3000} }

func TestMoreStacksThanThereMayBeAreToldAsThat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endless{}
		d := NewDirectory(e)
		for range 60 {
			_, _, err := d.find(t.Context(), Invocation{Stack: "web"}, all)
			if !errors.Is(err, cloud66.ErrTooLarge) {
				t.Fatalf("got %v", err)
			}
			if what := explain(err).What; what != "Cloud 66 lists more than I can work with, which is 30,000 stacks." {
				t.Errorf("it is told as %q", what)
			}
			time.Sleep(time.Second)
		}
		if !errors.Is(d.Trouble(), cloud66.ErrTooLarge) {
			t.Errorf("its trouble is %v", d.Trouble())
		}
		if e.asked > 12 {
			t.Errorf("in a minute %d pages were read", e.asked)
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

func TestWhoLeavesDoesNotEndTheReadingAndCloseDoes(t *testing.T) {
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
		if found, _, err := d.find(t.Context(), Invocation{Stack: "web"}, all); err != nil || len(found) != 1 || l.asked() != 2 {
			t.Errorf("the next one got %v, %v", found, err)
		}

		time.Sleep(2 * time.Minute)
		d.prepare(t.Context())
		synctest.Wait()
		d.Close()
		if l.asked() != 3 || l.ended != 1 {
			t.Errorf("the list was read %d times, %d were ended", l.asked(), l.ended)
		}
	})
}

func TestStacksOfOneNameAreToldApart(t *testing.T) {
	stacks := []cloud66.Stack{
		stack(
			"1",
			"web",
			"production",
			"acme",
		), stack("2", "web", "staging", "acme"), stack("3", "api", "production", "acme"), stack("4", "api", "production", "other"),
		stack("5", "db", "production", "acme"), stack("6", "db", "production", "acme"), stack("7", "db", "production", "other"),
		stack("0123456789ab", "x", "y", ""), stack("0123456789ac", "X", "y", ""), stack("01234567", "x", "Y", "acme"),
	}
	tellApart(stacks)
	got := labelsOf(refsOf(stacks))
	want := []string{
		"web@production", "web@staging", "api@production · acme", "api@production · other",
		"db@production · 5", "db@production · 6", "db@production · other", "x@y · 0123456789ab", "X@y · 0123456789ac", "x@Y · acme",
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAStackIsFoundByThePictureAndByTheNameOfAnEmoji(t *testing.T) {
	for _, name := range []string{":rocket: launcher", "🚀 launcher", ":Rocket: launcher", "🚀\ufe0f launcher"} {
		stacks := []cloud66.Stack{{UID: "a", Name: "launcher", Environment: "production"}, {UID: "b", Name: name, Environment: "production"}}
		for _, typed := range []string{"🚀 launcher", ":rocket: launcher", "🚀 launcher@production", ":rocket: Launcher@prod",
			"🚀\ufe0f launcher@production"} {
			if found := match(stacks, typed); len(found) != 1 || found[0].UID != "b" {
				t.Errorf("%q is found by %q as %v", name, typed, found)
			}
		}
	}
}
