package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"c66bot/cloud66/secret"
	"c66bot/commands/typography"
)

// defaultFile is the configuration file without --config. It may be absent.
const defaultFile = "c66bot.yaml"

// sources holds the merged values of the configuration file, the environment and the flags, in ascending precedence.
type sources struct {
	values  *viper.Viper
	faults  faults // All faults that do not depend on the validity of values.
	fileErr error  // The error of the file, if any; also in faults.
}

func readSources(flags *pflag.FlagSet, environ []string) *sources {
	s := &sources{values: viper.NewWithOptions()}
	s.overlay(s.readFile(flags))
	s.overlay(s.readEnvironment(environ))
	given := map[string]any{}
	for _, key := range knownKeys() {
		if flag := flags.Lookup(flagName(key)); flag != nil && flag.Changed {
			given[key] = flag.Value.String()
		}
	}
	s.overlay(given)
	return s
}

// overlay merges a source over the previous ones. A secret overrides a file of the secret and vice versa; both in one source are a fault.
func (s *sources) overlay(source map[string]any) {
	given := func(key string) bool { return source[key] != nil && source[key] != "" }
	for key, value := range source {
		s.values.Set(key, value)
	}
	for _, set := range settings {
		switch key, file := set.key, set.fileKey(); {
		case given(key) && given(file):
			s.fault("%s and %s are both set: keep one of them", label(key), label(file))
		case given(key) && set.secret:
			s.values.Set(file, "")
		case given(file):
			s.values.Set(key, "")
		}
	}
}

// readFile returns the known keys of the file. A key without a value counts as absent, an unknown one is a fault.
func (s *sources) readFile(flags *pflag.FlagSet) map[string]any {
	flag := flags.Lookup(configFlag)
	path := defaultFile
	if flag.Changed {
		path = flag.Value.String()
	}
	content, err := os.ReadFile(path)
	if !flag.Changed && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		err = fmt.Errorf("reading the configuration file: %w", err)
	} else {
		s.values.SetConfigType("yaml")
		if err = s.values.ReadConfig(bytes.NewReader(content)); err != nil {
			err = fmt.Errorf("the configuration file %s is not a YAML mapping of keys to values: %s", path, withoutValues(err))
		}
	}
	if err != nil {
		s.fileErr, s.faults = err, append(s.faults, err)
		return nil
	}
	known, values := knownKeys(), map[string]any{}
	for _, key := range slices.Sorted(slices.Values(s.values.AllKeys())) {
		value := s.values.Get(key)
		switch {
		case value == nil:
		case slices.Contains(known, key):
			values[key] = value
		default:
			s.fault("%s in %s is not a key that c66bot knows; the nearest is %s", s.shownName(key), path, typography.Closest(key, known))
		}
	}
	return values
}

var quotedValue = regexp.MustCompile("`[^`]*`|\"[^\"]*\"|'[^']*'")

// withoutValues formats a YAML error in one line, without its quotes from the file, which may be secrets.
func withoutValues(err error) string {
	return quotedValue.ReplaceAllString(strings.Join(strings.Fields(err.Error()), " "), secret.Redacted)
}

// kubernetes matches the variables that Kubernetes makes for a Service called c66bot.
var kubernetes = regexp.MustCompile(`^` + envPrefix + `(PORT(_.*)?|SERVICE_.*)$`)

// readEnvironment returns the values of the bot's variables. An empty one counts as absent, except httpAddr; an unknown one is a fault.
func (s *sources) readEnvironment(environ []string) map[string]any {
	values, keyOf := map[string]any{}, map[string]string{}
	for _, key := range knownKeys() {
		keyOf[envName(key)] = key
	}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		switch key, known := keyOf[name]; {
		case !strings.HasPrefix(name, envPrefix), !known && kubernetes.MatchString(name):
		case !known:
			s.fault("%s in the environment is not a variable that c66bot knows; the nearest is %s", s.shownName(name),
				typography.Closest(name, slices.Sorted(maps.Keys(keyOf))))
		case value != "" || key == httpAddr:
			values[key] = value
		}
	}
	return values
}

