package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"c66bot/cloud66/cloud66sim"
)

// demo prepares the demonstration as a process of its own, in a user's environment that a bot could not live with.
func demo(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	return program(t, []string{"C66BOT_NONSENSE=1", "C66BOT_SLACK_APP_TOKEN=xapp-of-the-user"}, append([]string{"demo"}, args...)...)
}

// nothingLeft checks that the demonstration that has ended left no file and no process behind.
func nothingLeft(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(cmd.Dir, "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("the demo left files behind: %v %v", left, err)
	}
	// Whoever inherited the group of processes is still in it.
	if err := syscall.Kill(-cmd.Process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("a process of the demo still runs: %v", err)
	}
}

// demoChapters are the story's chapters, with parts of what each shows.
var demoChapters = []struct {
	title string
	parts []string
}{
	{"What can I do here?", []string{"#deploys lin types /c66 help", "only lin sees What you can do here"}},
	{"A look at what is deployed", []string{
		"Stacks: 1–2 of 2 with “web”", "deployments 1–10 of 95", "lin clicks [Older]", "it turns into web · production: deployments 11–20 of 95",
		"/c66 show web@prod live", "Commit:",
	}},
	{"A slip of the finger", []string{"only ana sees", "Did you mean redeploy", "Did you mean --reason", "worker@production"}},
	{"A redeploy, followed to its end", []string{
		`--reason "fix the login"`, "#deploys everybody sees ⏳ web · production", "asked by @lin", "in its thread ↳ 🔵 web · production",
		"the card now 🟢 web · production", "is live, took", "in its thread ↳ 🟢 web · production",
	}},
	{"A docker stack, and a name that fits two", []string{
		"fits 2 stacks", "[api@production] [api@staging]", "ana clicks [api@staging]", "api:v4.3.0,worker", "↳ 🟢 api · staging",
	}},
	{"Sam may not yet, and then may", []string{
		"only sam sees You may not redeploy here", "An admin can make one: /c66 allow U0SAM redeploy web@staging* [Ask for access]",
		"#web everybody sees 🔑 @lin made a rule for this channel: allow @sam view, redeploy on web@staging (", "asked by @sam",
		"Slack asks sam Cancel #", "stops where it is", "[Yes, cancel it]", "only sam sees You may not cancel", "↳ 🟢 web · staging",
		"I know no stack “web@production” that you may redeploy here",
	}},
	{"Noor asks for access", []string{
		"only noor sees You may not look at stacks here", "noor clicks [Ask for access]", "🔑 @noor asks to look at billing", "[Grant 1 h]",
		"ana clicks [Grant 1 h]", "it turns into 🔑 @noor asked to look at billing", "only noor sees billing · production:", "🔴 failed",
	}},
	{"Olga is of another organisation", []string{"allow everyone view on web*", "only olga sees You may not look at stacks here"}},
	{"Who may what, and why", []string{
		"only lin sees Who may do what in this channel: rules 1–2 of 2", "✅ @sam may redeploy web · staging here", "lin types /c66 revoke",
		"🔑 @lin took back a rule of this channel: allow @sam",
	}},
	{"A form", []string{
		"lin's window ⏳", "lin's window ┌ Redeploy a stack │ ▸ Stack: docs@production │", "▸ Branch, tag or commit: (Empty for main)", "▸ Reason: (",
		"└ [Close] [Redeploy]", "lin chooses Deployment profile: canary", "lin's window ▸ Branch, tag or commit: v2 beta ! “v2 beta” is no branch",
		"lin's window closes", "#deploys everybody sees ⏳ docs · production", "v2-beta · profile canary",
	}},
	{"A word in a card's thread", []string{
		"ana writes ↳ @c66bot cancel", "only ana sees ↳ docs · production: cancel #", "ana clicks [Yes, cancel it]", "was cancelled by @ana",
	}},
	{"One that fails", []string{"🔴 billing · production", "failed after", "everybody sees ↳ 🔴 billing", "is still live", "in the channel too"}},
	{"One that a git hook began", []string{"/c66 follow web@staging", "started by ben@acme.example through a git hook", "↳ 🟢 web · staging"}},
	{"A channel that hears of every deployment", []string{
		"#billing everybody sees 🔔 @ana subscribed this channel to billing@production", "In the last 7 days that would have been", "[Unsubscribe]",
		"a failure mentions @lin", "started by kim@acme.example in the dashboard", "the card now 🔴 billing · production", "↳ 🔴 billing · production", "@lin",
	}},
	{"The bot is killed in the middle of one", []string{
		"kill -9", "Meanwhile #", "c66bot serve, again: process", "the card now 🟢 worker · production", "↳ 🟢 worker · production", "🟢 I am well",
	}},
	{"What the simulators saw", []string{
		"Deployments: 8 (5 succeeded, 2 failed, 1 cancelled).", "Acknowledgements: 36, p50", "Slack:", "Cloud 66:",
	}},
}

