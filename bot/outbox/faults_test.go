package outbox_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"c66bot/bot/outbox"
	"c66bot/bot/outbox/mortal"
	"c66bot/bot/slacksim"
	"c66bot/storage"
)

func TestAFaultInTheWayOfAPostDelaysItAndDoublesNothing(t *testing.T) {
	tests := map[string]struct {
		fault func(w *slacksim.Workspace)
		wait  time.Duration // before the next try
		looks int           // in Slack for what may have been posted
	}{
		"a limit is waited out as Slack says": {
			func(w *slacksim.Workspace) { w.Throttle("chat.postMessage", 37*time.Second, 1) },
			37 * time.Second,
			0,
		},
		"a cut before the effect": {func(w *slacksim.Workspace) { w.BreakCall("chat.postMessage", 502, 1) }, time.Second, 1},
		"a cut after the effect":  {func(w *slacksim.Workspace) { w.FailCall("chat.postMessage", "", 1, true) }, time.Second, 1},
		"no answer in time, but the effect": {
			func(w *slacksim.Workspace) { w.SlowCall("chat.postMessage", 5*time.Minute, 1) },
			21 * time.Second,
			1,
		},
		"an internal error of Slack": {
			func(w *slacksim.Workspace) { w.FailCall("chat.postMessage", "internal_error", 1, false) },
			time.Second,
			1,
		},
		"a token that is refused for five minutes": {
			func(w *slacksim.Workspace) { w.FailCall("chat.postMessage", "token_revoked", 10, false) },
			5*time.Minute + 3*time.Second,
			0,
		},
		"a scope that is missing for two days": {
			func(w *slacksim.Workspace) { w.FailCall("chat.postMessage", "missing_scope", 2880, false) },
			2874*time.Minute + 63*time.Second,
			0,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				tt.fault(r.slack)
				start := time.Now()
				r.put(urgent(card("a", "card")), reply("a", "a/1", "started"))
				r.put(reply("a", "a/2", "live"))
				for r.outbox.Queued() > 0 {
					time.Sleep(time.Second)
				}
				r.shows(deploys, "card [started, live]")
				if took := time.Since(start); took < tt.wait || took > tt.wait+8*time.Second {
					r.Errorf("it took %s, want about %s", took, tt.wait)
				}
				if looks := len(r.calls("conversations.history")) + len(r.calls("conversations.replies")); looks != tt.looks {
					r.Errorf("it was looked for %d times, want %d", looks, tt.looks)
				}
			})
		})
	}
}

func TestAFaultInTheWayOfAnEditDelaysIt(t *testing.T) {
	for name, tt := range map[string]struct {
		fault func(w *slacksim.Workspace)
		wait  time.Duration
	}{
		"a limit": {func(w *slacksim.Workspace) { w.Throttle("chat.update", 37*time.Second, 1) }, 37 * time.Second},
		"a cut":   {func(w *slacksim.Workspace) { w.FailCall("chat.update", "", 1, true) }, time.Second},
		"a token": {func(w *slacksim.Workspace) { w.FailCall("chat.update", "invalid_auth", 3, false) }, 7 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.put(card("a", "card"))
				r.settle()
				time.Sleep(10 * time.Second)
				tt.fault(r.slack)
				start := time.Now()
				r.put(card("a", "live"))
				r.settle()
				r.shows(deploys, "live")
				if took := time.Since(start); took < tt.wait || took > tt.wait+5*time.Second {
					r.Errorf("it took %s, want about %s", took, tt.wait)
				}
			})
		})
	}
}

func TestALimitOfEditsHoldsBackEveryChannel(t *testing.T) {
	inBubble(t, func(r *rig) {
		b := card("b", "card")
		b.Channel = builds
		r.put(card("a", "card"), b)
		r.settle()
		time.Sleep(10 * time.Second)
		r.slack.Throttle("chat.update", 37*time.Second, 1)
		start := time.Now()
		r.put(urgent(card("a", "live")))
		time.Sleep(time.Second)
		b.Text, b.Urgent = "live", true
		r.put(b)
		r.settle()
		for _, at := range r.calls("chat.update") {
			if after := at.Sub(start); after < 37*time.Second {
				r.Errorf("an edit %s after a limit of 37 s", after)
			}
		}
	})
}

