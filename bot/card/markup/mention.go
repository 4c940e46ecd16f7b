package markup

import (
	"fmt"
	"regexp"
	"time"
)

// slackID is an id of Slack's. Nothing else is written into a mention.
var slackID = regexp.MustCompile(`^[A-Z0-9]{2,30}$`)

// User mentions a Slack user. A posted message pings that user; an edit and an ephemeral answer do not. What is no id is shown as it is.
func User(id string) Text { return mention("<@", id) }

// Group mentions a Slack user group, and pings it as User does.
func Group(id string) Text { return mention("<!subteam^", id) }

// Channel shows a Slack channel by its name, to those who may see it.
func Channel(id string) Text { return mention("<#", id) }

func mention(opens, id string) Text {
	if !slackID.MatchString(id) {
		return Format("%s", id)
	}
	return Text{opens + id + ">"}
}

// When shows a time in the reader's own zone.
func When(t time.Time) Text {
	if t.IsZero() {
		return Format("never")
	}
	return Text{fmt.Sprintf("<!date^%d^{date_short_pretty} at {time}|%s>", t.Unix(), t.UTC().Format("2 Jan 2006 15:04 UTC"))}
}

// Clock shows the time of day in the reader's own zone.
func Clock(t time.Time) Text {
	return Text{fmt.Sprintf("<!date^%d^{time_secs}|%s>", t.Unix(), t.UTC().Format("15:04:05 UTC"))}
}
