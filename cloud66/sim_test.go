package cloud66

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/cloud66/cloud66sim"
	"c66bot/cloud66/secret"
)

// simulated returns a simulator with one stack "web" of docker services and 95 deployments, and a client of it.
func simulated(t *testing.T, opts cloud66sim.Options) (*cloud66sim.Sim, *Client, string) {
	t.Helper()
	sim := cloud66sim.New(opts)
	uid := sim.AddStack(cloud66sim.Stack{
		Name: "web", Framework: "docker", UsualDuration: 5 * time.Minute, History: 95,
		Services: []cloud66sim.Service{{Name: "app", ImageName: "acme/app", ImageTag: "v1"}},
	})
	c := newClientWith(t, Config{
		BaseURL: "http://cloud66.test/api/3", Token: secret.New(cloud66sim.DemoToken), RequestsPerHour: 3000, Transport: sim.RoundTripper(),
	})
	return sim, c, uid
}

// styles are the ways in which sources disagree.
var styles = map[string]cloud66sim.Options{
	"integer codes":                      {},
	"string codes":                       {Codes: cloud66sim.Strings},
	"oldest first":                       {Ascending: true},
	"a ref and an outcome for cancelled": {WithGitRef: true, CancelledOutcome: true},
	"the older documents' answers":       {Answer: cloud66sim.AnswerD},
	"igor's answers":                     {Answer: cloud66sim.AnswerIGOR},
	"bare answers":                       {Answer: cloud66sim.AnswerBare},
	"answers with an action alone":       {Answer: cloud66sim.AnswerAction},
}

func TestARedeployIsFollowedToItsEnd(t *testing.T) {
	for name, opts := range styles {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim, c, uid := simulated(t, opts)
				if err := c.CheckToken(t.Context()); err != nil {
					t.Fatal(err)
				}
				_, err := c.Redeploy(t.Context(), uid, RedeployRequest{Services: []ServiceImage{{Name: "app", Tag: "v2"}}, UserReference: "mine"})
				if err != nil {
					t.Fatal(err)
				}
				newest := func() Deployment {
					r, err := c.DeploymentRange(t.Context(), uid, 0, 30)
					if err != nil || len(r.Deployments) != 30 || r.Total != 96 {
						t.Fatalf("got %d of %d deployments, error %v", len(r.Deployments), r.Total, err)
					}
					return r.Deployments[0]
				}
				begun := newest()
				view, found := sim.Deployment(uid, begun.ID)
				diff(
					t,
					[]any{true, true, ViaAPI, OutcomePending, "mine", true},
					[]any{begun.Running(), begun.IsDeploying, begun.TriggeredVia.Kind, begun.Outcome.Kind, view.UserReference, found},
				)
				time.Sleep(6 * time.Minute)
				ended := newest()
				diff(
					t,
					[]any{begun.ID, true, OutcomeSuccess, 5 * time.Minute},
					[]any{ended.ID, ended.Ended(), ended.Outcome.Kind, ended.Duration().Round(time.Second)},
				)
				actions, err := collect(c.Actions(t.Context(), uid, ActionFilter{UserReference: "mine"}))
				if err != nil || len(actions) != 1 || actions[0].FinishedSuccess == nil || !*actions[0].FinishedSuccess {
					t.Fatalf("got actions %v, error %v", actions, err)
				}
				services, err := c.Services(t.Context(), uid)
				diff(t, []any{nil, "v2"}, []any{err, services[0].ImageTag})
			})
		})
	}
}

func TestACancelIsFollowedToItsEnd(t *testing.T) {
	for name, opts := range styles {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim, c, uid := simulated(t, opts)
				id := sim.Deploy(uid, cloud66sim.Start{Via: "hook"})
				time.Sleep(time.Minute)
				if _, err := c.Cancel(t.Context(), uid, id); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				d, err := c.Deployment(t.Context(), uid, id)
				if err != nil || !d.Ended() || d.Outcome.Kind != OutcomeFailed && d.Outcome.Kind != OutcomeCancelled {
					t.Errorf("got %+v, error %v", d, err)
				}
				if _, err = c.Cancel(t.Context(), uid, id); !errors.Is(err, ErrConflict) || !NothingDone(err) {
					t.Errorf("a second cancel gives %v", err)
				}
				if _, err = c.Cancel(t.Context(), uid, id+1000); !errors.Is(err, ErrNotFound) {
					t.Errorf("the cancel of an unknown one gives %v", err)
				}
			})
		})
	}
}

func TestAllOfAStackIsReadOnce(t *testing.T) {
	for name, opts := range styles {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim, c, uid := simulated(t, opts)
				var ids []int64
				for d, err := range all(t.Context(), c.deploymentList(uid, "/stacks/"+uid+"/deployments"), func(d Deployment) int64 { return d.ID }) {
					if err != nil {
						t.Fatal(err)
					}
					if len(ids) == 10 {
						sim.Deploy(uid, cloud66sim.Start{}) // the pages shift
					}
					ids = append(ids, d.ID)
				}
				slices.Sort(ids)
				if len(ids) < 95 || len(slices.Compact(slices.Clone(ids))) != len(ids) {
					t.Errorf("%d deployments, some twice", len(ids))
				}
				stack, err := c.Stack(t.Context(), uid)
				if err != nil || !stack.Docker() || !stack.Active() || stack.LastActivity.IsZero() {
					t.Errorf("got %+v, error %v", stack, err)
				}
				if strings.Contains(fmt.Sprintf("%#v", stack), "SECRET") {
					t.Error("the redeploy hook is in the stack")
				}
			})
		})
	}
}

func TestALostAnswerMayHaveBeenCarriedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim, c, uid := simulated(t, cloud66sim.Options{})
		sim.AddFault(cloud66sim.Fault{Method: "POST", Times: 1, CutAfter: true})
		_, err := c.Redeploy(t.Context(), uid, RedeployRequest{UserReference: "mine"})
		if !errors.Is(err, ErrNoAnswer) || NothingDone(err) {
			t.Errorf("got %v", err)
		}
		actions, err := collect(c.Actions(t.Context(), uid, ActionFilter{UserReference: "mine"}))
		diff(t, []any{nil, 1}, []any{err, len(actions)})
	})
}

func TestScopesAndTokensEndInTheMiddleOfARun(t *testing.T) {
	sim, c, uid := simulated(t, cloud66sim.Options{})
	sim.SetScopes(cloud66sim.DemoToken, []string{"public"})
	if _, err := c.Redeploy(t.Context(), uid, RedeployRequest{}); !errors.Is(err, ErrMissingScope) || !NothingDone(err) {
		t.Errorf("without the scope: %v", err)
	}
	sim.Revoke(cloud66sim.DemoToken)
	if err := c.CheckToken(t.Context()); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("with a revoked token: %v", err)
	}
}

func TestAHiddenDeploymentIsThereLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim, c, uid := simulated(t, cloud66sim.Options{Answer: cloud66sim.AnswerAction})
		sim.UpdateStack(uid, func(s *cloud66sim.Stack) { s.HidesNew = 8 * time.Second })
		got, err := c.Redeploy(t.Context(), uid, RedeployRequest{UserReference: "mine"})
		diff(t, []any{nil, RedeployAnswer{}}, []any{err, got})
		newest := func() int64 {
			r, err := c.DeploymentRange(t.Context(), uid, 0, 1)
			if err != nil {
				t.Fatal(err)
			}
			return r.Deployments[0].ID
		}
		diff(t, int64(1095), newest())
		if _, err := c.Deployment(t.Context(), uid, 1096); !errors.Is(err, ErrNotFound) {
			t.Errorf("got %v", err)
		}
		actions, err := collect(c.Actions(t.Context(), uid, ActionFilter{UserReference: "mine"}))
		diff(t, []any{nil, 1}, []any{err, len(actions)})
		time.Sleep(9 * time.Second)
		diff(t, int64(1096), newest())
		d, err := c.Deployment(t.Context(), uid, 1096)
		diff(t, []any{nil, int64(1096), true}, []any{err, d.ID, d.Running()})
	})
}

func TestAServerWhoseClockIsOffTellsItsOwnTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim, c, uid := simulated(t, cloud66sim.Options{ClockOff: -7 * time.Minute})
		sim.Deploy(uid, cloud66sim.Start{})
		r, err := c.DeploymentRange(t.Context(), uid, 0, 1)
		diff(t, []any{nil, time.Now().Add(-7 * time.Minute).UTC()}, []any{err, r.Deployments[0].StartedAt})
		p, err := c.StackPage(t.Context(), 1)
		diff(t, []any{nil, time.Now().Add(-7 * time.Minute).UTC()}, []any{err, p.Stacks[0].LastActivity})
	})
}

func TestWhatAServerAnswersOddlyIsReadAsFarAsItGoes(t *testing.T) {
	sim, c, uid := simulated(t, cloud66sim.Options{})
	first := true
	sim.AddFault(cloud66sim.Fault{PathPart: "/deployments", Edit: func(answer cloud66sim.Object) {
		cloud66sim.Each(func(d cloud66sim.Object) {
			if first {
				delete(d, "id")
			}
			first = false
			d["outcome"] = cloud66sim.Object{"code": 9, "meaning": "Succeeded"}
			d["triggered_via"] = cloud66sim.Object{"code": 3, "meaning": "hook"}
			d["triggered_by"] = cloud66sim.Object{"name": "Ana", "email": "ana@acme.example"}
			d["is_deploying"], d["started_at"] = true, nil
		})(answer)
		answer["pagination"] = cloud66sim.Object{"next": false}
	}})
	r, err := c.DeploymentRange(t.Context(), uid, 0, 30)
	if err != nil || len(r.Deployments) != 29 {
		t.Fatalf("got %d deployments, error %v", len(r.Deployments), err)
	}
	d := r.Deployments[0]
	diff(t, []any{int64(1094), OutcomeSuccess, ViaHook, "ana@acme.example", true, time.Duration(0)},
		[]any{d.ID, d.Outcome.Kind, d.TriggeredVia.Kind, d.TriggeredBy, d.Ended(), d.Duration()})
	diff(t, map[LeftOut]int{{UID: uid, What: "a deployment without an id"}: 1}, c.LeftOut())
}
