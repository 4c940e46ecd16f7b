package progress_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/bot/outbox/mortal"
	"c66bot/cloud66/cloud66sim"
	"c66bot/storage"
)

// seeds is how many random stories are played.
//
//	go test -run RandomStory ./bot/progress -seeds 300
var seeds = flag.Int("seeds", 12, "how many random stories of follows, cancels, suspensions, renames, outages and deaths are played")

// Whatever happens in whatever order, each end of a followed or subscribed deployment is told once in its channel, and so is an illness
// after it.
func TestInARandomStoryEachEndIsToldOnce(t *testing.T) {
	stories := []uint64{187, 222} // which have found mistakes
	for seed := range uint64(*seeds) {
		stories = append(stories, seed)
	}
	slices.Sort(stories)
	for _, seed := range slices.Compact(stories) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, cloud66sim.Options{})
				r.after = 15 * time.Minute
				s := &story{rig: r, rand: rand.New(rand.NewPCG(seed, 1)), ills: rand.New(rand.NewPCG(seed, 2))}
				r.start(newProcess())
				s.begin()
				for range 20 {
					s.next()
				}
				s.end()
				if t.Failed() {
					t.Logf("the story: %s", strings.Join(s.events, ", "))
				}
			})
		})
	}
}

// story is a sequence of random events.
type story struct {
	*rig
	rand   *rand.Rand
	ills   *rand.Rand // of the health, so that a seed has the other events as ever
	uids   []string
	first  int64 // the first deployment of the story
	asked  sync.WaitGroup
	lift   []func() // ends of outages
	events []string
}

func (s *story) begin() {
	for i := range 4 {
		s.uids = append(s.uids, s.cloud.AddStack(cloud66sim.Stack{Name: fmt.Sprint("shop", i), UsualDuration: time.Minute, History: 3}))
	}
	s.subscribe(deploys, "shop*")
	s.subscribe(builds, "shop*")
	for _, uid := range s.uids {
		s.positioned(uid)
	}
	time.Sleep(time.Minute)
	for _, uid := range s.uids {
		for _, d := range s.cloud.Deployments(uid) {
			s.first = max(s.first, d.ID+1)
		}
	}
}

// next has something happen and a time pass.
func (s *story) next() {
	uid := s.uids[s.rand.IntN(len(s.uids))]
	newest := s.last(uid)
	ref := storage.StackRef{UID: uid, Name: "shop", Environment: "production"}
	operation := fmt.Sprint("op", len(s.events))
	p, ctx := s.progress, s.ctx
	s.fallIll()
	event := s.rand.IntN(12)
	s.events = append(s.events, fmt.Sprintf("%s %d on %s", time.Now().Format(time.TimeOnly), event, uid[:4]))
	switch event {
	case 0, 1, 2, 3:
		s.cloud.NextOutcome(uid, cloud66sim.Next{Fail: s.rand.IntN(3) == 0, Duration: time.Duration(5+s.rand.IntN(300)) * time.Second})
		s.cloud.Deploy(uid, cloud66sim.Start{Via: []string{"web", "hook", "api"}[s.rand.IntN(3)]})
	case 4, 5:
		f := storage.Follow{
			Stack: ref, Channel: []string{deploys, ops}[s.rand.IntN(2)], Asker: lin, Wish: &storage.Wish{NewestBefore: newest.ID},
		}
		s.asked.Go(func() { _ = p.Redeploy(ctx, begins(operation, f)) })
	case 6:
		f := storage.Follow{Stack: ref, Deployment: newest.ID, Channel: ops, Asker: sam}
		if newest.FinishedAt.IsZero() {
			s.asked.Go(func() { _ = p.Follow(ctx, begins(operation, f)) })
		}
	case 7:
		f := storage.Follow{Stack: ref, Deployment: newest.ID, Channel: deploys, Asker: sam}
		if newest.FinishedAt.IsZero() {
			s.asked.Go(func() { _, _ = p.Cancel(ctx, begins(operation, f)) })
		}
	case 8:
		s.cloud.UpdateStack(uid, func(stack *cloud66sim.Stack) { stack.Name = fmt.Sprint("shop-", len(s.events)) })
	case 9:
		s.outage()
	case 10:
		s.suspend()
	case 11:
		s.die()
	}
	time.Sleep(time.Duration(1+s.rand.IntN(120)) * time.Second)
	if s.process.Died() != "" {
		s.again(newProcess())
	}
}

