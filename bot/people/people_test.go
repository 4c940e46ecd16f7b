package people

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"c66bot/authz"
	"c66bot/bot/webapi"
	"c66bot/cloud66/secret"
)

// slackBook is a Slack that knows people and groups. It answers as Slack documents it, and counts what it is asked.
type slackBook struct {
	mu      sync.Mutex
	groups  []string          // as JSON
	members map[string]string // what usergroups.users.list says of a group, as JSON
	users   map[string]string // as JSON
	auth    string
	fails   map[string]string // the answer of a method instead of its own
	asked   []string          // the methods, with whom or what they were asked for
	hold    chan struct{}     // where it is not nil, every answer waits for it, and is from before
}

func newSlackBook() *slackBook {
	return &slackBook{
		auth:  `{"ok":true,"team":"Acme","user":"c66bot","team_id":"T0ACME","user_id":"U0C66"}`,
		users: map[string]string{}, fails: map[string]string{}, members: map[string]string{},
	}
}

// shown is a user group as usergroups.list shows it, with more fields behind it.
func shown(id, handle, more string) string {
	return fmt.Sprintf(`{"id":%q,"team_id":"T0ACME","is_usergroup":true,"is_subteam":true,"name":"Some people","description":"","handle":%q,
		"is_external":false,"date_create":1446598059,"date_update":1446670362,"date_delete":0,"auto_type":null,"created_by":"U0LIN",
		"updated_by":"U0LIN","deleted_by":null,"prefs":{"channels":[],"groups":[]},%s}`, id, handle, more)
}

func (b *slackBook) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	args, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	method := strings.TrimPrefix(r.URL.Path, "/api/")
	text := b.answer(method, args)
	hold := b.hold
	b.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	response := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r}
	if text == "429" {
		response.StatusCode = http.StatusTooManyRequests
		response.Header.Set("Retry-After", "30")
	}
	response.Body = io.NopCloser(strings.NewReader(text))
	return response, nil
}

func (b *slackBook) answer(method string, args url.Values) string {
	what := args.Get("user") + args.Get("usergroup") + args.Get("email")
	if method == "usergroups.list" {
		what = args.Get("include_users") + args.Get("include_disabled") + args.Get("include_count")
	}
	b.asked = append(b.asked, strings.TrimSpace(method+" "+what))
	if fault, ok := b.fails[method]; ok {
		return fault
	}
	switch method {
	case "auth.test":
		return b.auth
	case "usergroups.list":
		return `{"ok":true,"usergroups":[` + strings.Join(b.groups, ",") + `]}`
	case "usergroups.users.list":
		if users, ok := b.members[what]; ok {
			return `{"ok":true,"users":` + users + `}`
		}
		return `{"ok":false,"error":"no_such_subteam"}`
	case "users.info":
		if user, ok := b.users[what]; ok {
			return `{"ok":true,"user":` + user + `}`
		}
		return `{"ok":false,"error":"user_not_found"}`
	case "users.lookupByEmail":
		if user, ok := b.users[what]; ok {
			return `{"ok":true,"user":` + user + `}`
		}
		return `{"ok":false,"error":"users_not_found"}`
	default:
		return `{"ok":false,"error":"unknown_method"}`
	}
}

// set changes what Slack knows.
func (b *slackBook) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

// calls gives what was asked since the last time.
func (b *slackBook) calls() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer func() { b.asked = nil }()
	return slices.Clone(b.asked)
}

func (b *slackBook) people() *People {
	return New(webapi.API{HTTP: &http.Client{Transport: b}, URL: "https://slack.test/api/", Token: secret.New("xoxb-test")})
}

const theList = "usergroups.list truetruetrue"

func wantGroups(t *testing.T, p *People, user string, want ...string) {
	t.Helper()
	got, err := p.GroupsOf(t.Context(), user)
	if diff := cmp.Diff(want, slices.Clone(got)); diff != "" || err != nil {
		t.Errorf("groups of %s: %v (-want +got):\n%s", user, err, diff)
	}
}

