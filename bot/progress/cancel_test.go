package progress_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66"
	"c66bot/cloud66/cloud66sim"
	"c66bot/commands"
	"c66bot/storage"
)

// record gives who asked for the end of #1004, "" where nobody did.
func (r *rig) record() string {
	r.Helper()
	var c storage.Cancel
	r.view(func(tx storage.Tx) (err error) {
		c, err = storage.Cancels.Get(tx, storage.DeploymentKey(r.stack.UID, 1004))
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		return err
	})
	return c.User
}

func TestACancelIsRecordedBeforeItIsSentAndToldWithTheNameOfTheOneWhoAskedFirst(t *testing.T) {
	for _, opts := range []cloud66sim.Options{{}, {CancelInstant: true}, {CancelledOutcome: true}, {Answer: cloud66sim.AnswerD}} {
		t.Run(fmt.Sprintf("%+v", opts), func(t *testing.T) {
			inBubble(t, opts, func(r *rig) {
				r.began()
				recorded := ""
				r.net.answers(func(q *http.Request) (*http.Response, error) {
					if q.Method == http.MethodDelete && recorded == "" {
						recorded = r.record()
					}
					return nil, nil
				})
				if err := r.cancel("op", lin, 1004); err != nil {
					r.Fatal(err)
				}
				if recorded != lin {
					r.Errorf("when it was sent %q was recorded", recorded)
				}
				if err := r.cancel("another", sam, 1004); err != nil && !errors.Is(err, cloud66.ErrConflict) {
					r.Error(err)
				}
				r.settle()
				shown := r.shown(deploys)
				if len(shown) != 3 || !strings.HasPrefix(shown[2], "  🚫 #1004 was cancelled by @lin after") {
					r.Errorf("the channel shows %q", shown)
				}
			})
		})
	}
}

func TestACancelOnACardIsToldOnThatCard(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		if err := r.redeploy("op"); err != nil {
			r.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if err := r.cancel("cancel", sam, 1004); err != nil {
			r.Fatal(err)
		}
		if err := r.cancel("cancel", sam, 1004); !errors.Is(err, commands.ErrTaken) {
			r.Errorf("the same again: %v", err)
		}
		r.settle()
		shown := r.shown(deploys)
		if len(shown) != 3 || !strings.HasPrefix(shown[0], "🚫 web@production #1004 was cancelled by @sam after") {
			r.Errorf("the channel shows %q", shown)
		}
		if n := r.sent("DELETE"); n != 1 {
			r.Errorf("%d DELETEs", n)
		}
	})
}

func TestARefusedCancelLeavesNoRecord(t *testing.T) {
	for name, fault := range map[string]cloud66sim.Fault{
		"a scope is missing": {Status: 403},
		"throttled":          {Status: 503, Body: `{"error":"throttled"}`},
		"not allowed now":    {Status: 409, Body: `{"error":"conflict"}`},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				r.began()
				fault.Method, fault.Times = "DELETE", 1
				r.cloud.AddFault(fault)
				r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{})
				if err := r.cancel("op", lin, 1004); err == nil || !cloud66.NothingDone(err) {
					r.Errorf("got %v", err)
				}
				if who := r.record(); who != "" {
					r.Errorf("%q is recorded", who)
				}
				r.restart(time.Second)
				r.settle()
				r.shows(deploys, live(1004)...)
			})
		})
	}
}

func TestTheRefusalOfASecondCancelKeepsTheRecordOfTheFirst(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.began()
		if err := r.cancel("op", lin, 1004); err != nil {
			r.Fatal(err)
		}
		r.cloud.AddFault(cloud66sim.Fault{Method: "DELETE", Status: 409, Times: 1})
		if err := r.cancel("another", sam, 1004); !errors.Is(err, cloud66.ErrConflict) {
			r.Errorf("got %v", err)
		}
		if who := r.record(); who != lin {
			r.Errorf("%q is recorded", who)
		}
		r.settle()
	})
}

func TestACancelThatCameTooLateTellsTheSuccess(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.began()
		time.Sleep(48 * time.Second)
		if err := r.cancel("op", lin, 1004); err != nil {
			r.Fatal(err)
		}
		r.settle()
		r.shows(deploys, live(1004)...)
	})
}

func TestACancelWhoseAnswerIsLostIsToldByItsCard(t *testing.T) {
	for name, cancelled := range map[string]bool{"accepted": true, "not accepted": false} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				r.began()
				r.cloud.AddFault(cloud66sim.Fault{Method: "DELETE", CutAfter: cancelled, CutBefore: !cancelled, Times: 1})
				if err := r.cancel("op", lin, 1004); !errors.Is(err, cloud66.ErrNoAnswer) {
					r.Errorf("got %v", err)
				}
				r.settle()
				if shown := r.shown(deploys); len(shown) != 3 || strings.Contains(shown[0], "was cancelled by @lin") != cancelled {
					r.Errorf("the channel shows %q", shown)
				}
				if n := r.sent("DELETE"); n != 1 {
					r.Errorf("%d DELETEs", n)
				}
			})
		})
	}
}

