package commands

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"c66bot/commands/typography"
)

// UsageError explains to the user why a command could not be parsed.
type UsageError struct {
	What    string // a sentence
	Near    string // the probable intention, "" if unknown
	Example string // a complete command to copy, without the slash command's name
}

func (e *UsageError) Error() string { return e.What }

// Here is the context of a mention in a thread: the stack of the thread's card, and the deployment if known.
type Here struct {
	UID        string
	Deployment int64
}

// ParseHere parses the text after the slash command or a mention. In a card's thread the stack is optional. Its error is always a
// *UsageError.
func ParseHere(text string, here Here) (Invocation, error) {
	if n := utf8.RuneCountInString(text); n > maxText {
		what := fmt.Sprintf("That command has %d characters; I read at most %d. Nothing was done.", n, maxText)
		return Invocation{}, &UsageError{What: what, Example: "help"}
	}
	line, _ := Line(text, "", "")
	words, err := splitWords(asTyped(line))
	if err != nil {
		return Invocation{}, &UsageError{What: Sentence(err), Example: listSpec.Examples[0]}
	}
	return parseWords(words, here)
}

func parseWords(words []word, here Here) (Invocation, error) {
	if len(words) == 0 {
		return Invocation{Verb: Help}, nil
	}
	verb := strings.Trim(words[0].name(), marks)
	spec, ok := specOf(strings.ToLower(verb))
	if !ok {
		return Invocation{}, unknownCommand(verb)
	}
	return spec.parse(words[1:], here)
}

func unknownCommand(word string) *UsageError {
	e := &UsageError{What: fmt.Sprintf("I don't know the command %s.", quoted(word)), Example: "help"}
	if near := cmp.Or(string(verbsMeant[strings.ToLower(word)]), nearestVerb(word)); near != "" {
		spec, _ := specOf(near)
		e.Near, e.Example = near, spec.Examples[0]
	}
	return e
}

func (s Spec) parse(words []word, here Here) (Invocation, error) {
	inv := Invocation{Verb: s.Verb}
	var args []word
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		if !word.isOption() {
			args = append(args, word)
			continue
		}
		rest, err := s.parseOption(&inv, word, words)
		if err != nil {
			return Invocation{}, err
		}
		words = rest
	}
	if s.OnStack() && here.UID != "" && len(args) < len(s.Args) && s.takeHere(&inv, args, here) {
		return inv, nil
	}
	if s.Form && len(args) == 0 { // the form has a search
		inv.Fill = inv.OptionsTyped() != ""
		return inv, nil
	}
	if err := s.takeArgs(&inv, args); err != nil {
		return Invocation{}, err
	}
	if s.check != nil {
		if err := s.check(s, inv); err != nil {
			return Invocation{}, err
		}
	}
	if err := s.reasonless(inv); err != nil {
		return Invocation{}, err
	}
	return inv, nil
}

// takeHere uses the stack of the thread's card if none is named. A single number is a deployment of that stack.
func (s Spec) takeHere(inv *Invocation, args []word, here Here) bool {
	of := Invocation{Verb: inv.Verb, UID: here.UID, Options: inv.Options, AskedAt: time.Now().Unix()}
	switch {
	case len(s.Args) > 1 && len(args) == 0:
		of.Deployment = here.Deployment
	case len(args) > 1 || len(args) == 1 && (len(s.Args) < 2 || s.Args[1].read(&of, args[0]) != nil):
		return false
	}
	*inv = of
	return true
}

func (s Spec) takeArgs(inv *Invocation, args []word) error {
	if n := len(s.Args); n > 0 && s.Args[n-1].rest && len(args) >= n {
		if err := s.timed(inv, args[n-1:]); err != nil {
			return err
		}
		args = append(slices.Clone(args[:n-1]), joined(args[n-1:]))
	}
	if len(args) > len(s.Args) {
		return s.tooMany(args[len(s.Args)].name())
	}
	for n, arg := range s.Args {
		if arg.optional() && n >= len(args) {
			break
		}
		needed := n
		for needed < len(s.Args) && !s.Args[needed].optional() {
			needed++
		}
		err := errBlank
		if len(args) >= needed {
			err = arg.read(inv, args[n])
		} else {
			arg = s.Args[len(args)] // the first that is missing
		}
		if errors.Is(err, errBlank) {
			return s.usage(arg.Example, arg.Missing, s.Verb)
		}
		if err := s.explained(arg.Example, err); err != nil {
			return err
		}
	}
	return nil
}

