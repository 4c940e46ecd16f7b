package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

// A person and a channel of the simulated Slack.
const lin, deploys = "U0LIN", "C0DEPLOYS"

// asProgram in the environment makes this test binary behave as c66bot itself.
const asProgram = "TEST_BINARY_IS_C66BOT"

// program prepares a process of c66bot. It gets the environment that is given and nothing of the test's own but what the system needs.
func program(tb testing.TB, environ []string, args ...string) *exec.Cmd {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.CommandContext(tb.Context(), self, args...)
	cmd.Dir = tb.TempDir()
	// A race-checked process sleeps a second at its end unless it is told not to.
	cmd.Env = append([]string{asProgram + "=1", "GORACE=atexit_sleep_ms=0", "TMPDIR=" + cmd.Dir, "PATH=" + os.Getenv("PATH")}, environ...)
	return cmd
}

// output collects what a process writes while it runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// world is a simulated Slack and a simulated Cloud 66 on real sockets.
type world struct {
	slack   *slacksim.Workspace
	cloud   *cloud66sim.Sim
	stack   string
	environ []string // Of a bot between the two.
	addr    string   // Where the bot's HTTP endpoints will be.
	db      string
}

func newWorld(t *testing.T, slackOptions slacksim.Options, cloudOptions cloud66sim.Options) *world {
	t.Helper()
	w := &world{
		slack: slacksim.New(
			slackOptions,
		), cloud: cloud66sim.New(cloudOptions), addr: unusedAddress(t), db: filepath.Join(t.TempDir(), "c66bot.db"),
	}
	w.slack.AddUser(slacksim.User{ID: lin, Name: "lin"})
	w.slack.AddChannel(slacksim.Channel{ID: deploys, Name: "deploys", Members: []string{lin}, BotIsMember: true})
	w.stack = w.cloud.AddStack(cloud66sim.Stack{Name: "web", Git: "https://github.com/acme/web.git", History: 3})
	slackServer, cloudServer := httptest.NewServer(w.slack), httptest.NewServer(w.cloud)
	t.Cleanup(func() {
		w.slack.Close()
		slackServer.Close()
		cloudServer.Close()
	})
	w.environ = []string{
		"C66BOT_SLACK_APP_TOKEN=xapp-1-A0C66-demo", "C66BOT_SLACK_BOT_TOKEN=xoxb-c66-demo", "C66BOT_CLOUD66_TOKEN=" + cloud66sim.DemoToken,
		"C66BOT_SLACK_API_URL=" + slackServer.URL + "/api/", "C66BOT_CLOUD66_URL=" + cloudServer.URL + "/api/3", "C66BOT_ADMINS=" + lin,
		"C66BOT_STORAGE_PATH=" + w.db, "C66BOT_HTTP_ADDR=" + w.addr, "C66BOT_POLL_MIN=50ms", "C66BOT_POLL_MAX=200ms",
		"C66BOT_CLOUD66_REQUESTS_PER_HOUR=1000000",
	}
	return w
}

// lastPort is the port that a test got last. The first one differs from process to process.
var lastPort atomic.Int32

func init() { lastPort.Store(10_000 + int32(os.Getpid()%20_000)) }

// unusedAddress gives each caller another address. Its port is below those that the system gives to connections, so that none of the tests
// that run at the same time takes it before the program does.
func unusedAddress(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", lastPort.Add(1))
		if listener, err := config.Listen(t.Context(), "tcp", address); err == nil {
			_ = listener.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// server is a running "c66bot serve".
type server struct {
	*exec.Cmd
	log   *output
	ended chan struct{}
}

// serve starts the bot. It is killed at the end of the test, if it still runs; no token may have been in its log.
func (w *world) serve(t *testing.T, more ...string) *server {
	t.Helper()
	s := &server{Cmd: program(t, append(slices.Clone(w.environ), more...), "serve"), log: &output{}, ended: make(chan struct{})}
	s.Stdout, s.Stderr = s.log, s.log
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.ended)
		_ = s.Wait() // Its status is looked at by those who end it.
	}()
	t.Cleanup(func() {
		_ = s.Process.Kill() // It may have ended before.
		<-s.ended
		noTokens(t, s.log.String())
	})
	return s
}

func noTokens(t *testing.T, text string) {
	t.Helper()
	for _, token := range []string{"xapp-1-A0C66-demo", "xoxb-c66-demo", cloud66sim.DemoToken, "-wrong", "ticket=", "SECRET"} {
		if strings.Contains(text, token) {
			t.Errorf("a token or secret, %q, was printed:\n%s", token, text)
		}
	}
}

// end sends a signal and checks how the bot ends of it.
func (s *server) end(t *testing.T, signal os.Signal, within time.Duration, want int) {
	t.Helper()
	if err := s.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	s.wait(t, within, want)
}

// wait waits for the bot's end and checks its exit status, which is -1 after a SIGKILL.
func (s *server) wait(t *testing.T, within time.Duration, want int) {
	t.Helper()
	select {
	case <-s.ended:
	case <-time.After(within):
		t.Fatalf("the bot did not end within %v; log:\n%s", within, s.log)
	}
	if code := s.ProcessState.ExitCode(); code != want {
		t.Errorf("exit status %d, want %d; log:\n%s", code, want, s.log)
	}
}

