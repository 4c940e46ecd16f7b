package demo

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"

	"c66bot/bot/slacksim"
	"c66bot/storage"
	"c66bot/storage/bolt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// chapters are the story's chapters, with parts of what each shows.
var chapters = []struct {
	title string
	parts []string
}{
	{"What can I do here?", []string{"#deploys lin types /c66 help", "only lin sees What you can do here"}},
	{"A look at what is deployed", []string{
		"Stacks: 1–2 of 2 with “web”", "deployments 1–10 of 95", "lin clicks [Older]", "it turns into web@production: deployments 11–20 of 95",
		"/c66 show web@prod live", "Version ",
	}},
	{"A slip of the finger", []string{"only ana sees", "Did you mean redeploy", "Did you mean --reason", "worker@production"}},
	{"A redeploy, followed to its end", []string{
		`--reason "fix the login"`, "#deploys everybody sees ⏳ web@production", "today at", "in its thread ↳ 🔄 #",
		"the card now ✅ web@production", "went live after", "in its thread ↳ ✅ #",
	}},
	{"A docker stack, and a name that fits two", []string{
		"matches 2 stacks", "[api@production] [api@staging]", "ana clicks [api@staging]", "api:v4.3.0,worker", "↳ ✅ #",
	}},
	{"Sam may not yet, and then may", []string{
		"only sam sees ⛔ You may not redeploy here", "An admin can make one: /c66 allow U0SAM redeploy web@staging* [Ask for access]",
		"#web everybody sees 🔑 @lin made a rule for this channel: allow @sam view, redeploy on web@staging (", "the card now 🔄 web@staging",
		"Slack asks sam Cancel #", "stops where it is", "[Yes, cancel it]", "only sam sees ⛔ You may not cancel", "↳ ✅ #",
		"I know no stack “web@production” that you may redeploy here",
	}},
	{"Noor asks for access", []string{
		"only noor sees ⛔ You may not look at stacks here", "noor clicks [Ask for access]", "🔑 @noor asks to look at billing", "[Grant 1 h]",
		"ana clicks [Grant 1 h]", "it turns into 🔑 @noor asked to look at billing", "only noor sees billing@production:", "failed · ",
	}},
	{"Olga is of another organisation", []string{"allow everyone view on web*", "only olga sees ⛔ You may not look at stacks here"}},
	{"Who may what, and why", []string{
		"only lin sees Who may do what in this channel: rules 1–2 of 2", "✅ @sam may redeploy web@staging here", "lin types /c66 revoke",
		"🔑 @lin took back a rule of this channel: allow @sam",
	}},
	{"A form", []string{
		"lin's window ⏳", "lin's window ┌ Redeploy a stack │ ▸ Stack: docs@production │", "▸ Branch, tag or commit: (Empty for main)",
		"▸ Reason: (",
		"└ [Close] [Redeploy]", "lin chooses Deployment profile: canary",
		"lin's window ▸ Branch, tag or commit: v2 beta ! “v2 beta” is no branch",
		"lin's window closes", "#deploys everybody sees ⏳ docs@production", "v2-beta · profile canary",
	}},
	{"A word in a card's thread", []string{
		"ana writes ↳ @c66bot cancel", "only ana sees ↳ docs@production: cancel #", "ana clicks [Yes, cancel it]", "was cancelled by @ana",
	}},
	{
		"One that fails",
		[]string{"❌ billing@production", "failed after", "everybody sees ↳ ❌ billing", "is still live", "in the channel too"},
	},
	{"One that a git hook began", []string{"/c66 follow web@staging", "ben@acme.example through a git hook", "↳ ✅ #"}},
	{"A channel that hears of every deployment", []string{
		"#billing everybody sees 🔔 @ana subscribed this channel to " +
			"billing@production", "In the last 7 days that would have been", "[Unsubscribe]",
		"a failure mentions @lin", "kim@acme.example in the dashboard", "the card now ❌ billing@production",
		"↳ ❌ billing@production", "@lin",
	}},
	{"The bot is killed in the middle of one", []string{
		"The bot is killed", "Meanwhile #", "The bot starts again.", "the card now ✅ worker@production", "↳ ✅ #", "✅ Connected to Slack",
	}},
	{"What the simulators saw", []string{
		"Deployments: 8 (5 succeeded, 2 failed, 1 cancelled).", "Acknowledgements: 36, p50", "Slack:", "Cloud 66:",
	}},
}

// record is a log that may be read while the bot writes to it.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// stage is a story in simulated time, with what it prints and what the bot logs.
func stage(t *testing.T, speed float64, play func(t *testing.T, s *scene, printed *bytes.Buffer, log *record)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c66bot.db")
	open := func() (storage.DB, error) { return bolt.Open(path) }
	synctest.Test(t, func(t *testing.T) {
		var printed bytes.Buffer
		var log record
		terminal := NewTerminal(&printed, false, 0)
		s := newScene(Config{Open: open, Speed: speed, Log: slog.New(slog.NewTextHandler(&log, nil)), Show: terminal.Show})
		defer s.lives.Wait()
		defer s.close()
		play(t, s, &printed, &log)
	})
}

