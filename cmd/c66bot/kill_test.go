package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"c66bot/bot"
	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
	"c66bot/storage"
	"c66bot/storage/bolt"
)

// kills is how often the process is killed:
//
//	go test -run Killed ./cmd/c66bot -kills 200
var kills = flag.Int("kills", 5, "how often the process with commands in flight is killed")

const (
	perLife = 5                      // wishes that are sent in each life
	longest = 600 * time.Millisecond // of a life, from its connection
	soon    = 20                     // up to so many kills the end of what has a card is not waited for
	admins  = "S0ADMINS"

	// patience is how long the end of every wish is waited for: what may have been sent is looked for over two minutes.
	patience = 150 * time.Second
)

// wish is a redeploy that somebody asks for, known by its ref; it has a person and a channel of its own.
type wish struct {
	w                  *world
	ref, user, channel string

	mu   sync.Mutex
	sent []*slacksim.Delivery // what asked for it, each of which is an operation
}

func (w *wish) person() *slacksim.Person { return w.w.slack.Person(w.user) }

func (w *wish) send(d *slacksim.Delivery, err error) {
	if err != nil || d == nil {
		return // what was to be clicked or sent is not there
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, d)
}

// deliveries are what asked for it so far.
func (w *wish) deliveries() []*slacksim.Delivery {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*slacksim.Delivery(nil), w.sent...)
}

// ask sends the wish in one of the four ways. It gives up where a life ends before what is to be clicked is shown.
func (w *wish) ask(way int, over <-chan struct{}) {
	switch way {
	case 0:
		w.send(w.person().Command(w.channel, "/c66 redeploy web@production --wait --ref "+w.ref), nil)
	case 1:
		_, d, err := w.person().Mention(w.channel, "", "@c66bot redeploy web@production --wait --ref "+w.ref)
		w.send(d, err)
	case 2:
		w.send(w.person().Command(w.channel, "/c66 redeploy web --wait --ref "+w.ref), nil)
		waitFor(over, func() bool {
			for _, m := range w.person().Sees(w.channel) {
				if d, err := w.person().Click(w.channel, m, "web@production"); err == nil {
					w.send(d, nil)
					w.send(w.person().ClickOld(w.channel, m, "web@production")) // a second click
					return true
				}
			}
			return false
		})
	default:
		w.person().Command(w.channel, "/c66 redeploy web@production")
		waitFor(over, func() bool {
			if w.person().Fill("Branch, tag or commit", w.ref) != nil {
				return false
			}
			w.send(w.person().Submit())
			return true
		})
	}
}

// waitFor tries again every few milliseconds until something is done, or all is over.
func waitFor(over <-chan struct{}, done func() bool) {
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-over:
			return
		case <-tick.C:
		}
	}
}

// count gives how many operations there are, and how many of them were acknowledged.
func (w *wish) count() (sent, acked int) {
	for _, d := range w.deliveries() {
		sent++
		select {
		case <-d.Acked():
			acked++
		default:
		}
	}
	return sent, acked
}

// says is all that the person sees of it, the direct messages included.
func (w *wish) says() (all string, direct int) {
	var text strings.Builder
	for _, m := range w.person().Sees(w.channel) {
		if m.Broadcast {
			continue // it is in the thread too
		}
		fmt.Fprintln(&text, m.Plain())
		for _, reply := range w.person().Thread(w.channel, m.TS)[1:] {
			fmt.Fprintln(&text, reply.Plain())
		}
	}
	for _, m := range w.person().Sees("D" + w.user[1:]) {
		fmt.Fprintln(&text, m.Plain())
		direct++
	}
	return text.String(), direct
}

// told are the words that say that something was not done, or may not be, or what is to be chosen first.
var told = regexp.MustCompile(`othing was done|not redeployed|did not tell what became|matches 2 stacks`)

// cardHead matches the first line of a card. Lines of threads do not name the stack, except of a failure, which no card precedes here.
var cardHead = regexp.MustCompile(`(?m)^(⏳|🕓|🔄|✅|❌|🚫|⚠️|❓) \S+@\S+ `)

// verdict says what is wrong with what became of a wish, "" where nothing is. What is still to be delivered to its channel counts as said.
func (w *wish) verdict(deployed map[string]int, waiting string) string {
	sent, acked := w.count()
	text, direct := w.says()
	text += waiting
	cards := len(cardHead.FindAllString(text, -1))
	switch {
	case deployed[w.ref] > 1, cards > 1, direct > sent:
		return fmt.Sprintf("doubled: %d deployments, %d cards, %d direct messages of %d operations", deployed[w.ref], cards, direct, sent)
	case *kills <= soon && cards == 1: // it is carried on: to look for what may have been sent takes minutes
		return ""
	case acked > 0 && deployed[w.ref] == 0 && !told.MatchString(text):
		return fmt.Sprintf("lost: %d of %d operations were acknowledged", acked, sent)
	default:
		return ""
	}
}

// crowd makes the people of so many wishes, each with a channel.
func (w *world) crowd(n int) []*wish {
	all := make([]*wish, n)
	for i := range all {
		all[i] = w.newcomer("w", i, fmt.Sprintf("C0K%05d", i))
		w.slack.AddChannel(slacksim.Channel{ID: all[i].channel, Name: "c" + all[i].ref, Members: []string{all[i].user}, BotIsMember: true})
	}
	return all
}

// newcomer makes a person who acts in a channel.
func (w *world) newcomer(kind string, i int, channel string) *wish {
	v := &wish{w: w, ref: fmt.Sprintf("%s%05d", kind, i), user: fmt.Sprintf("U0K%s%05d", strings.ToUpper(kind), i), channel: channel}
	w.slack.AddUser(slacksim.User{ID: v.user, Name: v.ref})
	w.slack.AddChannel(slacksim.Channel{ID: "D" + v.user[1:], IM: true, Members: []string{v.user}, BotIsMember: true})
	return v
}

