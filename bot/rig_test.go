package bot_test

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"c66bot/bot"
	"c66bot/bot/outbox/mortal"
	"c66bot/bot/slacksim"
	"c66bot/bot/slacksim/memnet"
	"c66bot/cloud66"
	"c66bot/cloud66/cloud66sim"
	"c66bot/cloud66/secret"
	"c66bot/storage/bolt"
)

func TestMain(m *testing.M) {
	trustTestServers()
	debug.SetGCPercent(400) // The heap is small, and simulated time lets it be collected without end.
	goleak.VerifyTestMain(m)
}

// trustTestServers makes the process trust the certificate of httptest servers, as the bot's configuration has no setting for it.
func trustTestServers() {
	server := httptest.NewTLSServer(nil)
	file, err := os.CreateTemp("", "roots")
	if err == nil {
		err = pem.Encode(file, &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	}
	server.Close()
	if err = errors.Join(err, file.Close(), os.Setenv("SSL_CERT_FILE", file.Name())); err != nil {
		panic(err)
	}
	if _, err = x509.SystemCertPool(); err != nil { // reads the file
		panic(err)
	}
	if err = os.Remove(file.Name()); err != nil {
		panic(err)
	}
}

const (
	lin      = "U0LIN"   // an admin
	sam      = "U0SAM"   // a user without rights of their own
	guest    = "U0GUS"   // a guest of the workspace
	outsider = "U0OLGA"  // of another organisation
	robot    = "U0ROBOT" // a bot
	deploys  = "C0DEPLOYS"
	support  = "C0SUPPORT"
	random   = "C0RANDOM" // a channel without the bot
)

// direct returns the id of the direct message between a user and the bot.
func direct(user string) string { return "D" + user[1:] }

// rig is a bot between a simulated workspace and a simulated Cloud 66, in a synctest bubble.
type rig struct {
	t     *testing.T
	slack *slacksim.Workspace
	cloud *cloud66sim.Sim
	web   string // UID of web@production
	net   *memnet.Listener
	wire  *network // the running bot's network to Slack
	db    string
	set   settings
	log   *logBuffer
	texts map[shownKey]string
	steps steps

	kill      func() // ends the bot without a shutdown
	terminate func() // ends the bot as SIGTERM does
	bot       *bot.Bot
	config    bot.Config // the bot's configuration, without the fields that change while it is printed
	metrics   *prometheus.Registry
	reading   *atomic.Pointer[func()]
	full      *atomic.Pointer[error]
	stamps    int                // counter of ts
	sent      *slacksim.Delivery // the last submitted form, not yet acknowledged
}

// settings configure a rig.
type settings struct {
	slack    slacksim.Options
	cloud    cloud66sim.Options
	admins   []string
	perHour  int
	poll     time.Duration // the shortest time between two looks; 5 seconds unless set. Where many hours pass, seldom ones show as much.
	fewPast  bool          // web@production has five past deployments, not 35. Each look reads a page of them.
	profiles []string
	token    string
	wire     wire
}

// wire is the protocol of the connections to Slack.
type wire int

const (
	plain wire = iota
	overTLS
	overHTTP2 // with TLS
)

// inBubble runs f with a ready bot in a synctest bubble.
func inBubble(t *testing.T, set settings, f func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, set)
		r.start()
		f(t, r)
		for _, v := range r.slack.Violations() {
			t.Errorf("the bot broke Slack's protocol: %s", v)
		}
		r.noSecrets()
	})
}

// unready runs f in a synctest bubble without waiting for the bot to become ready.
func unready(t *testing.T, set settings, f func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, set)
		r.begin()
		f(t, r)
		r.noSecrets()
	})
}

