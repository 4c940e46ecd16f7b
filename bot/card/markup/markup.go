// Package markup is the one way by which text gets into what Slack shows. Text from outside (from Cloud 66, from people, from Slack) is a
// string. What may be shown has a type of its own, whose content no other package can set, so that the compiler refuses what was not escaped:
//
//   - [Text] is Slack's markup, for text objects of type mrkdwn. There &, < and > must be entities, since <…> is a mention, a link or a date,
//     and *, _, ~, ` and a > at a line's beginning format (https://docs.slack.dev/messaging/formatting-message-text). An address or a name
//     that only looks like one becomes a link unless the object is verbatim, which package kit sees to.
//   - [Plain] is for text objects of type plain_text: labels, titles, options (https://docs.slack.dev/reference/block-kit/composition-objects/text-object).
//     Nothing in it is markup, so that it needs no escaping; but it is one line and has a limit.
//   - [Fallback] is the text of a message beside its blocks, for notifications and screen readers. Slack reads it as markup, whose dates and
//     links it does not always write out, so that they stand there as words.
//   - [Address] is an address of the web, for a link or for a button that opens it.
//
// None of them holds control characters or signs that turn the direction of writing, and all are valid UTF-8. What is cut is cut at a
// character, with the sign … for the rest; the name of an emoji is its picture; entities, links, mentions and dates stand whole or not at
// all, and code that is cut is shut.
//
// Format takes constants only. A string that is put together while the program runs is not one:
//
//	markup.Format("%s is live", name)     // the name is escaped
//	markup.Format(name + " is live")      // does not compile
package markup

import (
	"fmt"
	"strings"

	"c66bot/commands/typography"
)

// Text is text in Slack's markup that is safe to show: whatever came from outside in it is escaped. Its field has another name than those of
// the other types, since Go converts structs of the same fields into one another, also where those are not exported.
type Text struct{ s string }

// constant is what Format formats with. No other package can name it, so that none can convert a string to it: only constants fit.
type constant string

// Format formats as fmt.Sprintf does, with %s and %d. Arguments that are Text go in as they are, numbers too; every other one is text from
// outside and is cut and escaped.
func Format(format constant, args ...any) Text {
	safe := make([]any, len(args))
	for i, arg := range args {
		switch a := arg.(type) {
		case Text:
			safe[i] = a.s
		case int, int64:
			safe[i] = a
		case string:
			safe[i] = escape(a)
		default:
			safe[i] = escape(fmt.Sprint(a))
		}
	}
	return Text{fmt.Sprintf(string(format), safe...)}
}

// Code shows text from outside as code.
func Code(s string) Text {
	s = entities.Replace(Shorten(OneLine(typography.Pictures(s)), maxOutside))
	if s == "" {
		return Text{}
	}
	return Text{"`" + s + "`"}
}

// Join puts texts together, those that are empty left out.
func Join(texts []Text, between constant) Text {
	var all []string
	for _, t := range texts {
		if !t.Empty() {
			all = append(all, t.s)
		}
	}
	return Text{strings.Join(all, string(between))}
}

// Empty reports whether the text shows nothing because there is none.
func (t Text) Empty() bool { return t.s == "" }

// Trim takes the blanks at both ends away.
func (t Text) Trim() Text { return Text{strings.TrimSpace(t.s)} }

// String is the text as Slack wants it in an object of type mrkdwn.
func (t Text) String() string { return t.s }
