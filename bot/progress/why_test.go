package progress_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
)

const serverGone = "The build server is gone"

// actionReads are the requests for stack actions, with and without a reference.
func (r *rig) actionReads() (referred, all int) {
	for _, q := range r.cloud.Requests() {
		switch {
		case !strings.Contains(q.Path, "/actions"):
		case q.Query.Get("user_reference") != "":
			referred++
		default:
			all++
		}
	}
	return referred, all
}

func TestAFailedCardSaysWhatCloud66SaysOfIt(t *testing.T) {
	const says = "Cloud 66 says: "
	for name, tt := range map[string]struct {
		next  cloud66sim.Next
		fault cloud66sim.Fault
		want  string // "" for nothing
		reads int    // of all actions, for a deployment that is not the bot's
	}{
		"a reason":                   {next: cloud66sim.Next{Fail: true, Message: serverGone}, want: serverGone, reads: 1},
		"a reason on several lines":  {next: cloud66sim.Next{Fail: true, Message: "Step 3\r\n  exit 1\x1b\n"}, want: "Step 3", reads: 1},
		"nothing but that it failed": {next: cloud66sim.Next{Fail: true}, reads: 1},
		"the same in other words":    {next: cloud66sim.Next{Fail: true, Message: "The deploy has failed."}, reads: 1},
		"something long": {
			next: cloud66sim.Next{Fail: true, Message: strings.Repeat("x", 900)}, want: strings.Repeat("x", 299) + "…", reads: 1,
		},
		"it is not told":               {next: cloud66sim.Next{Fail: true, Message: serverGone}, fault: cloud66sim.Fault{Status: 500}, reads: 1},
		"a success has nothing to say": {},
	} {
		for _, how := range []string{"followed", "subscribed", "redeployed"} {
			t.Run(name+", "+how, func(t *testing.T) {
				unhurried(t, cloud66sim.Options{}, func(r *rig) {
					if tt.fault.Status != 0 {
						tt.fault.Method, tt.fault.PathPart = "GET", "/actions"
						r.cloud.AddFault(tt.fault)
					}
					if how == "subscribed" {
						r.subscribe(deploys, "web")
						r.positioned(r.stack.UID)
						time.Sleep(time.Minute)
					}
					r.cloud.NextOutcome(r.stack.UID, tt.next)
					var err error
					switch how {
					case "followed":
						err = r.follow("op", deploys, r.cloud.Deploy(r.stack.UID, cloud66sim.Start{}))
					case "subscribed":
						r.cloud.Deploy(r.stack.UID, cloud66sim.Start{})
					default:
						err = r.redeploy("op")
					}
					if err != nil {
						t.Fatal(err)
					}
					r.over()
					id := r.newest().ID
					seen := r.slack.Person(lin).Sees(deploys)[0].Plain()
					switch {
					case tt.want == "" && strings.Contains(seen, "says"), tt.want != "" && !strings.Contains(seen, says+tt.want):
						t.Errorf("the card says not %q but\n%s", tt.want, seen)
					}
					if kept := r.history()[id].Said; tt.want == "" && kept != "" || !strings.HasPrefix(kept, tt.want) {
						t.Errorf("kept is %q, want %q", kept, tt.want)
					}
					referred, all := r.actionReads()
					time.Sleep(time.Hour)
					if again, more := r.actionReads(); again != referred || more != all {
						t.Errorf("it was read again: %d and %d times more", again-referred, more-all)
					}
					if how != "redeployed" && tt.fault.Status == 0 && (referred != 0 || all != tt.reads) {
						t.Errorf("all actions were read %d times, those of a reference %d times", all, referred)
					}
					if how == "redeployed" && all != 0 {
						t.Errorf("all actions were read %d times", all)
					}
				})
			})
		}
	}
}

func TestWhatMayBeAnothersIsNotSaidOfAFailure(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.cloud.AddFault(cloud66sim.Fault{Method: "GET", PathPart: "/actions", Edit: func(answer cloud66sim.Object) {
			actions, _ := answer["response"].([]any)
			for _, a := range slices.Clone(actions) {
				other := maps.Clone(a.(cloud66sim.Object)) //nolint:errcheck // The simulator lists objects only; a panic would say so.
				other["id"], other["finished_message"] = 999999, "The disk is full"
				actions = append(actions, other)
			}
			answer["response"] = actions
		}})
		r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Fail: true, Message: serverGone})
		if err := r.follow("op", deploys, r.cloud.Deploy(r.stack.UID, cloud66sim.Start{})); err != nil {
			t.Fatal(err)
		}
		r.over()
		if seen := r.slack.Person(lin).Sees(deploys)[0].Plain(); !strings.Contains(seen, "failed") || strings.Contains(seen, "says") {
			t.Errorf("the card says\n%s", seen)
		}
	})
}

func TestAFailureThatBecomesASuccessKeepsNoReason(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Fail: true, Message: serverGone})
		if err := r.redeploy("op"); err != nil {
			t.Fatal(err)
		}
		r.settle()
		id := r.newest().ID
		if got := r.history()[id].Said; got != serverGone {
			t.Errorf("kept is %q", got)
		}
		r.ends(id, 1, "success")
		time.Sleep(3 * time.Hour)
		r.settle()
		if got := r.history()[id]; got.Said != "" || got.Outcome != "success" {
			t.Errorf("kept are %q and %q", got.Outcome, got.Said)
		}
		if seen := r.slack.Person(lin).Sees(deploys)[0].Plain(); strings.Contains(seen, serverGone) {
			t.Errorf("the card says\n%s", seen)
		}
	})
}