// timed rejects words that say how long something holds though only --for is read for that. Several words in quotes are meant as they
// stand.
func (s Spec) timed(inv *Invocation, words []word) error {
	if inv.Options[For]+inv.Options[Every] != "" || !slices.ContainsFunc(s.Options, func(o Option) bool { return o.Opt == For }) {
		return nil
	}
	from, to, value := timeIn(words)
	if value == "" {
		return nil
	}
	what, quotes := "%s would only be a part of the reason, and the %s without an end.", ""
	if to-from < len(words) {
		quotes = " A whole reason in quotes is taken as it is."
	}
	return s.usage("--for", what+quotes, quoted(joined(words[from:to]).text), s.Verb)
}

func joined(words []word) word {
	return word{text: strings.Join(each(words, func(w word) string { return w.text }), " ")}
}

// explained turns an error about a word into a usage error.
func (s Spec) explained(example string, err error) error {
	if _, ok := errors.AsType[*UsageError](err); ok || err == nil {
		return err
	}
	return s.usage(example, "%s", Sentence(err))
}

// parseOption parses an option and returns the remaining words. Most options must not be repeated.
func (s Spec) parseOption(inv *Invocation, typed word, words []word) ([]word, error) {
	called, value, joined := typed.plain(), "", false
	if at := strings.IndexAny(called, "=＝"); at >= 0 {
		_, size := utf8.DecodeRuneInString(called[at:])
		called, value, joined = called[:at], called[at+size:], true
	}
	called = typography.Normal(called)
	i := slices.IndexFunc(s.Options, func(o Option) bool { return "--"+o.Name == strings.ToLower(called) })
	if i < 0 {
		return nil, s.unknownOption(called)
	}
	option, name := s.Options[i], "--"+s.Options[i].Name
	switch {
	case inv.Options[option.Opt] != "" && !option.many:
		return nil, s.usage(name, "%s stands there twice; I take it once.", name)
	case option.kind == aFlag && joined:
		return nil, s.usage(name, "%s takes no value.", name)
	case option.kind == aFlag:
		value = given
	case joined && value != "":
		value = word{value, true, typed.bareEnd}.unmarked(marks)
	case !joined && len(words) > 0 && !words[0].isOption() && words[0].text != "":
		value, words = words[0].plain(), words[1:]
	default:
		return nil, s.usage(name, "%s needs a value: %s %s.", name, name, option.Value)
	}
	if before := inv.Options[option.Opt]; before != "" {
		value = before + "," + value
	}
	return words, s.explained(name, inv.set(option, value))
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

// tooMany reports a surplus word; one with a hyphen was probably meant as an option.
func (s Spec) tooMany(word string) *UsageError {
	switch {
	case strings.HasPrefix(word, "-"):
		return s.unknownOption(word)
	case len(s.Args) == 0:
		return s.usage("", "I don't understand %s after %s.", quoted(word), s.Verb)
	case !s.OnStack():
		return s.usage("", "I don't understand %s after %s. What holds spaces goes in quotes.", quoted(word), s.Verb)
	default:
		return s.usage("", "I don't understand %s after %s. A name with spaces goes in quotes.", quoted(word), s.Verb)
	}
}

func takeID(i *Invocation, word string) error {
	id, err := strconv.ParseInt(strings.TrimPrefix(strip(word), "#"), 10, 64)
	if err != nil || id <= 0 {
		return fmt.Errorf("%s is no deployment: give its number, as in 1042", quoted(word))
	}
	i.Deployment = id
	return nil
}

// Sentence formats an error as a sentence.
func Sentence(err error) string { return sentence(err.Error()) }

// sentence begins a text with a capital and ends it with a full stop.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(text[size:], ".") + "."
}
