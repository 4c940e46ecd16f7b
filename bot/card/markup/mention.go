package markup

import (
	"fmt"
	"regexp"
	"time"
)

// slackID matches a Slack id. Anything else is never written into a mention.
var slackID = regexp.MustCompile(`^[A-Z0-9]{2,30}$`)

// User mentions a Slack user. Posting it pings the user; an edit and an ephemeral message do not. An invalid id is shown as text.
func User(id string) Text { return mention("<@", id) }

// Group mentions a Slack user group, with the same rules as User.
func Group(id string) Text { return mention("<!subteam^", id) }

// Channel links a Slack channel. Its name is visible to users with access to it.
func Channel(id string) Text { return mention("<#", id) }

func mention(opens, id string) Text {
	if !slackID.MatchString(id) {
		return Format("%s", id)
	}
	return Text{opens + id + ">"}
}

// When shows a time in the reader's time zone.
func When(t time.Time) Text {
	if t.IsZero() {
		return Format("never")
	}
	return Text{fmt.Sprintf("<!date^%d^{date_short_pretty} at {time}|%s>", t.Unix(), t.UTC().Format("2 Jan 2006 15:04 UTC"))}
}
