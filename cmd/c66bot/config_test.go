package main

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"c66bot/cloud66/secret"
)

// loadFrom loads the configuration as serve does, from the current directory.
func loadFrom(t *testing.T, environ []string, args ...string) (Config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	defineFlags(flags, "")
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return loadConfig(flags, environ)
}

// with adds variables to the complete environment, in place of those of the same name.
func with(entries ...string) []string {
	environ := slices.Clone(complete)
	for _, entry := range entries {
		name, _, _ := strings.Cut(entry, "=")
		environ = append(slices.DeleteFunc(environ, func(e string) bool { return strings.HasPrefix(e, name+"=") }), entry)
	}
	return environ
}

var revealSecrets = cmp.Comparer(func(a, b secret.Text) bool { return a.Reveal() == b.Reveal() })

func TestDefaultsAreThoseOfTheContract(t *testing.T) {
	inEmptyDir(t, nil)
	cfg, err := loadFrom(t, complete[:4])
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		SlackAppToken:          secret.New("xapp-1-app-secret"),
		SlackBotToken:          secret.New("xoxb-2-bot-secret"),
		SlackAPIURL:            "https://slack.com/api/",
		SlackCommand:           "/c66",
		Cloud66Token:           secret.New("c66-secret"),
		Cloud66URL:             "https://app.cloud66.com/api/3",
		Cloud66Dashboard:       "https://app.cloud66.com/dashboard",
		Cloud66RequestsPerHour: 3000,
		StoragePath:            "c66bot.db",
		AuditKeep:              9600 * time.Hour,
		ApprovalsExpire:        time.Hour,
		Admins:                 []string{"U0LIN"},
		WatchAfter:             15 * time.Minute,
		PollMin:                5 * time.Second,
		PollMax:                time.Minute,
		HTTPAddr:               "127.0.0.1:8067",
		LogLevel:               slog.LevelInfo,
		LogFormat:              "text",
	}
	if diff := cmp.Diff(want, cfg, revealSecrets); diff != "" {
		t.Error(diff)
	}
}

func TestEverySettingIsReadFromTheFile(t *testing.T) {
	inEmptyDir(t, map[string]string{"c66bot.yaml": `
slack: {app_token: xapp-f, bot_token: xoxb-f, api_url: "http://127.0.0.1:1/api", command: /ship}
cloud66:
  token: "123"
  url: http://127.0.0.1:2/api/3
  dashboard: "https://ops.example/{environment}/{uid}"
  account: 42
  profiles: [fast, " slow "]
  requests_per_hour: 100
storage.path: /data/bot.db
audit: {keep: 1h}
approvals: {expire: 2h}
Admins: U0LIN, W0ANA,S0OPS
watch: {after: 0}
poll: {min: 50ms, max: 50ms}
http: {addr: ""}
log: {level: debug, format: json}
`})
	cfg, err := loadFrom(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		SlackAppToken:          secret.New("xapp-f"),
		SlackBotToken:          secret.New("xoxb-f"),
		SlackAPIURL:            "http://127.0.0.1:1/api/",
		SlackCommand:           "/ship",
		Cloud66Token:           secret.New("123"),
		Cloud66URL:             "http://127.0.0.1:2/api/3",
		Cloud66Dashboard:       "https://ops.example/{environment}/{uid}",
		Cloud66Account:         "42",
		Cloud66Profiles:        []string{"fast", "slow"},
		Cloud66RequestsPerHour: 100,
		StoragePath:            "/data/bot.db",
		AuditKeep:              time.Hour,
		ApprovalsExpire:        2 * time.Hour,
		Admins:                 []string{"U0LIN", "W0ANA", "S0OPS"},
		PollMin:                50 * time.Millisecond,
		PollMax:                50 * time.Millisecond,
		LogLevel:               slog.LevelDebug,
		LogFormat:              "json",
	}
	if diff := cmp.Diff(want, cfg, revealSecrets); diff != "" {
		t.Error(diff)
	}
}