// fallIll has a stack fall ill or recover now and then.
func (s *story) fallIll() {
	if s.ills.IntN(3) > 0 {
		return
	}
	uid, health := s.uids[s.ills.IntN(len(s.uids))], []string{"failed", "impaired", "healthy", "healthy"}[s.ills.IntN(4)]
	s.events = append(s.events, fmt.Sprintf("%s %s %s", time.Now().Format(time.TimeOnly), uid[:4], health))
	s.cloud.UpdateStack(uid, func(stack *cloud66sim.Stack) { stack.Health = health })
}

// all sets the health of all stacks.
func (s *story) all(health string) {
	for _, uid := range s.uids {
		s.cloud.UpdateStack(uid, func(stack *cloud66sim.Stack) { stack.Health = health })
	}
}

// sicken has all stacks fall ill after a last deployment of each, and recover.
func (s *story) sicken() {
	s.all("healthy")
	time.Sleep(3 * time.Minute)
	for _, uid := range s.uids {
		s.cloud.NextOutcome(uid, cloud66sim.Next{Duration: 30 * time.Second})
		s.cloud.Deploy(uid, cloud66sim.Start{Via: "web"})
	}
	for _, uid := range s.uids { // an outcome of before may be left
		s.until("it has ended", func() bool { return !s.last(uid).FinishedAt.IsZero() })
	}
	time.Sleep(2 * time.Minute)
	s.all("impaired")
	time.Sleep(4 * time.Minute)
	s.all("healthy")
	time.Sleep(15 * time.Minute)
	s.settle()
}

const ill, well = "🚨", "healthy again"

// healths checks what the channels were told of the health after deployments.
func (s *story) healths() {
	told := map[string]int{}
	for _, channel := range []string{deploys, ops, builds} {
		for _, card := range s.slack.Person(lin).Sees(channel) {
			if card.Broadcast {
				continue
			}
			last := well
			for _, line := range s.slack.Person(lin).Thread(channel, card.TS)[1:] {
				for _, is := range []string{ill, well} {
					if !strings.Contains(line.Plain(), is) {
						continue
					}
					if is == last {
						s.Errorf("#%s was told twice in a row: %s", channel, line.Plain())
					}
					last = is
					told[fmt.Sprint(channel, is, anyEnd.FindString(line.Plain()))]++
				}
			}
		}
	}
	for _, uid := range s.uids {
		last, times := fmt.Sprintf("#%d went live", s.last(uid).ID), 0
		if s.last(uid).State == cloud66sim.Success {
			times = 1
		}
		if told[deploys+ill+last] != times || told[deploys+well+last] != times {
			s.Errorf("of the illness after %s is told: %v", last, told)
		}
	}
}

func (s *story) last(uid string) cloud66sim.View {
	all := s.cloud.Deployments(uid)
	return all[len(all)-1]
}

// outage has Cloud 66 answer nothing for a while.
func (s *story) outage() {
	over := s.cloud.AddFault(cloud66sim.Fault{Status: 502})
	s.lift = append(s.lift, over)
	time.AfterFunc(time.Duration(10+s.rand.IntN(600))*time.Second, over)
}

// suspend has #builds refuse messages, or take them again.
func (s *story) suspend() {
	code := ""
	if s.rand.IntN(2) == 0 {
		code = "is_archived"
	}
	p := s.life
	s.asked.Go(func() {
		_ = p.records.Update(p.ctx, func(tx storage.Tx) error {
			c, _, err := storage.Channels.Find(tx, builds)
			if c.Refused = code; err != nil {
				return err
			}
			return storage.Channels.Put(tx, builds, c)
		})
		_ = p.progress.SubscriptionsChanged(p.ctx)
	})
}