func wantCalls(t *testing.T, b *slackBook, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, b.calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestAllGroupsAreReadByOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSlackBook()
		for i := range 500 {
			b.groups = append(
				b.groups,
				shown(fmt.Sprintf("S%d", i), fmt.Sprintf("team%d", i), fmt.Sprintf(`"users":["U0SAM","U%d"],"user_count":2`, i)),
			)
		}
		b.groups = append(b.groups, shown("SNONE", "none", `"users":[],"user_count":0`), shown("SEMPTY", "empty", `"user_count":0`),
			strings.Replace(shown("SOLD", "old", `"users":["U1"],"user_count":1`), `"date_delete":0`, `"date_delete":1446670362`, 1))
		p := b.people()
		if got, err := p.GroupsOf(t.Context(), "U0SAM"); len(got) != 500 || err != nil {
			t.Errorf("%d groups, %v", len(got), err)
		}
		wantGroups(t, p, "U1", "S1")
		wantGroups(t, p, "U0ANA")
		changed := time.Unix(1446670362, 0)
		for id, want := range map[string]authz.Group{
			"S7": {ID: "S7", Handle: "team7", Changed: changed}, "SOLD": {ID: "SOLD", Handle: "old", Disabled: true, Changed: changed},
			"SEMPTY": {ID: "SEMPTY", Handle: "empty", Changed: changed},
		} {
			if got, err := p.Group(t.Context(), id); got != want || err != nil {
				t.Errorf("%+v, %v", got, err)
			}
		}
		wantCalls(t, b, theList)
		time.Sleep(maxAge - time.Nanosecond)
		wantGroups(t, p, "U1", "S1")
		wantCalls(t, b)
		time.Sleep(time.Nanosecond)
		wantGroups(t, p, "U1", "S1")
		wantCalls(t, b, theList)
	})
}

func TestMembersThatTheListLeavesOutAreAskedForWhenTheyAreNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSlackBook()
		b.groups = []string{
			shown("S1", "one", `"users":["U0SAM"],"user_count":1`), shown("S2", "two", `"user_count":3`), shown("S3", "three", `"user_count":1`),
			shown(
				"S4",
				"four",
				`"users":null,"user_count":4`,
			), strings.Replace(shown("S5", "old", `"user_count":9`), `"date_delete":0`, `"date_delete":1`, 1),
		}
		b.members = map[string]string{"S2": `["U0SAM","U0ANA"]`, "S4": `["U0ANA"]`} // S3 was disabled meanwhile
		p := b.people()
		if _, err := p.Group(t.Context(), "S2"); err != nil {
			t.Error(err)
		}
		wantCalls(t, b, theList)
		wantGroups(t, p, "U0SAM", "S1", "S2")
		wantGroups(t, p, "U0ANA", "S2", "S4")
		wantCalls(t, b, "usergroups.users.list S2", "usergroups.users.list S3", "usergroups.users.list S4")

		p = b.people()
		b.set(func() { b.fails["usergroups.users.list"] = "429" })
		var limited *slack.RateLimitedError
		if groups, err := p.GroupsOf(t.Context(), "U0SAM"); !errors.As(err, &limited) || groups != nil {
			t.Errorf("%v, %v", groups, err)
		}
		b.set(func() { delete(b.fails, "usergroups.users.list") })
		wantGroups(t, p, "U0SAM", "S1", "S2")
	})
}

func TestACountMayBeWrittenAsAString(t *testing.T) {
	b := newSlackBook()
	b.groups = []string{
		shown(
			"S1",
			"one",
			`"users":["U0SAM"],"user_count":"1"`,
		), shown("S2", "two", `"user_count":"0"`), shown("S3", "three", `"user_count":"1"`),
	}
	b.members = map[string]string{"S3": `["U0SAM"]`}
	p := b.people()
	wantGroups(t, p, "U0SAM", "S1", "S3")
	wantCalls(t, b, theList, "usergroups.users.list S3")
}

