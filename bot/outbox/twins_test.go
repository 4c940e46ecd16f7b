package outbox_test

import (
	"errors"
	"testing"
	"time"

	"c66bot/bot/outbox"
	"c66bot/bot/outbox/mortal"
	"c66bot/bot/slacksim"
)

func TestAPostThatOutlivesItsSenderStandsOnceInTheEnd(t *testing.T) {
	for name, late := range map[string]time.Duration{
		"at once": time.Millisecond, "after 400 ms": 400 * time.Millisecond, "after 3 s": 3 * time.Second, "after 10 s": 10 * time.Second,
		"after 25 s": 25 * time.Second, "after 45 s": 45 * time.Second, "after 3 min": 3 * time.Minute,
	} {
		for who, killed := range map[string]bool{"a killed process": true, "a sender without patience": false} {
			for what, inThread := range map[string]bool{"a card": false, "a line of its thread": true} {
				t.Run(who+", "+what+", "+name, func(t *testing.T) {
					inBubble(t, func(r *rig) {
						want := "live"
						if inThread {
							r.put(card("c", "card"))
							r.settle()
							time.Sleep(2 * time.Second) // for the pace
							want = "card [live]"
						}
						r.slack.LateCall("chat.postMessage", late, 1)
						m := last(urgent(card("a", "live")))
						if inThread {
							m = reply("c", "c/a", "live")
						}
						start := time.Now()
						r.put(m)
						time.Sleep(45 * time.Millisecond)
						if killed {
							r.restart()
						}
						r.settle()
						if took := time.Since(start); killed && took > 8*time.Second {
							r.Errorf("it stood after %s", took)
						}
						if late <= 10*time.Second { // as nearly all that are late
							time.Sleep(time.Until(start.Add(30 * time.Second)))
							r.shows(deploys, want)
						}
						time.Sleep(10 * time.Minute)
						r.shows(deploys, want)
						if queues := r.outbox.Held(); queues != 0 {
							r.Errorf("%d queues are left", queues)
						}
					})
				})
			}
		}
	}
}

func TestOfTwoCopiesTheOneWithRepliesStaysAndIsEdited(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.slack.LateCall("chat.postMessage", 25*time.Second, 1)
		r.put(urgent(card("a", "deploying")))
		r.until("there are two", func() bool { return len(r.channel(deploys)) == 2 })
		recorded := r.message("a").TS
		for _, m := range r.slack.Person(lin).Sees(deploys) {
			if m.TS != recorded {
				if _, err := r.slack.Person(lin).Say(deploys, m.TS, "why?"); err != nil {
					r.Fatal(err)
				}
			}
		}
		r.put(last(urgent(card("a", "live"))))
		time.Sleep(10 * time.Minute)
		r.shows(deploys, "live [why?]")
	})
}

func TestASecondCopyIsFoundAlsoAfterARestartAndWhereTheLooksFailAtFirst(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.slack.LateCall("chat.postMessage", 25*time.Second, 1)
		r.put(urgent(card("a", "deploying")))
		r.until("there are two", func() bool { return len(r.channel(deploys)) == 2 })
		r.slack.Throttle("conversations.history", 2*time.Minute, 2)
		r.slack.FailCall("chat.delete", "internal_error", 2, false)
		r.restart()
		time.Sleep(20 * time.Minute)
		r.shows(deploys, "deploying")
	})
}

func TestWhereTheLookIsNotToBeHadTheMessageIsPostedAllTheSame(t *testing.T) {
	for name, fault := range map[string]func(w *slacksim.Workspace){
		"it is limited": func(w *slacksim.Workspace) { w.Throttle("conversations.history", 5*time.Minute, 1) },
		"it hangs":      func(w *slacksim.Workspace) { w.SlowCall("conversations.history", time.Hour, 5) },
		"it fails":      func(w *slacksim.Workspace) { w.BreakCall("conversations.history", 500, 10) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				fault(r.slack)
				r.slack.FailCall("chat.postMessage", "", 1, true)
				start := time.Now()
				r.put(urgent(card("a", "failed")))
				r.settle()
				if took := time.Since(start); took > 40*time.Second {
					r.Errorf("it stood after %s", took)
				}
				time.Sleep(time.Hour)
				r.shows(deploys, "failed")
			})
		})
	}
}

