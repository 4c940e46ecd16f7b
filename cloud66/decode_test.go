package cloud66

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"c66bot/cloud66/secret"
)

var seed0 = Deployment{
	ID: 107, TriggeredBy: "test@cloud66.com", TriggeredVia: Value[Via]{ViaWeb, "0", "web"},
	StartedAt: time.Date(2014, 8, 29, 17, 46, 16, 0, time.UTC), FinishedAt: time.Date(2014, 8, 29, 17, 58, 23, 0, time.UTC),
	Outcome: Value[Outcome]{OutcomeSuccess, "1", "success"}, GitHash: "5675fcd8f9e6dc534ecf1410c0661c066097e310", DeploySession: "OhBHNzkXSl",
	DeployType: Value[DeployType]{TypeBuild, "0", "build"}, IsHead: true, IsLive: true,
	CommitURL: "https://github.com/cloud66-samples/rails-test/commit/5675fcd8f9e6dc534ecf1410c0661c066097e310",
}

func TestDeploymentsOfBothDocumentsAreRead(t *testing.T) {
	tests := map[string]struct {
		body string
		want Deployment
	}{
		"the endpoint's, with integer codes": {testdata(t, "get.json"), seed0},
		"the model's, with string codes": {`{"response":` + testdata(t, "model.json") + `}`, Deployment{
			ID: 456789, TriggeredBy: "john@example.com", TriggeredVia: Value[Via]{ViaWeb, "web", "Web Interface"},
			StartedAt: time.Date(2024, 2, 15, 14, 30, 0, 0, time.UTC), FinishedAt: time.Date(2024, 2, 15, 14, 45, 30, 0, time.UTC),
			Outcome: Value[Outcome]{OutcomeSuccess, "success", "Successful"}, GitHash: "a1b2c3d4e5f6789012345678901234567890abcd", GitRef: "main",
			DeploySession: "deploy-session-uuid-12345", DeployType: Value[DeployType]{TypeRedeploy, "redeploy", "Redeploy"}, IsHead: true,
			IsLive:       true,
			CommitURL:    "https://github.com/example/repo/commit/a1b2c3d4e5f6789012345678901234567890abcd",
			SnapshotUUID: "550e8400-e29b-41d4-a716-446655440000",
		}},
		"reverted and odd": {
			`{"response":{"id":"9007199254740993","triggered_by":null,"git_hash":12,"git_ref":{},"is_live":"true","is_head":1,"is_deploying":null,
			"reverted":true,"reverted_by":"me","reverted_at":"2016-10-20 10:32:10 UTC","outcome":null,"deploy_type":"revert",
			"triggered_via":{"code":null,"meaning":"x"}}}`,
			Deployment{
				ID: 9007199254740993, GitHash: "12", IsLive: true, IsHead: true, Reverted: true, RevertedBy: "me",
				RevertedAt: time.Date(
					2016,
					10,
					20,
					10,
					32,
					10,
					0,
					time.UTC,
				), DeployType: Value[DeployType]{TypeRevert, "revert", ""}, TriggeredVia: Value[Via]{Meaning: "x"},
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, _ := answering(t, 200, tt.body)
			got, err := c.Deployment(t.Context(), "abc", 107)
			if err != nil {
				t.Fatal(err)
			}
			diff(t, tt.want, got)
		})
	}
}