func TestAnErrorAboutGroupsIsNoOldAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSlackBook()
		b.groups = []string{shown("S1", "one", `"users":["U0SAM"],"user_count":1`)}
		p := b.people()
		wantGroups(t, p, "U0SAM", "S1")
		b.set(func() { b.fails["usergroups.list"] = `{"ok":false,"error":"missing_scope","needed":"usergroups:read"}` })
		time.Sleep(maxAge)
		groups, err := p.GroupsOf(t.Context(), "U0SAM")
		var refused slack.SlackErrorResponse
		if groups != nil || !errors.As(err, &refused) || refused.Err != "missing_scope" ||
			!strings.Contains(err.Error(), "usergroups.list: missing_scope") {
			t.Errorf("%v, %v", groups, err)
		}
		if _, err := p.Group(t.Context(), "S1"); err == nil {
			t.Error("a group of which nothing is known")
		}
	})
}

func TestAPlanWithoutGroupsIsSaidToBeOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, code := range []string{"plan_upgrade_required", "paid_teams_only"} {
			b := newSlackBook()
			b.fails["usergroups.list"] = fmt.Sprintf(`{"ok":false,"error":%q}`, code)
			p := b.people()
			for range 5 {
				_, err := p.GroupsOf(t.Context(), "U0SAM")
				_, err2 := p.Group(t.Context(), "S1")
				if !errors.Is(err, authz.ErrNoGroups) || !errors.Is(err2, authz.ErrNoGroups) || !strings.Contains(err.Error(), code) {
					t.Errorf("%v, %v", err, err2)
				}
			}
			wantCalls(t, b, theList)
			time.Sleep(maxAge)
			b.set(func() { clear(b.fails) })
			wantGroups(t, p, "U0SAM")
		}
	})
}

func TestAGroupThatIsNotThereIsLookedForAgainOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSlackBook()
		p := b.people()
		if _, err := p.Group(t.Context(), "S1"); !errors.Is(err, authz.ErrNoGroup) {
			t.Error(err)
		}
		wantCalls(t, b, theList)
		b.set(func() { b.groups = []string{shown("S1", "one", `"users":[],"user_count":0`)} })
		if _, err := p.Group(t.Context(), "S1"); !errors.Is(err, authz.ErrNoGroup) {
			t.Error("the list was read just now:", err)
		}
		time.Sleep(minAge)
		if got, err := p.Group(t.Context(), "S1"); got.Handle != "one" || err != nil {
			t.Errorf("%+v, %v", got, err)
		}
		wantCalls(t, b, theList)
	})
}

func TestGroupsAreReadAnewInTheBackgroundWhileTheyAreNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSlackBook()
		b.groups = []string{shown("S1", "one", `"users":["U0SAM"],"user_count":1`)}
		p := b.people()
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { p.Run(ctx) })
		time.Sleep(time.Hour)
		wantCalls(t, b)         // nobody has needed them
		time.Sleep(time.Second) // so that nobody asks in the very moment of a reading
		wantGroups(t, p, "U0SAM", "S1")
		b.calls()
		read := 0
		for range 60 { // ten minutes in which somebody asks now and then: nobody ever has to wait for Slack
			time.Sleep(refreshEvery / 4)
			synctest.Wait()
			read += len(b.calls())
			wantGroups(t, p, "U0SAM", "S1")
			wantCalls(t, b)
		}
		if read != 15 {
			t.Errorf("read %d times in ten minutes", read)
		}
		b.set(func() { b.fails["usergroups.list"] = `{"ok":false,"error":"internal_error"}` })
		time.Sleep(maxAge)
		if _, err := p.GroupsOf(t.Context(), "U0SAM"); err == nil {
			t.Error("what is too old is told")
		}
		b.set(func() { clear(b.fails) })
		time.Sleep(idleAfter + refreshEvery)
		b.calls()
		time.Sleep(time.Hour)
		wantCalls(t, b)
		stop()
		running.Wait()
	})
}

