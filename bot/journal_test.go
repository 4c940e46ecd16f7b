package bot_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
	"c66bot/commands"
)

// wishes are the ways in which somebody asks for a redeploy of web: what prepares it, and what sends it.
var wishes = map[string]func(r *rig) (send func() *slacksim.Delivery){
	"a command": func(r *rig) func() *slacksim.Delivery {
		return func() *slacksim.Delivery {
			return r.slack.Person(lin).Command(deploys, "/c66 redeploy web@production --now")
		}
	},
	"a mention": func(r *rig) func() *slacksim.Delivery {
		return func() *slacksim.Delivery {
			_, d, err := r.slack.Person(lin).Mention(deploys, "", "@c66bot redeploy web@production --now")
			return r.sentBy(d, err)
		}
	},
	"a click": func(r *rig) func() *slacksim.Delivery {
		r.cloud.AddStack(cloud66sim.Stack{Name: "web", Environment: "staging", History: 1})
		choice := r.ask(lin, deploys, "/c66 redeploy web --now")
		return func() *slacksim.Delivery {
			return r.sentBy(r.slack.Person(lin).ClickOld(deploys, choice, "web@production"))
		}
	},
	"the yes to a promotion": func(r *rig) func() *slacksim.Delivery {
		r.cloud.AddStack(cloud66sim.Stack{Name: "web", Environment: "staging", Git: "https://github.com/acme/web.git", History: 2})
		question := r.ask(lin, deploys, "/c66 promote web@staging production")
		return func() *slacksim.Delivery {
			return r.sentBy(r.slack.Person(lin).ClickOld(deploys, question, "Yes, promote"))
		}
	},
	"the yes to a rollback": func(r *rig) func() *slacksim.Delivery {
		question := r.ask(lin, deploys, "/c66 rollback web@production")
		return func() *slacksim.Delivery {
			return r.sentBy(r.slack.Person(lin).ClickOld(deploys, question, "Yes, roll back"))
		}
	},
	"a form": func(r *rig) func() *slacksim.Delivery {
		r.opens(lin, deploys, "/c66 redeploy web@production", "Live now is #1035")
		r.fill(lin, "Reason", "typed with care")
		return func() *slacksim.Delivery { return r.sentBy(r.slack.Person(lin).Submit()) }
	},
}

