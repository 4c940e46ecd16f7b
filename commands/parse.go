package commands

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"c66bot/authz"
	"c66bot/commands/typography"
)

// UsageError says what in a typed command was not understood, in words for the one who typed it.
type UsageError struct {
	What    string // a sentence
	Near    string // what was probably meant, "" where nothing is near
	Example string // one complete command to copy, without the slash command's own name
}

func (e *UsageError) Error() string { return e.What }

// Here is what a mention stands under: the stack, and the deployment where one is known, of the card whose thread it is in.
type Here struct {
	UID        string
	Deployment int64
}

// Parse reads the text behind the slash command. Its error is always a *UsageError.
func Parse(text string) (Invocation, error) { return ParseHere(text, Here{}) }

// LeavesOutStack reports whether a text is a command on a stack that it does not name, or may not name.
func LeavesOutStack(text string) bool {
	const some = "-"
	inv, err := ParseHere(text, Here{UID: some})
	return err == nil && inv.UID == some
}

// ParseHere reads the text behind a mention, in which the stack may be left out where the thread's card shows it.
func ParseHere(text string, here Here) (Invocation, error) {
	if n := utf8.RuneCountInString(text); n > maxText {
		return Invocation{}, &UsageError{What: fmt.Sprintf("That command has %d characters; I read at most %d. Nothing was done.", n, maxText), Example: "help"}
	}
	line, _ := Line(text, "", "")
	words, err := splitWords(asTyped(line))
	if err != nil {
		return Invocation{}, &UsageError{What: Sentence(err), Example: `list "my stack@staging"`}
	}
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
func (s Spec) parse(words []word, here Here) (Invocation, error) {
	inv := Invocation{Verb: s.Verb}
	var plain []string
	given := map[string]bool{}
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		switch {
		case word.isOption():
		case s.globAt(len(plain)):
			plain = append(plain, word.glob())
			continue
		default:
			plain = append(plain, word.name())
			continue
		}
		rest, err := s.parseOption(&inv, word, words, given)
		if err != nil {
			return Invocation{}, err
		}
		words = rest
	}
	err := s.setWords(&inv, plain)
	if s.OnStack() && here.UID != "" && len(plain) < len(s.Words) {
		err = s.setHere(&inv, plain, here, err)
	}
	if err != nil {
		return Invocation{}, err
	}
	return inv, nil
}

// globAt reports whether the word at a place is a pattern of stacks, or may be one.
func (s Spec) globAt(i int) bool {
	return i < len(s.Words) && (s.Words[i] == "<stacks>" || s.Words[i] == "[text]")
}

// setHere takes the stack of the thread's card where none is named. One word alone that can be a deployment is one of that stack.
func (s Spec) setHere(inv *Invocation, words []string, here Here, otherwise error) error {
	of := Invocation{Verb: inv.Verb}
	switch {
	case len(words) == 0:
		of.Deployment = here.Deployment
	case len(words) > 1 || len(s.Words) < 2 || s.setWhich(&of, words[0]) != nil:
		return otherwise
	}
	inv.Stack, inv.UID, inv.Which, inv.Deployment, inv.AskedAt = "", here.UID, of.Which, of.Deployment, time.Now().Unix()
	if s.Verb == Redeploy || s.Verb == List {
		inv.Deployment = 0
	}
	return nil
}

