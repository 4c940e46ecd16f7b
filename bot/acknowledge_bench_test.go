package bot_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"c66bot/bot"
	"c66bot/bot/slacksim"
	"c66bot/cloud66"
	"c66bot/cloud66/cloud66sim"
	"c66bot/cloud66/secret"
	"c66bot/storage"
	"c66bot/storage/bolt"
)

// crowd is how many commands come at once.
const crowd = 200

// BenchmarkAcknowledge measures, over real sockets, how long 200 commands that come at once wait for their acknowledgement while every
// Cloud 66 call takes 10 s, beside a client that only acknowledges. Bursts to both take turns, so that a busy machine slows both.
//
//	go test -run '^$' -bench Acknowledge -benchtime 5x ./bot
func BenchmarkAcknowledge(b *testing.B) {
	for name, who := range map[string]string{"admin": lin, "with-10000-rules-and-500-groups": sam} {
		b.Run(name, func(b *testing.B) {
			plain, server := benchWorkspace(b)
			onlyAcknowledge(b, server.URL, func(envelope string, ack func(string) error) error { return ack(envelope) })
			workspace, server := benchWorkspace(b)
			slow, _ := benchBot(b, server.URL)
			send := func(w *slacksim.Workspace) func() []time.Duration {
				return func() []time.Duration { return acknowledged(b, w, who, []string{deploys}, "/c66 list web") }
			}
			compare(b, send(plain), send(workspace), answeredAll(workspace, slow))
		})
	}
}

// BenchmarkForm measures, over real sockets and with the same rules, how long after the command the form is open (loading) while every
// Cloud 66 call takes 10 s.
//
//	go test -run '^$' -bench Form -benchtime 50x ./bot
func BenchmarkForm(b *testing.B) {
	workspace, server := benchWorkspace(b)
	benchBot(b, server.URL)
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		workspace.Person(sam).Command(deploys, "/c66 redeploy web")
		if err := workspace.WaitFor(b.Context(), func() bool { _, open := workspace.Person(sam).View(); return open }); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
		b.StopTimer()
		workspace.Person(sam).CloseView()
		b.StartTimer()
	}
	report(b, took)
}

