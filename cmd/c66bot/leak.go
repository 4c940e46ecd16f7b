package main

import (
	"errors"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"c66bot/cloud66/secret"
)

// longHex matches what may be a token of Cloud 66's: many hexadecimal digits and nothing else.
var longHex = regexp.MustCompile(`(?i)(?:^-*|[=,_\s])[0-9a-f]{40,}(?:$|[,\s])`)

// errTokenArgument does not repeat what it is about.
var errTokenArgument = &usageError{errors.New("the command line holds what looks like a token, and is not shown: " +
	"everybody can read it in the list of processes. Give tokens by the environment, the configuration file, or a file of their own, " +
	"and take this one for known to others")}

// withoutTokens replaces arguments that hold a token by ***, and reports whether there were any.
func withoutTokens(args []string, cleaner secret.Cleaner) (clean []string, found bool) {
	clean = []string{} // Cobra takes nil for os.Args.
	for _, arg := range args {
		if looksSecret(arg, cleaner) {
			found = true
			name, _, ok := strings.Cut(arg, "=")
			arg = secret.Redacted
			if ok && !looksSecret(name, cleaner) {
				arg = name + "=" + secret.Redacted
			}
		}
		clean = append(clean, arg)
	}
	return clean, found
}

// looksSecret reports whether a text holds a token, or what may be one, where none belongs.
func looksSecret(text string, cleaner secret.Cleaner) bool {
	return cleaner.Finds(text) || longHex.MatchString(text)
}

// configuredTokens are the tokens in the environment, in the configuration file and in the files that these name.
// It runs before the command line and the configuration are checked, and ignores whatever is wrong with them.
func configuredTokens(args, environ []string) []secret.Text {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	flags.String(configFlag, "", "")
	_ = flags.Parse(args) // What is wrong with it is told later.
	sources := readSources(flags, environ)
	tokens := sources.tokens()
	for _, s := range settings {
		path, ok := asText(sources.values.Get(s.fileKey()))
		info, err := os.Stat(path)
		if !ok || !s.secret || err != nil || !info.Mode().IsRegular() || info.Size() > 1<<12 { // A pipe gives what is in it once.
			continue
		}
		if content, err := os.ReadFile(path); err == nil && info.Size() > shortestToken {
			tokens = append(tokens, secret.New(strings.TrimSpace(string(content))))
		}
	}
	return tokens
}

// shortestToken is the length below which a text is no token: it would be found in many words.
const shortestToken = 6