func TestTheListOfTheDocumentIsRead(t *testing.T) {
	c, _ := answering(t, 200, testdata(t, "list.json"))
	got, err := collect(c.deployments(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	diff(t, []Deployment{seed0}, got)
}

func TestCodes(t *testing.T) {
	for i, want := range []Outcome{"pending", "success", "failed", "cancelled"} {
		diff(t, want, valueOf([]byte(fmt.Sprint(i)), outcomes).Kind)
		diff(t, want, valueOf([]byte(strconv.Quote(string(want))), outcomes).Kind)
	}
	for code, shown := range map[string]string{
		`4`: "unknown (4)", `-1`: "unknown (-1)", `null`: "", `""`: "", `[]`: "", `{}`: "", `true`: "true", `"odd"`: "odd",
	} {
		v := valueOf([]byte(`{"code":`+code+`}`), outcomes)
		diff(t, []string{"", shown}, []string{string(v.Kind), v.String()})
	}
	for i, want := range []Via{"web", "api", "hook"} {
		diff(t, want, valueOf([]byte(fmt.Sprint(i)), vias).Kind)
		diff(t, want, valueOf([]byte(strconv.Quote(string(want))), vias).Kind)
	}
	for i, want := range []DeployType{"build", "redeploy", "scale", "first_build", "revert"} {
		diff(t, want, valueOf([]byte(fmt.Sprint(i)), types).Kind)
		diff(t, want, valueOf([]byte(strconv.Quote(string(want))), types).Kind)
	}
}

func TestTheStateOfADeployment(t *testing.T) {
	start := time.Now()
	pending, success := Value[Outcome]{Kind: OutcomePending}, Value[Outcome]{Kind: OutcomeSuccess}
	tests := map[string]struct {
		d     Deployment
		state string
		took  time.Duration
	}{
		"a running one": {Deployment{IsDeploying: true, Outcome: pending, StartedAt: start}, "running", 0},
		"a queued one":  {Deployment{Outcome: pending}, "queued", 0},
		"a success": {
			Deployment{Outcome: success, StartedAt: start, FinishedAt: start.Add(time.Minute)},
			"ended",
			time.Minute,
		},
		"a success that still deploys": {Deployment{Outcome: success, IsDeploying: true}, "running", 0},
		"a success with an end that still deploys": {
			Deployment{Outcome: success, IsDeploying: true, StartedAt: start, FinishedAt: start.Add(time.Minute)}, "ended", time.Minute,
		},
		"a failure with an end and no start that still deploys": {
			Deployment{Outcome: Value[Outcome]{Kind: OutcomeFailed}, IsDeploying: true, FinishedAt: start}, "ended", 0,
		},
		"an unknown outcome with an end that still deploys": {
			Deployment{Outcome: Value[Outcome]{Meaning: "skipped"}, IsDeploying: true, FinishedAt: start}, "ended", 0,
		},
		"a failure that runs again": {
			Deployment{Outcome: Value[Outcome]{Kind: OutcomeFailed}, IsDeploying: true, StartedAt: start, FinishedAt: start.Add(-time.Hour)},
			"running", 0,
		},
		"an end without an outcome that still deploys": {Deployment{IsDeploying: true, FinishedAt: start}, "running", 0},
		"a pending one with an end that still deploys": {Deployment{Outcome: pending, IsDeploying: true, FinishedAt: start}, "running", 0},
		"an end with an unknown outcome":               {Deployment{Outcome: Value[Outcome]{Raw: "9"}, FinishedAt: start}, "ended", 0},
		"an end before its own start":                  {Deployment{StartedAt: start, FinishedAt: start.Add(-time.Second)}, "ended", 0},
		"an unknown outcome without a end":             {Deployment{Outcome: Value[Outcome]{Raw: "9"}}, "queued", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := map[bool]string{tt.d.Ended(): "ended"}[true] + map[bool]string{tt.d.Queued(): "queued"}[true] +
				map[bool]string{tt.d.Running(): "running"}[true]
			diff(t, tt.state, got)
			diff(t, tt.took, tt.d.Duration())
		})
	}
}

func TestTimes(t *testing.T) {
	noon := time.Date(2016, 10, 20, 12, 0, 0, 0, time.UTC)
	half := noon.Add(time.Second / 2)
	for raw, want := range map[string]time.Time{
		"2016-10-20T12:00:00Z": noon, "2016-10-20T12:00:00.5Z": half, "2016-10-20T14:00:00+02:00": noon, "2016-10-20T12:00:00+0000": noon,
		"2016-10-20T12:00:00": noon, "2016-10-20T12:00:00.500": half, "2016-10-20t12:00:00z": noon, "2016-10-20T12:00:00,5+00": half,
		"2016-10-20 12:00:00 UTC": noon, "2016-10-20 14:00:00 +0200": noon, "2016-10-20 12:00:00": noon, "2016-10-20 12:00:00.5": half,
		"2016-10-20 12:00:00Z": noon, "2016-10-20 14:00:00+02:00": noon, " 2016-10-20 12:00:00.500 +0000 ": half,
		"2016-10-20 12:00:00 GMT": noon, "2016-10-20 05:00:00 -07:00": noon,
		"": {}, " ": {}, "yesterday": {}, "2016-13-45T12:00:00Z": {}, "1476964800": {}, "0": {}, "1970-01-01T00:00:00Z": {},
		"0001-01-01T00:00:00Z": {}, "0000-00-00 00:00:00": {},
	} {
		c, _ := answering(t, 200, fmt.Sprintf(`{"response":{"id":1,"started_at":%q}}`, raw))
		d, err := c.Deployment(t.Context(), "abc", 1)
		if err != nil || !d.StartedAt.Equal(want) {
			t.Errorf("%q is %s, error %v", raw, d.StartedAt, err)
		}
	}
	c, _ := answering(t, 200, `{"response":{"uid":"u","created_at_iso":"odd","created_at":"2016-10-20 12:00:00 UTC"}}`)
	s, err := c.Stack(t.Context(), "u")
	diff(t, []any{nil, noon}, []any{err, s.CreatedAt})
}

func TestAnUnreadableTimeIsLoggedAndAbsent(t *testing.T) {
	var log bytes.Buffer
	c := newClientWith(t, Config{
		BaseURL: "http://h", Token: secret.New(testToken), RequestsPerHour: 9,
		Transport: &server{handler: says(200, `{"response":{"id":1,"started_at":"soon\n`+testToken+`"}}`)},
		Logger:    slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	d, err := c.Deployment(t.Context(), "abc", 1)
	if err != nil || !d.StartedAt.IsZero() || !strings.Contains(log.String(), "soon") || strings.Contains(log.String(), testToken) {
		t.Errorf("got %v, %v, log %s", d, err, &log)
	}
}

func TestAStackIsReadWithoutItsHook(t *testing.T) {
	const hook = "https://hooks.test/redeploy/HOOK"
	c, _ := answering(
		t,
		200,
		`{"response":{"uid":"u1","name":"awesome app","git":"g","git_branch":"main","environment":"production","cloud":"aws","fqdn":"f",
		"language":"ruby",
		"framework":"Docker","deploy_directory":"/d","cloud_status":"ok","backend":"nginx","version":"1","revision":"2","account_name":"acme",
		"account_id":"7","status":6,"health":3,
		"maintenance_mode":true,"has_loadbalancer":true,"is_busy":false,"is_cluster":true,"is_inside_cluster":true,"cluster_name":"k",
		"application_address":"a",
		"last_activity":"2016-10-20 10:32:10 UTC","last_activity_iso":"2016-10-20T10:32:11Z","created_at":"2016-10-20 10:32:10 UTC",
		"created_at_iso":"","updated_at_iso":"2016-10-20T10:32:12Z",
		"redeploy_hook":"`+hook+`"}}`,
	)
	got, err := c.Stack(t.Context(), "u1")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2016, 10, 20, 10, 32, 10, 0, time.UTC)
	diff(t, Stack{
		UID: "u1", Name: "awesome app", Git: "g", GitBranch: "main", Environment: "production", Framework: "Docker", AccountName: "acme",
		Status: StatusDeploying, Health: HealthHealthy, LastActivity: at.Add(time.Second), CreatedAt: at, UpdatedAt: at.Add(2 * time.Second),
	}, got)
	if strings.Contains(fmt.Sprintf("%#v", got), hook) {
		t.Error("the hook is in the stack")
	}
	diff(t, []any{true, true, "Deploying", "Healthy"}, []any{got.Docker(), got.Active(), got.Status.String(), got.Health.String()})
}

func TestTheStatusesOfAStack(t *testing.T) {
	active := map[StackStatus]bool{StatusPendingAnalysis: true, StatusAnalyzing: true, StatusQueued: true, StatusDeploying: true}
	for s := StatusAbsent; s <= StatusUnableToAnalyze+1; s++ {
		diff(t, active[s], Stack{Status: s}.Active())
		diff(t, true, Stack{Status: s, IsBusy: true}.Active())
	}
	diff(
		t,
		"Unknown unknown (8) Unable to analyze unknown (5)",
		fmt.Sprint(StatusAbsent, StackStatus(8), StatusUnableToAnalyze, StackHealth(5)),
	)
	c, _ := answering(t, 200, `{"response":{"uid":"u1","status":null}}`)
	got, err := c.Stack(t.Context(), "u1")
	diff(t, Stack{UID: "u1", Status: StatusAbsent}, got)
	diff(t, nil, err)
}

func TestAnswersOfAnotherShapeAreUnreadable(t *testing.T) {
	for _, body := range []string{
		``, ` `, `null`, `true`, `"x"`, `[]`, `{}`, `{"response":null}`, `{"response":[]}`, `{"response":"x"}`, `{"response":{}}`,
		`{"response":{"id":"abc"}}`,
		`{"response":{"id":0}}`, `{"response":{"id":-4}}`, `{"response":{"id":1}`, `{"response":{"id":1}} x`, `<html>`,
	} {
		c, s := answering(t, 200, body)
		if _, err := c.Deployment(t.Context(), "abc", 1); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%q as a deployment gives %v", body, err)
		}
		diff(t, 1, len(s.requests()))
	}
	for _, body := range []string{``, `null`, `[]`, `{}`, `{"response":null}`, `{"response":{}}`, `{"response":"x"}`, `{"response":[`} {
		c, _ := answering(t, 200, body)
		for name, err := range map[string]error{
			"deployments": second(collect(c.deployments(t.Context()))), "stacks": second(collect(c.stacks(t.Context()))),
			"actions": second(collect(c.Actions(t.Context(), "abc", ActionFilter{}))), "services": second(c.Services(t.Context(), "abc")),
			"a range": second(c.DeploymentRange(t.Context(), "abc", 0, 30)),
		} {
			if !errors.Is(err, ErrUnreadable) {
				t.Errorf("%q as %s gives %v", body, name, err)
			}
		}
	}
}

// deployments and stacks yield whole lists, which the client itself reads in parts.
func (c *Client) deployments(ctx context.Context) iter.Seq2[Deployment, error] {
	return all(ctx, c.deploymentList("abc", "/stacks/abc/deployments"), func(d Deployment) int64 { return d.ID })
}

func (c *Client) stacks(ctx context.Context) iter.Seq2[Stack, error] {
	return all(ctx, c.stackList(), func(s Stack) string { return s.UID })
}

func second[T any](_ T, err error) error {
	return err
}

func FuzzDecode(f *testing.F) {
	for _, body := range []string{
		`{"response":{"id":"1","outcome":{"code":null}}}`, `{"response":[{"id":1,"uid":"u","name":"n","status":"6",` +
			`"metadata":{"user_reference":1}}],"pagination":{"next":"2"}}`,
		`{"details":{"a":[1,null,{"b":true}]}}`, `[]`, `{"response":null}`, `{"id":1e3,"ok":false}`,
	} {
		f.Add(body)
	}
	samples, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, sample := range samples {
		body, err := os.ReadFile(sample)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(body))
	}
	f.Add(`{"response":[{"name":"web","containers":[{"image_tag":"v1"}],"image_tag":null}]}`)
	f.Add(`{"response":[],"pagination":{"previous":null,"next":1,"current":1,"per_page":30,"count":0,"pages":9}}`)
	f.Add(
		`{"response":{"uid":"u","redeploy_hook":"https://hooks.example/` + testToken + `","status":1e99},"error":"x",` +
			`"error_description":"` + testToken + `"}`,
	)
	f.Fuzz(func(t *testing.T, body string) {
		listed(t, body)
		for _, status := range []int{200, 422} {
			c, _ := answering(t, status, body)
			ctx := t.Context()
			d, err := c.Deployment(ctx, "abc", 1)
			if (err == nil) != (d.ID > 0) {
				t.Errorf("deployment %v with error %v", d, err)
			}
			s, err := c.Stack(ctx, "abc")
			if (err == nil) != (s.UID != "") {
				t.Errorf("stack %v with error %v", s, err)
			}
			r, err := c.DeploymentRange(ctx, "abc", 0, 30)
			if err == nil && (len(r.Deployments) > 30 || r.Total < len(r.Deployments)) {
				t.Errorf("range %v", r)
			}
			if _, err = c.Redeploy(ctx, "abc", RedeployRequest{}); err != nil && len([]rune(err.Error())) > messageRunes+1000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		}
	})
}