func TestAnEventDropsWhatIsKnown(t *testing.T) {
	for name, test := range map[string]struct {
		event string
		drops bool
	}{
		"members changed": {"subteam_members_changed", true},
		"updated":         {"subteam_updated", true},
		"created":         {"subteam_created", true},
		"something else":  {"app_mention", false},
		"no event":        {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newSlackBook()
			b.groups = []string{shown("S1", "one", `"users":["U0SAM"],"user_count":1`)}
			p := b.people()
			wantGroups(t, p, "U0SAM", "S1")
			b.set(func() { b.groups = []string{shown("S1", "one", `"users":["U0ANA"],"user_count":1`)} })
			b.calls()
			p.Event(test.event)
			if test.drops {
				wantGroups(t, p, "U0SAM")
				wantGroups(t, p, "U0ANA", "S1")
				wantCalls(t, b, theList)
			} else {
				wantGroups(t, p, "U0SAM", "S1")
				wantCalls(t, b)
			}
		})
	}
}

func TestAReadingFromBeforeAnEventDoesNotOutliveIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSlackBook()
		b.groups = []string{shown("S1", "one", `"users":["U0SAM"],"user_count":1`)}
		slow := make(chan struct{})
		b.hold = slow
		p := b.people()
		var early, late sync.WaitGroup
		early.Go(func() {
			if _, err := p.GroupsOf(t.Context(), "U0SAM"); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait() // Slack has read its books, the answer is on its way
		b.set(func() { b.hold, b.groups = nil, []string{shown("S1", "one", `"users":[],"user_count":0`)} })
		p.Event("subteam_members_changed")
		late.Go(func() { wantGroups(t, p, "U0SAM") })
		late.Wait() // it did not wait for the slow answer
		close(slow)
		early.Wait()
		wantGroups(t, p, "U0SAM")
		wantCalls(t, b, theList, theList)
	})
}

func TestAReadingOfMembersFromBeforeAnEventDoesNotOutliveIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSlackBook()
		b.groups, b.members = []string{shown("S1", "one", `"user_count":1`)}, map[string]string{"S1": `["U0SAM"]`}
		p := b.people()
		if _, err := p.Group(t.Context(), "S1"); err != nil { // its members are not asked for yet
			t.Fatal(err)
		}
		slow := make(chan struct{})
		b.set(func() { b.hold = slow })
		var early, late sync.WaitGroup
		early.Go(func() { wantGroups(t, p, "U0SAM", "S1") })
		synctest.Wait()
		b.set(func() { b.hold, b.members["S1"] = nil, `["U0ANA"]` })
		p.Event("subteam_members_changed")
		late.Go(func() { wantGroups(t, p, "U0SAM") })
		late.Wait() // it did not wait for the slow answer
		close(slow)
		early.Wait()
		wantGroups(t, p, "U0SAM")
	})
}

