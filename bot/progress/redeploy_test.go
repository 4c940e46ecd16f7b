package progress_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66"
	"c66bot/cloud66/cloud66sim"
	"c66bot/commands"
	"c66bot/storage"
)

// live is what #deploys shows of a redeploy that ended well.
func live(id int64) []string {
	return []string{
		fmt.Sprintf("✅ web@production #%d went live", id),
		fmt.Sprintf("  🔄 #%d started", id),
		fmt.Sprintf("  ✅ #%d went live", id),
	}
}

func TestTheCardStandsBeforeAnythingIsSent(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.slack.SlowCall("chat.postMessage", 7*time.Second, 1)
		if err := r.redeploy("op"); err != nil {
			r.Fatal(err)
		}
		posted := r.slack.Calls("chat.postMessage")[0].Time
		i := slices.IndexFunc(r.cloud.Requests(), func(q cloud66sim.Request) bool { return q.Method == "POST" })
		if at := r.cloud.Requests()[i].Time; at.Before(posted) {
			r.Errorf("sent %s before the card stood", posted.Sub(at))
		}
		r.settle()
		r.shows(deploys, live(1004)...)
		r.sentOnce()
		last := r.slack.Person(lin).Thread(deploys, r.slack.Person(lin).Sees(deploys)[0].TS)[2]
		if pings := last.Pings(); len(pings) != 1 {
			r.Errorf("the last line mentions %q, want the one who asked", pings)
		}
	})
}

func TestWithoutACardNothingIsSent(t *testing.T) {
	tests := map[string]struct {
		channel string
		faults  func(w *slacksim.Workspace)
		code    string
		shows   []string
	}{
		"the bot is not in the channel": {away, func(*slacksim.Workspace) {}, "not_in_channel", nil},
		"Slack is down for minutes": {
			deploys, func(w *slacksim.Workspace) { w.BreakCall("chat.postMessage", 503, 8) }, "",
			[]string{"🚫 web@production not redeployed: Slack took this card too late, so nothing was sent to Cloud 66"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				tt.faults(r.slack)
				err := r.progress.Redeploy(r.ctx, begins("op", r.wish(tt.channel)))
				var noCard *commands.CardError
				if !errors.As(err, &noCard) || noCard.Code != tt.code {
					r.Errorf("got %v, want a CardError with %q", err, tt.code)
				}
				r.settle()
				r.restart(time.Minute)
				r.settle()
				r.shows(tt.channel, tt.shows...)
				if n := r.sent("POST"); n != 0 {
					r.Errorf("%d POSTs", n)
				}
			})
		})
	}
}

func TestAnOperationThatComesTwiceIsOnePost(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		var group sync.WaitGroup
		errs := make([]error, 3)
		for i := range errs {
			group.Go(func() { errs[i] = r.redeploy("op") })
		}
		group.Wait()
		r.settle()
		r.restart(time.Minute)
		errs = append(errs, r.redeploy("op"))
		taken := 0
		for _, err := range errs {
			if errors.Is(err, commands.ErrTaken) {
				taken++
			}
		}
		r.settle()
		r.shows(deploys, live(1004)...)
		r.sentOnce()
		if taken != 3 {
			r.Errorf("%d of 4 were told that it was taken: %v", taken, errs)
		}
	})
}

func TestEveryAnswerLeadsToTheDeploymentThatCameOfIt(t *testing.T) {
	styles := map[string]cloud66sim.AnswerStyle{
		"S0": cloud66sim.AnswerS0, "D": cloud66sim.AnswerD, "IGOR": cloud66sim.AnswerIGOR, "bare": cloud66sim.AnswerBare,
	}
	for name, style := range styles {
		for _, codes := range []cloud66sim.CodeStyle{cloud66sim.Integers, cloud66sim.Strings} {
			for _, ascending := range []bool{false, true} {
				t.Run(fmt.Sprint(name, codes, ascending), func(t *testing.T) {
					inBubble(t, cloud66sim.Options{Answer: style, Codes: codes, Ascending: ascending}, func(r *rig) {
						// Somebody else's comes first, and one more behind.
						r.cloud.Deploy(r.stack.UID, cloud66sim.Start{Via: "hook"})
						f := r.wish(deploys)
						f.Wish.Ref = "main"
						if err := r.progress.Redeploy(r.ctx, begins("op", f)); err != nil {
							r.Fatal(err)
						}
						r.cloud.Deploy(r.stack.UID, cloud66sim.Start{Via: "web"})
						r.settle()
						want := live(1005)
						queued := []string{want[0], "  🕓 #1005 is queued behind #1004"}
						r.shows(deploys, append(queued, want[1:]...)...)
						r.sentOnce()
					})
				})
			}
		}
	}
}

func TestAnIdOfSomethingElseInTheAnswerMisleadsNobody(t *testing.T) {
	for name, id := range map[string]int{"an older deployment": 1002, "an action": 77, "what is no deployment": 99999} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				r.cloud.AddFault(cloud66sim.Fault{
					Method: "POST", Body: fmt.Sprintf(`{"response":{"id":%d,"message":"Deployment scheduled","queued":false}}`, id),
				})
				if err := r.redeploy("op"); err != nil {
					r.Fatal(err)
				}
				r.settle()
				r.shows(deploys, live(1004)...)
			})
		})
	}
}