// answeredAll waits until the crowd is answered, so that the next one finds the bot as this one did.
func answeredAll(w *slacksim.Workspace, slow *atomic.Bool) func() {
	answered := 0
	return func() {
		slow.Store(false)
		for answered += crowd; len(w.Calls(slacksim.ResponseURL)) < answered; {
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(11 * time.Second)
		answered = len(w.Calls(slacksim.ResponseURL))
		slow.Store(true)
	}
}

func benchWorkspace(b *testing.B) (*slacksim.Workspace, *httptest.Server) {
	b.Helper()
	w := slacksim.New(slacksim.Options{NoRateLimits: true})
	w.AddUser(slacksim.User{ID: lin, Name: "lin"})
	w.AddUser(slacksim.User{ID: sam, Name: "sam"})
	w.AddChannel(slacksim.Channel{ID: deploys, Name: "deploys", Members: []string{lin, sam}, BotIsMember: true})
	for i := range 500 {
		group := slacksim.Group{ID: fmt.Sprintf("S0GROUP%d", i), Handle: fmt.Sprintf("group%d", i), Users: []string{lin}}
		if i < 10 {
			group.Users = []string{sam}
		}
		w.AddGroup(group)
	}
	server := httptest.NewServer(w)
	b.Cleanup(func() { w.Close(); server.Close() })
	return w, server
}

// benchBot runs a bot between the workspace and a Cloud 66 that takes 10 s for each call while slow is true.
func benchBot(b *testing.B, slackURL string) (slow *atomic.Bool, file string) {
	b.Helper()
	sim := cloud66sim.New(cloud66sim.Options{RateLimit: 1 << 30})
	sim.AddStack(cloud66sim.Stack{Name: "web", Git: "https://github.com/acme/web.git", History: 30})
	slow = &atomic.Bool{}
	sim.AddFault(
		cloud66sim.Fault{
			Match: func(r *http.Request) bool { return slow.Load() && !strings.Contains(r.URL.Path, "ping") },
			Delay: 10 * time.Second,
		},
	)
	api := httptest.NewServer(sim)
	file = filepath.Join(b.TempDir(), "c66bot.db")
	db, err := bolt.Open(file)
	if err != nil {
		b.Fatal(err)
	}
	seedRules(b, db)
	log := slog.New(slog.DiscardHandler)
	transport := &http.Transport{MaxConnsPerHost: 16}
	cloud, err := cloud66.New(
		cloud66.Config{
			BaseURL:         api.URL + "/api/3",
			Token:           secret.New(cloud66sim.DemoToken),
			RequestsPerHour: 1 << 30,
			Transport:       transport,
			Logger:          log,
		},
	)
	if err != nil {
		b.Fatal(err)
	}
	instance, err := bot.New(bot.Config{
		AppToken: secret.New(
			"xapp-1-A0C66-demo",
		), BotToken: secret.New("xoxb-c66-demo"), SlackURL: slackURL + "/api/", Command: "/c66", Admins: []string{lin},
		Cloud: cloud, Records: db, PollMin: 5 * time.Second, PollMax: time.Minute, AuditKeep: time.Hour, Log: log,
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- instance.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
		if err := db.Close(); err != nil {
			b.Error(err)
		}
		transport.CloseIdleConnections()
		api.Close()
	})
	for instance.Ready() != nil {
		time.Sleep(time.Millisecond)
	}
	slow.Store(true)
	return slow, file
}

// seedRules gives the channel 10,000 rules for groups; sam's groups may look at web.
func seedRules(b *testing.B, db storage.DB) {
	b.Helper()
	err := db.Update(b.Context(), func(tx storage.Tx) error {
		for i := range 10_000 {
			rule := storage.Rule{
				ID: fmt.Sprintf(
					"r%d",
					i,
				), Channel: deploys, Who: fmt.Sprintf("S0GROUP%d", i%500), Actions: []string{"view"}, Stacks: fmt.Sprintf("svc%d*@production", i),
				By: lin,
			}
			if i < 10 {
				rule.Actions, rule.Stacks = []string{"view", "redeploy"}, "web"
			}
			if err := storage.Rules.Put(tx, storage.ChannelKey(deploys, rule.ID), rule); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// onlyAcknowledge connects a client that gives each envelope to a function, in one goroutine, and does nothing else.
func onlyAcknowledge(b *testing.B, slackURL string, take func(envelope string, ack func(string) error) error) {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, slackURL+"/api/apps.connections.open", nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer xapp-1-A0C66-demo")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	var opened struct{ URL string }
	if err := json.NewDecoder(res.Body).Decode(&opened); err != nil {
		b.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		b.Fatal(err)
	}
	ws, handshake, err := websocket.DefaultDialer.DialContext(b.Context(), opened.URL, nil)
	if err != nil {
		b.Fatal(err)
	}
	_ = handshake.Body.Close()
	hello, done := make(chan struct{}), make(chan struct{})
	ack := func(envelope string) error { return ws.WriteJSON(map[string]string{"envelope_id": envelope}) }
	go func() {
		defer close(done)
		for {
			var env struct {
				Type       string `json:"type"`
				EnvelopeID string `json:"envelope_id"`
			}
			_, frame, err := ws.ReadMessage()
			if err != nil {
				return
			}
			if json.Unmarshal(frame, &env) == nil && env.Type == "hello" {
				close(hello)
			}
			if env.EnvelopeID == "" {
				continue
			}
			if take(env.EnvelopeID, ack) != nil {
				return
			}
		}
	}()
	<-hello
	b.Cleanup(func() { _ = ws.Close(); <-done; http.DefaultClient.CloseIdleConnections() })
}

// acknowledged sends the crowd's commands at once and returns how long each waited for its acknowledgement.
func acknowledged(b *testing.B, w *slacksim.Workspace, who string, channels []string, command string) (took []time.Duration) {
	b.Helper()
	var sent []*slacksim.Delivery
	for i := range crowd {
		sent = append(sent, w.Person(who).Command(channels[i%len(channels)], command))
	}
	for _, d := range sent {
		info, err := d.Wait(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, info.After)
	}
	return took
}

// compare reports how many times longer the acknowledgements of one client take than those of another, burst by burst.
func compare(b *testing.B, floor, bot func() []time.Duration, settle func()) {
	b.Helper()
	var plain, took []time.Duration
	for b.Loop() {
		plain, took = append(plain, floor()...), append(took, bot()...)
		b.StopTimer()
		settle()
		b.StartTimer()
	}
	report(b, took)
	slices.Sort(plain)
	p99 := func(sorted []time.Duration) float64 { return float64(sorted[int(0.99*float64(len(sorted)-1))]) }
	b.ReportMetric(p99(plain)/1e6, "floor-p99-ms")
	b.ReportMetric(p99(took)/p99(plain), "p99-times")
}

func report(b *testing.B, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	for name, q := range map[string]float64{"p50-ms": 0.5, "p99-ms": 0.99, "max-ms": 1} {
		b.ReportMetric(float64(took[int(q*float64(len(took)-1))].Microseconds())/1000, name)
	}
}
