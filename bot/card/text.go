// Package card renders what people see: replies and deployments as Block Kit, with a fallback text that says the same. Its functions are
// pure.
package card

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"c66bot/storage"
)

// mrkdwn is text in Slack's markup that is safe to show: whatever came from outside in it is escaped. Only md and the functions of this
// file make one.
type mrkdwn string

// maxOutside is how much of one text from outside is shown, and maxName of a name, in characters: one long text must not push out the
// others. maxLink is how long an address in a text can be, in bytes as it is written.
const (
	maxOutside = 1000
	maxName    = 100
	maxLink    = 600
)

// md formats as fmt.Sprintf does. Arguments that are mrkdwn go in as they are, numbers too; every other one is text from outside and
// is cut and escaped.
func md(format string, args ...any) mrkdwn {
	safe := make([]any, len(args))
	for i, arg := range args {
		switch a := arg.(type) {
		case mrkdwn, int, int64:
			safe[i] = a
		case string:
			safe[i] = escape(a)
		default:
			safe[i] = escape(fmt.Sprint(a))
		}
	}
	return mrkdwn(fmt.Sprintf(format, safe...))
}

var (
	entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "`", "ˋ")
	marks    = regexp.MustCompile(`[*_~]+`)
)

// joiner is the word joiner, which shows nothing and keeps the mark beside it from being one.
const joiner = "\u2060"

// escape makes text from outside show as it is: one line, no control characters, no markup.
func escape(s string) string {
	s = entities.Replace(cut(oneLine(s), maxOutside))
	var out strings.Builder
	if strings.HasPrefix(s, "&gt;") { // which quotes at the beginning of a line
		out.WriteString(joiner)
	}
	last := 0
	for _, at := range marks.FindAllStringIndex(s, -1) {
		out.WriteString(s[last:at[0]])
		out.WriteString(unmarked(s, at[0], at[1]))
		last = at[1]
	}
	out.WriteString(s[last:])
	return out.String()
}

// unmarked keeps the marks s[from:to] from formatting. One within a word, as in snake_case, does not, and stays as it can be copied.
func unmarked(s string, from, to int) string {
	before, _ := utf8.DecodeLastRuneInString(s[:from])
	after, _ := utf8.DecodeRuneInString(s[to:])
	if to-from == 1 && inWord(before) && inWord(after) {
		return s[from:to]
	}
	return joiner + strings.Join(strings.Split(s[from:to], ""), joiner) + joiner
}

func inWord(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r)) }

// oneLine turns line breaks and control characters into spaces, and takes out what turns the direction of writing.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.IsControl(r), r == '\u2028', r == '\u2029':
			return ' '
		case unicode.Is(unicode.Bidi_Control, r):
			return -1
		default:
			return r
		}
	}, s)
	return strings.TrimSpace(s)
}

// code shows text from outside as code.
func code(s string) mrkdwn {
	s = entities.Replace(cut(oneLine(s), maxOutside))
	if s == "" {
		return ""
	}
	return mrkdwn("`" + s + "`")
}

// cut shortens text to a number of characters, with a sign that it was.
func cut(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return strings.TrimRightFunc(string([]rune(s)[:most-1]), unicode.IsSpace) + "…"
}

// cutMarkup shortens markup so that no entity and no link is cut in two.
func cutMarkup(m mrkdwn, most int) mrkdwn {
	if utf8.RuneCountInString(string(m)) <= most {
		return m
	}
	s := string([]rune(string(m))[:most-1])
	for _, pair := range []struct{ open, shut string }{{"<", ">"}, {"&", ";"}} {
		if i := strings.LastIndex(s, pair.open); i >= 0 && !strings.Contains(s[i:], pair.shut) {
			s = s[:i]
		}
	}
	return mrkdwn(s + "…")
}

// user shows a Slack user by name. A message that is posted with it pings that user; an edit and an ephemeral answer do not.
func user(id string) mrkdwn {
	if !slackID.MatchString(id) {
		return md("%s", id)
	}
	return mrkdwn("<@" + id + ">")
}

// group shows a Slack user group by its handle.
func group(id string) mrkdwn {
	if !slackID.MatchString(id) {
		return md("%s", id)
	}
	return mrkdwn("<!subteam^" + id + ">")
}

var slackID = regexp.MustCompile(`^[A-Z0-9]{2,30}$`)

// link shows a label that leads to an address, the label alone where the address is none that may be followed.
func link(address string, label mrkdwn) mrkdwn {
	written := entities.Replace(address)
	if !webAddress(address) || len(written) > maxLink || label == "" {
		return label
	}
	return mrkdwn("<" + written + "|" + string(label) + ">")
}

// webAddress reports whether an address is one of the web, with a host, and free of what would end a link early.
func webAddress(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && len(address) <= maxURL &&
		!strings.ContainsFunc(address, func(r rune) bool {
			return strings.ContainsRune("|<>\"`", r) || unicode.IsSpace(r) || unicode.IsControl(r) || r == utf8.RuneError
		})
}

// when shows a time in the reader's own zone.
func when(t time.Time) mrkdwn {
	if t.IsZero() {
		return "never"
	}
	return mrkdwn(fmt.Sprintf("<!date^%d^{date_short_pretty} at {time}|%s>", t.Unix(), t.UTC().Format("2 Jan 2006 15:04 UTC")))
}

// clock shows the time of day in the reader's own zone.
func clock(t time.Time) mrkdwn {
	return mrkdwn(fmt.Sprintf("<!date^%d^{time_secs}|%s>", t.Unix(), t.UTC().Format("15:04:05 UTC")))
}

// stackName shows a stack as in "*web* · production".
func stackName(s storage.StackRef) mrkdwn {
	name := md("*%s*", named(s))
	if s.Environment == "" {
		return name
	}
	return md("%s · %s", name, cut(s.Environment, maxName))
}

// named is the stack's name, or what identifies it where that shows nothing.
func named(s storage.StackRef) string {
	return cut(cmp.Or(oneLine(s.Name), oneLine(s.UID), "a stack without a name"), maxName)
}

var (
	tokens = regexp.MustCompile(`<!date\^\d+\^[^|>]*\|([^>]*)>|<https?://[^|>]*\|([^>]*)>`)
	// emphasis is the mark of a stack's name. Those from outside are within a word or have joiners beside them.
	emphasis = regexp.MustCompile(`(^|\s)\*|\*([\s:]|$)`)
)

// plain gives the fallback text of a message, a line of what is most important and one of the rest: dates and links as words, no emphasis,
// mentions kept.
func plain(head mrkdwn, rest ...mrkdwn) string {
	var lines []mrkdwn
	for _, line := range []mrkdwn{head, join(rest, " · ")} {
		lines = append(lines, mrkdwn(strings.ReplaceAll(string(line), "\n", " ")))
	}
	text := join(lines, "\n")
	parts := strings.Split(tokens.ReplaceAllString(string(text), "$1$2"), "`")
	for i := 0; i < len(parts); i += 2 { // every other one is code, in which no mark is one
		parts[i] = emphasis.ReplaceAllString(parts[i], "$1$2")
	}
	words := strings.Join(parts, "`")
	return string(cutMarkup(cmp.Or(mrkdwn(words), nothing), maxFallback))
}

// join puts parts together, those that are empty left out.
func join(parts []mrkdwn, sep string) mrkdwn {
	var s []string
	for _, p := range parts {
		if p != "" {
			s = append(s, string(p))
		}
	}
	return mrkdwn(strings.Join(s, sep))
}
