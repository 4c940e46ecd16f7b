package main

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/pflag"

	"c66bot/cloud66/secret"
)

// Config is the checked configuration of a bot. The settings table says what each field means.
type Config struct {
	SlackAppToken          secret.Text
	SlackBotToken          secret.Text
	SlackAPIURL            string // Ends with a slash.
	SlackCommand           string // Begins with a slash.
	Cloud66Token           secret.Text
	Cloud66URL             string
	Cloud66Account         string
	Cloud66Profiles        []string
	Cloud66RequestsPerHour int
	StoragePath            string
	AuditKeep              time.Duration
	ApprovalsExpire        time.Duration
	Admins                 []string // Slack ids of users (U…, W…) and user groups (S…).
	PollMin                time.Duration
	PollMax                time.Duration
	HTTPAddr               string // Empty turns the endpoints off.
	LogLevel               slog.Level
	LogFormat              string // "text" or "json".
}

// loadConfig reads and checks every setting. Its error is a *usageError that tells all faults at once.
func loadConfig(flags *pflag.FlagSet, environ []string) (Config, error) {
	var cfg Config
	sources := readSources(flags, environ)
	found := sources.faults
	for _, s := range settings {
		err := s.load(sources, &cfg)
		if errors.Is(err, errMissing) && sources.fileErr != nil {
			continue // It may stand in the file that could not be read.
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

// loadOne reads one setting and looks at no other.
func loadOne(flags *pflag.FlagSet, environ []string, s setting) (cfg Config, err error) {
	sources := readSources(flags, environ)
	if sources.fileErr != nil {
		return cfg, faults{sources.fileErr}
	}
	if err := s.load(sources, &cfg); err != nil {
		return cfg, faults{err}
	}
	return cfg, nil
}

// cleaner knows all tokens.
func (c Config) cleaner() secret.Cleaner {
	return secret.NewCleaner(c.SlackAppToken, c.SlackBotToken, c.Cloud66Token)
}

// Warnings names the settings that were changed although this version makes no use of them.
func (c Config) Warnings() []string {
	var warnings []string
	if c.ApprovalsExpire != time.Hour {
		warnings = append(warnings, "approvals.expire is set, but this version knows no approvals yet")
	}
	return warnings
}

// faults are what is wrong with a configuration, each in one line.
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

// Unwrap lets errors.Is and errors.As look at each fault.
func (f faults) Unwrap() []error { return f }
