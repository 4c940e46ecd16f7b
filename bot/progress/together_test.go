package progress_test

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
	"c66bot/storage"
)

// followMany has Lin and Sam in turns follow a deployment in a channel, each on a stack of its own, of which every third fails. It goes on
// where an earlier process of the test died.
func (r *rig) followMany(n int, channel string) error {
	r.Helper()
	for i := range n {
		op := fmt.Sprint(channel, i)
		if r.stacks[op].UID == "" {
			name := fmt.Sprintf("%s%02d", strings.ToLower(channel[2:]), i)
			uid := r.cloud.AddStack(cloud66sim.Stack{Name: name, UsualDuration: time.Minute, History: 3})
			r.cloud.NextOutcome(uid, cloud66sim.Next{Fail: i%3 == 2, Duration: 5 * time.Minute})
			r.cloud.Deploy(uid, cloud66sim.Start{})
			r.stacks[op] = storage.StackRef{UID: uid, Name: name, Environment: "production"}
		}
		f := storage.Follow{Stack: r.stacks[op], Deployment: 1004, Channel: channel, Asker: []string{lin, sam}[i%2]}
		all := r.cloud.Deployments(f.Stack.UID)
		f.Deployment = all[len(all)-1].ID
		if err := r.progress.Follow(r.ctx, begins(op, f)); err != nil {
			return err
		}
	}
	return nil
}

var ends = regexp.MustCompile(`(?m)^(?:✅|❌) (?:(\S+)@production )?#\d+ (?:went live|failed)`)

// told counts in a channel the messages that list ends, how often each stack's end is told in them and in threads, and the cards that show
// an end.
func (r *rig) told(channel string) (lists int, listed, threads map[string]int, cards int) {
	listed, threads = map[string]int{}, map[string]int{}
	count := func(in map[string]int, text, of string) {
		for _, found := range ends.FindAllStringSubmatch(text, -1) {
			in[cmp.Or(found[1], of)]++
		}
	}
	for _, m := range r.slack.Person(lin).Sees(channel) {
		if m.Broadcast {
			continue
		}
		into := threads
		switch {
		case strings.Contains(m.Plain(), "ended while I could not look"):
			lists, into = lists+1, listed
			count(listed, m.Plain(), "")
		case ends.MatchString(m.Plain()):
			cards++
		}
		for _, reply := range r.slack.Person(lin).Thread(channel, m.TS) {
			if reply.TS != m.TS {
				_, of, _ := strings.Cut(m.Plain(), " ")
				of, _, _ = strings.Cut(of, "@")
				count(into, reply.Plain(), of)
			}
		}
	}
	return lists, listed, threads, cards
}

// toldOnce checks that so many ends of a channel are told once each, in one list or in threads, and that every card shows its own.
func (r *rig) toldOnce(channel string, n int, together bool) {
	r.Helper()
	lists, listed, threads, cards := r.told(channel)
	once, none, wantLists := threads, listed, 0
	if together {
		once, none, wantLists = listed, threads, 1
	}
	if lists != wantLists || len(once) != n || len(none) != 0 || cards != n {
		r.Errorf("%s has %d lists with %v, threads with %v and %d cards with an end, of %d", channel, lists, listed, threads, cards, n)
	}
	for stack, times := range once {
		if times != 1 {
			r.Errorf("the end of %s is told %d times", stack, times)
		}
	}
}

func TestWhatEndedWhileTheBotWasDownIsOneMessageOfAChannelWhereItIsMuch(t *testing.T) {
	tests := map[string]struct {
		deploys, builds     int
		together, alsoBuild bool
	}{
		"five are told in their threads":          {5, 0, false, false},
		"six are told in one message":             {6, 0, true, false},
		"each channel counts by itself":           {5, 7, false, true},
		"what one message cannot hold is with it": {35, 0, true, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				for channel, n := range map[string]int{deploys: tt.deploys, builds: tt.builds} {
					if err := r.followMany(n, channel); err != nil {
						r.Fatal(err)
					}
				}
				r.restart(time.Hour)
				from := time.Now()
				r.until("all is told", func() bool { return r.progress.Open() == 0 })
				if took := time.Since(from); took > 30*time.Second {
					r.Errorf("it was told after %s", took)
				}
				r.settle()
				for range 2 {
					r.toldOnce(deploys, tt.deploys, tt.together)
					r.toldOnce(builds, tt.builds, tt.alsoBuild)
					r.restart(time.Hour)
					r.settle()
				}
			})
		})
	}
}

