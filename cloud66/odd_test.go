package cloud66

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"c66bot/cloud66/secret"
)

func TestTheWordBesideACodeDecides(t *testing.T) {
	for value, want := range map[string]struct {
		kind  Outcome
		shown string
	}{
		`{"code":4,"meaning":"cancelled"}`:      {OutcomeCancelled, "cancelled"},
		`{"code":1,"meaning":"Canceled"}`:       {OutcomeCancelled, "cancelled"},
		`{"code":7,"meaning":"ABORTED"}`:        {OutcomeCancelled, "cancelled"},
		`{"code":9,"meaning":"success"}`:        {OutcomeSuccess, "success"},
		`{"code":2,"meaning":"Successful"}`:     {OutcomeSuccess, "success"},
		`{"code":null,"meaning":" OK. "}`:       {OutcomeSuccess, "success"},
		`{"meaning":"succeeded"}`:               {OutcomeSuccess, "success"},
		`{"code":"3","meaning":"Failure"}`:      {OutcomeFailed, "failed"},
		`{"code":1,"meaning":"Error"}`:          {OutcomeFailed, "failed"},
		`{"code":8,"meaning":"in_progress"}`:    {OutcomePending, "pending"},
		`{"code":"success","meaning":"Gelukt"}`: {OutcomeSuccess, "success"},
		`{"code":1,"meaning":""}`:               {OutcomeSuccess, "success"},
		`{"code":"2","meaning":"2"}`:            {OutcomeFailed, "failed"},
		`{"code":1.0}`:                          {OutcomeSuccess, "success"},
		`"Success"`:                             {OutcomeSuccess, "success"},
		`"canceled"`:                            {OutcomeCancelled, "cancelled"},
		`2`:                                     {OutcomeFailed, "failed"},
		`{"code":1,"meaning":"Gelukt"}`:         {"", "Gelukt"},
		`{"code":4,"meaning":"skipped"}`:        {"", "skipped"},
		`{"code":5,"meaning":"Not failed"}`:     {"", "Not failed"},
		`"superseded"`:                          {"", "superseded"},
		`{"code":4}`:                            {"", "unknown (4)"},
		`{"code":{},"meaning":[]}`:              {"", ""},
	} {
		c, _ := answering(t, 200, `{"response":{"id":1,"outcome":`+value+`}}`)
		d, err := c.Deployment(t.Context(), "abc", 1)
		if err != nil || d.Outcome.Kind != want.kind || d.Outcome.String() != want.shown {
			t.Errorf("%s is %q, shown as %q, error %v", value, d.Outcome.Kind, d.Outcome, err)
		}
	}
	for word, want := range map[string]Via{
		"hook": ViaHook, "Git_Hook": ViaHook, "WebHook": ViaHook, "Redeployment Hook": ViaHook, "Web Interface": ViaWeb, "user": ViaWeb,
		"Dashboard": ViaWeb, "UI": ViaWeb, "API": ViaAPI, "toolbelt": ViaAPI, "cron": "",
	} {
		diff(t, want, valueOf([]byte(`{"code":3,"meaning":"`+word+`"}`), vias).Kind)
	}
	for word, want := range map[string]DeployType{
		"First Build": TypeFirstBuild, "firstBuild": TypeFirstBuild, "roll-back": TypeRevert, "Rolled back": TypeRevert, "scale_up": TypeScale,
		"Deployment": TypeRedeploy, "migrate": "",
	} {
		diff(t, want, valueOf([]byte(`{"code":1,"meaning":"`+word+`"}`), types).Kind)
	}
}

func TestAPersonIsFoundInsideOfAnObjectOrAList(t *testing.T) {
	for value, want := range map[string]string{
		`"ana@acme.example"`: "ana@acme.example",
		`{"id":7,"name":"Ana","email":"ana@acme.example"}`:       "ana@acme.example",
		`{"name":"Ana Lin","email":null}`:                        "Ana Lin",
		`{"id":7,"first_name":"Ana","last_name":"Lin"}`:          "Ana Lin",
		`{"type":"User","user":{"id":7,"login":"ana"}}`:          "ana",
		`["ana@acme.example"]`:                                   "ana@acme.example",
		`[null,{"email":"ana@acme.example"},{"username":"ben"}]`: "ana@acme.example, ben",
		`{"id":7}`:                           "",
		`[]`:                                 "",
		`null`:                               "",
		`42`:                                 "42",
		`"https://ana:secret@git.example/x"`: "https://git.example/x",
		strings.Repeat(`[`, 50) + `"deep"` + strings.Repeat(`]`, 50):        "",
		`{"a":{"b":{"display_name":"Ana"}},"z":{"email":"z@acme.example"}}`: "Ana",
	} {
		c, _ := answering(t, 200, `{"response":{"id":1,"triggered_by":`+value+`,"reverted_by":`+value+`}}`)
		d, err := c.Deployment(t.Context(), "abc", 1)
		diff(t, []any{nil, want, want}, []any{err, d.TriggeredBy, d.RevertedBy})
	}
}

