package demo

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
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
	{"A redeploy, followed to its end", []string{
		`--reason "fix the login"`, "#deploys everybody sees ⏳ web@production", "today at", "in its thread ↳ 🔄 #",
		"the card now ✅ web@production", "went live after", "[Show] [Roll back]", "in its thread ↳ ✅ #",
	}},
	{"A rollback, and a lock", []string{
		"lin clicks [Roll back]", "only lin sees web@production: roll back to #1095?", "lin clicks [Yes, roll back]", "back to #1095",
		"lin clicks [Lock]",
		"everybody sees 🔒 @lin locked web@production until today at", "↳ ✅ #",
	}},
	{"Sam asks for access, and meets the lock", []string{
		"only sam sees ⛔ You may not redeploy here", "sam clicks [Ask for access]", "🔑 @sam asks to redeploy web@production",
		"ana clicks [Grant 1 h]",
		"it turns into 🔑 @sam asked to redeploy web@production", "@sam, that is granted until", "sam clicks [Redeploy]",
		"only sam sees ⛔ web@production is locked. Nothing was done. By @lin until", "[Ask to unlock]",
	}},
	{"An approval", []string{
		"#billing everybody sees 🔐 @lin protected billing@production", "🔐 billing@production redeploy by @lin waits for approval",
		"[Approve] [Reject] [Withdraw]", "ana clicks [Approve]", "✅ billing@production redeploy by @lin was approved by @ana",
		"the card now ❌ billing@production", "everybody sees ↳ ❌ billing@production", "is still live", "in the channel too",
	}},
	{"A slip of the finger, and a word in a thread", []string{
		"only ana sees I don't know the command “redploy”. Did you mean this? /c66 redeploy docs --ref v2 [Run it]", "ana clicks [Run it]",
		"#deploys everybody sees ⏳ docs@production", "ana writes ↳ @c66bot cancel", "only ana sees ↳ docs@production: cancel #",
		"ana clicks [Yes, cancel it]", "was cancelled by @ana",
	}},
	{"A channel that hears of every deployment", []string{
		"#web everybody sees 🔔 @ana subscribed this channel to web@staging", "In the last 7 days that would have been", "[Unsubscribe]",
		"a failure mentions @lin", "ben@acme.example through a git hook", "the card now ❌ web@staging", "↳ ❌ web@staging", "@lin",
	}},
	{"The bot is killed in the middle of one", []string{
		"The bot is killed", "Meanwhile #", "The bot starts again.", "the card now ✅ worker@production", "↳ ✅ #",
	}},
	{"What the simulators saw", []string{
		"Deployments: 6 (3 succeeded, 2 failed, 1 cancelled).", "Acknowledgements: 17, p50", "Slack:", "Cloud 66:",
	}},
	{"What to do next", []string{"c66bot demo: ", "c66bot manifest --link: ", "README.md: "}},
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
		if n := s.cloud.Count(); n > 400 {
			t.Errorf("Cloud 66 was asked %d times", n)
		}
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
