package progress_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"c66bot/cloud66"
	"c66bot/cloud66/cloud66sim"
	"c66bot/commands"
	"c66bot/storage"
)

// began starts somebody else's deployment and lets it run for a while.
func (r *rig) began() int64 {
	id := r.cloud.Deploy(r.stack.UID, cloud66sim.Start{Via: "hook", By: "dev@example.com"})
	time.Sleep(10 * time.Second)
	return id
}

func TestADeploymentOfSomebodyElseIsFollowedToItsEnd(t *testing.T) {
	for _, opts := range []cloud66sim.Options{{}, {Codes: cloud66sim.Strings, Ascending: true}} {
		inBubble(t, opts, func(r *rig) {
			if err := r.follow("op", deploys, r.began()); err != nil {
				r.Fatal(err)
			}
			r.settle()
			r.shows(deploys, live(1004)...)
			if n := r.sent("POST") + r.sent("DELETE"); n != 0 {
				r.Errorf("a follow changed something %d times", n)
			}
		})
	}
}

func TestAChannelHasOneCardOfADeployment(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		id := r.began()
		r.slack.SlowCall("chat.postMessage", 5*time.Second, 1)
		var group sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			group.Go(func() { errs[i] = r.follow(string(rune('a'+i)), deploys, id) })
		}
		group.Wait()
		errs = append(errs, r.follow("later", deploys, id))
		followed := 0
		for _, err := range errs {
			if errors.Is(err, commands.ErrFollowed) {
				followed++
			}
		}
		if followed != 4 {
			r.Errorf("%d of 5 were told that it is followed: %v", followed, errs)
		}
		r.restart(time.Second)
		time.Sleep(time.Second)
		if err := r.follow("after a restart", deploys, id); !errors.Is(err, commands.ErrFollowed) {
			r.Errorf("after a restart: %v", err)
		}
		r.settle()
		r.shows(deploys, live(id)...)
	})
}

func TestTheCardOfARedeployIsTheOneThatAFollowWouldMake(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		if err := r.redeploy("op"); err != nil {
			r.Fatal(err)
		}
		if err := r.follow("other", deploys, 1004); !errors.Is(err, commands.ErrFollowed) {
			r.Errorf("right behind the redeploy: %v", err)
		}
		r.settle()
		r.shows(deploys, live(1004)...)
	})
}

func TestAChannelThatRefusesTheCardHasNothingFollowedInIt(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		var noCard *commands.CardError
		if err := r.follow("op", away, r.began()); !errors.As(err, &noCard) || noCard.Code != "not_in_channel" {
			r.Errorf("got %v", err)
		}
		if n := r.progress.Open(); n != 0 {
			r.Errorf("%d follows are open", n)
		}
		r.settle()
	})
}

func TestManyChannelsCostTheRequestsOfOne(t *testing.T) {
	requests := func(channels ...string) (n int) {
		inBubble(t, cloud66sim.Options{}, func(r *rig) {
			id := r.began()
			before := r.cloud.Count()
			for _, channel := range channels {
				if err := r.follow(channel, channel, id); err != nil {
					r.Fatal(err)
				}
			}
			r.settle()
			for _, channel := range channels {
				r.shows(channel, live(id)...)
			}
			n = r.cloud.Count() - before
		})
		return n
	}
	// A new card is worth one look within the shortest interval.
	if one, three := requests(deploys), requests(deploys, builds, ops); three > one+1 {
		t.Errorf("three channels cost %d requests, one costs %d", three, one)
	}
}

func TestARefreshLooksSoonerAndSaysWhetherTheCardIsFollowed(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.cloud.NextOutcome(r.stack.UID, cloud66sim.Next{Duration: 30 * time.Minute})
		if err := r.follow("op", deploys, r.began()); err != nil {
			r.Fatal(err)
		}
		id := r.follows()[0].ID
		time.Sleep(10 * time.Minute)
		time.Sleep(50 * time.Second) // into the long pauses
		before := r.cloud.Count()
		for range 5 {
			if followed, err := r.progress.Refresh(r.ctx, id); !followed || err != nil {
				r.Errorf("Refresh gave %v, %v", followed, err)
			}
			time.Sleep(time.Second)
		}
		if n := r.cloud.Count() - before; n < 1 || n > 2 {
			r.Errorf("five refreshes within the shortest interval made %d requests", n)
		}
		r.settle()
		for _, gone := range []string{id, "unknown", ""} {
			if followed, err := r.progress.Refresh(r.ctx, gone); followed || err != nil {
				r.Errorf("Refresh of %q gave %v, %v", gone, followed, err)
			}
		}
	})
}

