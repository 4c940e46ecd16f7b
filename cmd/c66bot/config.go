package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"c66bot/bot/card/wording"
	"c66bot/cloud66/secret"
)

// Config is the validated configuration of a bot. The settings table documents each field.
type Config struct {
	SlackAppToken          secret.Text
	SlackBotToken          secret.Text
	SlackAPIURL            string // Ends with a slash.
	SlackCommand           string // Begins with a slash.
	Cloud66Token           secret.Text
	Cloud66URL             string
	Cloud66Dashboard       wording.Dashboard
	Cloud66Account         string
	Cloud66Profiles        []string
	Cloud66RequestsPerHour int
	StoragePath            string
	AuditKeep              time.Duration
	ApprovalsExpire        time.Duration
	Admins                 []string      // Slack ids of users (U…, W…) and user groups (S…).
	WatchAfter             time.Duration // 0 turns it off.
	PollMin                time.Duration
	PollMax                time.Duration
	HTTPAddr               string // Empty turns the endpoints off.
	LogLevel               slog.Level
	LogFormat              string // "text" or "json".
}

// setting is one key of the configuration.
type setting struct {
	key      string // The key in the file, such as "poll.min"; the variable and the flag are derived from it.
	fallback string // Default value, if any.
	usage    string // Help text; the words in backquotes name the value.
	required bool
	secret   bool // May be in a file named by <key>_file; not available as a flag.
	list     bool // A YAML list or comma-separated words.
	set      func(text string) error
}

// settings lists all keys in the order of their fault messages. The set functions write to a discarded Config.
var settings = new(Config).settings()

// settings returns all keys, with set functions for the fields of c.
func (c *Config) settings() []setting {
	return []setting{
		{key: "slack.app_token", required: true, secret: true, usage: "the Slack app's app-level token (xapp-…)",
			set: into(&c.SlackAppToken, parseSlackToken("xapp-", "xoxb-"))},
		{key: "slack.bot_token", required: true, secret: true, usage: "the Slack app's bot token (xoxb-…)",
			set: into(&c.SlackBotToken, parseSlackToken("xoxb-", "xapp-"))},
		{key: "slack.api_url", fallback: "https://slack.com/api/", usage: "base `URL` of the Slack Web API",
			set: into(&c.SlackAPIURL, parseSlackURL)},
		{key: "slack.command", fallback: "/c66", usage: "the slash command's `name`",
			set: into(&c.SlackCommand, parseCommandName)},
		{key: "cloud66.token", required: true, secret: true, usage: "the Cloud 66 personal access token (scopes public and redeploy)",
			set: into(&c.Cloud66Token, parseCloud66Token)},
		{key: "cloud66.url", fallback: "https://app.cloud66.com/api/3", usage: "base `URL` of the Cloud 66 API",
			set: into(&c.Cloud66URL, parseURL)},
		{key: "cloud66.dashboard", fallback: "https://app.cloud66.com/dashboard",
			usage: "`URL` that Open leads to; {uid}, {name} and {environment} of the stack are filled in",
			set:   into(&c.Cloud66Dashboard, wording.ParseDashboard)},
		{key: "cloud66.account", usage: "account `id`, where the token reaches several",
			set: into(&c.Cloud66Account, parseAccount)},
		{key: "cloud66.profiles", list: true, usage: "deployment profiles to offer, a comma-separated `list`",
			set: into(&c.Cloud66Profiles, parseList)},
		{key: "cloud66.requests_per_hour", fallback: "3000", usage: "API budget the bot stays under, a `number` of requests an hour",
			set: into(&c.Cloud66RequestsPerHour, parsePositive)},
		{key: "storage.path", fallback: "c66bot.db", usage: "the database `file`",
			set: into(&c.StoragePath, parseNotEmpty)},
		{key: "audit.keep", fallback: "9600h", usage: "`duration` for which decisions on what people asked for are kept",
			set: into(&c.AuditKeep, parseDuration(1))},
		{key: "approvals.expire", fallback: "1h", usage: "`duration` for which a request waits for approval",
			set: into(&c.ApprovalsExpire, parseDuration(1))},
		{key: "admins", required: true, list: true,
			usage: "Slack ids of the users (U…) and user groups (S…) that may do everything everywhere, a comma-separated `list`",
			set:   into(&c.Admins, parseAdmins)},
		{key: "watch.after", fallback: "15m",
			usage: "`duration` for which a stack's health is watched after a deployment went live; 0 turns it off",
			set:   into(&c.WatchAfter, parseUpTo(maxWatchAfter))},
		{key: "poll.min", fallback: "5s", usage: "shortest `duration` between two looks at one running deployment",
			set: into(&c.PollMin, parseDuration(50*time.Millisecond))},
		{key: "poll.max", fallback: "60s", usage: "longest `duration` between two looks at what is followed, while the budget allows",
			set: into(&c.PollMax, parseDuration(1))},
		{key: httpAddr, fallback: "127.0.0.1:8067", usage: "`address` (host:port) of /healthz, /readyz and /metrics; empty turns them off",
			set: into(&c.HTTPAddr, parseListenAddr)},
		{key: "log.level", fallback: "info", usage: "`level` from which messages are logged: debug, info, warn or error",
			set: into(&c.LogLevel, oneOf("debug, info, warn or error", map[string]slog.Level{
				"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
			}))},
		{key: "log.format", fallback: "text", usage: "`format` of the log: text or json",
			set: into(&c.LogFormat, oneOf("text or json", map[string]string{"text": "text", "json": "json"}))},
	}
}

