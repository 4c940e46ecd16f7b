package main

import (
	"bytes"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"c66bot/bot"
	"c66bot/bot/slacksim"
)

func TestManifestPrintsTheAppOfTheConfiguredCommand(t *testing.T) {
	file := map[string]string{"c66bot.yaml": "slack: {command: /ship}\n"}
	tests := []struct {
		name    string
		files   map[string]string
		environ []string
		args    []string
		want    string
	}{
		{name: "nothing is configured", want: "/c66"},
		{name: "the file names it", files: file, want: "/ship"},
		{name: "the environment wins over the file", files: file, environ: []string{"C66BOT_SLACK_COMMAND=/rollout"}, want: "/rollout"},
		{
			name: "the flag wins over both", files: file, environ: []string{"C66BOT_SLACK_COMMAND=/rollout"},
			args: []string{"--slack-command", "/deploy-it"}, want: "/deploy-it",
		},
		{
			name: "faults of other settings do not matter", files: map[string]string{"c66bot.yaml": "slack: {command: /ship}\npoll: {min: never}\n"},
			environ: []string{"C66BOT_ADMINS=nobody"}, want: "/ship",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inEmptyDir(t, tt.files)
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), append([]string{"manifest"}, tt.args...), tt.environ, &stdout, &stderr); code != exitOK || stderr.Len() > 0 {
				t.Fatalf("exit status %d; stderr:\n%s", code, &stderr)
			}
			if diff := cmp.Diff(bot.Manifest(tt.want), stdout.String()); diff != "" {
				t.Error(diff)
			}
			app, err := slacksim.ParseManifest(stdout.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if len(app.Commands) != 1 || !app.Commands[tt.want] {
				t.Errorf("the app's commands are %+v", app.Commands)
			}
		})
	}
}

func TestTheLinkOpensSlacksDialogWithTheManifestFilledIn(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"the default command": {nil, "/c66"}, "a command of one's own": {[]string{"--slack-command=/ship"}, "/ship"},
	} {
		t.Run(name, func(t *testing.T) {
			inEmptyDir(t, nil)
			var stdout, stderr bytes.Buffer
			args := append([]string{"manifest", "--link"}, tt.args...)
			if code := run(t.Context(), args, nil, &stdout, &stderr); code != exitOK || stderr.Len() > 0 {
				t.Fatalf("exit status %d; stderr:\n%s", code, &stderr)
			}
			line := strings.TrimSuffix(stdout.String(), "\n")
			if strings.ContainsAny(line, " \n+\"") {
				t.Errorf("it is not one address that a terminal links: %q", line)
			}
			link, err := url.Parse(line)
			if err != nil {
				t.Fatal(err)
			}
			query := link.Query()
			if link.Scheme+"://"+link.Host+link.Path != "https://api.slack.com/apps" || query.Get("new_app") != "1" || len(query) != 2 {
				t.Errorf("it leads to %s with %v", link, query)
			}
			if diff := cmp.Diff(bot.Manifest(tt.want), query.Get("manifest_yaml")); diff != "" {
				t.Error(diff)
			}
		})
	}
}
