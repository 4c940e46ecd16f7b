// Package markup is the one way by which text gets into what Slack shows. Text from outside (Cloud 66, people, Slack) is a string. What
// may be shown has a type of its own, whose content no other package can set, so that the compiler refuses text that was not escaped:
//
//   - [Text] is Slack's markup, for text objects of type mrkdwn. There &, < and > must be entities, since <…> is a mention, a link or a
//     date, and *, _, ~, ` and a > at the beginning of a line format (https://docs.slack.dev/messaging/formatting-message-text). Slack also
//     makes links of bare addresses and names unless the object is verbatim, which package kit sees to.
//   - [Plain] is for text objects of type plain_text: labels, titles, options
//     (https://docs.slack.dev/reference/block-kit/composition-objects/text-object). Nothing in it is markup; it is one line, and limited.
//   - [Fallback] is the text of a message beside its blocks, for notifications and screen readers. Slack reads it as markup, but does not
//     always write out dates and links, so that they stand there as words.
//   - [Address] is an address of the web, for a link or for a button that opens it.
//
// None of them contains control characters or marks that turn the direction of writing, and all are valid UTF-8. Cutting keeps entities,
// links, mentions and dates whole, closes code, and ends with …. Names of emoji become pictures.
//
// Format takes constants only. A string that is built at run time is not one:
//
//	markup.Format("%s is live", name)     // the name is escaped
//	markup.Format(name + " is live")      // does not compile
package markup

import (
	"fmt"
	"strings"

	"c66bot/commands/typography"
)

// Text is text in Slack's markup with everything from outside escaped. Its field has a name of its own, since Go converts structs with
// the same fields into one another, even unexported ones.
type Text struct{ s string }

// constant is the type of formats. No other package can name it to convert a string, so that only constants can be passed.
type constant string

// Format formats as fmt.Sprintf does, with %s and %d. Text and numbers go in as they are; every other argument is text from outside,
// which is cut and escaped.
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

// Join joins the texts that are not empty.
func Join(texts []Text, between constant) Text {
	var all []string
	for _, t := range texts {
		if !t.Empty() {
			all = append(all, t.s)
		}
	}
	return Text{strings.Join(all, string(between))}
}

// Empty reports whether there is no text.
func (t Text) Empty() bool { return t.s == "" }

// Trim takes the blanks at both ends away.
func (t Text) Trim() Text { return Text{strings.TrimSpace(t.s)} }

// String is the text as Slack wants it in an object of type mrkdwn.
func (t Text) String() string { return t.s }