func TestWhoeverLeavesGetsTheErrorOfTheirContext(t *testing.T) {
	for range 100 {
		var c cache[int]
		ctx, leave := context.WithCancel(t.Context())
		_, err := c.get(ctx, "", forever, func(context.Context) (int, error) { leave(); return 0, io.EOF })
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}

func TestAPanicInACallIsTheErrorOfThoseWhoWait(t *testing.T) {
	var c cache[int]
	_, err := c.get(t.Context(), "", forever, func(context.Context) (int, error) { panic("odd") })
	if err == nil || !strings.Contains(err.Error(), "odd") {
		t.Errorf("%v", err)
	}
	if got, err := c.get(t.Context(), "", forever, func(context.Context) (int, error) { return 1, nil }); got != 1 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestManyWhoAskAtOnceAreAnsweredByOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSlackBook()
		b.groups = []string{shown("S1", "one", `"users":["U0SAM"],"user_count":1`)}
		b.users["U0SAM"] = `{"id":"U0SAM","team_id":"T0ACME","name":"sam"}`
		b.hold = make(chan struct{})
		p := b.people()
		ctx, leave := context.WithCancel(t.Context())
		var first, others sync.WaitGroup
		for _, ask := range []func(context.Context) error{
			func(ctx context.Context) error { _, err := p.GroupsOf(ctx, "U0SAM"); return err },
			func(ctx context.Context) error { _, err := p.Person(ctx, "U0SAM"); return err },
		} {
			first.Go(func() {
				if err := ask(ctx); !errors.Is(err, context.Canceled) {
					t.Errorf("the first, who left: %v", err)
				}
			})
			synctest.Wait()
			for range 50 {
				others.Go(func() {
					if err := ask(t.Context()); err != nil {
						t.Errorf("one of the others: %v", err)
					}
				})
			}
			synctest.Wait()
			others.Go(func() {
				if err := ask(ctx); !errors.Is(err, context.Canceled) {
					t.Errorf("one who left while waiting: %v", err)
				}
			})
			synctest.Wait()
		}
		leave()
		first.Wait()
		synctest.Wait()
		close(b.hold)
		others.Wait()
		count := map[string]int{}
		for _, call := range b.calls() {
			count[call]++
		}
		want := map[string]int{theList: 2, "auth.test": 2, "users.info U0SAM": 1} // one for the first, one for all others
		if diff := cmp.Diff(want, count); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

func TestAnErrorIsSharedByThoseWhoWaitedForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSlackBook()
		b.fails["usergroups.list"] = "429"
		b.hold = make(chan struct{})
		p := b.people()
		var group sync.WaitGroup
		for range 30 {
			group.Go(func() {
				var limited *slack.RateLimitedError
				if _, err := p.GroupsOf(t.Context(), "U0SAM"); !errors.As(err, &limited) || limited.RetryAfter != 30*time.Second {
					t.Errorf("%v", err)
				}
			})
		}
		synctest.Wait()
		close(b.hold)
		group.Wait()
		wantCalls(t, b, theList)
	})
}

func TestWhoAUserIs(t *testing.T) {
	grid := `{"ok":true,"team_id":"T0ACME","enterprise_id":"E0ACME","user_id":"U0C66"}`
	for name, test := range map[string]struct {
		auth, user string
		want       authz.Person
	}{
		"a colleague": {"", `{"team_id":"T0ACME","name":"sam","profile":{}}`, authz.Person{Name: "sam"}},
		"by their real name": {"", `{"team_id":"T0ACME","name":"sam","real_name":"Sam Sample",` +
			`"profile":{"display_name":""}}`, authz.Person{Name: "Sam Sample"}},
		"by their display name": {"", `{"team_id":"T0ACME","name":"sam","real_name":"Sam Sample",` +
			`"profile":{"display_name":"sammy"}}`, authz.Person{Name: "sammy"}},
		"a guest": {"", `{"team_id":"T0ACME","name":"gus","is_restricted":true,` +
			`"is_ultra_restricted":false}`, authz.Person{Name: "gus", Guest: true}},
		"a guest of one channel": {"", `{"team_id":"T0ACME","name":"gus","is_restricted":false,` +
			`"is_ultra_restricted":true}`, authz.Person{Name: "gus", Guest: true}},
		"a guest of the same enterprise": {grid, `{"team_id":"T0PEER","name":"kim","is_restricted":true,` +
			`"enterprise_user":{"enterprise_id":"E0ACME"}}`, authz.Person{Name: "kim", Guest: true}},
		"one who left": {"", `{"team_id":"T0ACME","name":"sam","deleted":true}`, authz.Person{Name: "sam", Deactivated: true}},
		"a bot":        {"", `{"team_id":"T0ACME","name":"ci","is_bot":true}`, authz.Person{Name: "ci", Bot: true}},
		"a workflow": {"", `{"team_id":"T0ACME","name":"flow","is_bot":false,` +
			`"is_workflow_bot":true}`, authz.Person{Name: "flow", Bot: true}},
		"of a connected workspace": {"", `{"team_id":"T0PEER","name":"pat","is_stranger":false}`, authz.Person{Name: "pat", Outsider: true}},
		"a stranger":               {"", `{"team_id":"T0ACME","name":"pat","is_stranger":true}`, authz.Person{Name: "pat", Outsider: true}},
		"of another enterprise": {"", `{"team_id":"T0PEER","name":"pat",` +
			`"enterprise_user":{"enterprise_id":"E0PEER"}}`, authz.Person{Name: "pat", Outsider: true}},
		"of the same enterprise": {grid, `{"team_id":"T0PEER","name":"kim",` +
			`"enterprise_user":{"enterprise_id":"E0ACME"}}`, authz.Person{Name: "kim"}},
		"of another on a grid": {grid, `{"team_id":"T0PEER","name":"pat",` +
			`"enterprise_user":{"enterprise_id":"E0PEER"}}`, authz.Person{Name: "pat", Outsider: true}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newSlackBook()
			if test.auth != "" {
				b.auth = test.auth
			}
			b.users["U0X"] = strings.Replace(test.user, "{", `{"id":"U0X",`, 1)
			test.want.ID = "U0X"
			p := b.people()
			got, err := p.Person(t.Context(), "U0X")
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			b.users["USLACKBOT"] = strings.Replace(b.users["U0X"], "U0X", "USLACKBOT", 1)
			if got, err := p.Person(t.Context(), "USLACKBOT"); !got.Bot || err != nil {
				t.Errorf("Slackbot: %+v, %v", got, err)
			}
		})
	}
}

func TestAUserIsRememberedForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSlackBook()
		b.users["U0SAM"] = `{"id":"U0SAM","team_id":"T0ACME","name":"sam"}`
		p := b.people()
		ask := func(id string, deactivated bool, want error, calls ...string) {
			t.Helper()
			got, err := p.Person(t.Context(), id)
			if got.Deactivated != deactivated || !errors.Is(err, want) {
				t.Errorf("%+v, %v", got, err)
			}
			wantCalls(t, b, calls...)
		}
		ask("U0SAM", false, nil, "auth.test", "users.info U0SAM")
		ask("U0GONE", false, authz.ErrNoPerson, "users.info U0GONE")
		b.set(func() { b.users["U0SAM"] = `{"id":"U0SAM","team_id":"T0ACME","name":"sam","deleted":true}` })
		time.Sleep(maxAge - time.Nanosecond)
		ask("U0SAM", false, nil)
		ask("U0GONE", false, authz.ErrNoPerson)
		time.Sleep(time.Nanosecond)
		ask("U0SAM", true, nil, "users.info U0SAM")
		ask("U0GONE", false, authz.ErrNoPerson, "users.info U0GONE")
		b.set(func() { b.fails["users.info"] = `{"ok":false,"error":"user_not_visible"}` })
		ask("U0HID", false, authz.ErrNoPerson, "users.info U0HID")
	})
}

func TestAnErrorAboutAUserKeepsSlacksCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for method, code := range map[string]string{"auth.test": "invalid_auth", "users.info": "fatal_error"} {
			b := newSlackBook()
			b.users["U0SAM"] = `{"id":"U0SAM","team_id":"T0ACME","name":"sam"}`
			b.fails[method] = fmt.Sprintf(`{"ok":false,"error":%q}`, code)
			p := b.people()
			got, err := p.Person(t.Context(), "U0SAM")
			var refused slack.SlackErrorResponse
			if !errors.As(err, &refused) || refused.Err != code || got.ID != "" || errors.Is(err, authz.ErrNoPerson) ||
				!strings.Contains(err.Error(), method) {
				t.Errorf("%+v, %v", got, err)
			}
			clear(b.fails)
			if got, err := p.Person(t.Context(), "U0SAM"); got.Name != "sam" || err != nil {
				t.Errorf("after the fault: %+v, %v", got, err)
			}
		}
	})
}

func TestNoMoreThanABoundedNumberOfUsersIsRemembered(t *testing.T) {
	b := newSlackBook()
	p := b.people()
	for i := range maxKept + 10 {
		p.users.keep(fmt.Sprint(i), 0, answer[user]{})
	}
	_, _ = p.Person(t.Context(), "U0SAM")
	if n := len(p.users.answers); n > 11 {
		t.Errorf("%d are remembered", n)
	}
}