func TestTheDemoPlaysItsWholeStory(t *testing.T) {
	stage(t, Speed, func(t *testing.T, s *scene, printed *bytes.Buffer, log *record) {
		if err := s.play(t.Context(), story); err != nil {
			t.Fatalf("the story ended with %v; it printed:\n%s\nlog:\n%s", err, printed, log)
		}
		rest := strings.Join(strings.Fields(printed.String()), " ") // However it is wrapped and padded.
		for _, chapter := range chapters {
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
		saysTheSameToOlga(t, printed.String())
		for line := range strings.Lines(printed.String()) {
			if n := utf8.RuneCountInString(strings.TrimSpace(line)); n > usualWidth {
				t.Errorf("a line of %d characters: %s", n, line)
			}
		}
		if strings.Contains(printed.String(), "\x1b[") {
			t.Error("colours were printed to what is no terminal")
		}
		if !strings.Contains(log.String(), "connected to Slack") {
			t.Errorf("the bot did not log:\n%s", log)
		}
	})
}

// saysTheSameToOlga checks what the story claims: a stack that exists and one that does not get a stranger the same answer, without a
// button.
func saysTheSameToOlga(t *testing.T, story string) {
	t.Helper()
	answers := regexp.MustCompile(`(?m)only olga sees ((?:.*\n {33})*.*)$`).FindAllStringSubmatch(story, -1)
	if len(answers) != 2 || answers[0][1] != answers[1][1] || strings.Contains(answers[0][1], "[") {
		t.Errorf("Olga is answered %q", answers)
	}
}

// manifestStory has an admin by group make a rule for a group, and a new member of that use it by a mention, in a thread, and by a form.
const manifestStory = `
bot | starts | The bot starts.
lin | types in | #deploys | /c66 redeploy web@production --now
#deploys | gets a card
the card | shows | went live | went live
lin | types in | #deploys | /c66 allow @devs view,redeploy web@production
#deploys | is told | made a rule
sam | joins the group
sam | writes below the card | @c66bot list web@production
sam | sees | deployments 1–10 of 96
sam | writes below the card | @c66bot show
sam | sees | live
sam | types in | #deploys | /c66 redeploy web@production
sam | has a window | Redeploy web@production
sam | submits | Redeploy
#deploys | gets a card
the card | shows | went live | @sam
`

func TestAnAppMadeOfTheManifestIsAllThatTheBotNeeds(t *testing.T) {
	stage(t, Speed, func(t *testing.T, s *scene, printed *bytes.Buffer, log *record) {
		s.admins = []string{"S0ADMINS"}
		s.slack.AddGroup(slacksim.Group{ID: "S0ADMINS", Handle: "admins", Users: []string{lin}})
		s.slack.AddGroup(slacksim.Group{ID: "S0DEVS", Handle: "devs"})
		verbs["joins the group"] = func(s *scene, a step) error {
			s.slack.SetGroup(slacksim.Group{ID: "S0DEVS", Handle: "devs", Users: []string{a.user()}})
			return nil
		}
		if err := s.play(t.Context(), manifestStory); err != nil {
			t.Fatalf("the story ended with %v; it printed:\n%s\nlog:\n%s", err, printed, log)
		}
		if strings.Contains(log.String(), "lacks") {
			t.Errorf("the bot misses a scope:\n%s", log)
		}
		for _, call := range s.slack.Calls("") {
			if call.Error != "" {
				t.Errorf("%s was refused: %s", call.Method, call.Error)
			}
		}
	})
}

func TestALineOfTheDemoIsAsWideAsTheTerminal(t *testing.T) {
	for width, want := range map[int]int{0: usualWidth, 80: 80, 150: 150, 20: leastWidth} {
		if got := widest(t, width); got > want || got < want-len("many words ") {
			t.Errorf("in a terminal of %d the widest line has %d characters, want %d", width, got, want)
		}
	}
}

// widest returns the number of characters of the widest line that a terminal of a width shows of a long text.
func widest(t *testing.T, width int) (most int) {
	var b strings.Builder
	terminal, words := NewTerminal(&b, false, width), strings.Repeat("many words ", 40)
	for _, m := range []Moment{{Channel: deploys, Label: "lin types", Text: []string{words}}, {Narration: words}} {
		if err := terminal.Show(m); err != nil {
			t.Fatal(err)
		}
	}
	for line := range strings.SplitSeq(b.String(), "\n") {
		most = max(most, len(line))
	}
	return most
}

func TestAStoryThatGetsStuckSaysWhatWasWaitedFor(t *testing.T) {
	stage(t, 1000, func(t *testing.T, s *scene, printed *bytes.Buffer, _ *record) {
		s.slack.FailCall("apps.connections.open", "internal_error", 1000, false)
		s.patience = 100 * time.Millisecond
		err := s.play(t.Context(), story)
		if want := "waiting until the bot is connected to Slack: it did not come about within 100ms"; err == nil || err.Error() != want {
			t.Errorf("the story ended with: %v, want: %s", err, want)
		}
		if strings.Contains(printed.String(), chapters[0].title) {
			t.Errorf("the story went on after its error:\n%s", printed)
		}
	})
}

func TestABotThatEndsByItselfEndsTheStory(t *testing.T) {
	stage(t, 1000, func(t *testing.T, s *scene, _ *bytes.Buffer, _ *record) {
		open := s.cfg.Open
		s.cfg.Open = func() (storage.DB, error) {
			db, err := open()
			return db, errors.Join(err, db.Close())
		}
		err := s.play(t.Context(), story)
		if err == nil || !strings.Contains(err.Error(), "the bot ended by itself: ") {
			t.Errorf("the story ended with: %v", err)
		}
	})
}

func TestAnObserverThatFailsEndsTheStory(t *testing.T) {
	for _, after := range []int{0, 1, 40} {
		stage(t, 1000, func(t *testing.T, s *scene, _ *bytes.Buffer, _ *record) {
			gone, shown := errors.New("nobody looks any more"), 0
			s.cfg.Show = func(Moment) error {
				shown++
				if shown > after {
					return gone
				}
				return nil
			}
			if err := s.play(t.Context(), story); !errors.Is(err, gone) || shown > after+2 {
				t.Errorf("the story ended with %v after %d moments, want it to after %d", err, shown, after)
			}
		})
	}
}