func TestWithoutTheRightToReadAMessageIsToldRatherTwiceThanNever(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.slack.FailCall("conversations.history", "missing_scope", 1, false)
		r.slack.BreakCall("chat.postMessage", 502, 1)
		r.put(card("a", "card"))
		r.settle()
		r.shows(deploys, "card")
	})
}

func TestAFinalRefusalEndsWellAndTheOneWhoAskedIsTold(t *testing.T) {
	told := func(why string) string { return "I could not post this in #deploys: " + why + "\nlive" }
	tests := map[string]struct {
		refuse  func(r *rig)
		direct  string
		channel []string
	}{
		"the bot is no member": {func(r *rig) {
			r.slack.AddChannel(slacksim.Channel{ID: deploys, Name: "deploys", Members: []string{lin}})
		}, told("I am not a member of the channel."), nil},
		"the channel is archived": {func(r *rig) {
			r.slack.AddChannel(slacksim.Channel{ID: deploys, Name: "deploys", Members: []string{lin}, BotIsMember: true, Archived: true})
		}, told("the channel is archived."), nil},
		"the channel is private now and without the bot": {func(r *rig) {
			r.slack.AddChannel(slacksim.Channel{ID: deploys, Name: "deploys", Members: []string{lin}, Private: true})
		}, told("I am not a member of the channel."), nil},
		"an admin allows nobody to post": {func(r *rig) {
			r.slack.FailIn(deploys, "chat.postMessage", "restricted_action", 200)
		}, told("not everyone may post in the channel, and I may not."), nil},
		"the blocks are wrong": {func(r *rig) {
			r.slack.FailCall("chat.postMessage", "invalid_blocks", 1, false)
		}, "", []string{"live"}},
		"the blocks are too long": {func(r *rig) {
			r.slack.FailCall("chat.postMessage", "msg_blocks_too_long", 1, false)
		}, "", []string{"live"}},
		"not even the text alone is taken": {func(r *rig) {
			r.slack.FailCall("chat.postMessage", "msg_too_long", 2, false)
		}, told("Slack does not take the message's form."), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				tt.refuse(r)
				m := urgent(card("a", "live"))
				m.Tell, m.Last = []string{lin}, true
				r.put(m)
				r.settle()
				r.shows(deploys, tt.channel...)
				r.restart()
				r.settle() // what was refused is not tried again
				var direct []string
				for _, e := range r.slack.Log() {
					if e.Kind == slacksim.KindPosted && e.Channel != deploys {
						direct = append(direct, e.Message.Plain())
					}
				}
				if want := strings.Fields(tt.direct); !slices.Equal(strings.Fields(strings.Join(direct, "|")), want) {
					r.Errorf("Lin was told %q, want %q", direct, tt.direct)
				}
				if calls := r.slack.Calls("chat.postMessage"); len(calls) > 3 && name != "an admin allows nobody to post" {
					r.Errorf("%d tries to post", len(calls))
				}
			})
		})
	}
}

func TestARefusedReplyIsToldDirectlyAlsoWhereTheCardWasRefusedFirst(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.slack.AddChannel(slacksim.Channel{ID: deploys, Name: "deploys", Members: []string{lin}})
		end := reply("a", "a/end", "live")
		end.Tell = []string{lin}
		r.put(urgent(card("a", "card")), end)
		r.settle()
		var direct []string
		for _, e := range r.slack.Log() {
			if e.Kind == slacksim.KindPosted {
				direct = append(direct, e.Message.Plain())
			}
		}
		if len(direct) != 1 || !strings.HasSuffix(direct[0], "live") {
			r.Errorf("Lin was told %q", direct)
		}
	})
}