func (r *rig) sentBy(d *slacksim.Delivery, err error) *slacksim.Delivery {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

// directly gives what lin was told in direct messages.
func (r *rig) directly() (texts []string) {
	for _, m := range r.slack.Person(lin).Sees(direct(lin)) {
		texts = append(texts, m.Plain())
	}
	return texts
}

// eachWish runs a test for each way of asking.
func eachWish(t *testing.T, f func(t *testing.T, r *rig, send func() *slacksim.Delivery)) {
	t.Helper()
	for name, prepare := range wishes {
		t.Run(name, func(t *testing.T) {
			inBubble(t, settings{fewPast: true}, func(t *testing.T, r *rig) { f(t, r, prepare(r)) })
		})
	}
}

// dying ends the process at a step, the first time it comes there.
func dying(step string, after bool) func(string, bool) bool {
	var once sync.Once
	return func(s string, a bool) (die bool) {
		if s == step && a == after {
			once.Do(func() { die = true })
		}
		return die
	}
}

func TestAKillAtAnyStepOfAChangeDoesItOnceOrIsTold(t *testing.T) {
	t.Parallel()
	for _, step := range []struct {
		name           string
		after          bool
		posts, direct  int    // how many POSTs are made, how many direct messages are sent
		directly, card string // what they say, and the card
	}{
		{"journal", false, 1, 0, "", "went live"}, // nobody has our word: Slack brings it again
		{"journal", true, 0, 1, "before I began with your “", ""},
		{"done", false, 0, 1, "before I began with your “", ""},
		{"done", true, 1, 0, "", "went live"},
		{"posted", true, 1, 0, "", "went live"},
		{"POST", false, 0, 0, "", "did not tell what became of the redeploy"},
		{"POST", true, 1, 0, "", "went live"},
	} {
		when := "before "
		if step.after {
			when = "after "
		}
		t.Run(when+step.name, func(t *testing.T) {
			eachWish(t, func(t *testing.T, r *rig, send func() *slacksim.Delivery) {
				r.steps.set(dying(step.name, step.after), nil)
				d := send()
				pass(5 * time.Second)
				r.steps.set(nil, nil)
				r.kill()
				pass(10 * time.Second)
				r.start()
				for range 2 {
					r.slack.Redeliver(d.EnvelopeID)
					pass(20 * time.Second)
				}
				r.kill()
				r.start()
				r.slack.Redeliver(d.EnvelopeID)
				pass(15 * time.Minute)
				if n := r.requests("POST"); n != step.posts {
					t.Errorf("%d POSTs were made, want %d", n, step.posts)
				}
				told := r.directly()
				if len(told) != step.direct || !strings.Contains(strings.Join(told, ""), step.directly) {
					t.Errorf("lin was told %q", told)
				}
				requested := func(m slacksim.Message) bool { return strings.Contains(m.Plain(), "redeploy requested") }
				switch cards := r.cards(deploys); {
				case step.card == "" && slices.ContainsFunc(cards, requested):
					t.Errorf("there is a card:\n%s", r.sees(lin, deploys))
				case step.card != "":
					r.card(step.card)
				}
			})
		})
	}
}

func TestWhatTheDiskDoesNotTakeInTimeIsNotTakenAndNeverRun(t *testing.T) {
	t.Parallel()
	slow := func(d time.Duration) func(context.Context) error {
		return func(ctx context.Context) error {
			select {
			case <-time.After(d):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	for name, disk := range map[string]func(context.Context) error{
		"takes 2.5 s": slow(2500 * time.Millisecond), "takes 10 s": slow(10 * time.Second),
		"fails": func(context.Context) error { return errors.New("no space left on device") },
	} {
		for killed, after := range map[string]time.Duration{"": 0, ", killed soon": 2200 * time.Millisecond, ", killed late": 3 * time.Second} {
			t.Run(name+killed, func(t *testing.T) {
				eachWish(t, func(t *testing.T, r *rig, send func() *slacksim.Delivery) {
					r.steps.set(nil, disk)
					d := send()
					info := r.acked(d)
					if info.After > 2500*time.Millisecond {
						t.Errorf("acknowledged after %s", info.After)
					}
					r.slack.Redeliver(d.EnvelopeID)
					if after > 0 {
						time.Sleep(after - info.After)
						r.kill()
						r.steps.set(nil, nil)
						r.start()
					}
					v, _ := r.slack.Person(lin).View()
					r.until("lin is told", func() bool {
						return strings.Contains(r.sees(lin, deploys)+v.Plain(), "It was not taken: nothing was done.")
					})
					pass(time.Minute)
					r.steps.set(nil, nil)
					pass(2 * time.Minute)
					if after == 0 {
						r.slack.Redeliver(d.EnvelopeID)
						pass(time.Minute)
						r.kill()
						r.start()
						r.slack.Redeliver(d.EnvelopeID)
					}
					pass(10 * time.Minute)
					if n := r.requests("POST"); n != 0 {
						t.Errorf("%d POSTs were made", n)
					}
					if told := r.directly(); after == 0 && len(told) > 0 {
						t.Errorf("lin was told %q", told)
					}
				})
			})
		}
	}
}

func TestAChangeThatComesAgainInAnyStateIsDoneOnce(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]time.Duration{
		"while it is written": 500 * time.Millisecond, "while it begins": 1500 * time.Millisecond, "while Cloud 66 is asked": 4 * time.Second,
		"when it is done": time.Minute,
	} {
		t.Run(name, func(t *testing.T) {
			eachWish(t, func(t *testing.T, r *rig, send func() *slacksim.Delivery) {
				mend := r.cloud.AddFault(cloud66sim.Fault{Delay: 2 * time.Second})
				r.steps.set(nil, func(context.Context) error { time.Sleep(time.Second); return nil })
				d := send()
				time.Sleep(again)
				r.slack.Redeliver(d.EnvelopeID)
				r.acked(d)
				pass(20 * time.Second)
				mend()
				r.card("went live")
				if n := r.requests("POST"); n != 1 {
					t.Errorf("%d POSTs were made", n)
				}
				lack(t, "what lin sees", r.sees(lin, deploys), "not done twice", "not taken")
			})
		})
	}
}

func TestASecondClickAndASecondSubmitAreTheSameWish(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a click", "a form"} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, settings{}, func(t *testing.T, r *rig) {
				send := wishes[name](r)
				first := send()
				again := func() { r.acked(r.slack.Deliver("interactive", first.Payload, name == "a form")) } // in an envelope of its own
				again()
				r.acked(first)
				r.card("went live")
				again()
				r.says(lin, deploys, "not done twice")
				pass(23 * time.Hour)
				r.kill()
				r.start()
				again()
				pass(5 * time.Minute)
				if n := r.requests("POST"); n != 1 {
					t.Errorf("%d POSTs were made", n)
				}
			})
		})
	}
}