func TestTwoWishesForOneStackLeadToADeploymentEach(t *testing.T) {
	inBubble(t, cloud66sim.Options{Answer: cloud66sim.AnswerBare}, func(r *rig) {
		for i := range 2 {
			if err := r.redeploy(fmt.Sprint("op", i)); err != nil {
				r.Fatal(err)
			}
		}
		r.settle()
		want := live(1005)
		want = append(live(1004), want[0], "  🕓 #1005 is queued behind #1004", want[1], want[2])
		r.shows(deploys, want...)
	})
}

func TestACertainRefusalIsToldAsSuch(t *testing.T) {
	dialFails := func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	refuse := func(status int, body string) cloud66sim.Fault {
		return cloud66sim.Fault{Method: "POST", Status: status, Body: body}
	}
	tests := map[string]struct {
		fault  cloud66sim.Fault
		answer func(*http.Request) (*http.Response, error)
		kind   error
		says   string
	}{
		"the stack is protected": {
			fault: refuse(422, `{"error":"unprocessable","details":"Application Protection is on"}`), kind: cloud66.ErrRefused,
			says: "Cloud 66 refused it: Application Protection is on",
		},
		"the stack is busy": {
			fault: refuse(409, `{"error":"conflict","details":"busy"}`),
			kind:  cloud66.ErrConflict,
			says:  "Cloud 66 refused it: busy",
		},
		"the token is refused": {
			fault: refuse(401, `{"error":"unauthenticated"}`),
			kind:  cloud66.ErrUnauthenticated,
			says:  "Cloud 66 refuses the bot's token: unauthenticated",
		},
		"a scope is missing": {
			fault: refuse(403, ``),
			kind:  cloud66.ErrMissingScope,
			says:  "the bot's Cloud 66 token lacks the scope redeploy: Forbidden",
		},
		"throttled": {
			fault: refuse(503, `{"error":"throttled"}`),
			kind:  cloud66.ErrThrottled,
			says:  "the hourly number of Cloud 66 requests is used up",
		},
		"answered with ok:false": {
			fault: cloud66sim.Fault{Method: "POST", CutBefore: false, Status: 200, Body: `{"response":{"ok":false,"message":"not today"}}`},
			kind:  cloud66.ErrRefused, says: "Cloud 66 refused it: not today",
		},
		"unreachable": {answer: dialFails, kind: cloud66.ErrUnreachable, says: "Cloud 66 could not be reached"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				if r.net.answers(tt.answer); tt.answer == nil {
					r.cloud.AddFault(tt.fault)
				}
				if err := r.redeploy("op"); !errors.Is(err, tt.kind) {
					r.Errorf("got %v, want %v", err, tt.kind)
				}
				if n := r.progress.Open(); n != 0 {
					r.Errorf("%d follows are open after a refusal", n)
				}
				r.settle()
				r.restart(time.Minute)
				r.settle()
				r.shows(deploys, "❌ web@production not redeployed: "+tt.says, "  ❌ not redeployed: "+tt.says)
				if n := r.sent("POST"); n > 1 {
					r.Errorf("%d POSTs", n)
				}
			})
		})
	}
}

func TestAWishWhoseAnswerIsLostIsFoundAndNotSentAgain(t *testing.T) {
	lost := map[string]cloud66sim.Fault{
		"cut":               {CutAfter: true},
		"a time-out":        {After: true, Delay: 90 * time.Second},
		"a proxy's 502":     {After: true, Status: 502, Body: "<html>Bad Gateway</html>", ContentType: "text/html"},
		"HTML":              {Body: "<html>Welcome</html>", ContentType: "text/html"},
		"status 408":        {After: true, Status: 408},
		"half an answer":    {Truncate: true},
		"an empty envelope": {Body: `{"response":null}`},
	}
	blind := map[string]func(s *cloud66sim.Sim){
		"found by its reference":               func(*cloud66sim.Sim) {},
		"found in the list, actions forbidden": func(s *cloud66sim.Sim) { s.AddFault(cloud66sim.Fault{PathPart: "/actions", Status: 403}) },
		"found after a minute of silence": func(s *cloud66sim.Sim) {
			end := s.AddFault(cloud66sim.Fault{Method: "GET", Status: 500})
			time.AfterFunc(time.Minute, end)
		},
	}
	for how, fault := range lost {
		for where, set := range blind {
			t.Run(how+", "+where, func(t *testing.T) {
				inBubble(t, cloud66sim.Options{}, func(r *rig) {
					fault.Method, fault.Times = "POST", 1
					r.cloud.AddFault(fault)
					set(r.cloud)
					if err := r.redeploy("op"); err != nil {
						r.Errorf("got %v", err)
					}
					r.settle()
					r.shows(deploys, live(1004)...)
					r.sentOnce()
				})
			})
		}
	}
}

