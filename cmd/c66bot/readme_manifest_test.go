package main

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"c66bot/bot"
	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

func TestTheReadmesManifestIsTheBotsOwn(t *testing.T) {
	if diff := cmp.Diff(bot.Manifest("/c66"), fenced(t, "yaml")[0]); diff != "" {
		t.Errorf("the README's manifest (-the bot's +the README's):\n%s", diff)
	}
}

func TestTheReadmeExplainsWhatTheManifestAsksFor(t *testing.T) {
	app, err := slacksim.ParseManifest([]byte(bot.Manifest("/c66")))
	if err != nil {
		t.Fatal(err)
	}
	if !app.SocketMode || !app.Interactivity {
		t.Error("the manifest does not turn on Socket Mode and interactivity")
	}
	text := readme(t)
	for _, name := range slices.Concat(app.BotScopes, app.BotEvents) {
		if !regexp.MustCompile("(?m)^\\|[^|]*`" + name + "`[^|]*\\| [^|]").MatchString(text) {
			t.Errorf("the README has no row that says what %s is for", name)
		}
	}
	for _, shortcut := range app.Shortcuts {
		if !strings.Contains(text, "*"+shortcut.Name+"*") {
			t.Errorf("the README does not say what the shortcut %s does", shortcut.Name)
		}
	}
}

// TestAnAppMadeOfTheManifestIsAllThatTheBotNeeds has an admin by group make a rule for a group, and a new member of that use it by a mention,
// in a thread, and by a form.
func TestAnAppMadeOfTheManifestIsAllThatTheBotNeeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Options{Manifest: []byte(bot.Manifest("/c66"))}, cloud66sim.Options{Speed: 1e6})
	w.slack.AddUser(slacksim.User{ID: sam, Name: "sam"})
	w.slack.AddChannel(slacksim.Channel{ID: deploys, Name: "deploys", Members: []string{lin, sam}, BotIsMember: true})
	w.slack.AddGroup(slacksim.Group{ID: "S0ADMINS", Handle: "admins", Users: []string{lin}})
	w.slack.AddGroup(slacksim.Group{ID: "S0DEVS", Handle: "devs"})
	s := w.serve(t, "C66BOT_ADMINS=S0ADMINS")
	w.readyz(t, s, http.StatusOK)
	w.command(t, "/c66 redeploy web --now")
	w.until(t, s, "the thread tells the end", w.says("↳ 🟢"))
	w.command(t, "/c66 allow @devs view,redeploy web")
	w.until(t, s, "the channel is told of the rule", w.says("🔑 @lin made a rule"))
	w.slack.SetGroup(slacksim.Group{ID: "S0DEVS", Handle: "devs", Users: []string{sam}})

	w.mention(t, "", "@c66bot list web")
	w.until(t, s, "sam is answered", w.answers(sam, "", "deployments 1–4 of 4"))
	card := w.slack.Person(lin).Sees(deploys)[0]
	w.mention(t, card.TS, "@c66bot show")
	w.until(t, s, "sam is answered in the thread", w.answers(sam, card.TS, "#1004 live"))
	w.sendForm(t, s)
	w.until(t, s, "sam's redeploy has ended", func() bool {
		return strings.Count(w.sees(), "↳ 🟢") == 2 && strings.Contains(w.sees(), "asked by @sam")
	})

	if strings.Contains(s.log.String(), "lacks") {
		t.Errorf("the bot misses a scope:\n%s", s.log)
	}
	for _, call := range w.slack.Calls("") {
		if call.Error != "" {
			t.Errorf("%s was refused: %s", call.Method, call.Error)
		}
	}
	if broken := w.slack.Violations(); len(broken) > 0 {
		t.Errorf("Slack's protocol was broken: %q", broken)
	}
}

// mention has sam mention the bot, in a thread where one is given.
func (w *world) mention(t *testing.T, thread, text string) {
	t.Helper()
	_, delivery, err := w.slack.Person(sam).Mention(deploys, thread, text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := delivery.Wait(t.Context()); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// answers tells whether somebody alone was told something, in a thread where one is given.
func (w *world) answers(user, thread, words string) func() bool {
	return func() bool {
		seen := w.slack.Person(user).Sees(deploys)
		if thread != "" {
			seen = w.slack.Person(user).Thread(deploys, thread)
		}
		return slices.ContainsFunc(seen, func(m slacksim.Message) bool { return m.For == user && strings.Contains(m.Plain(), words) })
	}
}

// sendForm has sam open the form of a redeploy by a command, and send it as it is.
func (w *world) sendForm(t *testing.T, s *server) {
	t.Helper()
	if _, err := w.slack.Person(sam).Command(deploys, "/c66 redeploy web").Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.until(t, s, "the form is filled in", func() bool {
		view, _ := w.slack.Person(sam).View()
		return strings.Contains(view.Plain(), "Redeploy web · production")
	})
	sent, err := w.slack.Person(sam).Submit()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sent.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}
