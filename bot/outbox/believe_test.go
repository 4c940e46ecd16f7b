package outbox_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"c66bot/bot/outbox"
	"c66bot/bot/slacksim"
	"c66bot/storage"
)

const random = "C0RANDOM"

// passing are codes that a single answer may have, though the next one has not.
var passing = []string{
	"channel_not_found", "not_in_channel", "is_archived", "is_inactive", "team_not_found", "channel_is_limited_access",
	"server_error", "update_failed", "internal_error", "fatal_error", "external_channel_migrating", "restricted_action",
	"restricted_action_read_only_channel", "restricted_action_thread_only_channel",
	"account_inactive", "invalid_auth", "team_access_not_granted", "ratelimited", "message_limit_exceeded",
	"flux_drained", "unknown_method", "message_not_found",
	"edit_window_closed", "cant_update_message", "user_not_found", "cannot_reply_to_message",
}

func TestOneAnswerIsNotTheLastWord(t *testing.T) {
	for _, code := range passing {
		for _, method := range []string{"chat.postMessage", "chat.update"} {
			t.Run(method+" "+code, func(t *testing.T) {
				inBubble(t, func(r *rig) {
					m := urgent(card("a", "deploying"))
					m.Tell = []string{lin}
					if method == "chat.update" {
						r.put(m)
						r.settle()
						m.Text, m.Last, m.Blocks = "live", true, blocks("live")
					}
					r.slack.FailIn(deploys, method, code, 1)
					start := time.Now()
					r.put(m)
					r.settle()
					r.shows(deploys, m.Text)
					if took := time.Since(start); took > 10*time.Second {
						r.Errorf("it took %s", took)
					}
					if got := r.message("a"); !got.Delivered() || got.Refusing != "" || !got.Since.IsZero() {
						r.Errorf("its record is %+v", got)
					}
					if told := r.directs(); len(told) > 0 || r.lostOnes() != "" {
						r.Errorf("Lin was told %q, the channels %q are lost", told, r.lostOnes())
					}
				})
			})
		}
	}
}

func TestAChannelIsLostOnlyWhereConversationsInfoSaysSo(t *testing.T) {
	day := 24 * time.Hour
	tests := map[string]struct {
		meets         func(w *slacksim.Workspace)
		lost          string
		least, latest time.Duration
	}{
		"it says so": {func(w *slacksim.Workspace) { w.Kick(deploys) }, deploys + " not_in_channel", 0, 5 * time.Second},
		"it says something else": {func(w *slacksim.Workspace) {
			w.FailIn(deploys, "chat.postMessage", "channel_not_found", 1000)
			w.Archive(deploys)
		}, deploys + " is_archived", 0, 5 * time.Second},
		"it says that all is well": {func(w *slacksim.Workspace) {
			w.FailIn(deploys, "chat.postMessage", "channel_not_found", 10_000)
		}, "", day, day + 2*time.Hour},
		"it is limited at first": {func(w *slacksim.Workspace) {
			w.Kick(deploys)
			w.Throttle("conversations.info", 30*time.Second, 1)
		}, deploys + " not_in_channel", 30 * time.Second, 2 * time.Minute},
		"it hangs at first": {func(w *slacksim.Workspace) {
			w.Kick(deploys)
			w.SlowCall("conversations.info", time.Hour, 2)
		}, deploys + " not_in_channel", 10 * time.Second, time.Minute},
		"the app may not ask": {func(w *slacksim.Workspace) {
			w.Kick(deploys)
			w.FailCall("conversations.info", "missing_scope", 1000, false)
		}, deploys + " not_in_channel", time.Minute, 3 * time.Minute},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				tt.meets(r.slack)
				start := time.Now()
				r.put(urgent(promised("", "a", "it failed")))
				r.until("Lin is told", func() bool { return len(r.directs()) == 1 })
				if took := time.Since(start); took < tt.least || took > tt.latest {
					r.Errorf("it was given up after %s, want %s to %s", took, tt.least, tt.latest)
				}
				if got := r.lostOnes(); got != tt.lost {
					r.Errorf("%q is lost, want %q", got, tt.lost)
				}
				r.settle()
			})
		})
	}
}

func TestOfManyThatAreLostTogetherEachPersonHearsOnce(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.slack.Kick(deploys)
		var all []storage.Message
		for _, key := range []string{"a", "b", "c", "d", "e"} {
			m := promised("", key, "#"+key+" failed\nmore")
			m.Tell = []string{lin, sam}
			all = append(all, m)
		}
		r.put(all...)
		r.settle()
		told := r.directs()
		want := "I could not post this: I am not a member of the channel.\n" +
			"#deploys #a failed\n#deploys #b failed\n#deploys #c failed\n#deploys #d failed\n#deploys #e failed"
		if !slices.Equal(told, []string{want, want}) {
			r.Errorf("told was %q", told)
		}
	})
}

