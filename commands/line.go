package commands

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"c66bot/commands/typography"
)

var (
	// quoteSigns precede the lines of a quotation, bullet starts a list item, and language is the language name of a code block.
	quoteSigns = regexp.MustCompile(`(?m)^[ \t]*(?:(?:&gt;|>)[ \t]*)+`)
	bullet     = regexp.MustCompile(`^(?:[•◦▪▫‣⁃·*]|\p{Pd}|\d{1,3}[.)])\s+`)
	language   = regexp.MustCompile("^(`{3,})([A-Za-z0-9+#.-]+)[ \t]*\r?\n")
)

const lineMarks = marks + "`"

// maxLayers bounds the layers of formatting removed from a line.
const maxLayers = 20

// Line extracts the command from a message or the text of a slash command. It removes formatting, quoting and list markers around
// the whole line and the bot's own names in front of it: the slash command's name and the mention of the user id bot; either may
// be "". It reports whether one of the names was a mention. Marks inside the command remain for ParseHere, which knows the meaning of
// each word.
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

type names struct{ command, bot string }

// begin reports whether a text starts with one of the bot's names or with a command.
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

// peeled removes the marks and quotes around the whole text if a line for the bot is inside.
func (n names) peeled(text string) string {
	inside := strip(text)
	if n.begin(inside) {
		return inside
	}
	return text
}

// behind removes the bot's name from the start of a text and reports whether it is a mention. Marks before the name are kept in
// front of the rest, unless they close right after the name.
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

// encloses reports whether a character is a formatting mark or a quotation mark.
func encloses(r rune) bool { return strings.ContainsRune(lineMarks, r) || typography.IsQuote(r) }

// cut removes one of the bot's names from the start of a text.
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

// botName is the bot's name in its own messages.
const botName = "@c66bot"

// are reports whether a word is one of the bot's names. Without its sign it counts only before a command, at the start of rest.
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

// Field returns the value of a form field that contains a name, without formatting and quotes.
func Field(text string) string { return strip(typography.Normal(text)) }

// strip removes the marks and quotation marks around a text.
func strip(text string) string {
	for {
		inside, _ := peel(strings.TrimSpace(text))
		if inside == text {
			return text
		}
		text = inside
	}
}

// peel removes one pair of marks or quotation marks around a text and returns the opening one.
func peel(text string) (inside string, mark rune) {
	first, a := utf8.DecodeRuneInString(text)
	last, z := utf8.DecodeLastRuneInString(text)
	if !paired(first, last) || len(text) < a+z {
		return text, 0
	}
	return strings.TrimSpace(text[a : len(text)-z]), first
}

func paired(first, last rune) bool {
	return first == last && strings.ContainsRune(lineMarks, first) || strings.ContainsRune(typography.Closers(first), last)
}
