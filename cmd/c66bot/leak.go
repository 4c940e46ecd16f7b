package main

import (
	"errors"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"c66bot/cloud66/secret"
)

// longHex matches a possible Cloud 66 token: a word of 40 or more hexadecimal digits.
var longHex = regexp.MustCompile(`(?i)(?:^-*|[=,_\s])[0-9a-f]{40,}(?:$|[,\s])`)

// errTokenArgument does not contain the argument.
var errTokenArgument = &usageError{errors.New("the command line holds what looks like a token, and is not shown: " +
	"everybody can read it in the list of processes. Give tokens by the environment, the configuration file, or a file of their own, " +
	"and take this one for known to others")}

// withoutTokens masks arguments, or values of name=value, that contain a token, and reports whether there were any.
func withoutTokens(args []string, cleaner secret.Cleaner) (clean []string, found bool) {
	clean = []string{} // Not nil, which cobra replaces by os.Args.
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

// looksSecret reports whether a text contains a known token or a possible one.
func looksSecret(text string, cleaner secret.Cleaner) bool {
	return cleaner.Finds(text) || longHex.MatchString(text)
}

// configuredTokens returns the tokens in the environment, in the configuration file and in the secret files that these name.
// It runs before the validation of the command line and the configuration, and ignores their faults.
func configuredTokens(args, environ []string) []secret.Text {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	flags.String(configFlag, "", "")
	_ = flags.Parse(args) // Faults are reported later.
	sources := readSources(flags, environ)
	tokens := sources.tokens()
	for _, s := range settings {
		path, ok := asText(sources.values.Get(s.fileKey()))
		info, err := os.Stat(path)
		if !ok || !s.secret || err != nil || !info.Mode().IsRegular() || info.Size() > 1<<12 { // A pipe can be read only once.
			continue
		}
		if content, err := os.ReadFile(path); err == nil && info.Size() > shortestToken {
			tokens = append(tokens, secret.New(strings.TrimSpace(string(content))))
		}
	}
	return tokens
}

// shortestToken is the minimum length of a token in bytes. Shorter texts occur in many words.
const shortestToken = 6
