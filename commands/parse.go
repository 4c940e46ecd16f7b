package commands

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// UsageError says what in a typed command was not understood, in words for the one who typed it.
type UsageError struct {
	What    string // a sentence
	Near    string // what was probably meant, "" where nothing is near
	Example string // one complete command to copy, without the slash command's own name
}

func (e *UsageError) Error() string { return e.What }

// Parse reads the text behind the slash command. Its error is always a *UsageError.
func Parse(text string) (Invocation, error) {
	if n := utf8.RuneCountInString(text); n > maxText {
		return Invocation{}, &UsageError{What: fmt.Sprintf("That command has %d characters; I read at most %d. Nothing was done.", n, maxText), Example: "help"}
	}
	words, err := splitWords(asTyped(text))
	if err != nil {
		return Invocation{}, &UsageError{What: sentence(err), Example: `list "awesome app@staging"`}
	}
	if len(words) == 0 {
		return Invocation{Verb: Help}, nil
	}
	spec, ok := specOf(strings.ToLower(words[0]))
	if !ok {
		return Invocation{}, unknownCommand(words[0])
	}
	return spec.parse(words[1:])
}

func unknownCommand(word string) *UsageError {
	names := make([]string, len(Specs))
	for i, s := range Specs {
		names[i] = string(s.Verb)
	}
	e := &UsageError{What: fmt.Sprintf("I don't know the command %s.", quoted(word)), Example: "help"}
	if near := nearest(strings.ToLower(word), names); near != "" {
		spec, _ := specOf(near)
		e.Near, e.Example = near, spec.Examples[0]
	}
	return e
}

// parse reads what stands behind the verb.
func (s Spec) parse(words []string) (Invocation, error) {
	inv := Invocation{Verb: s.Verb}
	var plain []string
	given := map[string]bool{}
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		if !strings.HasPrefix(word, "--") {
			plain = append(plain, word)
			continue
		}
		rest, err := s.parseOption(&inv, word, words, given)
		if err != nil {
			return Invocation{}, err
		}
		words = rest
	}
	if err := s.setWords(&inv, plain); err != nil {
		return Invocation{}, err
	}
	return inv, nil
}

// parseOption reads one option and gives the words behind it. What is given already is a mistake when it comes again.
func (s Spec) parseOption(inv *Invocation, word string, words []string, given map[string]bool) ([]string, error) {
	word, value, joined := strings.Cut(word, "=")
	option, ok := s.option(strings.ToLower(strings.TrimPrefix(word, "--")))
	if !ok {
		return nil, s.unknownOption(word)
	}
	name := "--" + option.Name
	if given[name] {
		return nil, s.usage(name, "%s stands there twice; I take it once.", name)
	}
	given[name] = true
	switch {
	case option.Value == "" && joined:
		return nil, s.usage(name, "%s takes no value.", name)
	case option.Value == "":
	case joined && value != "":
	case !joined && len(words) > 0 && !strings.HasPrefix(words[0], "--") && words[0] != "":
		value, words = words[0], words[1:]
	default:
		return nil, s.usage(name, "%s needs a value: %s %s.", name, name, option.Value)
	}
	if err := option.set(inv, value); err != nil {
		return nil, s.usage(name, "%s", sentence(err))
	}
	return words, nil
}

// usage makes an error with the example that shows a word in its right use.
func (s Spec) usage(word, format string, args ...any) *UsageError {
	return &UsageError{What: fmt.Sprintf(format, args...), Example: s.example(word)}
}

func (s Spec) unknownOption(word string) *UsageError {
	near := s.nearestOption(strings.ToLower(strings.TrimLeft(word, "-")))
	if near != "" {
		near = "--" + near
	}
	e := s.usage(near, "I don't know the option %s of %s.", quoted(word), s.Verb)
	e.Near = near
	return e
}

// setWords takes the words that are no options.
func (s Spec) setWords(inv *Invocation, words []string) error {
	if len(words) > len(s.Words) {
		return s.tooMany(words[len(s.Words)])
	}
	if s.Verb == Help {
		return inv.setTopic(words)
	}
	if len(words) == 0 || strings.TrimSpace(words[0]) == "" {
		return s.usage("", "Which stack? Write its name behind %s.", s.Verb)
	}
	if err := plain("name of the stack", words[0], maxStackName); err != nil {
		return s.usage("", "%s", sentence(err))
	}
	inv.Stack = words[0]
	if len(words) == 1 {
		return nil
	}
	return s.setWhich(inv, words[1])
}

// tooMany says that a word is one too many; one that looks like an option was meant to be one.
func (s Spec) tooMany(word string) *UsageError {
	switch {
	case strings.HasPrefix(word, "-"):
		return s.unknownOption(word)
	case s.Verb == Help:
		return s.usage("", "I don't understand %s behind %s.", quoted(word), s.Verb)
	default:
		return &UsageError{
			What:    fmt.Sprintf("I don't understand %s behind %s. A name with spaces goes in quotes.", quoted(word), s.Verb),
			Example: string(s.Verb) + ` "awesome app@staging"`,
		}
	}
}

func (i *Invocation) setTopic(words []string) error {
	if len(words) == 0 {
		return nil
	}
	word := strings.ToLower(words[0])
	if _, ok := specOf(word); !ok {
		return unknownCommand(words[0])
	}
	i.Topic = word
	return nil
}

func (s Spec) setWhich(inv *Invocation, word string) error {
	lower := strings.ToLower(word)
	if s.Verb == Show && (lower == "latest" || lower == "live" || lower == "head") {
		inv.Which = lower
		return nil
	}
	id, err := strconv.ParseInt(strings.TrimPrefix(word, "#"), 10, 64)
	if err == nil && id > 0 {
		inv.Deployment = id
		return nil
	}
	others := ""
	if s.Verb == Show {
		others = ", or latest, live or head"
	}
	return s.usage("1042", "%s is no deployment: give its number, as in 1042%s.", quoted(word), others)
}

// sentence writes an error as a sentence.
func sentence(err error) string {
	text := err.Error()
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:] + "."
}