// die has the process die, at once or at one of its next effects.
func (s *story) die() {
	if s.rand.IntN(2) == 0 {
		s.again(newProcess())
	} else {
		s.again(mortal.New(1+s.rand.IntN(30), s.rand.IntN(2) == 0))
	}
}

// again has another process carry on after a while.
func (s *story) again(p *mortal.Process) {
	s.rig.end()
	s.asked.Wait()
	time.Sleep(time.Duration(s.rand.IntN(900)) * time.Second)
	s.start(p)
}

func (s *story) end() {
	for _, over := range s.lift {
		over()
	}
	s.again(newProcess())
	time.Sleep(12 * time.Minute) // longer than a wish is searched for
	s.settle()
	s.asked.Wait()
	s.sicken()
	s.healths()
	told := map[string]map[int64]int{deploys: s.ends(deploys), ops: s.ends(ops), builds: s.ends(builds)}
	for _, uid := range s.uids {
		for _, d := range s.cloud.Deployments(uid) {
			if n := told[deploys][d.ID]; d.ID >= s.first && n != 1 {
				s.Errorf("the end of #%d (%s) is told %d times in the channel that subscribes to it", d.ID, d.State, n)
			}
			if told[builds][d.ID] > 1 || told[deploys][d.ID]+told[builds][d.ID]+told[ops][d.ID] > 0 && d.ID < s.first {
				s.Errorf("the end of #%d is told too often", d.ID)
			}
		}
	}
	for _, f := range s.follows() {
		if n := told[f.Channel][f.Deployment]; f.Channel == ops && f.Deployment > 0 && f.State.End() && f.State != storage.Unposted && n != 1 {
			s.Errorf("the end of #%d, which is followed, is told %d times", f.Deployment, n)
		}
	}
	references := map[string]bool{}
	for _, uid := range s.uids {
		for _, d := range s.cloud.Deployments(uid) {
			if d.UserReference != "" && references[d.UserReference] {
				s.Errorf("a redeploy was sent twice")
			}
			references[d.UserReference] = true
		}
	}
	if s.Failed() {
		s.Logf("#deploys shows\n%s\n#ops shows\n%s", strings.Join(s.shown(deploys), "\n"), strings.Join(s.shown(ops), "\n"))
	}
}

var anyEnd = regexp.MustCompile(`#(\d+) (went live|succeeded|failed|was cancelled)`)

// ends counts how often a channel is told of the end of each deployment: in the thread of its card, by a card that came only then, or in a
// message about many.
func (s *story) ends(channel string) map[int64]int {
	told := map[int64]int{}
	count := func(text string) (n int) {
		for _, found := range anyEnd.FindAllStringSubmatch(text, -1) {
			id, _ := strconv.ParseInt(found[1], 10, 64)
			told[id]++
			n++
		}
		return n
	}
	for _, m := range s.slack.Person(lin).Sees(channel) {
		if m.Broadcast {
			continue
		}
		list, inThread := strings.Contains(m.Plain(), "ended while I could not look"), 0
		for _, reply := range s.slack.Person(lin).Thread(channel, m.TS) {
			if reply.TS != m.TS {
				head, _, _ := strings.Cut(reply.Plain(), "\n")
				if list {
					head = reply.Plain()
				}
				if !strings.Contains(head, ill) && !strings.Contains(head, well) {
					inThread += count(head)
				}
			}
		}
		if head, _, _ := strings.Cut(m.Plain(), "\n"); list {
			count(m.Plain())
		} else if inThread == 0 && !s.listed(channel, head) {
			count(head)
		}
	}
	return told
}

// listed reports whether a message about many tells the end that a card shows.
func (s *story) listed(channel, head string) bool {
	found := anyEnd.FindString(head)
	for _, m := range s.slack.Person(lin).Sees(channel) {
		if found == "" || !strings.Contains(m.Plain(), "ended while I could not look") {
			continue
		}
		for _, part := range s.slack.Person(lin).Thread(channel, m.TS) {
			if strings.Contains(part.Plain(), found) {
				return true
			}
		}
	}
	return false
}