func TestADeploymentThatVanishesIsToldOnce(t *testing.T) {
	for name, vanish := range map[string]func(r *rig){
		"with its stack": func(r *rig) { r.cloud.RemoveStack(r.stack.UID) },
		"alone": func(r *rig) {
			r.cloud.AddStack(cloud66sim.Stack{UID: r.stack.UID, Name: "web", UsualDuration: time.Minute})
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				id := r.began()
				if err := r.follow("op", deploys, id); err != nil {
					r.Fatal(err)
				}
				time.Sleep(15 * time.Second)
				vanish(r)
				r.settle()
				r.restart(time.Minute)
				r.settle()
				gone := "❓ web@production #1004 is not there any more: it or its stack was deleted"
				r.shows(deploys, gone, "  🔄 #1004 started", inThread(gone))
			})
		})
	}
}

func TestADeploymentWhoseStackIsUnknownForAWhileIsFollowedToItsEnd(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		if err := r.follow("op", deploys, r.began()); err != nil {
			r.Fatal(err)
		}
		time.Sleep(15 * time.Second)
		end := r.cloud.AddFault(cloud66sim.Fault{Status: 404, Body: `{"error":"not_found"}`, ContentType: "application/json"})
		time.Sleep(4 * time.Minute)
		end()
		r.settle()
		r.shows(deploys, live(1004)...)
	})
}

func TestASilenceOfCloud66IsToldAndWhatCameOfItToo(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		if err := r.follow("op", deploys, r.began()); err != nil {
			r.Fatal(err)
		}
		time.Sleep(15 * time.Second)
		end := r.cloud.AddFault(cloud66sim.Fault{Status: 500})
		time.Sleep(20 * time.Minute)
		shown := r.shown(deploys)
		if len(shown) != 3 || !strings.Contains(shown[0], "Cloud 66 has not answered for") ||
			!strings.Contains(shown[2], "Cloud 66 has not answered for") {
			r.Errorf("during the silence the channel shows %q", shown)
		}
		end()
		r.settle()
		want := live(1004)
		if shown := r.shown(deploys); len(shown) != 4 || shown[0] != want[0] || shown[3] != want[2] {
			r.Errorf("after it the channel shows %q", shown)
		}
	})
}

func TestWhatEndedWhileTheBotWasDownIsToldAfterwards(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		id := r.began()
		if err := r.follow("op", deploys, id); err != nil {
			r.Fatal(err)
		}
		r.restart(48 * time.Hour)
		r.settle()
		r.shows(deploys, live(id)...)
	})
}

func TestOldRecordsGoAndNewOnesStay(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		if err := r.redeploy("old"); err != nil {
			r.Fatal(err)
		}
		if err := r.cancel("old cancel", lin, 1004); err != nil {
			r.Error(err)
		}
		r.settle()
		time.Sleep(29 * 24 * time.Hour)
		r.forget()
		if n := len(r.follows()); n != 1 {
			r.Errorf("after 29 days there are %d follows, want 1", n)
		}
		if err := r.redeploy("new"); err != nil {
			r.Fatal(err)
		}
		r.settle()
		time.Sleep(48 * time.Hour)
		r.forget()
		if n := len(r.follows()); n != 1 {
			r.Errorf("after 31 days there are %d follows, want 1", n)
		}
		want := map[string][]string{"operations": {"new"}, "wishes": {storage.DeploymentKey(r.stack.UID, 1005)}, "cancels": nil, "messages": nil}
		for bucket, keys := range want {
			if got := r.keys(bucket); !slices.Equal(got, keys) {
				r.Errorf("%s holds %q, want %q", bucket, got, keys)
			}
		}
	})
}