func TestTheOneMessageNamesEachWhoAskedOnceAndTheThreadsStaySilent(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		if err := r.followMany(6, deploys); err != nil {
			r.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		before := len(r.shown(deploys))
		r.restart(time.Hour)
		r.settle()
		shown := r.slack.Person(lin).Sees(deploys)
		list := shown[len(shown)-1]
		first, _, _ := strings.Cut(list.Plain(), "\n")
		if first != "❌ 6 deployments ended while I could not look: 2 failed, 4 ended well" {
			r.Errorf("it begins with %q", first)
		}
		pings := slices.Sorted(slices.Values(list.Pings()))
		if len(pings) != 2 || len(slices.Compact(pings)) != 2 {
			r.Errorf("it names %q", list.Pings())
		}
		if now := len(r.shown(deploys)); now != before+1 {
			r.Errorf("%d messages and lines came, want one: %q", now-before, r.shown(deploys))
		}
	})
}

func TestAStackThatCannotBeSeenHoldsBackTheOthersForALittleWhile(t *testing.T) {
	for name, tt := range map[string]struct {
		fault cloud66sim.Fault
		least time.Duration
		most  time.Duration
	}{
		"one that fails for one more look": {cloud66sim.Fault{Status: 500}, 0, 15 * time.Second},
		"one that hangs for its time":      {cloud66sim.Fault{Delay: time.Hour}, 10 * time.Second, 95 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				if err := r.followMany(8, deploys); err != nil {
					r.Fatal(err)
				}
				r.end()
				time.Sleep(time.Hour)
				tt.fault.PathPart = r.stacks[deploys+"0"].UID
				lift := r.cloud.AddFault(tt.fault)
				r.start(newProcess())
				from := time.Now()
				r.until("the others are told", func() bool { return r.progress.Open() == 1 })
				if took := time.Since(from); took < tt.least || took > tt.most {
					r.Errorf("they were told after %s", took)
				}
				lift()
				r.settle()
				lists, listed, threads, cards := r.told(deploys)
				if lists != 1 || len(listed) != 7 || len(threads) != 1 || cards != 8 {
					r.Errorf("%d lists with %v, threads with %v, %d cards", lists, listed, threads, cards)
				}
			})
		})
	}
}

func TestWhatEndedDuringALongCutFromCloud66IsOneMessageToo(t *testing.T) {
	for name, fault := range map[string]cloud66sim.Fault{
		"it is down": {Status: 502}, "it does not answer": {CutBefore: true}, "it throttles": {Status: 503, Body: `{"error":"throttled"}`},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				if err := r.followMany(9, deploys); err != nil {
					r.Fatal(err)
				}
				r.until("all have begun", func() bool { return len(r.keys("follows")) == 9 && r.outbox.Queued() == 0 })
				lift := r.cloud.AddFault(fault)
				time.Sleep(8 * time.Minute)
				if lists, listed, threads, _ := r.told(deploys); lists+len(listed)+len(threads) != 0 {
					r.Errorf("during the cut there are %d lists with %v, threads with %v", lists, listed, threads)
				}
				lift()
				from := time.Now()
				r.until("all is told", func() bool { return r.progress.Open() == 0 })
				if took := time.Since(from); took > 100*time.Second {
					r.Errorf("it was told after %s", took)
				}
				r.settle()
				r.toldOnce(deploys, 9, true)
			})
		})
	}
}

func TestAChannelThatTakesNoMoreHasEveryoneWhoAskedToldDirectly(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		if err := r.followMany(6, deploys); err != nil {
			r.Fatal(err)
		}
		r.end()
		r.slack.AddChannel(slacksim.Channel{ID: deploys, Name: "deploys", Members: []string{lin, sam}, BotIsMember: true, Archived: true})
		time.Sleep(time.Hour)
		r.start(newProcess())
		r.settle()
		told := r.direct()
		if len(told) != 2 || told[0] == told[1] {
			r.Fatalf("told directly: %q", told)
		}
		for _, m := range told {
			if !strings.Contains(m, "the channel is archived") || len(ends.FindAllString(strings.ReplaceAll(m, "; ", "\n"), -1)) != 6 {
				r.Errorf("told directly: %q", m)
			}
		}
	})
}

func TestWhatIsAskedForAfterTheReturnIsNotKeptBackWithWhatEndedMeanwhile(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		id := r.began()
		if err := r.followMany(6, deploys); err != nil {
			r.Fatal(err)
		}
		r.end()
		time.Sleep(time.Hour)
		r.net.answers(func(*http.Request) (*http.Response, error) { time.Sleep(3 * time.Second); return nil, nil })
		r.start(newProcess())
		if err := r.follow("op", builds, id); err != nil {
			r.Fatal(err)
		}
		r.settle()
		r.shows(builds, live(id)...)
		r.toldOnce(deploys, 6, true)
	})
}

// direct gives the direct messages that were sent, each with whom it went to.
func (r *rig) direct() []string {
	var told []string
	for _, e := range r.slack.Log() {
		if e.Kind == slacksim.KindPosted && !slices.Contains([]string{deploys, builds, ops, away}, e.Channel) {
			told = append(told, e.Channel+": "+e.Message.Plain())
		}
	}
	return told
}
