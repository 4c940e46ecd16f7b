package commands

import (
	"errors"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"c66bot/authz"
)

var (
	errOpenQuote = errors.New("a quote is opened and never closed")

	// slackLink is what Slack makes of an address in the text of a command: <https://…>, <https://…|label>, <mailto:a@b|a@b>.
	slackLink = regexp.MustCompile(`<((?:https?|mailto|tel):[^|>]*)(?:\|([^>]*))?>`)

	slackEntities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
	phoneQuotes   = strings.NewReplacer("“", `"`, "”", `"`, "„", `"`, "‘", "'", "’", "'", "‚", "'", "\u00a0", " ")
)

// asTyped undoes what Slack and a phone's keyboard make of a text: automatic links, entities, curly quotes, hard spaces, and what shows nothing.
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
	return strings.Map(authz.Visible, phoneQuotes.Replace(slackEntities.Replace(text)))
}

// splitWords splits a text as a shell does: white space separates, quotes keep together, a backslash takes the next character as it
// is (inside double quotes only what is special there, inside single ones nothing). No variable, no operator and no pattern is known.
// Beyond a shell, the ' behind a letter is an apostrophe, and the long dash that a phone makes of two hyphens begins an option.
func splitWords(text string) ([]string, error) {
	var (
		words   []string
		word    strings.Builder
		inWord  bool
		quote   rune // that is open; 0 for none
		escaped bool
		before  rune // the character before, as it was typed
	)
	flush := func() {
		if inWord {
			words = append(words, word.String())
		}
		word.Reset()
		inWord = false
	}
	for i, r := range text {
		switch {
		case escaped:
			if quote == '"' && !strings.ContainsRune("\"\\$`", r) {
				word.WriteRune('\\')
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"', r == '\'' && !alphanumeric(before):
			quote, inWord = r, true
		case unicode.IsSpace(r):
			flush()
		case !inWord && longDash(text[i:]):
			word.WriteString("--")
			inWord = true
		default:
			word.WriteRune(r)
			inWord = true
		}
		before = r
	}
	if quote != 0 {
		return nil, errOpenQuote
	}
	if escaped {
		word.WriteRune('\\')
	}
	flush()
	return words, nil
}

func alphanumeric(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r)
}

// longDash reports whether the text begins with a long dash and, right behind it, a letter.
func longDash(text string) bool {
	dash, size := utf8.DecodeRuneInString(text)
	next, _ := utf8.DecodeRuneInString(text[size:])
	return (dash == '—' || dash == '–') && unicode.IsLetter(next)
}

// quoted shows a word of the user's inside a sentence, cut where it is long.
func quoted(word string) string {
	word = spoken(word)
	if runes := []rune(word); len(runes) > 60 {
		word = string(runes[:60]) + "…"
	}
	return "“" + word + "”"
}

func joinQuoted(words []string) string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = quoted(w)
	}
	return strings.Join(all, ", ")
}

// shellWord writes a name so that it can be typed as one word.
func shellWord(name string) string {
	straight := phoneQuotes.Replace(name)
	if words, err := splitWords(straight); err == nil && len(words) == 1 && words[0] == name && !strings.HasSuffix(name, `\`) {
		return name
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(straight) + `"`
}