func newRig(t *testing.T, set settings) *rig {
	t.Helper()
	set.slack.Manifest = []byte(bot.Manifest("/c66"))
	r := &rig{
		t: t, slack: slacksim.New(set.slack), cloud: cloud66sim.New(set.cloud), net: memnet.Listen(),
		db: filepath.Join(mortal.Dir(t), "c66bot.db"), set: set, log: &logBuffer{}, texts: map[shownKey]string{},
	}
	r.slack.AddUser(slacksim.User{ID: lin, Name: "lin", RealName: "Lin"})
	r.slack.AddUser(slacksim.User{ID: sam, Name: "sam", RealName: "Sam"})
	r.slack.AddUser(slacksim.User{ID: guest, Name: "gus", RealName: "Gus", Restricted: true})
	r.slack.AddUser(slacksim.User{ID: outsider, Name: "olga", RealName: "Olga", TeamID: "T0OTHER"})
	r.slack.AddUser(slacksim.User{ID: robot, Name: "robot", RealName: "Robot", IsBot: true})
	all := []string{lin, sam, guest, outsider, robot}
	r.slack.AddChannel(slacksim.Channel{ID: deploys, Name: "deploys", Members: all, BotIsMember: true, Shared: true})
	r.slack.AddChannel(slacksim.Channel{ID: support, Name: "support", Members: all, BotIsMember: true})
	r.slack.AddChannel(slacksim.Channel{ID: random, Name: "random", Members: all})
	for _, id := range all {
		r.slack.AddChannel(slacksim.Channel{ID: direct(id), IM: true, Members: []string{id}, BotIsMember: true})
	}
	web := cloud66sim.Stack{Name: "web", Git: "https://github.com/acme/web.git", UsualDuration: 5 * time.Minute, History: 35}
	if set.fewPast {
		web.History = 30
		web.UID, web.History = r.cloud.AddStack(web), 5 // the last is #1035 all the same
	}
	r.web = r.cloud.AddStack(web)
	server := &httptest.Server{
		Listener: r.net, EnableHTTP2: set.wire == overHTTP2,
		Config: &http.Server{Handler: r.slack, ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)},
	}
	if set.wire == plain {
		server.Start()
	} else {
		server.StartTLS()
	}
	t.Cleanup(func() {
		r.stop()
		r.slack.Close()
		r.net.CloseAll()
		server.Close()
	})
	return r
}

// start starts the bot and waits until it is ready.
func (r *rig) start() {
	r.t.Helper()
	r.begin()
	r.until("the bot is ready", func() bool { return r.bot.Ready() == nil })
}

