package commands

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"c66bot/commands/typography"
)

var (
	// quoteSigns stand before each line of a quotation; bullet is what begins an item of a list; language names that of a block of code.
	quoteSigns = regexp.MustCompile(`(?m)^[ \t]*(?:(?:&gt;|>)[ \t]*)+`)
	bullet     = regexp.MustCompile(`^(?:[•◦▪▫‣⁃·*]|\p{Pd}|\d{1,3}[.)])\s+`)
	language   = regexp.MustCompile("^(`{3,})([A-Za-z0-9+#.-]+)[ \t]*\r?\n")
)

// lineMarks are those that format, at both ends of a line.
const lineMarks = marks + "`"

// maxLayers bounds what is taken from around a line.
const maxLayers = 20

// Line gives the command in a message or behind the slash command: without what formats the whole of it, quotes it or lists it, and without
// the bot's own names in front, which are the slash command's and the mention of its user id; either may be "". It reports whether a
// mention of the bot was among them. Marks within a command are left to Parse, which knows what the words are.
func Line(text, command, bot string) (line string, mentioned bool) {
	text = quoteSigns.ReplaceAllString(typography.Visible(text), "")
	own := names{command, bot}
	for range maxLayers {
		before := text
		text = strings.TrimSpace(strings.Map(typography.Blank, text))
		text = bullet.ReplaceAllString(quoteSigns.ReplaceAllString(text, ""), "")
		if m := language.FindStringSubmatch(text); len(m) > 0 && !own.begin(m[2]) {
			text = m[1] + text[len(m[0]):]
		}
		text = own.peeled(text)
		rest, mention := own.behind(text)
		text, mentioned = rest, mentioned || mention
		if text == before {
			break
		}
	}
	return text, mentioned
}

// names are the bot's own.
type names struct{ command, bot string }

// begin reports whether a text begins as a line for the bot does: with a name of its own, or with a command.
func (n names) begin(text string) bool {
	if rest, _ := n.behind(text); rest != text {
		return true
	}
	_, ok := specOf(strings.ToLower(word{firstWord(text), true, true}.name()))
	return ok
}

func firstWord(text string) string {
	if end := strings.IndexFunc(text, func(r rune) bool { return unicode.IsSpace(typography.Blank(r)) }); end >= 0 {
		return text[:end]
	}
	return text
}

// peeled is a text without the marks and quotes around all of it, where a line for the bot is in them.
func (n names) peeled(text string) string {
	inside := strip(text)
	if n.begin(inside) {
		return inside
	}
	return text
}

// behind is what follows the bot's own name at the beginning of a text, and whether that is a mention. Marks before the name go on behind
// it, unless they end there too.
func (n names) behind(text string) (rest string, mention bool) {
	name := strings.TrimLeftFunc(text, encloses)
	opened := text[:len(text)-len(name)]
	rest, mention = n.cut(name)
	if rest == name {
		return text, false
	}
	for {
		first, a := utf8.DecodeLastRuneInString(opened)
		last, z := utf8.DecodeRuneInString(rest)
		if !paired(first, last) {
			break
		}
		opened, rest = opened[:len(opened)-a], rest[z:]
	}
	separates := func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(":,;：，、", r) }
	return opened + strings.TrimLeftFunc(rest, separates), mention
}

// encloses reports whether a character is a mark or a quotation mark.
func encloses(r rune) bool { return strings.ContainsRune(lineMarks, r) || typography.IsQuote(r) }

// cut takes a name of the bot's own from the beginning of a text.
func (n names) cut(text string) (rest string, mention bool) {
	if id, isName := strings.CutPrefix(text, "<@"); isName {
		id, rest, closed := strings.Cut(id, ">")
		id, _, _ = strings.Cut(id, "|")
		if closed && n.bot != "" && id == n.bot {
			return rest, true
		}
		return text, false
	}
	first := strings.TrimRightFunc(firstWord(text), func(r rune) bool { return encloses(r) || r == ':' || r == ',' })
	if rest := text[len(first):]; n.are(typography.Normal(first), rest) {
		return rest, false
	}
	return text, false
}

// botName is how the bot calls itself in what it shows.
const botName = "@c66bot"

// are reports whether a word is a name of the bot's own, before the rest of the text. Without its sign it is one before a command only.
func (n names) are(word, rest string) bool {
	if n.command == "" {
		return false
	}
	if strings.EqualFold(word, n.command) || strings.EqualFold(word, botName) || strings.EqualFold(word, n.command+botName) {
		return true
	}
	_, verb := specOf(strings.ToLower(word))
	_, before := specOf(strings.ToLower(firstWord(strings.TrimLeft(rest, " :,"))))
	return !verb && before && (strings.EqualFold(word, n.command[1:]) || strings.EqualFold(word, botName[1:]))
}

// Field gives what was written in a field of a form that names something, without what formats or quotes it.
func Field(text string) string { return strip(typography.Normal(text)) }

// strip takes the marks and quotation marks from around a text.
func strip(text string) string {
	for {
		text = strings.TrimSpace(text)
		first, a := utf8.DecodeRuneInString(text)
		last, z := utf8.DecodeLastRuneInString(text)
		if !paired(first, last) || len(text) < a+z {
			return text
		}
		text = text[a : len(text)-z]
	}
}

// paired reports whether two characters are marks, or quotation marks, that belong to one another.
func paired(first, last rune) bool {
	return first == last && strings.ContainsRune(lineMarks, first) || strings.ContainsRune(typography.Closers(first), last)
}
