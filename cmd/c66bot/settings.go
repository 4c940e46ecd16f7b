package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"c66bot/cloud66/secret"
)

// setting is one key of the configuration.
type setting struct {
	key      string // As the file spells it, such as "poll.min"; variable and flag follow from it.
	fallback string // Empty where there is no default.
	usage    string // What it means; the words in backquotes name the value in the help.
	required bool
	secret   bool // May stand in a file of its own, which <key>_file names, and is no flag.
	list     bool // May be a YAML list as well as comma-separated words.
	parse    func(cfg *Config, text string) error
}

var httpAddrSetting = setting{
	key: "http.addr", fallback: "127.0.0.1:8067", usage: "`address` (host:port) of /healthz, /readyz and /metrics; empty turns them off",
	parse: into(func(c *Config) *string { return &c.HTTPAddr }, parseListenAddr),
}

var commandSetting = setting{
	key: "slack.command", fallback: "/c66", usage: "the slash command's `name`",
	parse: into(func(c *Config) *string { return &c.SlackCommand }, parseCommandName),
}

var storagePathSetting = setting{
	key: "storage.path", fallback: "c66bot.db", usage: "the database `file`",
	parse: into(func(c *Config) *string { return &c.StoragePath }, parseNotEmpty),
}

// settings are all keys, in the order in which their faults are told.
var settings = []setting{
	{
		key: "slack.app_token", required: true, secret: true, usage: "the Slack app's app-level token (xapp-…)",
		parse: into(func(c *Config) *secret.Text { return &c.SlackAppToken }, parseSlackToken("xapp-", "xoxb-")),
	},
	{
		key: "slack.bot_token", required: true, secret: true, usage: "the Slack app's bot token (xoxb-…)",
		parse: into(func(c *Config) *secret.Text { return &c.SlackBotToken }, parseSlackToken("xoxb-", "xapp-")),
	},
	{
		key: "slack.api_url", fallback: "https://slack.com/api/", usage: "base `URL` of the Slack Web API",
		parse: into(func(c *Config) *string { return &c.SlackAPIURL }, parseSlackURL),
	},
	commandSetting,
	{
		key: "cloud66.token", required: true, secret: true, usage: "the Cloud 66 personal access token (scopes public and redeploy)",
		parse: into(func(c *Config) *secret.Text { return &c.Cloud66Token }, parseToken),
	},
	{
		key: "cloud66.url", fallback: "https://app.cloud66.com/api/3", usage: "base `URL` of the Cloud 66 API",
		parse: into(func(c *Config) *string { return &c.Cloud66URL }, parseURL),
	},
	{
		key: "cloud66.account", usage: "account `id`, where the token reaches several",
		parse: into(func(c *Config) *string { return &c.Cloud66Account }, parseAccount),
	},
	{
		key: "cloud66.profiles", list: true, usage: "deployment profiles to offer, a comma-separated `list`",
		parse: into(func(c *Config) *[]string { return &c.Cloud66Profiles }, parseList),
	},
	{
		key: "cloud66.requests_per_hour", fallback: "3000", usage: "API budget the bot stays under, a `number` of requests an hour",
		parse: into(func(c *Config) *int { return &c.Cloud66RequestsPerHour }, parsePositive),
	},
	storagePathSetting,
	{
		key: "audit.keep", fallback: "9600h", usage: "`duration` for which decisions on what people asked for are kept",
		parse: into(func(c *Config) *time.Duration { return &c.AuditKeep }, parseDuration(1)),
	},
	{
		key: "approvals.expire", fallback: "1h", usage: "`duration` for which a request waits for approval",
		parse: into(func(c *Config) *time.Duration { return &c.ApprovalsExpire }, parseDuration(1)),
	},
	{
		key: "admins", required: true, list: true,
		usage: "Slack ids of the users (U…) and user groups (S…) that may do everything everywhere, a comma-separated `list`",
		parse: into(func(c *Config) *[]string { return &c.Admins }, parseAdmins),
	},
	{
		key: "poll.min", fallback: "5s", usage: "shortest `duration` between two looks at one running deployment",
		parse: into(func(c *Config) *time.Duration { return &c.PollMin }, parseDuration(50*time.Millisecond)),
	},
	{
		key: "poll.max", fallback: "60s", usage: "longest `duration` between two looks at what is followed, while the budget allows",
		parse: into(func(c *Config) *time.Duration { return &c.PollMax }, parseDuration(1)),
	},
	httpAddrSetting,
	{
		key: "log.level", fallback: "info", usage: "`level` from which messages are logged: debug, info, warn or error",
		parse: into(func(c *Config) *slog.Level { return &c.LogLevel }, parseLogLevel),
	},
	{
		key: "log.format", fallback: "text", usage: "`format` of the log: text or json",
		parse: into(func(c *Config) *string { return &c.LogFormat }, parseLogFormat),
	},
}

// into sets a field to what parse makes of a text, and leaves it alone on an error.
func into[T any](field func(*Config) *T, parse func(string) (T, error)) func(*Config, string) error {
	return func(cfg *Config, text string) error {
		value, err := parse(text)
		if err != nil {
			return err
		}
		*field(cfg) = value
		return nil
	}
}

// errMissing is what a required setting without a value is.
var errMissing = errors.New("missing")

// load sets the field of cfg to what the sources say. Its error names the setting.
func (s setting) load(from *sources, cfg *Config) error {
	text, err := from.text(s)
	if err != nil {
		return err
	}
	if text == "" && s.required {
		return fmt.Errorf("%s is %w: set it to %s", label(s.key), errMissing, strings.ReplaceAll(s.usage, "`", ""))
	}
	err = s.parse(cfg, text)
	switch {
	case err == nil:
		return nil
	case !s.secret && looksSecret(text, secret.NewCleaner(from.tokens()...)): // Its own words would repeat the text.
		return fmt.Errorf("%s holds what looks like a token, and is not shown: it is %s", label(s.key), strings.ReplaceAll(s.usage, "`", ""))
	default:
		return fmt.Errorf("%s %w", label(s.key), err)
	}
}

// fileKey is the key of the file that holds a secret.
func (s setting) fileKey() string { return s.key + "_file" }

// keys are the setting's own key and, for a secret, its file's.
func (s setting) keys() []string {
	if s.secret {
		return []string{s.key, s.fileKey()}
	}
	return []string{s.key}
}

// label names a key as the environment and as the file spell it.
func label(key string) string { return envName(key) + " (" + key + ")" }

const envPrefix = "C66BOT_"

func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

func flagName(key string) string { return strings.NewReplacer(".", "-", "_", "-").Replace(key) }

// configFlag is the flag that names the configuration file.
const configFlag = "config"

// defineFlags adds --config and a flag for each setting. A secret's flag takes its file only.
func defineFlags(flags *pflag.FlagSet, chosen ...setting) {
	flags.String(configFlag, "", "configuration `file` (default "+defaultFile+", where there is one)")
	for _, s := range chosen {
		if s.secret {
			flags.String(flagName(s.fileKey()), "",
				"`file` that holds "+s.usage+"; the token itself is no flag, as the list of processes would show it to everyone")
			continue
		}
		flags.String(flagName(s.key), s.fallback, s.usage)
	}
}