func TestWhatCameToNothingMayBeClickedAgainButIsNotBroughtAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		send := wishes["a click"](r)
		mend := r.cloud.AddFault(cloud66sim.Fault{Status: 500})
		first := send()
		r.says(lin, deploys, "Cloud 66 has a fault")
		mend()
		pass(time.Minute)
		r.kill()
		r.start()
		r.slack.Redeliver(first.EnvelopeID)
		r.says(lin, deploys, "not done twice")
		pass(time.Minute)
		if n := r.requests("POST"); n != 0 {
			t.Errorf("%d POSTs were made", n)
		}
		r.acked(send())
		r.card("went live")
		r.slack.Redeliver(first.EnvelopeID)
		pass(time.Minute)
		if n := r.requests("POST"); n != 1 {
			t.Errorf("%d POSTs were made", n)
		}
	})
}

func TestWhatOnePersonAsksForInOneChannelBeginsInItsOrder(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		var want, got []string
		for _, ref := range []string{"v1", "v2", "v3", "v4", "v5"} {
			want = append(want, ref)
			r.slack.Person(lin).Command(deploys, "/c66 redeploy web --wait --ref "+ref)
		}
		r.until("all are sent", func() bool { return r.requests("POST") == 5 })
		for _, d := range r.cloud.Deployments(r.web)[35:] {
			got = append(got, d.Ref)
		}
		if !slices.Equal(got, want) {
			t.Errorf("they were sent in the order %q", got)
		}
		for range 20 {
			r.slack.Person(lin).Command(deploys, "/c66 allow @sam redeploy web")
			r.slack.Person(lin).Command(deploys, "/c66 deny @sam redeploy web")
		}
		pass(5 * time.Minute)
		cards := r.cards(deploys)
		rules := slices.DeleteFunc(cards, func(m slacksim.Message) bool { return !strings.Contains(m.Plain(), "@lin made a rule") })
		for i, m := range rules {
			if verb := []string{"allow", "deny"}[i%2]; !strings.Contains(m.Plain(), verb+" @sam") {
				t.Fatalf("rule %d is no %s: %s", i, verb, m.Plain())
			}
		}
	})
}

func TestAPanicEndsOneChangeAndIsToldWithAReferenceThatTheLogHas(t *testing.T) {
	t.Parallel()
	eachWish(t, func(t *testing.T, r *rig, send func() *slacksim.Delivery) {
		r.steps.set(func(step string, after bool) bool {
			if step == "done" && !after {
				panic("a fault of the bot's own")
			}
			return false
		}, nil)
		d := send()
		r.acked(d)
		told := r.says(lin, deploys, "I made a mistake of my own", "(error ").Plain()
		_, ref, _ := strings.Cut(told, "(error ")
		ref, _, _ = strings.Cut(ref, ")")
		hold(t, "the log", r.log.String(), "a task panicked", "ref="+ref)
		pass(time.Second)
		r.steps.set(nil, nil)
		r.slack.Redeliver(d.EnvelopeID)
		r.command(lin, deploys, "/c66 redeploy web@production --ref v2")
		hold(t, "the card of the next one", r.card("went live").Plain(), "v2")
		r.kill()
		r.start()
		pass(time.Minute)
		if told := r.directly(); len(told) > 0 {
			t.Errorf("it was not settled: lin was told %q", told)
		}
		if n := r.requests("POST"); n != 1 {
			t.Errorf("%d POSTs were made", n)
		}
	})
}

func TestOnePersonIsToldOfAllThatAKillCutShort(t *testing.T) {
	t.Parallel()
	for wishes, messages := range map[int]int{1: 1, 2: 1, 12: 1, 60: 1} {
		t.Run(fmt.Sprint(wishes), func(t *testing.T) {
			inBubble(t, settings{}, func(t *testing.T, r *rig) {
				r.cloud.AddFault(cloud66sim.Fault{Delay: 20 * time.Second})
				var named []string
				for n := range wishes {
					wish := fmt.Sprintf("redeploy web --ref v%d --reason %q", n+1, strings.Repeat("x", 20))
					r.command(lin, deploys, "/c66 "+wish)
					named = append(named, fmt.Sprintf("“redeploy web --ref v%d ", n+1))
				}
				pass(time.Second)
				r.kill()
				for range 3 { // also where the next process is killed at once
					r.begin()
					r.kill()
				}
				r.start()
				pass(5 * time.Minute)
				told := r.directly()
				if len(told) < messages || (messages == 1 && wishes < 60 && len(told) != 1) {
					t.Fatalf("lin was told %q", told)
				}
				hold(t, "the messages", strings.Join(told, "\n"), append(named, "Nothing was done")...)
				lack(t, "the messages", strings.Join(told, "\n"), "more", "…")
			})
		})
	}
}