// tokens returns the secrets among the values.
func (s *sources) tokens() (tokens []secret.Text) {
	for _, set := range settings {
		if text, ok := asText(s.values.Get(set.key)); ok && set.secret && len(text) >= shortestToken {
			tokens = append(tokens, secret.New(text))
		}
	}
	return tokens
}

// shownName returns an unknown name for a message, masked if it looks like a token.
func (s *sources) shownName(name string) string {
	if looksSecret(name, secret.NewCleaner(s.tokens()...)) {
		return secret.Redacted
	}
	return name
}

func (s *sources) fault(format string, args ...any) {
	s.faults = append(s.faults, fmt.Errorf(format, args...))
}

// errMissing is the error of a required setting without a value.
var errMissing = errors.New("missing")

// load sets a setting from the sources. Its error names the setting.
func (s *sources) load(set setting) error {
	text, err := s.text(set)
	if err != nil {
		return err
	}
	meaning := strings.ReplaceAll(set.usage, "`", "")
	if text == "" && set.required {
		return fmt.Errorf("%s is %w: set it to %s", label(set.key), errMissing, meaning)
	}
	err = set.set(text)
	switch {
	case err == nil:
		return nil
	case !set.secret && looksSecret(secret.WithoutUserinfo(text), secret.NewCleaner(s.tokens()...)): // err would contain the text.
		return fmt.Errorf("%s holds what looks like a token, and is not shown: it is %s", label(set.key), meaning)
	default:
		return fmt.Errorf("%s %w", label(set.key), err)
	}
}

// text returns a setting's value or default. Lists are joined by commas; a secret is read from its file, if one is named.
func (s *sources) text(of setting) (string, error) {
	if of.secret {
		path, ok := asText(s.values.Get(of.fileKey()))
		if !ok {
			return "", fmt.Errorf("%s is not one text: give the path of a file", label(of.fileKey()))
		}
		if path != "" {
			return readSecretFile(of.fileKey(), path)
		}
	}
	value := s.values.Get(of.key)
	if value == nil {
		return of.fallback, nil
	}
	if _, ok := value.(string); of.secret && !ok { // YAML reads some tokens as numbers.
		return "", fmt.Errorf("%s is not a text: put it in quotes", label(of.key))
	}
	if items, ok := value.([]any); ok && of.list {
		var texts []string
		for _, item := range items {
			text, ok := asText(item)
			if !ok || text == "" {
				return "", fmt.Errorf("%s has an item that is empty or not one value: give a list of texts", label(of.key))
			}
			texts = append(texts, text)
		}
		return strings.Join(texts, ","), nil
	}
	text, ok := asText(value)
	if !ok {
		return "", fmt.Errorf("%s is not one value: give it as one text or number", label(of.key))
	}
	return text, nil
}

// asText formats a YAML scalar; nil is empty. It returns false for other values.
func asText(value any) (string, bool) {
	switch value := value.(type) {
	case nil:
		return "", true
	case string:
		return value, true
	case bool, int, int64, uint64, float64:
		return fmt.Sprint(value), true
	default:
		return "", false
	}
}

// readSecretFile returns the content of the file named by a key, without trailing line breaks. Its errors do not contain a path without a
// separator, which could be the secret itself.
func readSecretFile(key, path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		if pathErr, ok := errors.AsType[*fs.PathError](err); ok && !strings.ContainsRune(path, os.PathSeparator) {
			err = pathErr.Err
		}
		return "", fmt.Errorf("%s names a file that cannot be read: %w", label(key), err)
	}
	secret := strings.TrimRight(string(content), "\r\n")
	if secret == "" {
		return "", fmt.Errorf("%s names an empty file: write the token into it", label(key))
	}
	return secret, nil
}