func TestAWishThatNothingProvesIsToldAsUnclearAndNotSentAgain(t *testing.T) {
	elses := func(n int) func(r *rig) {
		return func(r *rig) {
			for range n {
				r.cloud.Deploy(r.stack.UID, cloud66sim.Start{Via: "api"})
			}
		}
	}
	noActions := cloud66sim.Fault{PathPart: "/actions", Status: 500}
	tests := map[string]struct {
		faults []cloud66sim.Fault
		then   func(r *rig)
		says   string
	}{
		"it did not arrive": {[]cloud66sim.Fault{{CutBefore: true}}, elses(0), "it is not in its lists, so it was probably not started"},
		"it did not arrive, a proxy says": {
			[]cloud66sim.Fault{{Status: 502}}, elses(0), "it is not in its lists, so it was probably not started",
		},
		"it did not arrive and somebody else's did": {
			[]cloud66sim.Fault{{CutBefore: true}}, elses(1), "since then #1004 started, and nothing tells whether that is this one",
		},
		"it arrived and so did another, and no action tells": {
			[]cloud66sim.Fault{{CutAfter: true}, noActions}, elses(1), "since then #1005, #1004 started, and nothing tells whether that is this one",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				tt.faults[0].Method, tt.faults[0].Times = "POST", 1
				for _, f := range tt.faults {
					r.cloud.AddFault(f)
				}
				start := time.Now()
				if err := r.redeploy("op"); err != nil {
					r.Errorf("got %v", err)
				}
				tt.then(r)
				r.settle()
				if took := time.Since(start); took < 2*time.Minute || took > 5*time.Minute {
					r.Errorf("the patience was %s", took)
				}
				shown := r.shown(deploys)
				if len(shown) != 2 || !strings.Contains(shown[0], "Cloud 66 did not tell what became of the redeploy") ||
					!strings.Contains(shown[1], tt.says) {
					r.Errorf("the channel shows %q", shown)
				}
				r.restart(time.Hour)
				r.settle()
				if again := r.shown(deploys); !slices.Equal(again, shown) {
					r.Errorf("after a restart the channel shows %q", again)
				}
				r.sentOnce()
			})
		})
	}
}

func TestAnActionThatFailedWithoutADeploymentIsToldInCloud66sWords(t *testing.T) {
	inBubble(t, cloud66sim.Options{Answer: cloud66sim.AnswerBare}, func(r *rig) {
		r.net.answers(func(q *http.Request) (*http.Response, error) {
			var body string
			switch {
			case q.Method == "POST":
				body = `{"response":{"ok":true,"message":"Stack queued for redeployment"}}`
			case strings.HasSuffix(q.URL.Path, "/actions"):
				body = fmt.Sprintf(`{"response":[{"id":9,"action":"application_deployment","finished_success":false,
					"finished_message":"The build server is gone","metadata":{"user_reference":%q}}]}`, q.URL.Query().Get("user_reference"))
			default:
				return nil, nil
			}
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
		})
		if err := r.redeploy("op"); err != nil {
			r.Fatal(err)
		}
		r.settle()
		says := "❌ web@production Cloud 66 says that the deployment failed: The build server is gone"
		r.shows(deploys, says, "  "+says, "(in the channel too) "+says)
	})
}

func TestNothingOfAnEarlierProcessIsMistakenForWhatIsAskedWhileItStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 3 { // whatever the order of the goroutines
			r := newRig(t, cloud66sim.Options{})
			r.start(newProcess())
			if err := r.redeploy("op"); err != nil {
				r.Fatal(err)
			}
			r.settle()
			r.shows(deploys, live(1004)...)
			r.sentOnce()
			r.end()
		}
	})
}

func TestAWishThatTheDiskRecordsMinutesLaterIsNotSent(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		begun := time.Now()
		stall := func() { // once the card is recorded, nothing is for some minutes
			carded := false
			err := r.records.View(r.ctx, func(tx storage.Tx) error {
				return storage.Messages.Scan(tx, "card/", func(_ string, m storage.Message) error { carded = carded || m.TS != ""; return nil })
			})
			if err == nil && carded {
				time.Sleep(time.Until(begun.Add(5 * time.Minute)))
			}
		}
		r.stall.Store(&stall)
		if err := r.redeploy("op"); err != nil {
			r.Fatal(err)
		}
		r.settle()
		if n := len(r.cloud.Deployments(r.stack.UID)); n != 3 {
			r.Errorf("there are %d deployments", n)
		}
		if shown := r.shown(deploys); !strings.Contains(shown[0], "took too long to record it, so nothing was sent") {
			r.Errorf("the channel shows %q", shown)
		}
	})
}

func TestAPanicWhileAWishIsSentHasItsDeploymentLookedFor(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.net.answers(func(q *http.Request) (*http.Response, error) {
			if q.Method == http.MethodPost {
				panic("a mistake in the program")
			}
			return nil, nil
		})
		func() {
			defer func() {
				if recover() == nil {
					r.Error("there was no panic")
				}
			}()
			_ = r.redeploy("op") // it panics
		}()
		r.settle()
		if shown := r.shown(deploys); !strings.Contains(shown[0], "did not tell what became of the redeploy") {
			r.Errorf("the channel shows %q", shown)
		}
	})
}
