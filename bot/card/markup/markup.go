// Package markup is the only source of text for Slack's display. External text (from Cloud 66, users or Slack) is a string. Displayable
// text has a type of its own, whose content no other package can set, so that unescaped text does not compile:
//
//   - [Text] is Slack's markup, for text objects of type mrkdwn. In it &, < and > must be entities, because <…> is a mention, a link or a
//     date; *, _, ~, ` and a > at the start of a line format (https://docs.slack.dev/messaging/formatting-message-text). Slack also turns
//     bare addresses and names into links unless the object is verbatim, which package kit ensures.
//   - [Plain] is for text objects of type plain_text: labels, titles, options
//     (https://docs.slack.dev/reference/block-kit/composition-objects/text-object). It is one line without markup; package kit limits its
//     length.
//   - [Fallback] is the text that accompanies a message's blocks, for notifications and screen readers. Slack parses it as markup, but does
//     not always render dates and links, so it contains them as words.
//   - [Address] is a web address, for a link or for a button that opens it.
//
// All of them are valid UTF-8 without control characters or bidirectional control characters. Cutting keeps entities, links, mentions and
// dates whole, closes code, and ends with …. Emoji names become pictures.
//
// Format accepts constants only, so a string built at run time does not compile:
//
//	markup.Format("%s is live", name)     // the name is escaped
//	markup.Format(name + " is live")      // does not compile
package markup

import (
	"fmt"
	"strings"

	"c66bot/commands/typography"
)

// Text is text in Slack's markup in which all external text is escaped. Its field name is unique among these types, because Go converts
// between structs with identical fields, even unexported ones.
type Text struct{ s string }

// constant is the type of formats. Other packages cannot name it to convert a string, so they can pass constants only.
type constant string

// Format formats like fmt.Sprintf, with %s and %d. Text and integers are inserted unchanged. Every other argument counts as external text
// and is cut and escaped.
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

// Code formats external text as code.
func Code(s string) Text {
	s = entities.Replace(Shorten(OneLine(typography.Pictures(s)), maxOutside))
	if s == "" {
		return Text{}
	}
	return Text{"`" + s + "`"}
}

// Join joins the non-empty texts.
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

// Trim removes leading and trailing white space.
func (t Text) Trim() Text { return Text{strings.TrimSpace(t.s)} }

// CutSign cuts a sign off the beginning. It reports false for a text that does not begin with it and a space.
func (t Text) CutSign(sign constant) (rest Text, cut bool) {
	s, cut := strings.CutPrefix(t.s, string(sign)+" ")
	return Text{s}, cut
}

// String returns the text for a mrkdwn object.
func (t Text) String() string { return t.s }