// adminsAre makes people admins.
func (w *world) adminsAre(people []*wish) {
	group := slacksim.Group{ID: admins, Handle: "admins"}
	for _, v := range people {
		group.Users = append(group.Users, v.user)
	}
	w.slack.AddGroup(group)
}

// live runs one life of the bot, with wishes and what teams do in flight and some of the wishes before delivered again, and kills it.
func (w *world) live(t *testing.T, now, before []*wish, teams []*team, way int) {
	t.Helper()
	s := w.serve(t, "C66BOT_ADMINS="+admins)
	w.until(t, s, "the bot is connected", func() bool { return w.slack.Sockets() == 1 })
	over := make(chan struct{})
	var asking sync.WaitGroup
	for i, v := range now {
		asking.Go(func() {
			select {
			case <-time.After(rand.N(longest / 2)):
				v.ask((way+i)%4, over)
			case <-over:
			}
		})
	}
	for _, m := range teams {
		asking.Go(func() { m.act(over) })
	}
	asking.Go(func() {
		for range 10 {
			select {
			case <-time.After(rand.N(longest / 5)):
			case <-over:
				return
			}
			for _, d := range before[rand.N(len(before))].deliveries() {
				w.slack.Redeliver(d.EnvelopeID)
			}
		}
	})
	<-time.After(longest/20 + rand.N(longest))
	s.end(t, syscall.SIGKILL, 5*time.Second, -1)
	close(over)
	asking.Wait()
}

// outcome is what became of all wishes.
type outcome struct {
	deployed map[string]int    // how often, by ref
	wrong    map[string]string // what is wrong, by ref
}

func (w *world) outcome(all []*wish, waiting map[string]string, stacks ...string) outcome {
	o := outcome{deployed: map[string]int{}, wrong: map[string]string{}}
	for _, uid := range stacks {
		for _, d := range w.cloud.Deployments(uid) {
			o.deployed[d.Ref]++
		}
	}
	for _, v := range all {
		if what := v.verdict(o.deployed, waiting[v.channel]); what != "" {
			o.wrong[v.ref] = what
		}
	}
	return o
}

// settle waits until nothing is wrong with what became of the wishes, has all delivered once more, and ends the bot.
func (w *world) settle(t *testing.T, s *server, all []*wish, stacks ...string) outcome {
	t.Helper()
	over := make(chan struct{})
	timer := time.AfterFunc(patience, func() { close(over) })
	defer timer.Stop()
	waitFor(over, func() bool { return len(w.outcome(all, nil, stacks...).wrong) == 0 })
	for _, v := range all {
		for _, d := range v.deliveries() {
			w.slack.Redeliver(d.EnvelopeID)
		}
	}
	<-time.After(3 * time.Second)
	s.end(t, os.Interrupt, 8*time.Second, exitOK)
	return w.outcome(all, w.waiting(t), stacks...)
}

// waiting gives what the bot has still to deliver to each channel, at Slack's pace, without the cards: they say where a wish stands, not
// what became of it.
func (w *world) waiting(t *testing.T) map[string]string {
	t.Helper()
	db, err := bolt.Open(w.db)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	err = db.View(t.Context(), func(tx storage.Tx) error {
		return storage.Messages.Scan(tx, "", func(_ string, m storage.Message) error {
			if !m.Delivered() && m.Parent != "" {
				texts[m.Channel] += m.Text + "\n"
			}
			return nil
		})
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return texts
}

func TestAProcessThatIsKilledAtAnyMomentLosesNoWishAndDoublesNone(t *testing.T) {
	t.Parallel()
	options := slacksim.Options{NoRateLimits: true, Manifest: []byte(bot.Manifest("/c66"))}
	w := newWorld(t, options, cloud66sim.Options{Speed: 1e6})
	staging := w.cloud.AddStack(cloud66sim.Stack{Name: "web", Environment: "staging", Git: "https://github.com/acme/web.git", History: 1})
	all, teams := w.crowd(*kills*perLife), w.guards(t, *kills*teamsPerLife)
	inAll := all
	for _, m := range teams {
		inAll = append(inAll, m.boss)
	}
	w.adminsAre(inAll)
	began := time.Now()
	for life := range *kills {
		before := all[max(0, life-3)*perLife : (life+1)*perLife : (life+1)*perLife]
		for _, m := range teams[max(0, life-3)*teamsPerLife : (life+1)*teamsPerLife] {
			before = append(before, m.people()...)
		}
		w.live(t, all[life*perLife:(life+1)*perLife], before, teams[life*teamsPerLife:(life+1)*teamsPerLife], life)
	}
	killed := time.Since(began)
	s := w.serve(t, "C66BOT_ADMINS="+admins)
	w.readyz(t, s, http.StatusOK)
	o := w.settle(t, s, all, w.stack, staging)
	guarded := w.guarded(t, teams)
	operations, acked := 0, 0
	for _, v := range all {
		sent, taken := v.count()
		operations, acked = operations+sent, acked+taken
		if what := o.wrong[v.ref]; what != "" {
			text, _ := v.says()
			t.Errorf("%s of %s: %s; it was shown:\n%s", v.ref, v.user, what, text)
		}
	}
	t.Logf("%d kills in %v, settled after %v: %d wishes in %d operations, %d of them acknowledged; %d wishes deployed, %d wrong; %s",
		*kills, killed.Round(time.Second), time.Since(began).Round(time.Second), len(all), operations, acked, len(o.deployed)-1,
		len(o.wrong), guarded)
}
