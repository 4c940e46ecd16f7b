package bot_test

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
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

// fleets is how many of the sizes are simulated: all of them take some minutes. 0 is the smallest for a shorter time.
//
//	go test -run HearOfEveryDeployment -v ./bot -fleets 4
var fleets = flag.Int("fleets", 0, "how many sizes of the watched stacks are simulated, the smallest first")

// fleet is so many stacks, of which so many deploy at any time, with what must hold of watching them.
type fleet struct {
	stacks, running int
	within          time.Duration // the 95th percentile of the time from a start or an end until the channel is told
	perHour         int           // requests to Cloud 66 in any hour
}

var sizes = []fleet{
	{30, 3, 10 * time.Second, 1500},
	{300, 20, 30 * time.Second, 3000},
	{1000, 50, 75 * time.Second, 3000},
	{3000, 50, 240 * time.Second, 3000},
}

const (
	warmUp   = 15 * time.Minute
	shortRun = 4 * time.Minute // Cloud 66's deployments take 4 to 16 minutes (cloud66-api.md)
	longRun  = 16 * time.Minute
)

// A channel that is subscribed to every stack hears of each start and each end in time and within the budget, and of nothing twice.
func TestChannelsHearOfEveryDeploymentInTimeWithinTheBudget(t *testing.T) {
	t.Parallel()
	for _, f := range sizes[:min(max(*fleets, 1), len(sizes))] {
		t.Run(fmt.Sprintf("%d stacks", f.stacks), func(t *testing.T) {
			inBubble(t, settings{cloud: cloud66sim.Options{RateLimit: 3600}}, f.watch)
		})
	}
}

func (f fleet) watch(t *testing.T, r *rig) {
	r.cloud.RemoveStack(r.web)
	uids := make([]string, f.stacks)
	for i := range uids {
		uids[i] = r.cloud.AddStack(cloud66sim.Stack{Name: fmt.Sprintf("app%d", i), UsualDuration: 10 * time.Minute, History: 10})
	}
	r.command(lin, deploys, "/c66 subscribe *")
	pass(time.Minute)
	runs := f.deploy(r, uids)
	worst := busiestHour(r.cloud.Requests())
	told := r.toldTimes(deploys)
	var late []time.Duration
	for _, run := range runs {
		heard, ok := told[run.id]
		if !ok || heard.start.IsZero() || heard.end.IsZero() {
			t.Errorf("#%d of %s, which ran from %s to %s, was not told: %+v", run.id, run.stack, run.start, run.end, heard)
			continue
		}
		if heard.cards != 1 {
			t.Errorf("#%d has %d cards", run.id, heard.cards)
		}
		late = append(late, heard.start.Sub(run.start), heard.end.Sub(run.end))
	}
	slices.Sort(late)
	at := func(q float64) time.Duration { return late[int(q*float64(len(late)-1))].Round(100 * time.Millisecond) }
	polls := float64(f.stacks) * float64(time.Hour) / float64(f.within)
	t.Logf("| %d | %d | %s | %s | %s | %d | %.0f |", f.stacks, f.running, at(0.5), at(0.95), at(1), worst, polls)
	if at(0.95) > f.within {
		t.Errorf("the 95th percentile is %s", at(0.95))
	}
	if worst > f.perHour {
		t.Errorf("%d requests in an hour", worst)
	}
}

// deployed is one deployment as it was.
type deployed struct {
	id         int64
	stack      string
	start, end time.Time
}

// deploy keeps so many stacks deploying, and gives what has run from its start to its end.
func (f fleet) deploy(r *rig, uids []string) []deployed {
	var (
		mu    sync.Mutex
		done  []deployed
		idle  = slices.Clone(uids)
		tasks sync.WaitGroup
		begun = time.Now()
		until = 2 * time.Hour
	)
	if *fleets == 0 {
		until = 40 * time.Minute
	}
	random := rand.New(rand.NewPCG(uint64(f.stacks), 66))
	pick := func(n int) int { mu.Lock(); defer mu.Unlock(); return random.IntN(n) }
	for range f.running {
		tasks.Go(func() {
			pass(time.Duration(pick(int(warmUp))))
			for time.Since(begun) < until {
				mu.Lock()
				i := random.IntN(len(idle))
				uid := idle[i]
				idle = slices.Delete(idle, i, i+1)
				next := cloud66sim.Next{Duration: shortRun + time.Duration(random.Int64N(int64(longRun-shortRun))), Fail: random.IntN(10) == 0}
				via := []string{"web", "api", "hook"}[random.IntN(3)]
				mu.Unlock()
				r.cloud.NextOutcome(uid, next)
				run := deployed{id: r.cloud.Deploy(uid, cloud66sim.Start{Via: via}), stack: uid, start: time.Now()}
				time.Sleep(next.Duration)
				run.end = time.Now()
				mu.Lock()
				idle, done = append(idle, uid), append(done, run)
				mu.Unlock()
				time.Sleep(time.Second)
			}
		})
	}
	tasks.Wait()
	pass(15 * time.Minute)
	return done
}

// heard is when a channel was told of a deployment.
type heard struct {
	start, end time.Time
	cards      int
}

var (
	ofDeployment = regexp.MustCompile(`#(\d+)`)
	ofEnd        = regexp.MustCompile(`went live|failed after|failed\b|was cancelled`)
)

// toldTimes gives when a channel was told of each deployment, by its id, from what Slack was sent.
func (r *rig) toldTimes(channel string) map[int64]heard {
	told := map[int64]heard{}
	for _, c := range r.slack.Calls("") {
		if c.Error != "" || c.Args["channel"] != channel || !strings.HasPrefix(c.Method, "chat.") || c.Method == slacksim.ResponseURL {
			continue
		}
		found := ofDeployment.FindStringSubmatch(c.Args["text"])
		if found == nil {
			continue
		}
		id, err := strconv.ParseInt(found[1], 10, 64)
		if err != nil {
			continue
		}
		h := told[id]
		if h.start.IsZero() {
			h.start = c.Time
		}
		if h.end.IsZero() && ofEnd.MatchString(c.Args["text"]) {
			h.end = c.Time
		}
		if c.Method == "chat.postMessage" && c.Args["thread_ts"] == "" {
			h.cards++
		}
		told[id] = h
	}
	return told
}

// The commands find stacks on the pages that the watch reads, so the list is paid for once.
func TestTheListOfStacksIsPaidForOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{cloud: cloud66sim.Options{RateLimit: 3600}}, func(t *testing.T, r *rig) {
		for i := range 70 {
			r.cloud.AddStack(cloud66sim.Stack{Name: fmt.Sprintf("app%d", i)})
		}
		r.command(lin, deploys, "/c66 subscribe *")
		pass(5 * time.Minute)
		pages := func() (n int) {
			before := len(r.cloud.Requests())
			pass(2 * time.Minute)
			for _, q := range r.cloud.Requests()[before:] {
				if strings.HasSuffix(q.Path, "/stacks") {
					n++
				}
			}
			return n
		}
		alone := pages()
		for i := range 12 {
			time.AfterFunc(time.Duration(i)*10*time.Second, func() {
				r.command(lin, deploys, "/c66 stacks")
				r.command(sam, deploys, "/c66 show app66")
			})
		}
		if beside := pages(); beside > alone+1 || alone < 50 {
			t.Errorf("%d pages are read beside commands, %d without", beside, alone)
		}
	})
}