func TestOddRecordsAreLeftOutCountedAndLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	body := `{"response":[null,7,"x",[],{},{"name":"web","environment":"production"},{"uid":"a","name":"api","status":"soon","is_busy":[]},
		{"uid":null,"name":"web","environment":"production"}],"pagination":[]}`
	s := &server{handler: func(w http.ResponseWriter, r *http.Request) { says(200, body)(w, r) }}
	c := newClientWith(t, Config{
		BaseURL: "http://h", Token: secret.New(testToken), RequestsPerHour: 99, Transport: s, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	for range 3 {
		p, err := c.StackPage(t.Context(), 1)
		diff(t, nil, err)
		diff(t, []Stack{{UID: "a", Name: "api", Status: StatusAbsent}}, p.Stacks)
	}
	const why = "a stack without a uid"
	diff(t, map[LeftOut]int{{What: why}: 5, {Name: "web", Environment: "production", What: why}: 2}, c.LeftOut())
	diff(t, 2, strings.Count(log.String(), "left out what cannot be read"))

	body = `{"response":[{"id":5},{"id":null,"outcome":1},{"id":4},{"id":-1},{"id":"abc"},null]}`
	r, err := c.DeploymentRange(t.Context(), "a", 0, 30)
	diff(t, nil, err)
	diff(t, []int{5, 4}, idsOf(r.Deployments))
	diff(t, 4, c.LeftOut()[LeftOut{UID: "a", What: "a deployment without an id"}])
	services, err := c.Services(t.Context(), "a")
	diff(t, []any{nil, 0}, []any{err, len(services)})

	body = `{"response":[{"id":5,"uid":"a","name":"n"}]}`
	_, _ = c.StackPage(t.Context(), 1)
	_, _ = c.DeploymentRange(t.Context(), "a", 0, 30)
	_, _ = c.Services(t.Context(), "a")
	diff(t, map[LeftOut]int{}, c.LeftOut())
}

func TestAListThatIsAllOddHasABoundedMemory(t *testing.T) {
	var items []string
	for i := range 3000 {
		items = append(items, fmt.Sprintf(`{"name":"stack %d"}`, i))
	}
	c, _ := answering(t, 200, `{"response":[`+strings.Join(items, ",")+`]}`)
	p, err := c.StackPage(t.Context(), 1)
	left, sum := c.LeftOut(), 0
	for _, count := range left {
		sum += count
	}
	diff(t, []any{nil, 0, mostLeftOut + 1, 3000}, []any{err, len(p.Stacks), len(left), sum})
}

func TestWhatWasLeftOutOfPagesThatAreGoneIsForgotten(t *testing.T) {
	full := true
	s := &server{handler: func(w http.ResponseWriter, r *http.Request) {
		next := "null"
		if full && r.URL.Query().Get("page") == "1" {
			next = "2"
		}
		items := `{"uid":"a"}`
		if r.URL.Query().Get("page") == "2" {
			items += `,{}`
		}
		says(200, `{"response":[`+items+`],"pagination":{"next":`+next+`}}`)(w, r)
	}}
	c := newTestClient(t, s)
	_, _ = collect(c.stacks(t.Context()))
	diff(t, 1, len(c.LeftOut()))
	full = false
	_, _ = collect(c.stacks(t.Context()))
	diff(t, 0, len(c.LeftOut()))
}

func TestAnOddEndOfAListIsItsEnd(t *testing.T) {
	for _, next := range []string{
		`1`, `"1"`, `0`, `"0"`, `-3`, `false`, `true`, `null`, `""`, `"x"`, `{}`, `[]`, `{"page":2}`, `0.5`, `"https://h/api/3/stacks?page=1"`,
	} {
		c, s := answering(t, 200, `{"response":[{"id":4,"uid":"a"}],"pagination":{"next":`+next+`,"pages":9}}`)
		got, err := collect(c.deployments(t.Context()))
		diff(t, []any{nil, []int{4}, 1}, []any{err, idsOf(got), len(s.requests())})
		p, err := c.StackPage(t.Context(), 1)
		diff(t, []any{nil, 0}, []any{err, p.Next})
	}
	for _, pagination := range []string{`null`, `[]`, `"x"`, `7`, `{}`} {
		c, s := answering(t, 200, `{"response":[{"id":4}],"pagination":`+pagination+`}`)
		got, err := collect(c.deployments(t.Context()))
		diff(t, []any{nil, []int{4}, 1}, []any{err, idsOf(got), len(s.requests())})
	}
	back, s := answering(t, 200, `{"response":[{"uid":"a"}],"pagination":{"next":2}}`)
	p, err := back.StackPage(t.Context(), 3)
	diff(t, []any{nil, 0, 1}, []any{err, p.Next, len(s.requests())})
	address, _ := answering(t, 200, `{"response":[{"uid":"a"}],"pagination":{"next":"https://h/api/3/stacks?x=1&page=2"}}`)
	p, err = address.StackPage(t.Context(), 1)
	diff(t, []any{nil, 2}, []any{err, p.Next})
}

func TestAnErrorInASuccessfulAnswerIsToldInItsWords(t *testing.T) {
	for body, want := range map[string]struct {
		kind  error
		words string
	}{
		`{"error":"conflict","details":"Stack is locked"}`:                     {ErrConflict, "Stack is locked"},
		`{"response":{"error":"Stack is locked"}}`:                             {ErrRefused, "Stack is locked"},
		`{"response":{"ok":false,"message":"Stack is locked"}}`:                {ErrRefused, "Stack is locked"},
		`{"ok":false,"message":"Stack is locked"}`:                             {ErrRefused, "Stack is locked"},
		`{"errors":["Stack is locked"]}`:                                       {ErrRefused, "Stack is locked"},
		`{"success":false,"message":"Stack is locked"}`:                        {ErrRefused, "Stack is locked"},
		`{"status":"error","message":"Stack is locked"}`:                       {ErrRefused, "Stack is locked"},
		`{"error":true,"message":"Stack is locked"}`:                           {ErrRefused, "Stack is locked"},
		`{"response":null,"error":"forbidden","error_description":"No scope"}`: {ErrMissingScope, "No scope"},
		`{"response":[],"error":"throttled"}`:                                  {ErrThrottled, "throttled"},
	} {
		c, _ := answering(t, 200, body)
		for name, err := range map[string]error{
			"a redeploy": second(c.Redeploy(t.Context(), "abc", RedeployRequest{})), "a cancel": second(c.Cancel(t.Context(), "abc", 1)),
			"a deployment": second(c.Deployment(t.Context(), "abc", 1)), "the stacks": second(c.StackPage(t.Context(), 1)),
			"a range": second(c.DeploymentRange(t.Context(), "abc", 0, 30)),
		} {
			if e, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, want.kind) || e.Message != want.words {
				t.Errorf("%s as %s: %v", body, name, err)
			}
		}
		if err := second(c.Redeploy(t.Context(), "abc", RedeployRequest{})); !NothingDone(err) {
			t.Errorf("%s: it may have been carried out: %v", body, err)
		}
	}
	for _, body := range []string{
		`{"response":{"id":108,"error":null}}`, `{"response":{"id":108,"error":""}}`, `{"response":{"id":108,"error":false}}`,
		`{"error":"it waits","response":{"id":108}}`,
	} {
		c, _ := answering(t, 200, body)
		got, err := c.Redeploy(t.Context(), "abc", RedeployRequest{})
		diff(t, []any{nil, int64(108)}, []any{err, got.DeploymentID})
		d, err := c.Deployment(t.Context(), "abc", 108)
		diff(t, []any{nil, int64(108)}, []any{err, d.ID})
	}
}