func TestTheWayToADirectMessageHonoursALimitAndARefusal(t *testing.T) {
	for name, tt := range map[string]struct {
		fault func(w *slacksim.Workspace)
		calls int
		wait  time.Duration
	}{
		"a limit": {func(w *slacksim.Workspace) { w.Throttle("conversations.open", 45*time.Second, 1) }, 2, 45 * time.Second},
		// The pauses are 1 s and 2 s; the first is none where the message is put anew while the outbox begins with what it finds.
		"nobody is left": {func(w *slacksim.Workspace) { w.FailCall("conversations.open", "user_not_found", 5, false) }, 3, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				tt.fault(r.slack)
				start := time.Now()
				r.put(storage.Message{Key: "d", Channel: "direct:" + lin, Text: "hello", Urgent: true, Last: true})
				r.settle()
				if took := time.Since(start); took < tt.wait || took > tt.wait+5*time.Second {
					r.Errorf("it took %s, want about %s", took, tt.wait)
				}
				if n := len(r.slack.Calls("conversations.open")); n != tt.calls {
					r.Errorf("conversations.open was called %d times, want %d", n, tt.calls)
				}
			})
		})
	}
}

func TestARefusedEditOfWhatIsTooMuchGoesAsTextAndTheNextOneWithBlocksAgain(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(card("a", "asked for"))
		r.settle()
		r.slack.FailCall("chat.update", "invalid_blocks", 1, false)
		r.put(card("a", "deploying"))
		r.settle()
		r.shows(deploys, "deploying")
		if m := r.slack.Person(lin).Sees(deploys)[0]; len(m.Blocks) != 0 || m.Parse != "none" {
			r.Errorf("it is not one text without links: %v, parse %q", m.Blocks, m.Parse)
		}
		r.put(card("a", "deploying")) // what is shown already, blocks aside, is nothing new
		r.settle()
		r.put(card("a", "live"))
		r.settle()
		if m := r.slack.Person(lin).Sees(deploys)[0]; len(m.Blocks) != 1 || m.Edits != 2 {
			r.Errorf("it has %d blocks after %d edits", len(m.Blocks), m.Edits)
		}
	})
}

func TestATextThatIsTooLongForAnEditIsCutWithASign(t *testing.T) {
	inBubble(t, func(r *rig) {
		long := storage.Message{Key: "a", Channel: deploys, Text: "short"}
		r.put(long)
		r.settle()
		long.Text = strings.Repeat("é", 5000)
		r.put(long)
		r.settle()
		if text := r.slack.Person(lin).Sees(deploys)[0].Text; !strings.HasSuffix(text, "é…") || len([]rune(text)) != 3000 {
			r.Errorf("it shows %d characters", len([]rune(text)))
		}
	})
}

func TestADeletedMessageComesAnewOnlyForAChangeOfState(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(urgent(card("a", "asked for")))
		r.settle()
		r.remove(deploys, r.message("a").TS)
		r.put(card("a", "deploying, 10 s"))
		r.settle()
		r.shows(deploys)
		r.put(urgent(card("a", "live")), reply("a", "a/live", "it is live"))
		r.settle()
		r.shows(deploys, "live [it is live]")
	})
}

func TestAReplyToADeletedThreadGoesToTheChannel(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(urgent(card("a", "asked for")))
		r.settle()
		r.remove(deploys, r.message("a").TS)
		failed := reply("a", "a/failed", "it failed")
		failed.Broadcast = true
		r.put(failed)
		r.settle()
		r.shows(deploys, "it failed")
	})
}

// remove deletes a message as an admin of the workspace does.
func (r *rig) remove(channel, ts string) {
	r.Helper()
	client := slack.New("xoxb-c66-demo", slack.OptionAPIURL("http://slack.test/api/"),
		slack.OptionHTTPClient(mortal.New(0, false).Client(r.slack)))
	if _, _, err := client.DeleteMessageContext(r.ctx, channel, ts); err != nil {
		r.Fatal(err)
	}
}

