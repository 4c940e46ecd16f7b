package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"c66bot/cloud66/secret"
)

// defaultFile is read where --config names no other, and may be absent.
const defaultFile = "c66bot.yaml"

// sources hold what the configuration file, the environment and the flags say, each above the one before.
type sources struct {
	values  *viper.Viper
	faults  faults // All that can be said without looking at values.
	fileErr error  // Why the file could not be read, also among the faults.
}

func readSources(flags *pflag.FlagSet, environ []string) *sources {
	s := &sources{values: viper.NewWithOptions()}
	s.overlay(s.readFile(flags))
	s.overlay(s.readEnvironment(environ))
	s.overlay(readFlags(flags))
	return s
}

// overlay lets a source win over those before it. A secret and its file displace each other, but may not both be given.
func (s *sources) overlay(source map[string]any) {
	given := func(key string) bool { return source[key] != nil && source[key] != "" }
	for _, set := range settings {
		for _, key := range set.keys() {
			if value, ok := source[key]; ok {
				s.values.Set(key, value)
			}
		}
		if !set.secret {
			continue
		}
		switch file := set.fileKey(); {
		case given(set.key) && given(file):
			s.fault("%s and %s are both set: keep one of them", label(set.key), label(file))
		case given(set.key):
			s.values.Set(file, "")
		case given(file):
			s.values.Set(set.key, "")
		}
	}
}

func (s *sources) readFile(flags *pflag.FlagSet) map[string]any {
	path, required := defaultFile, false
	if flag := flags.Lookup(configFlag); flag.Changed {
		path, required = flag.Value.String(), true
	}
	content, err := os.ReadFile(path)
	if !required && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		s.fileFault(fmt.Errorf("reading the configuration file: %w", err))
		return nil
	}
	s.values.SetConfigType("yaml")
	if err := s.values.ReadConfig(bytes.NewReader(content)); err != nil {
		s.fileFault(fmt.Errorf("the configuration file %s is not a YAML mapping of keys to values: %s", path, withoutValues(err)))
		return nil
	}
	return s.fileValues(path)
}

var quotedValue = regexp.MustCompile("`[^`]*`|\"[^\"]*\"|'[^']*'")

// withoutValues returns a YAML error in one line, without what it quotes of the file, which may be a secret.
func withoutValues(err error) string {
	return quotedValue.ReplaceAllString(strings.Join(strings.Fields(err.Error()), " "), secret.Redacted)
}

// fileValues takes the known keys from the file that was read. A key without a value counts as absent.
func (s *sources) fileValues(path string) map[string]any {
	values := map[string]any{}
	known := knownKeys()
	found := s.values.AllKeys()
	slices.Sort(found)
	for _, key := range found {
		value := s.values.Get(key)
		if value == nil {
			continue
		}
		if !slices.Contains(known, key) {
			s.fault("%s in %s is not a key that c66bot knows; the nearest is %s", s.shownName(key), path, nearest(key, known))
			continue
		}
		values[key] = value
	}
	return values
}

// readEnvironment takes the variables of the bot. An empty one counts as absent, except where empty has a meaning.
func (s *sources) readEnvironment(environ []string) map[string]any {
	values := map[string]any{}
	keyOf := map[string]string{}
	for _, key := range knownKeys() {
		keyOf[envName(key)] = key
	}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) {
			continue
		}
		key, ok := keyOf[name]
		if !ok {
			s.fault("%s in the environment is not a variable that c66bot knows; the nearest is %s", s.shownName(name),
				nearest(name, slices.Sorted(maps.Keys(keyOf))))
			continue
		}
		if value != "" || key == httpAddrSetting.key {
			values[key] = value
		}
	}
	return values
}

func readFlags(flags *pflag.FlagSet) map[string]any {
	values := map[string]any{}
	for _, key := range knownKeys() {
		if flag := flags.Lookup(flagName(key)); flag != nil && flag.Changed {
			values[key] = flag.Value.String()
		}
	}
	return values
}

// tokens are those among the values.
func (s *sources) tokens() []secret.Text {
	var tokens []secret.Text
	for _, set := range settings {
		if text, ok := asText(s.values.Get(set.key)); ok && set.secret && len(text) >= shortestToken {
			tokens = append(tokens, secret.New(text))
		}
	}
	return tokens
}

// shownName is a name that is not known, unless it is a token in a name's place.
func (s *sources) shownName(name string) string {
	if looksSecret(name, secret.NewCleaner(s.tokens()...)) {
		return secret.Redacted
	}
	return name
}

func (s *sources) fault(format string, args ...any) {
	s.faults = append(s.faults, fmt.Errorf(format, args...))
}

func (s *sources) fileFault(err error) {
	s.fileErr = err
	s.faults = append(s.faults, err)
}

// knownKeys are the keys of all settings and of the files of the secrets.
func knownKeys() []string {
	var keys []string
	for _, s := range settings {
		keys = append(keys, s.keys()...)
	}
	return keys
}

// nearest returns the known name that is most like name, its beginning above all.
func nearest(name string, known []string) string {
	params := levenshtein.NewParams().BonusThreshold(0)
	return slices.MaxFunc(known, func(a, b string) int {
		return cmp.Compare(levenshtein.Match(name, a, params), levenshtein.Match(name, b, params))
	})
}
