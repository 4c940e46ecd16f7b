package main

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"c66bot/bot"
	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

// soak is how long the process is under load:
//
//	go test -run Load -v ./cmd/c66bot -soak 10m -timeout 20m
var soak = flag.Duration("soak", 2*time.Second, "how long the process takes 50 commands a second")

const (
	perSecond = 50
	teams     = 10 // people, each with a channel and a stack
	someMore  = 20 // goroutines that may be left of what is under way by chance
	deployed  = 5 * time.Second
)

// gauges is what the process and its file have grown to.
type gauges struct{ resident, heap, goroutines, files, bytes float64 }

// metrics reads the bot's metrics, those without labels.
func (w *world) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	status, text, err := get(t.Context(), "http://"+w.addr+"/metrics")
	if err != nil || status != http.StatusOK {
		t.Fatalf("/metrics: %d %v", status, err)
	}
	values := map[string]float64{}
	for line := range strings.SplitSeq(text, "\n") {
		name, value, ok := strings.Cut(line, " ")
		if number, err := strconv.ParseFloat(value, 64); ok && err == nil {
			values[name] = number
		}
	}
	return values
}

// gauges reads what the process and its file have grown to.
func (w *world) gauges(t *testing.T) gauges {
	t.Helper()
	values := w.metrics(t)
	info, err := os.Stat(w.db)
	if err != nil {
		t.Fatal(err)
	}
	return gauges{
		values["process_resident_memory_bytes"], values["go_memstats_heap_inuse_bytes"], values["go_goroutines"], values["process_open_fds"],
		float64(info.Size()),
	}
}

func (g gauges) String() string {
	const mib = 1 << 20
	return fmt.Sprintf(
		"resident %.1f MiB, heap in use %.1f MiB, %.0f goroutines, %.0f open files, database %.2f MiB",
		g.resident/mib,
		g.heap/mib,
		g.goroutines,
		g.files,
		g.bytes/mib,
	)
}

// asks are what people type all day long.
var asks = []string{
	"list %s", "show %s", "stacks", "help", "status", "list %s --outcome failed", "show %s live", "help redeploy", "stacks app", "access",
	"redploy %s", "list nothing-like-it",
	"cancel %s 1", "access why redeploy %s",
}

const (
	period      = 10 * perSecond // commands between two redeploys
	toCancel    = 2 * perSecond  // after which every other one is cancelled
	everyClicks = perSecond / 2
)

// ask sends the nth command or click of a load: a redeploy and a follow every ten seconds, a cancel every twenty, and else what only
// answers the one who asks, with how many answers it certainly gets.
func (w *world) ask(n int) (d *slacksim.Delivery, answers int) {
	switch {
	case n%period == 1:
		person, channel, stack := w.team(n)
		return person.Command(channel, "/c66 redeploy "+stack+" --now"), 0
	case n%(2*period) == 1+toCancel:
		person, channel, _ := w.team(n - toCancel) // who asked for the redeploy
		if d := click(person, channel, "Cancel"); d != nil {
			return d, 0
		}
	case n%period == period/2:
		person, channel, stack := w.team(n)
		return person.Command(channel, "/c66 follow "+stack), 0
	case n%everyClicks == everyClicks-1:
		person, channel, _ := w.team(n)
		if d := click(person, channel, []string{"Older", "Refresh"}[n/everyClicks%2]); d != nil {
			return d, 1
		}
	}
	person, channel, stack := w.team(n)
	text := asks[n%len(asks)]
	if strings.Contains(text, "%s") {
		text = fmt.Sprintf(text, stack)
	}
	return person.Command(channel, "/c66 "+text), 1
}

// team gives who sends the nth command, where, and the stack that is theirs.
func (w *world) team(n int) (person *slacksim.Person, channel, stack string) {
	team := n / 7 % teams
	return w.slack.Person(fmt.Sprintf("U0SOAK%d", team)), fmt.Sprintf("C0SOAK%d", team), fmt.Sprintf("app%d", team)
}

// click clicks the newest button with a label; nil says that there is none.
func click(person *slacksim.Person, channel, label string) *slacksim.Delivery {
	for _, m := range slices.Backward(person.Sees(channel)) {
		if d, err := person.Click(channel, m, label); err == nil {
			return d
		}
	}
	return nil
}

// answered counts the answers that those who asked got, without words that it takes longer.
func (w *world) answered() (n int) {
	for _, c := range w.slack.Calls(slacksim.ResponseURL) {
		if !strings.Contains(c.Args["text"], "takes longer than it should") {
			n++
		}
	}
	return n
}