func TestTheDemoPlaysItsWholeStory(t *testing.T) {
	t.Parallel()
	cmd := demo(t, "--speed", "1000", "--log")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("the demo ended with %v; it printed:\n%s\nand on stderr:\n%s", err, &stdout, &stderr)
	}
	rest := strings.Join(strings.Fields(stdout.String()), " ") // However it is wrapped and padded.
	for _, chapter := range demoChapters {
		_, begun, found := strings.Cut(rest, chapter.title)
		if !found {
			t.Fatalf("the chapter %q is missing where it belongs:\n%s", chapter.title, rest)
		}
		rest = begun
		text, _, _ := strings.Cut(begun, "───")
		if _, own, ok := strings.Cut(begun, "─ "); ok { // Behind the rule below its own title.
			text, _, _ = strings.Cut(own, "───")
		}
		for _, part := range chapter.parts {
			if !strings.Contains(text, part) {
				t.Errorf("the chapter %q lacks %q:\n%s", chapter.title, part, text)
			}
		}
	}
	saysTheSameToOlga(t, stdout.String())
	for line := range strings.Lines(stdout.String()) {
		if n := utf8.RuneCountInString(strings.TrimSpace(line)); n > lineWidth {
			t.Errorf("a line of %d characters: %s", n, line)
		}
	}
	if strings.Contains(stdout.String(), "\x1b[") {
		t.Error("colours were printed to what is no terminal")
	}
	if !strings.Contains(stderr.String(), "connected to Slack") {
		t.Errorf("--log did not show the bot's log on stderr:\n%s", &stderr)
	}
	noTokens(t, stdout.String()+stderr.String())
	nothingLeft(t, cmd)
}

func TestNoLineOfTheDemoIsMuchWiderThanATerminal(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	p := newPrinter(&b, nil)
	p.line(deploys, "lin types", strings.Repeat("many words ", 40))
	p.say(strings.Repeat("many words ", 40))
	for line := range strings.SplitSeq(b.String(), "\n") {
		if len(line) > lineWidth {
			t.Errorf("%d characters: %s", len(line), line)
		}
	}
}

func TestASignalEndsTheDemoAtOnceAndCleanly(t *testing.T) {
	t.Run("Ctrl-C, which a terminal sends to the whole group", func(t *testing.T) {
		t.Parallel()
		endDemo(t, func(demo int) error { return syscall.Kill(-demo, syscall.SIGINT) })
	})
	t.Run("a kill of the demo alone", func(t *testing.T) {
		t.Parallel()
		endDemo(t, func(demo int) error { return syscall.Kill(demo, syscall.SIGTERM) })
	})
}

// saysTheSameToOlga checks what the story claims: a stack that exists and one that does not get a stranger the same answer, without a button.
func saysTheSameToOlga(t *testing.T, story string) {
	t.Helper()
	answers := regexp.MustCompile(`(?m)only olga sees ((?:.*\n {33})*.*)$`).FindAllStringSubmatch(story, -1)
	if len(answers) != 2 || answers[0][1] != answers[1][1] || strings.Contains(answers[0][1], "[") {
		t.Errorf("Olga is answered %q", answers)
	}
}

// endDemo ends a demonstration in the middle of a deployment.
func endDemo(t *testing.T, signal func(pid int) error) {
	t.Helper()
	cmd := demo(t)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	printed := ""
	for chunk := make([]byte, 4096); !strings.Contains(printed, "deploying"); {
		n, err := stdout.Read(chunk)
		if err != nil {
			t.Fatalf("reading the story: %v; so far:\n%s", err, printed)
		}
		printed += string(chunk[:n])
	}
	begin := time.Now()
	stuck := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() }) // It fails the test, with no wait for go test's own limit.
	defer stuck.Stop()
	if err := signal(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, stdout); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the demo ended with %v, want exit status 0", err)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("the demo took %v to end", took)
	}
	nothingLeft(t, cmd)
}

// newStage is a demonstration inside the test's own process.
func newStage(t *testing.T, change func(*child)) (*scene, *bytes.Buffer) {
	t.Helper()
	slack, cloud := demoWorkspace(), cloud66sim.New(cloud66sim.Options{})
	slackURL, stopSlack, err := serveSimulator(t.Context(), slack)
	if err != nil {
		t.Fatal(err)
	}
	bot, err := newChild(t.TempDir(), append(os.Environ(), asProgram+"=1", "GORACE=atexit_sleep_ms=0"), slackURL+"/api/", "http://127.0.0.1:1/api/3")
	if err != nil {
		t.Fatal(err)
	}
	change(bot)
	t.Cleanup(func() {
		if err := bot.close(); err != nil {
			t.Error(err)
		}
		slack.Close()
		stopSlack()
	})
	var out bytes.Buffer
	return newScene(slack, cloud, bot, newPrinter(&out, nil), 1000), &out
}

func TestABotThatDoesNotStartIsToldWithWhatWasWaitedForAndItsLog(t *testing.T) {
	t.Parallel()
	s, _ := newStage(t, func(c *child) { c.environ = append(c.environ, "C66BOT_ADMINS=nobody") })
	err := s.play(t.Context())
	if err == nil || !strings.Contains(err.Error(), "waiting until the bot is connected to Slack: the bot ended by itself: exit status 2") {
		t.Errorf("the story ended with: %v", err)
	}
	if tail := s.bot.logTail(); !strings.Contains(tail, "C66BOT_ADMINS") {
		t.Errorf("the log's end does not name the fault:\n%s", tail)
	}
}

func TestAStoryThatGetsStuckSaysWhatWasWaitedFor(t *testing.T) {
	t.Parallel()
	s, out := newStage(t, func(*child) {})
	s.slack.FailCall("apps.connections.open", "internal_error", 1000, false)
	s.patience = 100 * time.Millisecond
	err := s.play(t.Context())
	if want := "waiting until the bot is connected to Slack: it did not come about within 100ms"; err == nil || err.Error() != want {
		t.Errorf("the story ended with: %v, want: %s", err, want)
	}
	if strings.Contains(out.String(), story[0].title) {
		t.Errorf("the story went on after its error:\n%s", out)
	}
}