func TestWithoutACardNothingIsCancelled(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		id := r.began()
		_, err := r.progress.Cancel(r.ctx, begins("op", storage.Follow{Stack: r.stack, Deployment: id, Channel: away, Asker: lin}))
		if _, ok := errors.AsType[*commands.CardError](err); !ok {
			r.Errorf("got %v", err)
		}
		r.restart(time.Second)
		time.Sleep(time.Second)
		if who := r.record(); who != "" || r.sent("DELETE") != 0 {
			r.Errorf("%q is recorded, %d DELETEs", who, r.sent("DELETE"))
		}
	})
}

func TestACancelThatARestartInterruptsAndCloud66ThenRefusesIsToldToTheOneWhoAsked(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.began()
		r.slack.SlowCall("chat.postMessage", 10*time.Second, 1) // it waits for its card
		var group sync.WaitGroup
		group.Go(func() { _ = r.cancel("op", sam, 1004) }) // the dead have nobody to tell
		time.Sleep(time.Second)
		end := r.end
		r.end = func() { end(); group.Wait() }
		r.cloud.AddFault(cloud66sim.Fault{Method: "DELETE", Status: 403, Times: 1})
		r.restart(time.Second)
		r.settle()
		r.shows(deploys, live(1004)...)
		var told []string
		for _, e := range r.slack.Log() {
			if e.Kind == slacksim.KindPosted && e.Channel != deploys {
				told = append(told, e.Message.Plain())
			}
		}
		if len(told) != 1 || !strings.Contains(told[0], "the cancel of #1004 is not confirmed") || !strings.Contains(told[0], "Forbidden") {
			r.Errorf("Sam was told %q", told)
		}
	})
}

func TestALaterCancelThatAKillInterruptsIsSentOrToldToTheOneWhoAskedLater(t *testing.T) {
	for name, down := range map[string]time.Duration{"soon": time.Second, "too late": 10 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Duration: time.Hour})
				r.began()
				lost := func(q *http.Request) (*http.Response, error) {
					if q.Method != http.MethodDelete {
						return nil, nil
					}
					return &http.Response{
						StatusCode: 200,
						Header:     http.Header{"Content-Type": {"application/json"}},
						Body:       io.NopCloser(strings.NewReader(`{"response":{"ok":true}}`)),
						Request:    q,
					}, nil
				}
				r.net.answers(lost) // Cloud 66 takes the first one, and nothing comes of it
				if err := r.cancel("op", lin, 1004); err != nil {
					r.Fatal(err)
				}
				time.Sleep(2 * time.Minute)
				r.net.answers(func(q *http.Request) (*http.Response, error) {
					if q.Method == http.MethodDelete {
						<-q.Context().Done()
						return nil, q.Context().Err()
					}
					return nil, nil
				})
				var group sync.WaitGroup
				group.Go(func() { _ = r.cancel("another", sam, 1004) })
				time.Sleep(time.Second)
				end := r.end
				r.end = func() { end(); group.Wait() }
				r.end()
				r.net.answers(nil)
				time.Sleep(down)
				r.start(newProcess())
				time.Sleep(time.Minute)
				var told []string
				for _, e := range r.slack.Log() {
					if e.Kind == slacksim.KindPosted && e.Channel != deploys {
						told = append(told, e.Message.Plain())
					}
				}
				if sent := r.sent("DELETE"); sent+len(told) != 1 || (name == "soon") != (sent == 1) {
					r.Errorf("%d DELETEs arrived, and Sam was told %q", sent, told)
				}
				if who := r.record(); who != lin {
					r.Errorf("%q is recorded", who)
				}
			})
		})
	}
}

func TestACancelOfWhatTheChannelWasToldTheEndOfBringsNoSecondCard(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.began()
		if err := r.cancel("op", lin, 1004); err != nil {
			r.Fatal(err)
		}
		r.settle()
		before := len(r.shown(deploys))
		if err := r.cancel("another", sam, 1004); !errors.Is(err, cloud66.ErrConflict) {
			r.Errorf("the second cancel gives %v", err)
		}
		r.settle()
		if shown := r.shown(deploys); len(shown) != before {
			r.Errorf("the channel shows %q", shown)
		}
	})
}

// What the card said of a cancel is what lists say of it, also where Cloud 66's clock is off.
func TestACancelIsJudgedOnce(t *testing.T) {
	for _, off := range []time.Duration{-7 * time.Minute, 0, time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				r.net.shift.Store(int64(off))
				r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Duration: 10 * time.Minute})
				if err := r.redeploy("op"); err != nil {
					r.Fatal(err)
				}
				time.Sleep(3 * time.Minute)
				if err := r.cancel("stop", sam, 1004); err != nil {
					r.Fatal(err)
				}
				r.settle()
				if shown := r.shown(deploys); !strings.Contains(shown[0], "#1004 was cancelled by") {
					r.Errorf("the channel shows %q", shown)
				}
				var c storage.Cancel
				r.view(func(tx storage.Tx) (err error) {
					c, err = storage.Cancels.Get(tx, storage.DeploymentKey(r.stack.UID, 1004))
					return err
				})
				if ended := r.history()[1004].EndedAt; c.Ended != storage.Cancelled || !c.Explains(ended) {
					r.Errorf("the cancel is kept as %+v, the end at %s", c, ended)
				}
			})
		})
	}
}