func (w *world) teams() (ids []string) {
	for i := range teams {
		id := fmt.Sprintf("U0SOAK%d", i)
		ids = append(ids, id)
		w.slack.AddUser(slacksim.User{ID: id, Name: fmt.Sprintf("soak%d", i)})
		w.slack.AddChannel(
			slacksim.Channel{ID: fmt.Sprintf("C0SOAK%d", i), Name: fmt.Sprintf("soak%d", i), Members: []string{id}, BotIsMember: true},
		)
		w.cloud.AddStack(
			cloud66sim.Stack{Name: fmt.Sprintf("app%d", i), Git: "https://github.com/acme/app.git", History: 40, UsualDuration: deployed},
		)
	}
	return ids
}

func TestUnderLoadEveryCommandIsAcknowledgedAndAnsweredAndNothingStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Options{Manifest: []byte(bot.Manifest("/c66"))}, cloud66sim.Options{RateLimit: 1 << 30})
	s := w.serve(t, "C66BOT_ADMINS="+strings.Join(w.teams(), ","), "C66BOT_POLL_MIN=5s", "C66BOT_POLL_MAX=1m")
	w.readyz(t, s, http.StatusOK)
	before := w.gauges(t)
	t.Logf("before: %s", before)
	var sent []*slacksim.Delivery
	answers := 0
	tick := time.NewTicker(time.Second / perSecond)
	defer tick.Stop()
	began := time.Now()
	for n := 0; time.Since(began) < *soak; n++ {
		<-tick.C
		d, answer := w.ask(n)
		sent, answers = append(sent, d), answers+answer
		if n%(perSecond*max(1, int(soak.Seconds())/20)) == 0 {
			t.Logf("after %4.0f s, %6d commands: %s", time.Since(began).Seconds(), n, w.gauges(t))
		}
	}
	w.allAcknowledged(t, sent)
	w.settled(t, s, answers, before)
	s.end(t, os.Interrupt, 8*time.Second, exitOK)
	clicks, cancels := 0, 0
	for _, e := range w.slack.Log() {
		if e.Kind == slacksim.KindClick {
			clicks++
		}
	}
	for _, q := range w.cloud.Requests() {
		if q.Method == http.MethodDelete {
			cancels++
		}
	}
	t.Logf("%d commands in %s, %d answered through response_url; %d posts, %d edits, %d clicks, %d cancels", len(sent), soak, w.answered(),
		len(w.slack.Calls("chat.postMessage")), len(w.slack.Calls("chat.update")), clicks, cancels)
	for _, v := range w.slack.Violations() {
		t.Errorf("the bot broke Slack's protocol: %s", v)
	}
	if strings.Contains(s.log.String(), "level=ERROR") {
		t.Errorf("the log has errors:\n%s", s.log)
	}
}

func (w *world) allAcknowledged(t *testing.T, sent []*slacksim.Delivery) {
	t.Helper()
	var waited []time.Duration
	for _, d := range sent {
		info, err := d.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		waited = append(waited, info.After)
	}
	slices.Sort(waited)
	t.Logf("acknowledged after: median %s, p99 %s, at most %s", waited[len(waited)/2], waited[len(waited)*99/100], waited[len(waited)-1])
	if most := waited[len(waited)-1]; most > 3*time.Second {
		t.Errorf("one was acknowledged after %s", most)
	}
}

// settled waits until so many commands are answered, every card has its end and what was begun for them is gone.
func (w *world) settled(t *testing.T, s *server, answers int, before gauges) {
	t.Helper()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for limit := time.After(3 * time.Minute); ; {
		answered, open, after := w.answered(), w.openCards(), w.gauges(t)
		if answered >= answers && open == 0 && after.goroutines <= before.goroutines+someMore {
			t.Logf("settled: %s", after)
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not settled: %d of %d are answered, %d cards are open, %s; log:\n%s", answered, answers, open, after, s.log)
		}
	}
}

var ended = regexp.MustCompile(`went live|was cancelled`)

// openCards counts the cards that do not tell of an end.
func (w *world) openCards() (open int) {
	for i := range teams {
		for _, m := range w.slack.Person(fmt.Sprintf("U0SOAK%d", i)).Sees(fmt.Sprintf("C0SOAK%d", i)) {
			if !m.Ephemeral && !ended.MatchString(m.Plain()) {
				open++
			}
		}
	}
	return open
}
