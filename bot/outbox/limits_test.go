package outbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/storage"
)

// promised is an end that Lin was promised to hear of.
func promised(parent, key, text string) storage.Message {
	m := reply(parent, key, text)
	m.Tell = []string{lin}
	return m
}

func TestWhatWaitsForAWeekIsGivenUpAndWhoWasPromisedItIsTold(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.outbox.Limit(1000, 10_000, 12*time.Hour) // a week has too many tries
		r.put(card("a", "asked for"))
		r.settle()
		for _, method := range []string{"chat.postMessage", "chat.update"} {
			r.slack.FailCall(method, "missing_scope", 100_000, false)
		}
		r.put(urgent(card("a", "live")), reply("a", "a/1", "started"), promised("a", "a/2", "#7 is live\nmore"))
		if _, known := r.outbox.DroppedLately(); known {
			r.Errorf("right after the start it is known that nothing was given up of late")
		}
		time.Sleep(11 * time.Hour)
		if n := r.outbox.Queued(); n != 3 || r.outbox.Dropped() != 0 {
			r.Errorf("after eleven hours %d wait and %d are given up", n, r.outbox.Dropped())
		}
		time.Sleep(2*time.Hour + time.Minute)
		if n := r.outbox.Queued(); n != 1 || r.outbox.Dropped() != 3 {
			r.Errorf("after the limit %d wait and %d are given up", n, r.outbox.Dropped())
		}
		if n, known := r.outbox.DroppedLately(); n != 2 || !known { // the first went an hour before
			r.Errorf("a minute after it %d count as given up of late", n)
		}
		time.Sleep(30 * time.Minute)
		if n, known := r.outbox.DroppedLately(); n != 0 || !known {
			r.Errorf("half an hour after it %d count as given up of late", n)
		}
		r.slack.ClearFaults()
		r.settle()
		r.shows(deploys, "asked for")
		if told := r.directs(); len(told) != 1 ||
			told[0] != "I could not post this in #deploys: Slack took nothing for a week.\n#7 is live\nmore" {
			r.Errorf("Lin was told %q", told)
		}
		r.put(urgent(card("a", "gone")))
		r.settle()
		r.shows(deploys, "gone")
	})
}

func TestWhereTooMuchWaitsProgressIsGivenUpBeforeStepsAndStepsBeforeEnds(t *testing.T) {
	tests := map[string]struct {
		ofChannel, ofAll int
		told             bool
	}{
		"nothing where it fits":                 {30, 30, false},
		"progress of the channel first":         {25, 100, false},
		"progress of all channels first":        {100, 25, false},
		"then steps, the oldest first":          {15, 100, false},
		"then ends, and who waits for them":     {5, 100, true},
		"then ends, where all together are too": {100, 5, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				cards := make([]storage.Message, 10)
				for i := range cards {
					cards[i] = card(fmt.Sprint("m", i), "asked for")
				}
				r.put(cards...)
				r.settle()
				r.outbox.Limit(tt.ofChannel, tt.ofAll, time.Hour)
				for _, method := range []string{"chat.postMessage", "chat.update"} {
					r.slack.FailCall(method, "missing_scope", 100_000, false)
				}
				var all []storage.Message
				for i := range cards {
					key := cards[i].Key
					all = append(all, promised(key, key+"/end", "live"), reply(key, key+"/step", "started"), card(key, "deploying"))
				}
				r.put(all...)
				time.Sleep(time.Minute)
				r.slack.ClearFaults()
				r.settle()
				r.kept(min(tt.ofChannel, tt.ofAll)*9/10, tt.told)
			})
		})
	}
}

// kept checks what is left of ten each of progress, steps and ends.
func (r *rig) kept(most int, told bool) {
	r.Helper()
	left := map[string]int{}
	for _, line := range r.channel(deploys) {
		for _, word := range []string{"deploying", "started", "live"} {
			left[word] += strings.Count(line, word)
		}
	}
	if most >= 27 {
		most = 30
	}
	ends := min(most, 10)
	steps := min(most-ends, 10)
	if want := map[string]int{"live": ends, "started": steps, "deploying": most - ends - steps}; fmt.Sprint(left) != fmt.Sprint(want) {
		r.Errorf("%v are left, want %v", left, want)
	}
	if n := r.outbox.Dropped(); n != 30-most {
		r.Errorf("%d are given up, want %d", n, 30-most)
	}
	direct := r.directs()
	if told != (len(direct) == 1) || (told && strings.Count(direct[0], "#deploys live") != 10-ends) {
		r.Errorf("told directly was %q", direct)
	}
}

func TestManyThatAreGivenUpAreOneDirectMessageWithASignThatItIsCut(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.outbox.Limit(10, 100, time.Hour)
		r.slack.AddChannel(slacksim.Channel{ID: deploys, Name: "deploys", Members: []string{lin}, BotIsMember: true})
		r.slack.FailCall("chat.postMessage", "missing_scope", 100_000, false)
		var all []storage.Message
		for i := range 40 {
			all = append(all, promised("", fmt.Sprint("m", i), fmt.Sprintf("#%d is live", i)))
		}
		r.put(all...)
		time.Sleep(time.Minute)
		r.slack.ClearFaults()
		r.settle()
		told := r.directs()
		if len(told) != 1 || !strings.Contains(told[0], "too much waited for Slack") ||
			!strings.HasSuffix(told[0], "… and 21 more; the stacks' lists show what became of them") {
			r.Errorf("Lin was told %q", told)
		}
	})
}

func TestWhatAChannelHasMissedForMoreThanAWeekIsNotGivenUpWhileItIsMadeAnew(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(card("a", "deploying"))
		r.settle()
		r.slack.Archive(deploys)
		r.put(urgent(card("a", "live")))
		r.settle()
		time.Sleep(8 * 24 * time.Hour)
		r.slack.Unarchive(deploys)
		r.slack.FailCall("chat.update", "missing_scope", 100_000, false)
		r.accept(deploys)
		time.Sleep(2 * time.Hour)
		r.restart()
		time.Sleep(time.Minute)
		r.slack.ClearFaults()
		r.settle()
		r.shows(deploys, "live")
		if m := r.message("a"); !m.Delivered() {
			r.Error("it still counts as missed")
		}
	})
}

// accept ends the trouble of a channel, as a check of it does.
func (r *rig) accept(channel string) {
	r.Helper()
	if _, err := r.outbox.Accept(r.ctx, channel); err != nil {
		r.Fatal(err)
	}
}

func TestAnEditThatIsNeverTakenIsNotMadeAnewForEver(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(card("a", "deploying"))
		r.settle()
		r.slack.Archive(deploys)
		r.put(urgent(card("a", "live")))
		r.settle()
		tries := func() int { return len(r.slack.Calls("chat.update")) }
		before := tries()
		for range 40 {
			time.Sleep(24 * time.Hour)
			r.accept(deploys) // and it is refused again
			r.settle()
		}
		if n := tries() - before; n < 25 || n > 30 || !r.message("a").Delivered() {
			r.Errorf("%d tries in 40 days, given up: %t", n, r.message("a").Delivered())
		}
	})
}