func TestWhatIsGivenUpAfterADayOfAnUnknownCodeIsToldWithIt(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.slack.FailIn(deploys, "chat.postMessage", "flux_drained", 10_000)
		r.put(urgent(promised("", "a", "it failed")))
		time.Sleep(23 * time.Hour)
		if told := r.directs(); len(told) > 0 {
			r.Errorf("before a day has passed Lin was told %q", told)
		}
		r.restart() // the day goes on
		time.Sleep(3 * time.Hour)
		want := "I could not post this in #deploys: Slack refused it with the code flux_drained, which I do not know.\nit failed"
		if told := r.directs(); !slices.Equal(told, []string{want}) {
			r.Errorf("Lin was told %q", told)
		}
		if n := len(r.slack.Calls("chat.postMessage")); n < 60 || n > 250 {
			r.Errorf("it was tried %d times in a day", n)
		}
	})
}

func TestAnEditThatSlackDidNotTakeIsMadeAgain(t *testing.T) {
	for name, mend := range map[string]func(r *rig){
		"while it is tried": func(*rig) {},
		"at a restart":      func(r *rig) { r.restart() },
		"by a refresh": func(r *rig) {
			if err := r.outbox.Anew(r.ctx, true, "a"); err != nil {
				r.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.put(card("a", "deploying"))
				r.settle()
				r.slack.FailCall("chat.update", "update_failed", 10_000, false)
				r.put(last(urgent(card("a", "live"))))
				if name == "while it is tried" {
					time.Sleep(time.Hour)
				} else {
					r.settle() // it is given up after a day
				}
				r.slack.ClearFaults()
				mend(r)
				r.until("it is shown", func() bool { return slices.Equal(r.channel(deploys), []string{"live"}) })
				r.settle()
				if m := r.message("a"); !m.Delivered() {
					r.Error("it still counts as missed")
				}
			})
		})
	}
}

func TestARefreshSendsTheEditAlsoWhereItCountsAsMade(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(card("a", "deploying"))
		r.settle()
		r.put(last(urgent(card("a", "live"))))
		r.settle()
		before := len(r.calls("chat.update"))
		if err := r.outbox.Anew(r.ctx, true, "a"); err != nil {
			r.Fatal(err)
		}
		if err := r.outbox.Anew(r.ctx, true, "never put"); err != nil {
			r.Error(err)
		}
		r.settle()
		if n := len(r.calls("chat.update")); n != before+1 {
			r.Errorf("%d edits, want %d", n, before+1)
		}
	})
}

func TestAnEditThatIsMadeAgainOfItselfPostsNothing(t *testing.T) {
	for _, code := range []string{"message_not_found", "edit_window_closed", "cant_update_message"} {
		t.Run(code, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.put(card("a", "deploying"))
				r.settle()
				r.put(last(urgent(card("a", "live"))))
				r.settle()
				r.slack.FailCall("chat.update", code, 100, false)
				if err := r.outbox.Anew(r.ctx, false, "never put", "a"); err != nil {
					r.Fatal(err)
				}
				r.settle()
				if n := len(r.slack.Calls("chat.update")); n < 2 {
					r.Errorf("%d edits", n)
				}
				r.shows(deploys, "live")
			})
		})
	}
}

func TestAnEndThatCannotBeEditedIntoItsCardIsANewMessage(t *testing.T) {
	for _, code := range []string{"edit_window_closed", "cant_update_message"} {
		t.Run(code, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.put(card("a", "deploying"))
				r.settle()
				r.slack.FailCall("chat.update", code, 6, false)
				r.put(urgent(card("a", "still deploying")))
				r.settle()
				r.shows(deploys, "deploying")
				r.put(last(urgent(card("a", "live"))), reply("a", "a/live", "it is live"))
				r.settle()
				if got := strings.Join(r.channel(deploys), "; "); got != "deploying [it is live]; live" && got != "deploying; live [it is live]" {
					r.Errorf("the channel shows %s", got)
				}
			})
		})
	}
}

func TestOneAnswerAboutAThreadOrAPersonIsNotTheLastWord(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(card("a", "deploying"))
		r.settle()
		r.slack.FailIn(deploys, "chat.postMessage", "thread_not_found", 1)
		r.slack.FailCall("conversations.open", "user_not_found", 1, false)
		r.put(reply("a", "a/1", "started"), storage.Message{Key: "d", Channel: outbox.Direct(lin), Text: "hello", Urgent: true, Last: true})
		r.settle()
		r.shows(deploys, "deploying [started]")
		if told := r.directs(); !slices.Equal(told, []string{"hello"}) {
			r.Errorf("Lin was told %q", told)
		}
	})
}