// maxWatchAfter leaves a margin below the day for which the messages of a card are kept.
const maxWatchAfter = 12 * time.Hour

// httpAddr is the only key that may be set to an empty value in the environment.
const httpAddr = "http.addr"

// into returns a function that parses a text into a field. On an error the field is unchanged.
func into[T any](field *T, parse func(string) (T, error)) func(string) error {
	return func(text string) error {
		value, err := parse(text)
		if err == nil {
			*field = value
		}
		return err
	}
}

// loadConfig reads and validates all settings. Its error is a *usageError with all faults.
func loadConfig(flags *pflag.FlagSet, environ []string) (Config, error) {
	var cfg Config
	from := readSources(flags, environ)
	found := from.faults
	for _, s := range cfg.settings() {
		err := from.load(s)
		if errors.Is(err, errMissing) && from.fileErr != nil {
			continue // It may be in the unreadable file.
		}
		if err != nil {
			found = append(found, err)
		}
	}
	if cfg.PollMax > 0 && cfg.PollMin > cfg.PollMax {
		found = append(found, fmt.Errorf("%s is %v, longer than %s, %v: make the first the shorter one",
			label("poll.min"), cfg.PollMin, label("poll.max"), cfg.PollMax))
	}
	if len(found) > 0 {
		return Config{}, &usageError{found}
	}
	return cfg, nil
}

// loadOne reads and validates one setting only. Its error is a *usageError.
func loadOne(flags *pflag.FlagSet, environ []string, key string) (cfg Config, err error) {
	from := readSources(flags, environ)
	if from.fileErr != nil {
		return cfg, &usageError{faults{from.fileErr}}
	}
	for _, s := range cfg.settings() {
		if s.key != key {
			continue
		}
		if err := from.load(s); err != nil {
			return cfg, &usageError{faults{err}}
		}
	}
	return cfg, nil
}

// cleaner returns a Cleaner for all tokens.
func (c *Config) cleaner() secret.Cleaner {
	return secret.NewCleaner(c.SlackAppToken, c.SlackBotToken, c.Cloud66Token)
}

// fileKey returns the key that names the file of a secret.
func (s setting) fileKey() string { return s.key + "_file" }

// keys returns the setting's key and, for a secret, its fileKey.
func (s setting) keys() []string {
	if s.secret {
		return []string{s.key, s.fileKey()}
	}
	return []string{s.key}
}

// knownKeys returns the keys of all settings, including the fileKeys.
func knownKeys() (keys []string) {
	for _, s := range settings {
		keys = append(keys, s.keys()...)
	}
	return keys
}

// label formats a key for messages: the variable, then the key in the file.
func label(key string) string { return envName(key) + " (" + key + ")" }

const envPrefix = "C66BOT_"

func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

func flagName(key string) string { return strings.NewReplacer(".", "-", "_", "-").Replace(key) }

// configFlag is the flag that names the configuration file.
const configFlag = "config"

// defineFlags adds --config and a flag for each setting, or only for the one with key if it is set. A secret has a flag for its file only.
func defineFlags(flags *pflag.FlagSet, key string) {
	flags.String(configFlag, "", "configuration `file` (default "+defaultFile+", where there is one)")
	for _, s := range settings {
		switch {
		case key != "" && s.key != key:
		case s.secret:
			flags.String(flagName(s.fileKey()), "",
				"`file` that holds "+s.usage+"; the token itself is no flag, as the list of processes would show it to everyone")
		default:
			flags.String(flagName(s.key), s.fallback, s.usage)
		}
	}
}

// faults are the faults of a configuration, one line each.
type faults []error

func (f faults) Error() string {
	text := fmt.Sprintf("the configuration has %d faults:", len(f))
	if len(f) == 1 {
		text = "the configuration has a fault:"
	}
	for _, fault := range f {
		text += "\n  " + fault.Error()
	}
	return text
}

// Unwrap returns the faults for errors.Is and errors.As.
func (f faults) Unwrap() []error { return f }