func TestPostedWaitsForTheMessageAndFailsAsItDoes(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.slack.SlowCall("chat.postMessage", 5*time.Second, 1)
		r.put(card("a", "card"))
		short, cancel := context.WithTimeout(r.ctx, time.Second)
		defer cancel()
		if _, err := r.outbox.Posted(short, "a"); !errors.Is(err, context.DeadlineExceeded) {
			r.Errorf("Posted gave %v at the end of its time", err)
		}
		if ts, err := r.outbox.Posted(r.ctx, "a"); err != nil || ts == "" {
			r.Errorf("Posted gave %q, %v", ts, err)
		}
		r.slack.Archive(deploys)
		r.put(card("b", "card"))
		var refused *outbox.RefusedError
		if _, err := r.outbox.Posted(r.ctx, "b"); !errors.As(err, &refused) || refused.Fault.Code != "is_archived" {
			r.Errorf("Posted gave %v for a refusal", err)
		}
		if _, err := r.outbox.Posted(r.ctx, "c"); !errors.Is(err, storage.ErrNotFound) {
			r.Errorf("Posted gave %v for what was never put", err)
		}
	})
}

func TestNothingStaysInMemoryOfWhatIsDelivered(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.slack.FailCall("chat.postMessage", "is_archived", 1, false)
		refused := card("refused", "card")
		refused.Tell = []string{lin}
		r.put(refused)
		for i, channel := range []string{deploys, builds, deploys, builds} {
			m := card(string(rune('a'+i)), "card")
			m.Channel = channel
			r.put(m)
			for range 3 {
				if _, err := r.outbox.Posted(r.ctx, m.Key); err != nil {
					r.Error(err)
				}
			}
		}
		r.settle()
		time.Sleep(2 * time.Second)
		if queues := r.outbox.Held(); queues != 0 {
			r.Errorf("%d queues are held", queues)
		}
	})
}

func TestRecordsOfWhatIsDoneWithGoAfterADayAndOthersStay(t *testing.T) {
	inBubble(t, func(r *rig) {
		done, open := card("done", "live"), card("open", "deploying")
		done.Last = true
		r.put(done, open)
		r.settle()
		r.slack.FailCall("chat.postMessage", "missing_scope", 2000, false)
		late := reply("done", "late", "told late")
		r.put(late)
		time.Sleep(26 * time.Hour)
		r.forget()
		keys := r.keys()
		if want := []string{"done", "late", "open"}; !slices.Equal(keys, want) {
			r.Errorf("while the reply waits there are %q, want %q", keys, want)
		}
		r.slack.ClearFaults()
		r.settle()
		r.shows(deploys, "live [told late]", "deploying")
		r.forget()
		if keys := r.keys(); !slices.Equal(keys, []string{"open"}) {
			r.Errorf("at the end there are %q", keys)
		}
	})
}

// forget has the database forget what is old, as the bot does.
func (r *rig) forget() {
	r.Helper()
	if err := storage.Forget(r.ctx, r.records, time.Hour); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) keys() []string {
	r.Helper()
	var keys []string
	err := r.records.View(r.ctx, func(tx storage.Tx) error {
		return storage.Messages.Scan(tx, "", func(key string, _ storage.Message) error {
			keys = append(keys, key)
			return nil
		})
	})
	if err != nil {
		r.Fatal(err)
	}
	return keys
}

func TestALimitOfPostsHoldsBackAllThatGoesToTheChannel(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.slack.Throttle("chat.postMessage", 37*time.Second, 1)
		start := time.Now()
		r.put(card("a", "one"), card("b", "two"), card("c", "three"))
		r.settle()
		for _, at := range r.calls("chat.postMessage") {
			if after := at.Sub(start); after < 37*time.Second {
				r.Errorf("a post %s after a limit of 37 s", after)
			}
		}
		r.shows(deploys, "one", "two", "three")
	})
}