// readyz asks for the state until it is the one that is wanted, and returns what else it says.
func (w *world) readyz(t *testing.T, s *server, status int, words ...string) string {
	t.Helper()
	var last string
	poll(t, s, fmt.Sprintf("/readyz answers %d with %q", status, words), func() bool {
		code, text, err := get(t.Context(), "http://"+w.addr+"/readyz")
		last = fmt.Sprintf("%d %s %v", code, text, err)
		return code == status && !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
	}, &last)
	return last
}

// poll asks again every few milliseconds whether something holds: an HTTP endpoint and a log tell nobody of their changes.
func poll(t *testing.T, s *server, what string, holds func() bool, last *string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(10 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-s.ended:
			t.Fatalf("the bot ended before it came about that %s; log:\n%s", what, s.log)
		case <-limit:
			t.Fatalf("it did not come about that %s; last: %s; log:\n%s", what, *last, s.log)
		}
	}
}

func get(ctx context.Context, url string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, "", err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), errors.Join(err, resp.Body.Close())
}

// until waits for something in Slack.
func (w *world) until(t *testing.T, s *server, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	if err := w.slack.WaitFor(ctx, holds); err != nil {
		t.Fatalf("it did not come about that %s: %v; lin sees:\n%s\nlog:\n%s", what, err, w.sees(), s.log)
	}
}

// sees is all that lin sees in the channel, and in the threads of its cards.
func (w *world) sees() string {
	var text strings.Builder
	for _, m := range w.slack.Person(lin).Sees(deploys) {
		fmt.Fprintln(&text, m.Plain())
		for _, reply := range w.slack.Person(lin).Thread(deploys, m.TS)[1:] {
			fmt.Fprintln(&text, "↳", reply.Plain())
		}
	}
	return text.String()
}

func (w *world) says(words string) func() bool {
	return func() bool { return strings.Contains(w.sees(), words) }
}

func (w *world) command(t *testing.T, text string) {
	t.Helper()
	if _, err := w.slack.Person(lin).Command(deploys, text).Wait(t.Context()); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// requests counts what the simulated Cloud 66 was asked by a method.
func (w *world) requests(method string) int {
	n := 0
	for _, r := range w.cloud.Requests() {
		if r.Method == method {
			n++
		}
	}
	return n
}

func TestServeIsReadyWithinASecondAndHealthSaysSo(t *testing.T) {
	w := newWorld(t, slacksim.Options{}, cloud66sim.Options{})
	begin := time.Now()
	s := w.serve(t)
	w.readyz(t, s, http.StatusOK, "ready")
	took := time.Since(begin)
	t.Logf("from start to ready: %v", took)
	if limit := time.Second; took > limit {
		t.Errorf("ready after %v, want at most %v", took, limit)
	}
	health := program(t, []string{"C66BOT_HTTP_ADDR=" + w.addr}, "health")
	if text, err := health.CombinedOutput(); err != nil || string(text) != "ready\n" {
		t.Errorf("c66bot health printed %q and ended with %v", text, err)
	}
	if code, text, err := get(t.Context(), "http://"+w.addr+"/metrics"); code != http.StatusOK || !strings.Contains(text, "c66bot_ready 1") {
		t.Errorf("/metrics answers %d, %v:\n%s", code, err, text)
	} else {
		noTokens(t, text)
	}
	s.end(t, syscall.SIGTERM, 8*time.Second, exitOK)
}

// inFlight has lin send three commands whose answers Cloud 66 holds back until they are released.
func (w *world) inFlight(t *testing.T, s *server) (release func()) {
	t.Helper()
	w.readyz(t, s, http.StatusOK)
	held, asked := make(chan struct{}), make(chan struct{}, 100)
	w.cloud.AddFault(cloud66sim.Fault{PathPart: "/stacks", Block: held, Match: func(*http.Request) bool { asked <- struct{}{}; return true }})
	for range 3 {
		w.command(t, "/c66 list web")
	}
	<-asked
	release = sync.OnceFunc(func() { close(held) })
	t.Cleanup(release)
	return release
}

func TestASignalLetsCommandsInFlightFinishAndTakesNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Options{}, cloud66sim.Options{})
	s := w.serve(t)
	release := w.inFlight(t, s)
	if err := s.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	w.until(t, s, "the bot leaves Slack", func() bool { return w.slack.Sockets() == 0 })
	w.readyz(t, s, http.StatusServiceUnavailable, "shutting down")
	release()
	w.until(t, s, "the three answers are there", func() bool { return strings.Count(w.sees(), "deployments 1–3 of 3") == 3 })
	s.wait(t, 8*time.Second, exitOK)
}

