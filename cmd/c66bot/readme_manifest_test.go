package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"c66bot/bot"
	"c66bot/bot/slacksim"
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