// A payload whose operation was refused is used up: it is not carried out in an envelope of its own once the right was given. Another click
// is.
func TestWhatWasRefusedIsUsedUp(t *testing.T) {
	t.Parallel()
	for name, trigger := range map[string]bool{"with a trigger_id": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, settings{}, func(t *testing.T, r *rig) {
				r.slack.AddGroup(slacksim.Group{ID: "S0OPS", Handle: "ops", Users: []string{sam}})
				r.command(lin, deploys, "/c66 redeploy web --ref v0")
				r.card("went live")
				payloads := map[string]map[string]any{}
				value, err := commands.Invocation{
					Verb:    commands.Redeploy,
					UID:     r.web,
					Options: commands.Options{commands.Ref: "v1", commands.Now: "true"},
					Nonce:   "n1",
					AskedAt: time.Now().Unix(),
				}.Value()
				if err != nil {
					t.Fatal(err)
				}
				payloads["interactive"] = map[string]any{
					"type": "block_actions", "user": map[string]any{"id": sam}, "channel": map[string]any{"id": deploys},
					"container": map[string]any{"type": "message", "channel_id": deploys, "is_ephemeral": true},
					"actions":   []any{map[string]any{"action_id": "redeploy", "value": value, "type": "button", "action_ts": "1.5"}},
				}
				payloads["slash_commands"] = map[string]any{"command": "/c66", "text": "redeploy web --ref v1", "user_id": sam, "channel_id": deploys,
					"trigger_id": "7.7.7"}
				payloads["events_api"] = map[string]any{"event_id": "Ev77", "event": map[string]any{
					"type": "app_mention", "user": sam, "channel": deploys, "ts": fmt.Sprintf("%d.000100", time.Now().Unix()),
					"text": "<@U0C66BOT> redeploy web --ref v1",
				}}
				if trigger {
					payloads["interactive"]["trigger_id"] = "8.8.8"
				}
				posts := r.requests("POST")
				send := func() {
					for kind, payload := range payloads {
						r.acked(r.slack.Deliver(kind, payload, false))
						pass(5 * time.Second)
					}
				}
				send()
				hold(t, "what sam sees", r.sees(sam, deploys), "You may not")
				r.ask(lin, deploys, "/c66 help")
				r.command(lin, deploys, "/c66 allow @sam redeploy web")
				pass(time.Minute)
				send()
				r.kill()
				r.start()
				send()
				pass(time.Minute)
				if n := r.requests("POST") - posts; n != 0 {
					t.Fatalf("%d POSTs were made of what was refused", n)
				}
				payloads["interactive"]["trigger_id"] = "8.8.9" // another click on the same button
				r.acked(r.slack.Deliver("interactive", payloads["interactive"], false))
				pass(time.Minute)
				if n := r.requests("POST") - posts; n != 1 {
					t.Errorf("%d POSTs were made of another click", n)
				}
			})
		})
	}
}

func TestAShutdownInTheMiddleOfTheJournalLosesNothingAndTakesItsTime(t *testing.T) {
	t.Parallel()
	for name, delay := range map[string]time.Duration{"with a disk of half a second": 500 * time.Millisecond,
		"with one of ten": 10 * time.Second} {
		t.Run(name, func(t *testing.T) {
			eachWish(t, func(t *testing.T, r *rig, send func() *slacksim.Delivery) {
				r.steps.set(nil, func(ctx context.Context) error {
					select {
					case <-time.After(delay):
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				})
				send()
				time.Sleep(200 * time.Millisecond)
				began := time.Now()
				r.terminate()
				if took := time.Since(began); took > 8*time.Second {
					t.Errorf("the shutdown took %s", took)
				}
				r.steps.set(nil, nil)
				r.start()
				pass(10 * time.Minute)
				said := r.sees(lin, deploys) + strings.Join(r.directly(), "")
				done, told := r.requests("POST"), strings.Contains(said, "othing was done")
				if done > 1 || (done == 1) == told {
					t.Errorf("%d POSTs were made, and lin sees:\n%s", done, said)
				}
			})
		})
	}
}