func TestASignalEndsServeWithin8SecondsWhateverIsInFlight(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Options{}, cloud66sim.Options{})
	s := w.serve(t)
	w.inFlight(t, s)
	s.end(t, syscall.SIGTERM, 8*time.Second, exitOK)
	if broken := w.slack.Violations(); len(broken) > 0 {
		t.Errorf("Slack's protocol was broken: %q", broken)
	}
}

func TestADeploymentThatEndsWhileTheBotIsDeadIsToldAfterTheRestartAndWasSentOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Options{}, cloud66sim.Options{Speed: 1})
	s := w.serve(t)
	w.until(t, s, "the bot is connected", func() bool { return w.slack.Sockets() == 1 })
	w.command(t, "/c66 redeploy web --now")
	w.until(t, s, "the thread tells the start", w.says("↳ 🔄"))
	s.end(t, syscall.SIGKILL, 5*time.Second, -1)

	w.cloud.SetSpeed(1e6) // It ends at once.
	s = w.serve(t)
	w.until(t, s, "the thread tells the end", w.says("↳ ✅"))
	cards := func() (all []string) {
		for _, m := range w.slack.Person(lin).Sees(deploys) {
			if !m.Ephemeral && (m.ThreadTS == "" || m.ThreadTS == m.TS) {
				all = append(all, m.Plain())
			}
		}
		return all
	}
	// The card is edited beside its thread: either may be first.
	w.until(t, s, "the card tells the end", func() bool {
		return slices.ContainsFunc(cards(), func(card string) bool { return strings.HasPrefix(card, "✅") })
	})
	if all := cards(); len(all) != 1 {
		t.Errorf("cards after the restart, want one that is live:\n%s", strings.Join(all, "\n"))
	}
	if posts := w.requests(http.MethodPost); posts != 1 {
		t.Errorf("%d POSTs were sent, want 1", posts)
	}
}

func TestASecondProcessOnTheSameDatabaseNamesTheFileAndTheFirstOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Options{}, cloud66sim.Options{})
	first := w.serve(t)
	w.readyz(t, first, http.StatusOK)
	second := w.serve(t, "C66BOT_HTTP_ADDR="+unusedAddress(t))
	second.wait(t, 10*time.Second, exitFailed)
	if want := fmt.Sprintf("database %s is in use by process %d", w.db, first.Process.Pid); !strings.Contains(second.log.String(), want) {
		t.Errorf("the second process does not say %q:\n%s", want, second.log)
	}
}

func TestARefusedTokenLeavesTheBotUpNotReadyAndSayingWhy(t *testing.T) {
	without := func(scope string) []string {
		all := []string{"commands", "chat:write", "users:read", "usergroups:read", "channels:history", "groups:history", "im:write"}
		return slices.DeleteFunc(all, func(s string) bool { return s == scope })
	}
	tests := []struct {
		name    string
		options slacksim.Options
		environ string
		wants   []string // What /readyz and the log say.
		wantLog string   // What the log says of the next try.
	}{
		{name: "app token", environ: "C66BOT_SLACK_APP_TOKEN=xapp-wrong", wants: []string{"app-level token", "C66BOT_SLACK_APP_TOKEN"},
			wantLog: "again_in=5s"},
		{name: "bot token", environ: "C66BOT_SLACK_BOT_TOKEN=xoxb-wrong", wants: []string{"bot token", "C66BOT_SLACK_BOT_TOKEN"}},
		{name: "Cloud 66 token", environ: "C66BOT_CLOUD66_TOKEN=c66-wrong", wants: []string{"token (C66BOT_CLOUD66_TOKEN)", "refuse"}},
		{
			name: "app token without connections:write", options: slacksim.Options{AppScopes: []string{}},
			wants: []string{"app-level token", "lacks the scope connections:write"}, wantLog: "again_in=5s",
		},
		{
			name: "bot token without chat:write", options: slacksim.Options{BotScopes: without("chat:write")},
			wants: []string{"bot token", "lacks the scope chat:write"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.options, cloud66sim.Options{})
			s := w.serve(t, tt.environ)
			w.readyz(t, s, http.StatusServiceUnavailable, tt.wants...)
			log := ""
			poll(t, s, fmt.Sprintf("the log says %q", tt.wants), func() bool {
				log = s.log.String()
				return !slices.ContainsFunc(append(tt.wants, tt.wantLog), func(word string) bool { return !strings.Contains(log, word) })
			}, &log)
			health := program(t, []string{"C66BOT_HTTP_ADDR=" + w.addr}, "health")
			text, err := health.CombinedOutput()
			if health.ProcessState.ExitCode() != exitFailed || !strings.Contains(string(text), tt.wants[0]) {
				t.Errorf("c66bot health printed %q and ended with %v", text, err)
			}
			noTokens(t, string(text))
			s.end(t, syscall.SIGTERM, 8*time.Second, exitOK) // It had stayed up.
			for _, method := range []string{"apps.connections.open", "auth.test"} {
				if calls := len(w.slack.Calls(method)); calls > 1 {
					t.Errorf("%s was called %d times", method, calls)
				}
			}
			if asked := w.cloud.Count(); asked > 1 {
				t.Errorf("Cloud 66 was asked %d times", asked)
			}
		})
	}
}