// listed holds that lists end whatever their pages say, that what they give has what identifies it, and that no error has the token.
func listed(t *testing.T, body string) {
	t.Helper()
	const most = 5000
	for _, status := range []int{200, 404, 429} {
		c, s := answering(t, status, body)
		ctx, n := t.Context(), 0
		var faults []error
		for d, err := range c.deployments(ctx) {
			if faults, n = append(faults, err), n+1; (err == nil) != (d.ID > 0) || n > most {
				t.Fatalf("deployment %d of a list: %v, error %v", n, d, err)
			}
		}
		for stack, err := range c.stacks(ctx) {
			if faults, n = append(faults, err), n+1; (err == nil) != (stack.UID != "") || n > 2*most {
				t.Fatalf("stack %d of a list: %v, error %v", n, stack, err)
			}
		}
		for a, err := range c.Actions(ctx, "abc", ActionFilter{}) {
			if faults, n = append(faults, err), n+1; (err == nil) != (a.ID > 0) || n > 3*most {
				t.Fatalf("action %d of a list: %v, error %v", n, a, err)
			}
		}
		_, services := c.Services(ctx, "abc")
		_, cancel := c.Cancel(ctx, "abc", 1)
		for _, err := range append(faults, services, cancel, c.CheckToken(ctx)) {
			if err != nil && strings.Contains(err.Error(), testToken) {
				t.Errorf("an error has the token: %v", err)
			}
		}
		if requests := len(s.requests()); requests > 1000 {
			t.Errorf("%d requests were made", requests)
		}
	}
}
