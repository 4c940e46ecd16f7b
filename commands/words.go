package commands

import (
	"errors"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"c66bot/commands/typography"
)

var (
	errOpenQuote = errors.New("a quote is opened and never closed")

	// slackLink matches the link that Slack makes of an address in a command: <https://…>, <https://…|label>, <mailto:a@b|a@b>.
	slackLink = regexp.MustCompile(`<((?:https?|mailto|tel):[^|>]*)(?:\|([^>]*))?>`)

	slackEntities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
)

// asTyped undoes Slack's automatic links and entities, and removes invisible characters.
func asTyped(text string) string {
	text = markNames(text)
	text = slackLink.ReplaceAllStringFunc(text, func(link string) string {
		parts := slackLink.FindStringSubmatch(link)
		if parts[2] != "" {
			return parts[2]
		}
		address := strings.TrimPrefix(parts[1], "mailto:")
		return strings.TrimPrefix(address, "tel:")
	})
	return typography.Visible(slackEntities.Replace(text))
}

// word is a word of a command, without its quotes and backslashes.
type word struct {
	text string
	// bareStart and bareEnd report whether the first and the last character were outside quotes, where marks are formatting.
	bareStart, bareEnd bool
}

type splitter struct {
	words   []word
	word    word
	text    strings.Builder
	inWord  bool
	quote   rune // the open quotation mark; 0 for none
	escaped bool
	before  rune // the preceding character, as typed
}

// splitWords splits a text like a shell: white space separates, quotes group, and a backslash escapes the next character (within
// double quotes only special ones, within single ones none). It has no variables, operators or patterns. Unlike a shell, it
// accepts every Unicode quotation mark, treats a ' after a letter as an apostrophe, and removes formatting marks.
func splitWords(text string) ([]word, error) {
	var s splitter
	for text != "" {
		r, n := utf8.DecodeRuneInString(text)
		text = text[n:]
		s.take(r, text)
		s.before = r
	}
	if s.quote != 0 {
		return nil, errOpenQuote
	}
	if s.escaped {
		s.write('\\', false)
	}
	s.flush()
	return unspanned(s.words), nil
}

// take processes the next character; rest is the text after it.
func (s *splitter) take(r rune, rest string) {
	switch {
	case s.escaped:
		if s.quote != 0 && !strings.ContainsRune("\"\\$`", r) {
			s.write('\\', false)
		}
		s.write(r, false)
		s.escaped = false
	case r == '\\' && !typography.Single(s.quote):
		s.escaped = true
		s.begin(false)
	case s.quote != 0 && s.closes(r, rest):
		s.quote = 0
		s.word.bareEnd = false
	case s.quote != 0:
		s.write(r, false)
	case typography.IsQuote(r) && (!typography.Single(r) || !alphanumeric(s.before)):
		s.quote = r
		s.begin(false)
	case unicode.IsSpace(typography.Blank(r)):
		s.flush()
	case r == '`': // dropped: it marks code, as does a group of three
	default:
		s.write(r, true)
	}
}

// closes reports whether a mark closes the open quotation. A mark between letters is an apostrophe, except for a ' that a shell
// would close.
func (s *splitter) closes(r rune, rest string) bool {
	after, _ := utf8.DecodeRuneInString(rest)
	if typography.Single(r) && alphanumeric(s.before) && alphanumeric(after) && (r != '\'' || s.quote != '\'') {
		return false
	}
	return typography.Closes(s.quote, r, rest)
}

func (s *splitter) begin(bare bool) {
	if !s.inWord {
		s.inWord, s.word.bareStart = true, bare
	}
}

func (s *splitter) write(r rune, bare bool) {
	s.begin(bare)
	s.word.bareEnd = bare
	s.text.WriteRune(typography.Straight(typography.Blank(r)))
}

func (s *splitter) flush() {
	if s.inWord {
		s.word.text = s.text.String()
		s.words = append(s.words, s.word)
	}
	s.text.Reset()
	s.word, s.inWord = word{}, false
}

func alphanumeric(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r)
}

// marks are the marks for bold, italic and strike around words.
const marks = "*_~"

// unspanned removes marks around several words.
func unspanned(words []word) []word {
	for range marks { // marks may be nested in any order
		for _, mark := range marks {
			opened := -1
			for i, w := range words {
				begins := w.bareStart && len(w.text) > 1 && w.text[0] == byte(mark)
				ends := w.bareEnd && len(w.text) > 1 && w.text[len(w.text)-1] == byte(mark)
				switch {
				case begins && !ends:
					opened = i
				case ends && !begins && opened >= 0:
					words[opened].text, words[i].text = words[opened].text[1:], w.text[:len(w.text)-1]
					opened = -1
				}
			}
		}
	}
	return words
}

// unmarked returns the word without the given marks around it.
func (w word) unmarked(marks string) string {
	if !w.bareStart || !w.bareEnd {
		return w.text
	}
	return unmarked(w.text, marks)
}

func unmarked(text, marks string) string {
	for len(text) > 2 && text[0] == text[len(text)-1] && strings.IndexByte(marks, text[0]) >= 0 {
		text = text[1 : len(text)-1]
	}
	return text
}

// wordPart matches a part of a word that can be marked separately, such as the name of name@environment.
var wordPart = regexp.MustCompile(`[^@,:=]+`)

// plain returns the word without marks around it or its parts. Any kind of dashes before an option become two hyphens.
func (w word) plain() string {
	text := w.unmarked(marks)
	if !w.bareStart {
		return text
	}
	if w.bareEnd {
		text = wordPart.ReplaceAllStringFunc(text, func(part string) string { return unmarked(part, marks) })
	}
	rest := strings.TrimLeftFunc(text, typography.Dash)
	if next, _ := utf8.DecodeRuneInString(rest); !unicode.IsLetter(next) {
		return text
	}
	switch dashes := text[:len(text)-len(rest)]; {
	case dashes == "" || strings.Trim(dashes, "-") == "":
		return text
	case utf8.RuneCountInString(dashes) == 1 && typography.Normal(dashes) == "-":
		return "-" + rest
	default:
		return "--" + rest
	}
}

func (w word) isOption() bool { return strings.HasPrefix(w.plain(), "--") }

// glob returns the word as a pattern of stacks, where a * at either end is no mark.
func (w word) glob() string { return typography.Normal(w.unmarked("_~")) }

func (w word) name() string { return typography.Normal(w.plain()) }

// quoted quotes a user's word for a sentence and truncates a long one.
func quoted(word string) string {
	word = spoken(word)
	if runes := []rune(word); len(runes) > 60 {
		word = string(runes[:60]) + "…"
	}
	return "“" + word + "”"
}

func joinQuoted(words []string) string { return strings.Join(each(words, quoted), ", ") }

// shellWord quotes a name so that it is parsed as one word.
func shellWord(name string) string {
	words, err := splitWords(name)
	if err == nil && len(words) == 1 && words[0].text == name && words[0].plain() == name && !strings.HasSuffix(name, `\`) &&
		(len(name) == 1 || !strings.ContainsAny(name[:1], marks)) {
		return name
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(strings.Map(typography.Straight, name)) + `"`
}