// begin starts the bot.
func (r *rig) begin() {
	r.t.Helper()
	db, err := bolt.Open(r.db)
	if err != nil {
		r.t.Fatal(err)
	}
	token := r.set.token
	if token == "" {
		token = cloud66sim.DemoToken
	}
	perHour := r.set.perHour
	if perHour == 0 {
		perHour = 3000
	}
	poll := cmp.Or(r.set.poll, 5*time.Second)
	admins := r.set.admins
	if admins == nil {
		admins = []string{lin}
	}
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.wire = &network{listener: r.net}
	gate := &gate{next: r.cloud.RoundTripper(), wire: r.wire, steps: &r.steps}
	r.reading, r.full = &gate.reading, &gate.full
	cloud, err := cloud66.New(
		cloud66.Config{BaseURL: "http://cloud66.test/api/3", Token: secret.New(token), RequestsPerHour: perHour, Transport: gate, Logger: log},
	)
	if err != nil {
		r.t.Fatal(err)
	}
	slackURL := "http://slack.test/api/"
	if r.set.wire != plain {
		slackURL = "https://slack.example.com/api/" // a name of the certificate
	}
	r.metrics = prometheus.NewRegistry()
	cfg := bot.Config{
		AppToken: secret.New("xapp-1-A0C66-demo"), BotToken: secret.New("xoxb-c66-demo"), SlackURL: slackURL, Command: "/c66",
		Profiles: r.set.profiles,
		Admins:   admins, Cloud: cloud, Records: gatedDB{db, gate}, PollMin: poll, PollMax: time.Minute, Dial: r.wire.dial,
		AuditKeep: 9600 * time.Hour, Metrics: r.metrics, Log: log,
	}
	b, err := bot.New(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	cfg.Cloud, cfg.Records, cfg.Metrics, cfg.Log, cfg.Dial = nil, nil, nil, nil, nil
	r.config = cfg
	r.bot = b
	ctx, cancel := context.WithCancel(r.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	r.kill = func() {
		gate.close()
		r.terminate()
	}
	r.terminate = func() {
		r.kill, r.terminate = nil, nil
		cancel()
		if err := <-ended; err != nil && gate.dead() == nil {
			r.t.Errorf("the bot ended with: %v", err)
		}
		if err := db.Close(); err != nil {
			r.t.Error(err)
		}
	}
}

// stop ends the bot, if it runs.
func (r *rig) stop() {
	if r.terminate != nil {
		r.terminate()
	}
}

// until waits until holds returns true. It fails the test after a simulated hour.
func (r *rig) until(what string, holds func() bool) {
	r.t.Helper()
	limit := time.Now().Add(time.Hour)
	for synctest.Wait(); !holds(); synctest.Wait() {
		if time.Now().After(limit) {
			r.t.Fatalf("it never came about that %s. What lin sees:\n%s\nlog:\n%s", what, r.sees(lin, deploys), r.log)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// command sends a command as a user and waits for the acknowledgement.
func (r *rig) command(user, channel, text string) {
	r.t.Helper()
	info, err := r.slack.Person(user).Command(channel, text).Wait(r.t.Context())
	if err != nil {
		r.t.Fatalf("%s: %v", text, err)
	}
	if info.After > time.Second {
		r.t.Errorf("%s was acknowledged after %s", text, info.After)
	}
}

// ask sends a command as a user and returns the ephemeral answer.
func (r *rig) ask(user, channel, text string) slacksim.Message {
	r.t.Helper()
	before := len(r.ephemerals(user, channel))
	r.command(user, channel, text)
	r.until("there is an answer to "+text, func() bool { return len(r.ephemerals(user, channel)) > before })
	all := r.ephemerals(user, channel)
	return all[len(all)-1]
}

func (r *rig) ephemerals(user, channel string) []slacksim.Message {
	var found []slacksim.Message
	for _, m := range r.slack.Person(user).Sees(channel) {
		if m.Ephemeral {
			found = append(found, m)
		}
	}
	return found
}

// click clicks a button as a user and waits for the acknowledgement.
func (r *rig) click(user string, m slacksim.Message, label string) {
	r.t.Helper()
	d, err := r.slack.Person(user).Click(m.Channel, m, label)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := d.Wait(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// again clicks a button of an outdated state of a message.
func (r *rig) again(user string, m slacksim.Message, label string) {
	r.t.Helper()
	d, err := r.slack.Person(user).ClickOld(m.Channel, m, label)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := d.Wait(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// cards returns the public messages in a channel without thread replies, oldest first.
func (r *rig) cards(channel string) []slacksim.Message {
	var found []slacksim.Message
	for _, m := range r.slack.Person(lin).Sees(channel) {
		if !m.Ephemeral && (m.ThreadTS == "" || m.ThreadTS == m.TS) {
			found = append(found, m)
		}
	}
	return found
}

// card waits until the newest card in #deploys contains a text, and returns it.
func (r *rig) card(says string) slacksim.Message {
	r.t.Helper()
	var card slacksim.Message
	r.until("a card says "+says, func() bool {
		cards := r.cards(deploys)
		if len(cards) == 0 {
			return false
		}
		last := cards[len(cards)-1]
		if last.TS == card.TS && last.Edits == card.Edits {
			return false // unchanged since the last look
		}
		card = last
		return strings.Contains(card.Plain(), says)
	})
	return card
}

// thread returns the replies in a card's thread, one line each.
func (r *rig) thread(card slacksim.Message) []string {
	var lines []string
	for _, m := range r.slack.Person(lin).Thread(card.Channel, card.TS) {
		if m.TS != card.TS {
			lines = append(lines, m.Plain())
		}
	}
	return lines
}

// sees returns the text of all messages that a user sees in a channel.
func (r *rig) sees(user, channel string) string {
	var b strings.Builder
	for _, m := range r.slack.Person(user).Sees(channel) {
		b.WriteString(r.plain(m) + "\n")
	}
	return b.String()
}

// shownKey identifies the content of a message.
type shownKey struct {
	text   string
	blocks *map[string]any
	edits  int
}

// plain returns the text of a message. It caches the rendering, since until may look every 100 ms.
func (r *rig) plain(m slacksim.Message) string {
	key := shownKey{text: m.Text, blocks: unsafe.SliceData(m.Blocks), edits: m.Edits}
	if key.blocks == nil {
		return m.Plain()
	}
	if _, ok := r.texts[key]; !ok {
		r.texts[key] = m.Plain()
	}
	return r.texts[key]
}

// requests returns the number of requests to Cloud 66 with a method.
func (r *rig) requests(method string) int {
	n := 0
	for _, q := range r.cloud.Requests() {
		if q.Method == method {
			n++
		}
	}
	return n
}

// noSecrets checks that no secret is in the log (which has the stacks of panics), in a call, a metric or an error, nor in the printed
// configuration.
func (r *rig) noSecrets() {
	r.t.Helper()
	var left strings.Builder
	left.WriteString(r.log.String())
	for _, c := range r.slack.Calls("") {
		for _, v := range c.Args {
			left.WriteString(v + "\n")
		}
	}
	families, err := r.metrics.Gather()
	if err != nil {
		r.t.Error(err)
	}
	for _, f := range families {
		left.WriteString(f.String() + "\n")
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		fmt.Fprintf(&left, verb+" "+verb+"\n", r.config, &r.config)
	}
	fmt.Fprintln(&left, r.bot.Ready())
	said := left.String()
	for _, secret := range []string{"xapp-1-A0C66-demo", "xoxb-c66-demo", cloud66sim.DemoToken, "SECRET", "slack.test/commands",
		"slack.test/actions", "ticket="} {
		if i := strings.Index(said, secret); i >= 0 {
			r.t.Errorf("%q left the process: …%s…", secret, said[max(0, i-200):min(len(said), i+100)])
		}
	}
}

// logBuffer holds the bot's log. It is safe for concurrent use.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