// forget has the database forget what is old, as the bot does.
func (r *rig) forget() {
	r.Helper()
	if err := storage.Forget(r.ctx, r.records, time.Hour); err != nil {
		r.Error(err)
	}
}

// follows reads all records of follows.
func (r *rig) follows() []storage.Follow {
	r.Helper()
	var all []storage.Follow
	r.view(func(tx storage.Tx) error {
		return storage.Follows.Scan(tx, "", func(_ string, f storage.Follow) error {
			all = append(all, f)
			return nil
		})
	})
	return all
}

func (r *rig) keys(bucket string) []string {
	r.Helper()
	var keys []string
	r.view(func(tx storage.Tx) error {
		return tx.Scan(bucket, "", func(key string, _ []byte) error {
			keys = append(keys, key)
			return nil
		})
	})
	return keys
}

func (r *rig) view(fn func(tx storage.Tx) error) {
	r.Helper()
	if err := r.records.View(context.WithoutCancel(r.ctx), fn); err != nil {
		r.Fatal(err)
	}
}

// TestACardThatSlackOnlySaidItHadEditedIsEditedAgain has Slack answer well to the edits of a card's end without making them.
func TestACardThatSlackOnlySaidItHadEditedIsEditedAgain(t *testing.T) {
	for name, mend := range map[string]func(r *rig){
		"at a start": func(r *rig) { r.restart(time.Minute) },
		"by a refresh": func(r *rig) {
			followed, err := r.progress.Refresh(r.ctx, r.follows()[0].ID)
			if err != nil || followed {
				r.Errorf("a refresh after the end: %t, %v", followed, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				if err := r.follow("op", deploys, r.began()); err != nil {
					r.Fatal(err)
				}
				r.slack.AnswerCall("chat.update", `{"ok":true,"channel":"`+deploys+`"}`, 1000)
				r.settle()
				if got := strings.Join(r.shown(deploys), "\n"); strings.HasPrefix(got, "✅") {
					r.Fatalf("the card shows its end: %s", got)
				}
				r.slack.ClearFaults()
				mend(r)
				r.settle()
				r.shows(deploys, live(1004)...)
			})
		})
	}
}

func TestOnlyCardsOfTheLastHourAreEditedAgainAtAStart(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		for range 3 {
			if err := r.redeploy(storage.NewID(time.Now())); err != nil {
				r.Fatal(err)
			}
			r.settle()
			time.Sleep(20 * time.Minute)
		}
		for _, tt := range []struct {
			down  time.Duration
			edits int
		}{{time.Second, 2}, {time.Second, 2}, {time.Hour, 0}} {
			before := len(r.slack.Calls("chat.update"))
			r.restart(tt.down)
			r.settle()
			if n := len(r.slack.Calls("chat.update")) - before; n != tt.edits {
				r.Errorf("%d cards were edited after %s, want %d", n, tt.down, tt.edits)
			}
		}
	})
}

func TestTheFirstPostOfAFollowSaysWhatItIs(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		id := r.began()
		seen := cloud66.Deployment{
			ID: id, StartedAt: time.Now().Add(-10 * time.Second), IsDeploying: true,
			Outcome: cloud66.Value[cloud66.Outcome]{Kind: cloud66.OutcomePending},
		}
		r.slack.SlowCall("chat.update", time.Minute, 1)
		start := begins("op", storage.Follow{Stack: r.stack, Channel: deploys, Asker: lin, Deployment: id, StartedAt: seen.StartedAt})
		start.Seen = &seen
		if err := r.progress.Follow(r.ctx, start); err != nil {
			r.Fatal(err)
		}
		// Then "so far", or "of about 1 min" where the first look came before the delivery.
		if shown := r.shown(deploys); len(shown) == 0 || !strings.HasPrefix(shown[0], "🔄 web@production deploying #1004, 10 s ") {
			r.Errorf("the first post is %q", shown)
		}
		r.settle()
		r.shows(deploys, live(id)...)
	})
}