// parseOption reads one option and gives the words behind it. What is given already is a mistake when it comes again.
func (s Spec) parseOption(inv *Invocation, typed word, words []word, given map[string]bool) ([]word, error) {
	called, value, joined := typed.plain(), "", false
	if at := strings.IndexAny(called, "=＝"); at >= 0 {
		_, size := utf8.DecodeRuneInString(called[at:])
		called, value, joined = called[:at], called[at+size:], true
	}
	called = typography.Normal(called)
	option, ok := s.option(strings.ToLower(strings.TrimPrefix(called, "--")))
	if !ok {
		return nil, s.unknownOption(called)
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
		value = word{value, true, typed.bareEnd}.unmarked(marks)
	case !joined && len(words) > 0 && !words[0].isOption() && words[0].text != "":
		value, words = words[0].plain(), words[1:]
	default:
		return nil, s.usage(name, "%s needs a value: %s %s.", name, name, option.Value)
	}
	if option.Name != "reason" { // which is the person's own words
		value = typography.Normal(value)
	}
	if option.Name != "mention" && (option.Name != "by" || UserOf(value) == "") { // which take a mention as it is
		value = spoken(value)
	}
	if err := option.set(inv, value); err != nil {
		return nil, s.usage(name, "%s", Sentence(err))
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
	switch s.Verb {
	case Help:
		return inv.setTopic(words)
	case Stacks:
		return s.setText(inv, words)
	case Allow, Deny:
		return s.setTerms(inv, words)
	case Revoke:
		if len(words) == 0 {
			return s.usage("", "Which rule? Write its id behind revoke; access shows them.")
		}
		return s.wrap("", setRule(inv, words[0]))
	case Subscribe, Unsubscribe:
		return s.setStacks(inv, words)
	case Access:
		return s.setWhy(inv, words)
	case Status, Subscriptions:
		return nil
	default:
		return s.setStack(inv, words)
	}
}

// wrap makes a usage error of what is wrong with a word.
func (s Spec) wrap(word string, err error) error {
	if err == nil {
		return nil
	}
	return s.usage(word, "%s", Sentence(err))
}

func (s Spec) setStack(inv *Invocation, words []string) error {
	if len(words) == 0 || strings.TrimSpace(words[0]) == "" {
		return s.usage("", "Which stack? Write its name behind %s.", s.Verb)
	}
	if err := plain("name of the stack", words[0], maxStackName); err != nil {
		return s.wrap("", err)
	}
	inv.Stack = spoken(words[0])
	if len(words) == 1 {
		return nil
	}
	return s.setWhich(inv, words[1])
}

func (s Spec) setText(inv *Invocation, words []string) error {
	if len(words) == 0 {
		return nil
	}
	if err := plain("text", words[0], maxStackName); err != nil {
		return s.wrap("", err)
	}
	inv.Text = spoken(words[0])
	return nil
}

// setStacks takes the stacks of a subscription. Whatever Slack has resolved in them was meant as it was typed.
func (s Spec) setStacks(inv *Invocation, words []string) error {
	if len(words) == 0 {
		return s.usage("", "Which stacks? Write a name, a pattern or * behind %s.", s.Verb)
	}
	return s.wrap("", setGlob(inv, spoken(words[0])))
}

// setTerms takes who, what and on which stacks.
func (s Spec) setTerms(inv *Invocation, words []string) error {
	if len(words) < len(s.Words) {
		return s.usage("", "Behind %s stand three words: WHO, ACTIONS and <stacks>.", s.Verb)
	}
	who, err := parseWho(words[0])
	if err != nil {
		return s.wrap("", err)
	}
	inv.Who = who
	if err := setActions(inv, spoken(words[1])); err != nil {
		return s.wrap("", err)
	}
	if err := setGlob(inv, spoken(words[2])); err != nil {
		return s.wrap("", err)
	}
	return s.wrap("admin *", adminEverywhere(*inv))
}

// adminEverywhere refuses the right to make rules on some stacks only.
func adminEverywhere(i Invocation) error {
	pattern, err := authz.ParsePattern(i.Glob)
	if err == nil && slices.Contains(strings.Split(i.Actions, ","), string(authz.Admin)) && !pattern.Everything() {
		return errors.New("the right admin is about the channel's rules, not about stacks: it can be given on * only")
	}
	return nil
}

// setWhy takes what access is asked about, if it is.
func (s Spec) setWhy(inv *Invocation, words []string) error {
	if len(words) == 0 {
		return nil
	}
	if strings.ToLower(words[0]) != "why" {
		return s.usage("why", "I don't understand %s behind access; only why can stand there.", quoted(words[0]))
	}
	if len(words) < 3 {
		return s.usage("why", "access why needs a right and a stack.")
	}
	if err := setActions(inv, spoken(words[1])); err != nil {
		return s.wrap("why", err)
	}
	if strings.Contains(inv.Actions, ",") {
		return s.usage("why", "access why takes one right at a time.")
	}
	if len(words) == 4 {
		if inv.Who = UserOf(words[3]); inv.Who == "" {
			return s.usage("@lin", "%s is a name that Slack did not resolve, so I cannot know who it is: choose the name from the list that Slack shows while you type it.", quoted(words[3]))
		}
	}
	return s.setStack(inv, words[2:3])
}

// tooMany says that a word is one too many; one that looks like an option was meant to be one.
func (s Spec) tooMany(word string) *UsageError {
	switch {
	case strings.HasPrefix(word, "-"):
		return s.unknownOption(word)
	case !s.OnStack():
		return s.usage("", "I don't understand %s behind %s. What holds spaces goes in quotes.", quoted(word), s.Verb)
	default:
		return &UsageError{
			What:    fmt.Sprintf("I don't understand %s behind %s. A name with spaces goes in quotes.", quoted(word), s.Verb),
			Example: string(s.Verb) + ` "my stack@staging"`,
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

// Sentence writes an error as a sentence.
func Sentence(err error) string {
	text := err.Error()
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:] + "."
}