func TestAnotherAppsMessageIsNotTakenForOurs(t *testing.T) {
	for name, shows := range map[string]map[string]any{
		"with a bot of its own": {"bot_id": "B0EVIL"},
		"with our name":         {"bot_id": "B0EVIL", "username": "c66bot", "bot_profile": map[string]any{"id": "B0C66"}},
		"as a person":           {"user": lin, "bot_id": nil},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				shows["text"], shows["metadata"] = "forged", map[string]any{"event_type": "c66bot_message", "event_payload": map[string]any{"key": "a"}}
				r.slack.Foreign(deploys, "", shows)
				r.slack.BreakCall("chat.postMessage", 502, 1)
				r.put(urgent(card("a", "it failed")))
				r.settle()
				r.shows(deploys, "forged", "it failed")
			})
		})
	}
}

func TestALookWaitsUntilTheBotKnowsWhoItIs(t *testing.T) {
	inBubble(t, func(r *rig) {
		known := r.who()
		r.becomes(outbox.Self{})
		r.slack.FailCall("chat.postMessage", "", 1, true)
		r.put(urgent(card("a", "it failed")))
		time.Sleep(time.Minute)
		if n := len(r.slack.Calls("chat.postMessage")); n != 1 {
			r.Errorf("%d posts before it can be looked for", n)
		}
		r.becomes(known)
		r.settle()
		r.shows(deploys, "it failed")
	})
}

func TestWhateverStandsBesideItAMessageIsFound(t *testing.T) {
	inBubble(t, func(r *rig) {
		for _, odd := range []map[string]any{
			{"text": "a table", "blocks": []any{map[string]any{"type": "hologram", "cells": 7, "elements": "none"}}},
			{"text": "odd metadata", "metadata": "none"},
			{"text": "odd payload", "metadata": map[string]any{"event_type": "c66bot_message", "event_payload": []int{1}}},
			{"text": "odd count", "reply_count": "many"},
		} {
			r.slack.Foreign(deploys, "", odd)
		}
		r.slack.FailCall("chat.postMessage", "", 1, true)
		r.put(urgent(card("a", "it failed")))
		r.settle()
		time.Sleep(10 * time.Minute)
		r.shows(deploys, "a table", "odd metadata", "odd payload", "odd count", "it failed")
	})
}

func TestAHistoryWithoutAnEndIsNotReadForEver(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(card("b", "card"))
		r.settle()
		r.slack.RepeatPages()
		r.slack.BreakCall("chat.postMessage", 502, 1)
		r.put(urgent(card("a", "it failed")))
		r.settle()
		r.shows(deploys, "card", "it failed")
		if n := len(r.slack.Calls("conversations.history")); n > 10 {
			r.Errorf("%d pages were read", n)
		}
	})
}

func TestAMessageIsFoundWhateverOurClockSays(t *testing.T) {
	for name, ahead := range map[string]time.Duration{
		"ours is 6 min ahead": -6 * time.Minute, "ours is 6 min behind": 6 * time.Minute, "ours is a day ahead": -24 * time.Hour,
		"ours is a year behind": 365 * 24 * time.Hour,
	} {
		for when, posted := range map[string]bool{"after other messages": true, "with the first message": false} {
			t.Run(name+", "+when, func(t *testing.T) {
				inBubble(t, func(r *rig) {
					r.slack.SetClock(ahead)
					want := []string{"card"}
					if posted {
						r.put(card("b", "other"))
						r.settle()
						want = []string{"other", "card"}
					}
					r.slack.FailCall("chat.postMessage", "", 1, true)
					r.put(urgent(card("a", "card")))
					r.settle()
					r.shows(deploys, want...)
				})
			})
		}
	}
}

// TestEightyKillsWhilePostsAreUnderWay kills a process at eighty moments of a scene in which Slack carries each post out 400 ms late.
func TestEightyKillsWhilePostsAreUnderWay(t *testing.T) {
	s := scenes()["a card with its thread"]
	for i := range 80 {
		inBubble(t, func(r *rig) {
			r.slack.LateCall("chat.postMessage", 400*time.Millisecond, 1000)
			first := r.process
			time.AfterFunc(time.Duration(i)*75*time.Millisecond, first.Kill)
			if err := r.play(s); err != nil && !errors.Is(err, mortal.ErrDead) {
				r.Fatal(err)
			}
			r.restart()
			if err := r.play(s); err != nil {
				r.Fatal(err)
			}
			r.settle()
			time.Sleep(10 * time.Minute)
			r.shows(deploys, s.shows...)
		})
		if t.Failed() {
			t.Fatalf("killed after %s", time.Duration(i)*75*time.Millisecond)
		}
	}
}