func TestAWriteThatIsRedirectedWasNotCarriedOut(t *testing.T) {
	for _, status := range []int{300, 301, 302, 303, 304, 307, 308} {
		for _, location := range []string{"", "/api/3/elsewhere", "https://user:hunter2@elsewhere.example/x"} {
			s := &server{handler: func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", location)
				says(status, `{"response":{"id":108}}`)(w, r)
			}}
			c := newTestClient(t, s)
			for _, err := range []error{second(c.Redeploy(t.Context(), "abc", RedeployRequest{})), second(c.Cancel(t.Context(), "abc", 1))} {
				if !errors.Is(err, ErrRedirected) || !NothingDone(err) || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("%d to %q: %v", status, location, err)
				}
			}
			diff(t, 2, len(s.requests()))
		}
	}
}

func TestCredentialsInAddressesAreCutOut(t *testing.T) {
	for in, want := range map[string]string{
		"https://user:hunter2@git.example/x":                         "https://git.example/x",
		"see https://hunter2@git.example and http://a:hunter2@b.c/d": "see https://git.example and http://b.c/d",
		"ssh://git:hunter2@git.example:22/x.git":                     "ssh://git.example:22/x.git",
		"https://user:hunter2@x@git.example/x":                       "https://git.example/x",
		"postgres://u:hunter2@db/prod?x=a@b":                         "postgres://db/prod?x=a@b",
		"https://git.example/@scope/x":                               "https://git.example/@scope/x",
		"git@git.example:acme/x.git, ana@acme.example":               "git@git.example:acme/x.git, ana@acme.example",
		"HTTPS://x-access-token:hunter2@github.com":                  "HTTPS://github.com",
	} {
		c, _ := answering(t, 422, fmt.Sprintf(`{"details":%q}`, in))
		e, _ := errors.AsType[*Error](second(c.Deployment(t.Context(), "abc", 1)))
		diff(t, want, e.Message)
		c, _ = answering(t, 200, fmt.Sprintf(`{"response":{"id":1,"triggered_by":%[1]q,"git_ref":%[1]q,"commit_url":%[1]q,"deploy_session":%[1]q,
			"outcome":{"code":9,"meaning":%[1]q}}}`, in))
		d, err := c.Deployment(t.Context(), "abc", 1)
		diff(t, nil, err)
		diff(t, []string{want, want, want, want, want}, []string{d.TriggeredBy, d.GitRef, d.CommitURL, d.DeploySession, d.Outcome.Meaning})
	}
}
