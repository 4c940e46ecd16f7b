package cloud66sim

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const exampleHash = "5675fcd8f9e6dc534ecf1410c0661c066097e310"

// madeUp are the fields whose values cannot be those of an example, with what they must look like.
var madeUp = map[string]*regexp.Regexp{
	"started_at":     regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`),
	"finished_at":    regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`),
	"deploy_session": regexp.MustCompile(`^[0-9A-Za-z]{10}$`),
	"snapshot_uuid":  regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`),
}

// equalButMadeUp compares a deployment with an example's and checks the form of what is made up.
func equalButMadeUp(t *testing.T, want, got object) {
	t.Helper()
	want = maps.Clone(want)
	want["id"] = 1001.0
	for name, form := range madeUp {
		if _, shown := want[name]; !shown {
			continue
		}
		if text, _ := got[name].(string); !form.MatchString(text) {
			t.Errorf("%s is %v", name, got[name])
		}
		want[name] = got[name]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("differs from the example (-example +sent):\n%s", diff)
	}
}

func TestAFinishedDeploymentLooksAsInTheEndpointsExamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withStack(Options{})
		s.Deploy("rails", Start{By: "test@cloud66.com", Hash: exampleHash})
		pass(10 * time.Minute)

		single, list := get(t, s, "/stacks/rails/deployments/1001"), get(t, s, "/stacks/rails/deployments")
		equalButMadeUp(t, as[object](example(t, "deployment")["response"]), single.response())
		equalButMadeUp(t, as[object](example(t, "deployment")["response"]), list.items()[0])

		want := example(t, "deployments")
		want["response"] = list.body["response"]
		if diff := cmp.Diff(want, list.body); diff != "" {
			t.Errorf("the list differs from the example (-example +sent):\n%s", diff)
		}
	})
}

func TestAFinishedDeploymentWithStringsLooksAsInTheModelsExample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Codes: Strings})
		s.AddStack(Stack{UID: "rails", Git: "git@github.com:example/repo.git"})
		s.Deploy("rails", Start{By: "john@example.com", Hash: "a1b2c3d4e5f6789012345678901234567890abcd", Type: "redeploy"})
		pass(5 * time.Minute)

		want := example(t, "model")
		got := get(t, s, "/stacks/rails/deployments/1001").response()
		want["deploy_session"] = got["deploy_session"]
		equalButMadeUp(t, want, got)
	})
}

func TestIntegersCanComeWithAGitRef(t *testing.T) {
	s := withStack(Options{WithGitRef: true})
	s.Deploy("rails", Start{Ref: "v2"})
	got := get(t, s, "/stacks/rails/deployments/1001").response()
	if got["git_ref"] != "v2" || got["snapshot_uuid"] == nil || got["reverted"] != nil {
		t.Errorf("got %v", got)
	}
}

func TestTheAnswersToWritesHaveTheStyleOfTheOptions(t *testing.T) {
	id, action := 1001.0, 1.0
	const starting, waiting = "Stack starting redeployment", "Stack queued for redeployment"
	tests := map[string]struct {
		style         AnswerStyle
		first, second object
		cancelMessage string
	}{
		"S0": {
			AnswerS0,
			object{"id": id, "message": "Deployment scheduled", "queued": false},
			object{"id": id + 1, "message": "Deployment scheduled", "queued": true},
			"Deployment cancelled",
		},
		"D": {
			AnswerD,
			object{"ok": true, "message": starting, "async_action_id": action, "queued": false},
			object{"ok": true, "message": waiting, "async_action_id": action + 1, "queued": true},
			"Cancelling deployment",
		},
		"IGOR": {
			AnswerIGOR,
			object{"ok": true, "message": starting, "queued": false},
			object{"ok": true, "message": waiting, "queued": true},
			"Deployment cancelled",
		},
		"bare": {
			AnswerBare,
			object{"ok": true, "message": starting},
			object{"ok": true, "message": waiting},
			"Deployment cancelled",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := withStack(Options{Answer: test.style})
			for _, want := range []object{test.first, test.second} {
				got := send(t, s, http.MethodPost, "/stacks/rails/deployments", "")
				if diff := cmp.Diff(object{"response": want}, got.body); diff != "" {
					t.Errorf("redeploy (-want +got):\n%s", diff)
				}
			}
			got := send(t, s, http.MethodDelete, "/stacks/rails/deployments/1001", "")
			want := object{"response": object{"ok": true, "message": test.cancelMessage}}
			if diff := cmp.Diff(want, got.body); diff != "" {
				t.Errorf("cancel (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheAnswersToWritesHaveTheFieldsOfTheExamples(t *testing.T) {
	s := withStack(Options{})
	redeployed := send(t, s, http.MethodPost, "/stacks/rails/deployments", "")
	want := slices.Sorted(maps.Keys(as[object](example(t, "redeploy")["response"])))
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(redeployed.response()))); diff != "" {
		t.Errorf("redeploy (-example +sent):\n%s", diff)
	}
	cancelled := send(t, s, http.MethodDelete, "/stacks/rails/deployments/1001", "")
	if diff := cmp.Diff(example(t, "cancel"), cancelled.body); diff != "" {
		t.Errorf("cancel (-example +sent):\n%s", diff)
	}
}

func TestAStackHasEveryDocumentedFieldAndBothFormsOfDates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withStack(Options{})
		fields := `uid name git git_branch environment cloud fqdn language framework deploy_directory cloud_status backend version revision
			account_name account_id status health maintenance_mode has_loadbalancer is_busy is_cluster is_inside_cluster last_activity
			last_activity_iso created_at updated_at created_at_iso updated_at_iso cluster_name application_address redeploy_hook`
		got := get(t, s, "/stacks/rails").response()
		want := strings.Fields(fields)
		slices.Sort(want)
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
			t.Errorf("fields (-documented +sent):\n%s", diff)
		}
		if got["updated_at"] != "2000-01-01 00:00:00 UTC" || got["updated_at_iso"] != "2000-01-01T00:00:00Z" {
			t.Errorf("updated_at %v, updated_at_iso %v", got["updated_at"], got["updated_at_iso"])
		}
		if hook, _ := got["redeploy_hook"].(string); !strings.Contains(hook, "SECRET") {
			t.Errorf("redeploy_hook is %q, want one that can be recognised", hook)
		}
	})
}

func TestAStackWithoutGitHasNoCommits(t *testing.T) {
	s := New(Options{Codes: Strings})
	s.AddStack(Stack{UID: "plain"})
	s.Deploy("plain", Start{Ref: "main", Hash: exampleHash})
	deployment := get(t, s, "/stacks/plain/deployments/1001").response()
	for _, field := range []string{"git_hash", "git_ref", "commit_url"} {
		if value, sent := deployment[field]; !sent || value != nil {
			t.Errorf("%s is %v, want null", field, value)
		}
	}
	if _, sent := get(t, s, "/stacks/plain").response()["git"]; sent {
		t.Error("git is sent for a stack that has none")
	}
}

func TestUnknownCodesCanBeSent(t *testing.T) {
	for name, test := range map[string]struct {
		style CodeStyle
		want  any
	}{"as integers": {Integers, 99.0}, "as strings": {Strings, "odd"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := withStack(Options{Codes: test.style})
				s.NextOutcome("rails", Next{Outcome: "odd"})
				s.Deploy("rails", Start{Via: "odd", Type: "odd"})
				pass(10 * time.Minute)
				got := get(t, s, "/stacks/rails/deployments/1001").response()
				for _, field := range []string{"outcome", "triggered_via", "deploy_type"} {
					if diff := cmp.Diff(object{"code": test.want, "meaning": "odd"}, got[field]); diff != "" {
						t.Errorf("%s (-want +got):\n%s", field, diff)
					}
				}
			})
		})
	}
}

func TestAnActionFollowsItsDeployment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withStack(Options{})
		s.NextOutcome("rails", Next{Fail: true})
		send(t, s, http.MethodPost, "/stacks/rails/deployments", `{"user_reference":"ref-1"}`)
		want := object{
			"id": 1.0, "user": owner, "resource_type": "stack", "action": "application_deployment", "resource_id": "1",
			"started_via": "api", "started_at": "2000-01-01T00:00:00Z", "finished_at": nil, "finished_success": nil, "finished_message": nil,
			"finished_result": nil, "metadata": object{"user_reference": "ref-1"},
		}
		if diff := cmp.Diff(want, get(t, s, "/stacks/rails/actions").items()[0]); diff != "" {
			t.Errorf("while it runs (-want +got):\n%s", diff)
		}
		pass(10 * time.Minute)
		want["finished_at"], want["finished_success"], want["finished_message"] = "2000-01-01T00:10:00Z", false, "Deployment failed"
		if diff := cmp.Diff(want, get(t, s, "/stacks/rails/actions").items()[0]); diff != "" {
			t.Errorf("when it failed (-want +got):\n%s", diff)
		}
		s.NextOutcome("rails", Next{Fail: true, Message: "the build ended with 7"})
		s.Deploy("rails", Start{})
		pass(10 * time.Minute)
		if got := get(t, s, "/stacks/rails/actions").items(); !slices.ContainsFunc(got, func(a object) bool {
			return a["finished_message"] == "the build ended with 7"
		}) {
			t.Errorf("no action says why it failed: %v", got)
		}
	})
}

func TestServicesAreListedAndFollowSuccessfulDeployments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		s.AddStack(dockerStack())
		send(t, s, http.MethodPost, "/stacks/docker/deployments", `{"services":"web:v2,worker:fix"}`)
		service := func(name, kind string, ref, image, tag any) object {
			return object{"name": name, "source_type": kind, "git_ref": ref, "image_name": image, "image_tag": tag, "desired_count": 1.0}
		}
		before := []object{service("web", "image", nil, "acme/web", "v1"), service("worker", "git", "main", nil, nil)}
		if diff := cmp.Diff(before, get(t, s, "/stacks/docker/services").items()); diff != "" {
			t.Errorf("while it runs (-want +got):\n%s", diff)
		}
		pass(10 * time.Minute)
		after := []object{service("web", "image", nil, "acme/web", "v2"), service("worker", "git", "fix", nil, nil)}
		if diff := cmp.Diff(after, get(t, s, "/stacks/docker/services").items()); diff != "" {
			t.Errorf("when it succeeded (-want +got):\n%s", diff)
		}
	})
}