func TestFlagsWinOverEnvironmentOverFileOverDefault(t *testing.T) {
	command := func(c Config) string { return c.SlackCommand }
	httpAddr := func(c Config) string { return c.HTTPAddr }
	appToken := func(c Config) string { return c.SlackAppToken.Reveal() }
	tests := []struct {
		name    string
		file    string
		environ []string
		args    []string
		field   func(Config) string
		want    string
	}{
		{name: "the default stands alone", field: command, want: "/c66"},
		{name: "the file wins over the default", file: "slack: {command: /file}", field: command, want: "/file"},
		{name: "a key without a value in the file leaves the default", file: "slack:\n  command:\n", field: command, want: "/c66"},
		{
			name:    "the environment wins over the file",
			file:    "slack: {command: /file}",
			environ: []string{"C66BOT_SLACK_COMMAND=/env"},
			field:   command,
			want:    "/env",
		},
		{
			name:    "an empty variable leaves the file's value",
			file:    "slack: {command: /file}",
			environ: []string{"C66BOT_SLACK_COMMAND="},
			field:   command,
			want:    "/file",
		},
		{
			name:    "a flag wins over all",
			file:    "slack: {command: /file}",
			environ: []string{"C66BOT_SLACK_COMMAND=/env"},
			args:    []string{"--slack-command=/flag"},
			field:   command,
			want:    "/flag",
		},
		{
			name:  "another file is named with --config",
			file:  "slack: {command: /file}",
			args:  []string{"--config=other.yaml"},
			field: command,
			want:  "/other",
		},
		{
			name:    "an empty HTTP variable turns the endpoints off",
			file:    "http: {addr: ':1'}",
			environ: []string{"C66BOT_HTTP_ADDR="},
			field:   httpAddr,
			want:    "",
		},
		{name: "an empty HTTP flag turns the endpoints off", args: []string{"--http-addr="}, field: httpAddr, want: ""},
		{
			name:    "an HTTP flag wins over an empty variable",
			environ: []string{"C66BOT_HTTP_ADDR="},
			args:    []string{"--http-addr=:1"},
			field:   httpAddr,
			want:    ":1",
		},
		{
			name:  "a token variable wins over the file's token file",
			file:  "slack: {app_token_file: absent}",
			field: appToken,
			want:  "xapp-1-app-secret",
		},
		{
			name:    "a token file variable wins over the file's token",
			file:    "slack: {app_token: xapp-file}",
			environ: []string{"C66BOT_SLACK_APP_TOKEN=", "C66BOT_SLACK_APP_TOKEN_FILE=app"},
			field:   appToken,
			want:    "xapp-from-app",
		},
		{name: "a token file flag wins over the variable", args: []string{"--slack-app-token-file=app"}, field: appToken, want: "xapp-from-app"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inEmptyDir(t, map[string]string{
				"c66bot.yaml": tt.file,
				"other.yaml":  "slack: {command: /other}",
				"app":         "xapp-from-app\n",
			})
			cfg, err := loadFrom(t, with(tt.environ...), tt.args...)
			if err != nil {
				t.Fatal(err)
			}
			if got := tt.field(cfg); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestASecretIsReadFromAFile(t *testing.T) {
	for name, content := range map[string]string{
		"without a line's end": "xapp-file", "with a newline": "xapp-file\n", "with a Windows line's end": "xapp-file\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			inEmptyDir(t, map[string]string{"app": content, "c66bot.yaml": "slack: {app_token_file: app}"})
			cfg, err := loadFrom(t, complete[1:])
			if err != nil {
				t.Fatal(err)
			}
			if got := cfg.SlackAppToken.Reveal(); got != "xapp-file" {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestEachFaultIsToldInItsLine(t *testing.T) {
	tests := []struct {
		name    string
		file    string
		environ []string
		args    []string
		want    string // All lines but the first.
	}{
		{
			name: "all that is required and " +
				"missing", environ: []string{"C66BOT_SLACK_APP_TOKEN=", "C66BOT_SLACK_BOT_TOKEN=", "C66BOT_CLOUD66_TOKEN=", "C66BOT_ADMINS="},
			want: "C66BOT_SLACK_APP_TOKEN (slack.app_token) is missing: set it to the Slack app's app-level token (xapp-…)\n" +
				"C66BOT_SLACK_BOT_TOKEN (slack.bot_token) is missing: set it to the Slack app's bot token (xoxb-…)\n" +
				"C66BOT_CLOUD66_TOKEN (cloud66.token) is missing: set it to the Cloud 66 personal access token (scopes public and redeploy)\n" +
				"C66BOT_ADMINS (admins) is missing: set it to Slack ids of the users (U…) and user groups (S…) that may do everything everywhere, a " +
				"comma-separated list",
		},
		{
			name: "tokens that are swapped", environ: []string{"C66BOT_SLACK_APP_TOKEN=xoxb-2-x", "C66BOT_SLACK_BOT_TOKEN=xapp-1-x"},
			want: "C66BOT_SLACK_APP_TOKEN (slack.app_token) holds a token that begins with xoxb-, where one with xapp-… belongs: are " +
				"C66BOT_SLACK_APP_TOKEN and C66BOT_SLACK_BOT_TOKEN swapped?\n" +
				"C66BOT_SLACK_BOT_TOKEN (slack.bot_token) holds a token that begins with xapp-, where one with xoxb-… belongs: are " +
				"C66BOT_SLACK_APP_TOKEN and C66BOT_SLACK_BOT_TOKEN swapped?",
		},
		{
			name: "a token of another kind", environ: []string{"C66BOT_SLACK_BOT_TOKEN='xoxb-2'"},
			want: "C66BOT_SLACK_BOT_TOKEN (slack.bot_token) does not begin with xoxb-: copy the whole token, without quotes",
		},
		{
			name: "a token that was cut", environ: []string{"C66BOT_SLACK_BOT_TOKEN=xoxb-"},
			want: "C66BOT_SLACK_BOT_TOKEN (slack.bot_token) ends after xoxb-: copy the whole token",
		},
		{
			name: "tokens of Slack's for Cloud 66", environ: []string{"C66BOT_CLOUD66_TOKEN=xoxb-c66-secret"},
			want: "C66BOT_CLOUD66_TOKEN (cloud66.token) holds a token of Slack's, which begins with xoxb-: set it to an access token from Cloud 66",
		},
		{
			name: "an app-level token for Cloud 66", environ: []string{"C66BOT_CLOUD66_TOKEN=xapp-1-c66-secret"},
			want: "C66BOT_CLOUD66_TOKEN (cloud66.token) holds a token of Slack's, which begins with xapp-: set it to an access token from Cloud 66",
		},
		{
			name: "a variable that resembles one of Kubernetes", environ: []string{
				"C66BOT_PORTAL=1", "C66BOT_PORT=tcp://10.0.0.1:8067", "C66BOT_PORT_8067_TCP_ADDR=10.0.0.1", "C66BOT_SERVICE_HOST=10.0.0.1",
			},
			want: "C66BOT_PORTAL in the environment is not a variable that c66bot knows; the nearest is C66BOT_POLL_MAX",
		},
		{
			name: "a token with a space", environ: []string{"C66BOT_CLOUD66_TOKEN=abc -secret"},
			want: "C66BOT_CLOUD66_TOKEN (cloud66.token) contains a space, a line break or another character that no token has: copy the token again",
		},
		{
			name: "a token with a line break", environ: []string{"C66BOT_SLACK_APP_TOKEN=xapp-1\n-secret"},
			want: "C66BOT_SLACK_APP_TOKEN (slack.app_token) contains a space, a line break or another character that no token has: " +
				"copy the token again",
		},
		{
			name: "a token that YAML takes for a number", file: "cloud66: {token: 12345}", environ: []string{"C66BOT_CLOUD66_TOKEN="},
			want: "C66BOT_CLOUD66_TOKEN (cloud66.token) is not a text: put it in quotes",
		},
		{
			name: "a token given twice in the environment", environ: []string{"C66BOT_CLOUD66_TOKEN_FILE=token"},
			want: "C66BOT_CLOUD66_TOKEN (cloud66.token) and C66BOT_CLOUD66_TOKEN_FILE (cloud66.token_file) are both set: keep one of them",
		},
		{
			name: "a token given twice in the file", file: "cloud66: {token: a, token_file: token}",
			want: "C66BOT_CLOUD66_TOKEN (cloud66.token) and C66BOT_CLOUD66_TOKEN_FILE (cloud66.token_file) are both set: keep one of them",
		},
		{
			name: "a token file that is absent", args: []string{"--cloud66-token-file=/no/such/file"},
			want: "C66BOT_CLOUD66_TOKEN_FILE (cloud66.token_file) names a file that cannot be read: open /no/such/file: no such file or directory",
		},
		{
			name: "a token in place of its file", args: []string{"--cloud66-token-file=c66-secret"},
			want: "C66BOT_CLOUD66_TOKEN_FILE (cloud66.token_file) names a file that cannot be read: no such file or directory",
		},
		{
			name: "a token file that is empty", args: []string{"--cloud66-token-file=empty"},
			want: "C66BOT_CLOUD66_TOKEN_FILE (cloud66.token_file) names an empty file: write the token into it",
		},
		{
			name: "a token file of two lines", args: []string{"--cloud66-token-file=two-lines"},
			want: "C66BOT_CLOUD66_TOKEN (cloud66.token) contains a space, a line break or another character that no token has: copy the token again",
		},
		{
			name: "a token file that is a list", file: "cloud66: {token_file: [a]}", environ: []string{"C66BOT_CLOUD66_TOKEN="},
			want: "C66BOT_CLOUD66_TOKEN_FILE (cloud66.token_file) is not one text: give the path of a file",
		},
		{
			name: "a URL of another scheme", environ: []string{"C66BOT_SLACK_API_URL=ftp://slack.com", "C66BOT_CLOUD66_URL=app.cloud66.com/api/3"},
			want: "C66BOT_SLACK_API_URL (slack.api_url) is not a URL that begins with https:// (or http://) and a host\n" +
				"C66BOT_CLOUD66_URL (cloud66.url) is not a URL that begins with https:// (or http://) and a host",
		},
		{
			name: "a URL with a password", environ: []string{"C66BOT_CLOUD66_URL=https://me:my-secret@example.com"},
			want: "C66BOT_CLOUD66_URL (cloud66.url) has a user, a query or a fragment: give the plain base URL",
		},
		{
			name: "a URL that cannot be parsed", environ: []string{"C66BOT_CLOUD66_URL=https://me:my-secret@exa mple"},
			want: "C66BOT_CLOUD66_URL (cloud66.url) is not a URL that begins with https:// (or http://) and a host",
		},
		{
			name: "a command without its slash", environ: []string{"C66BOT_SLACK_COMMAND=c66"},
			want: `C66BOT_SLACK_COMMAND (slack.command) is "c66": it is a slash and one word, such as /c66`,
		},
		{
			name: "a command that is nothing but a slash", environ: []string{"C66BOT_SLACK_COMMAND=/"},
			want: `C66BOT_SLACK_COMMAND (slack.command) is "/": it is a slash and one word, such as /c66`,
		},
		{
			name: "a command of two words", environ: []string{"C66BOT_SLACK_COMMAND=/c66 deploy"},
			want: `C66BOT_SLACK_COMMAND (slack.command) is "/c66 deploy": it is a slash and one word, such as /c66`,
		},
		{
			name: "a command in upper case", environ: []string{"C66BOT_SLACK_COMMAND=/Deploy"},
			want: `C66BOT_SLACK_COMMAND (slack.command) is "/Deploy": Slack allows lower case only, such as /deploy`,
		},
		{
			name: "a command of 33 characters", environ: []string{"C66BOT_SLACK_COMMAND=/" + strings.Repeat("x", 32)},
			want: `C66BOT_SLACK_COMMAND (slack.command) is "/` + strings.Repeat("x", 32) + `": Slack allows 32 characters at most`,
		},
		{
			name: "an account of two words", environ: []string{"C66BOT_CLOUD66_ACCOUNT=4 2"},
			want: `C66BOT_CLOUD66_ACCOUNT (cloud66.account) is "4 2": an account id is one word, without spaces`,
		},
		{
			name: "an account that is a list", file: "cloud66: {account: [1, 2]}",
			want: "C66BOT_CLOUD66_ACCOUNT (cloud66.account) is not one value: give it as one text or number",
		},
		{
			name: "an odd dashboard", environ: []string{"C66BOT_CLOUD66_DASHBOARD=https://ops.example/{id}"},
			want: `C66BOT_CLOUD66_DASHBOARD (cloud66.dashboard) has "{id}", which nothing fills in: {uid}, {name} and {environment} of the ` +
				"stack are filled in",
		},
		{
			name: "an empty profile", environ: []string{"C66BOT_CLOUD66_PROFILES=fast,,slow"},
			want: `C66BOT_CLOUD66_PROFILES (cloud66.profiles) is "fast,,slow", with an empty item: put one comma between two items and none at ` +
				`the end`,
		},
		{
			name: "an empty profile in a YAML list", file: "cloud66: {profiles: [fast, '']}",
			want: "C66BOT_CLOUD66_PROFILES (cloud66.profiles) has an item that is empty or not one value: give a list of texts",
		},
		{
			name: "a budget of none", environ: []string{"C66BOT_CLOUD66_REQUESTS_PER_HOUR=0"},
			want: `C66BOT_CLOUD66_REQUESTS_PER_HOUR (cloud66.requests_per_hour) is "0": it is a whole number above 0`,
		},
		{
			name: "a budget that is no number", file: "cloud66: {requests_per_hour: many}",
			want: `C66BOT_CLOUD66_REQUESTS_PER_HOUR (cloud66.requests_per_hour) is "many": it is a whole number above 0`,
		},
		{
			name: "no database", file: "storage: {path: ''}",
			want: "C66BOT_STORAGE_PATH (storage.path) is empty: set it to a file name, or leave it out for the default",
		},
		{
			name: "durations of nothing", environ: []string{"C66BOT_AUDIT_KEEP=0s", "C66BOT_APPROVALS_EXPIRE=-1h"},
			want: `C66BOT_AUDIT_KEEP (audit.keep) is "0s": it is a duration above 0` + "\n" +
				`C66BOT_APPROVALS_EXPIRE (approvals.expire) is "-1h": it is a duration above 0`,
		},
		{
			name: "a watch that is longer than the messages of a card are kept", file: "watch: {after: 24h}",
			want: `C66BOT_WATCH_AFTER (watch.after) is "24h": the longest possible is 12h0m0s`,
		},
		{
			name: "a watch into the past", file: "watch: {after: -5m}",
			want: `C66BOT_WATCH_AFTER (watch.after) is "-5m": it is a duration with its unit, such as 5m or 1h, or 0`,
		},
		{
			name: "a duration without a unit", file: "poll: {min: 5}",
			want: `C66BOT_POLL_MIN (poll.min) is "5": it is a duration with its unit, such as 500ms, 5s or 1h`,
		},
		{
			name: "looks that are too frequent", environ: []string{"C66BOT_POLL_MIN=49ms"},
			want: `C66BOT_POLL_MIN (poll.min) is "49ms": the shortest possible is 50ms`,
		},
		{
			name: "bounds the wrong way round", environ: []string{"C66BOT_POLL_MIN=2m"},
			want: "C66BOT_POLL_MIN (poll.min) is 2m0s, longer than C66BOT_POLL_MAX (poll.max), 1m0s: make the first the shorter one",
		},
		{
			name: "admins that are no ids", environ: []string{"C66BOT_ADMINS=U0LIN,@ana,C0DEV"},
			want: `C66BOT_ADMINS (admins) has "@ana", "C0DEV", which is no Slack id of a user (U…) or user group (S…): a profile's menu in Slack ` +
				`has "Copy member ID"`,
		},
		{
			name: "a token among the admins", environ: []string{"C66BOT_ADMINS=xoxb-2-bot-secret"},
			want: "C66BOT_ADMINS (admins) holds what looks like a token, and is not shown: " +
				"it is Slack ids of the users (U…) and user groups (S…) that may do everything everywhere, a comma-separated list",
		},
		{
			name: "an address without a port", environ: []string{"C66BOT_HTTP_ADDR=localhost"},
			want: `C66BOT_HTTP_ADDR (http.addr) is "localhost": it is host:port, such as 127.0.0.1:8067 or :8067, or empty for no endpoints`,
		},
		{
			name: "a port that does not exist", environ: []string{"C66BOT_HTTP_ADDR=:80670"},
			want: `C66BOT_HTTP_ADDR (http.addr) is ":80670": it is host:port, such as 127.0.0.1:8067 or :8067, or empty for no endpoints`,
		},
		{
			name: "a log in another way", environ: []string{"C66BOT_LOG_LEVEL=loud", "C66BOT_LOG_FORMAT=xml"},
			want: `C66BOT_LOG_LEVEL (log.level) is "loud": it is debug, info, warn or error` + "\n" +
				`C66BOT_LOG_FORMAT (log.format) is "xml": it is text or json`,
		},
		{
			name: "an unknown key at the top", file: "adminz: U0LIN",
			want: "adminz in c66bot.yaml is not a key that c66bot knows; the nearest is admins",
		},
		{
			name: "an unknown key in a section", file: "slack: {comand: /c66}",
			want: "slack.comand in c66bot.yaml is not a key that c66bot knows; the nearest is slack.command",
		},
		{
			name: "a section in place of a value", file: "log: {level: {of: info}}",
			want: "log.level.of in c66bot.yaml is not a key that c66bot knows; the nearest is log.level\n" +
				"C66BOT_LOG_LEVEL (log.level) is not one value: give it as one text or number",
		},
		{
			name: "a value in place of a section", file: "poll: 5s",
			want: "poll in c66bot.yaml is not a key that c66bot knows; the nearest is poll.min",
		},
		{
			name: "unknown variables, also an empty one", environ: []string{"C66BOT_POL_MIN=5s", "C66BOT_ADMINS_FILE="},
			want: "C66BOT_POL_MIN in the environment is not a variable that c66bot knows; the nearest is C66BOT_POLL_MIN\n" +
				"C66BOT_ADMINS_FILE in the environment is not a variable that c66bot knows; the nearest is C66BOT_ADMINS",
		},
		{
			name: "a named file that is absent, and no word on what may stand in it", environ: []string{"C66BOT_ADMINS="},
			args: []string{"--config=absent.yaml", "--poll-min=x"},
			want: "reading the configuration file: open absent.yaml: no such file or directory\n" +
				`C66BOT_POLL_MIN (poll.min) is "x": it is a duration with its unit, such as 500ms, 5s or 1h`,
		},
		{
			name: "a file that is no mapping", file: "c66-secret",
			want: "the configuration file c66bot.yaml is not a YAML mapping of keys to values: While parsing config: yaml: unmarshal errors: line " +
				"1: cannot unmarshal !!str *** into map[string]interface {}",
		},
		{
			name: "faults of several kinds in the order of the table", file: "slak: x",
			environ: []string{"C66BOT_LOG_FORMAT=xml", "C66BOT_NONE=1", "C66BOT_CLOUD66_TOKEN="}, args: []string{"--slack-command=c66"},
			want: "slak in c66bot.yaml is not a key that c66bot knows; the nearest is slack.api_url\n" +
				"C66BOT_NONE in the environment is not a variable that c66bot knows; the nearest is C66BOT_ADMINS\n" +
				`C66BOT_SLACK_COMMAND (slack.command) is "c66": it is a slash and one word, such as /c66` + "\n" +
				"C66BOT_CLOUD66_TOKEN (cloud66.token) is missing: set it to the Cloud 66 personal access token (scopes public and redeploy)\n" +
				`C66BOT_LOG_FORMAT (log.format) is "xml": it is text or json`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inEmptyDir(t, map[string]string{"c66bot.yaml": tt.file, "empty": "\n", "token": "t", "two-lines": "a-secret\nb-secret\n"})
			_, err := loadFrom(t, with(tt.environ...), tt.args...)
			if err == nil {
				t.Fatal("no fault was found")
			}
			if _, ok := errors.AsType[*usageError](err); !ok {
				t.Errorf("the error is a %T, want a *usageError", err)
			}
			lines := strings.Split(err.Error(), "\n  ")[1:]
			if diff := cmp.Diff(strings.Split(tt.want, "\n"), lines); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(err.Error(), "-secret") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}

func TestAFileThatCannotBeReadIsAFaultEvenWhereItIsOptional(t *testing.T) {
	inEmptyDir(t, nil)
	_, err := loadFrom(t, complete, "--config=.")
	if err == nil || !strings.Contains(err.Error(), "reading the configuration file: read .: is a directory") {
		t.Errorf("got %v", err)
	}
}

func TestTheConfigurationShowsNoToken(t *testing.T) {
	inEmptyDir(t, nil)
	cfg, err := loadFrom(t, complete)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	newLogger(slog.LevelInfo, "text", secret.Cleaner{}, &out).Info("m", "config", cfg)
	newLogger(slog.LevelInfo, "json", secret.Cleaner{}, &out).Info("m", "config", cfg)
	fmt.Fprintf(&out, "%v %+v %#v", cfg, &cfg, cfg)
	v := viper.New()
	v.SetConfigType("yaml")
	v.Set("config", cfg)
	if err := v.WriteConfigTo(&out); err != nil {
		t.Fatal(err)
	}
	for _, token := range []secret.Text{cfg.SlackAppToken, cfg.SlackBotToken, cfg.Cloud66Token} {
		if token.Empty() || strings.Contains(out.String(), token.Reveal()) {
			t.Errorf("the token %s is in %s", token.Reveal(), &out)
		}
	}
}
