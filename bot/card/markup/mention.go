package markup

import (
	"fmt"
	"regexp"
	"time"
)

// slackID is what identifies somebody in Slack. Nothing else is written into a mention.
var slackID = regexp.MustCompile(`^[A-Z0-9]{2,30}$`)

// User shows a Slack user by name. A message that is posted with it pings that user; an edit and an ephemeral answer do not. What is no id is
// shown as it is.
func User(id string) Text {
	if !slackID.MatchString(id) {
		return Format("%s", id)
	}
	return Text{"<@" + id + ">"}
}

// Group shows a Slack user group by its handle, and pings it as User does.
func Group(id string) Text {
	if !slackID.MatchString(id) {
		return Format("%s", id)
	}
	return Text{"<!subteam^" + id + ">"}
}

// Channel shows a Slack channel by its name, to those who may see it.
func Channel(id string) Text {
	if !slackID.MatchString(id) {
		return Format("%s", id)
	}
	return Text{"<#" + id + ">"}
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
