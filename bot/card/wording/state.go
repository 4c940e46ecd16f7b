package wording

import (
	"cmp"
	"fmt"
	"time"

	"c66bot/cloud66"
	"c66bot/storage"
)

// signs maps each state to its sign. They differ in shape, not only in colour. States without an entry are merely requested.
var signs = map[storage.State]string{
	storage.Queued: "🕓", storage.Started: "🔄", storage.Slow: "⚠️", storage.Waits: "⚠️",
	storage.Lost: "❓", storage.Over: "❓", storage.Unclear: "❓", storage.Vanished: "❓",
	storage.Succeeded: "✅", storage.Failed: "❌", storage.Refused: "❌", storage.Cancelled: "🚫", storage.Unposted: "🚫",
	storage.Unhealthy: "🚨", storage.Recovered: "✅",
}

// Sign returns the sign of a state.
func Sign(state storage.State) string { return cmp.Or(signs[state], "⏳") }

// RolledBack is the word for a deployment that was live and was rolled back, and Reverted its sign.
const (
	RolledBack = "rolled back"
	Reverted   = "↩️"
)

// State returns the sign and the word for a deployment's state.
func State(d cloud66.Deployment, cancelled *storage.Cancel) (sign, word string) {
	word = Outcome(d, cancelled)
	switch {
	case d.Queued():
		return Sign(storage.Queued), "queued"
	case d.Running():
		return Sign(storage.Started), "deploying"
	case d.Outcome.Kind == cloud66.OutcomeSuccess && d.IsLive && !d.Reverted:
		return Sign(storage.Succeeded), "live"
	case d.Outcome.Kind == cloud66.OutcomeSuccess && d.Reverted:
		return Reverted, RolledBack
	case d.Outcome.Kind == cloud66.OutcomeSuccess:
		return Sign(storage.Succeeded), word
	case word == "cancelled":
		return Sign(storage.Cancelled), word
	case d.Outcome.Kind == cloud66.OutcomeFailed:
		return Sign(storage.Failed), word
	default:
		return Sign(storage.Over), word
	}
}

// Outcome describes the end of a deployment. A failure explained by a cancel requested through the bot counts as cancelled, because the API
// reports no separate outcome for it.
func Outcome(d cloud66.Deployment, cancelled *storage.Cancel) string {
	switch {
	case d.Outcome.Kind == cloud66.OutcomeCancelled, d.Outcome.Kind == cloud66.OutcomeFailed && cancelled.Explains(d.FinishedAt):
		return "cancelled"
	case d.Outcome.Kind == cloud66.OutcomeFailed:
		return "failed"
	case d.Outcome.Kind == cloud66.OutcomeSuccess && d.Reverted:
		return "succeeded, reverted since"
	case d.Outcome.Kind == cloud66.OutcomeSuccess:
		return "succeeded"
	case d.Outcome.String() == "":
		return "ended, outcome unknown"
	default:
		return "ended, outcome " + d.Outcome.String()
	}
}

// Duration formats a duration as people say it: "40 s", "4 min 52 s", "12 min", "2 h 5 min".
func Duration(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(0, int(d.Seconds())))
	case d < 10*time.Minute && d%time.Minute != 0:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour && d%time.Hour >= time.Minute:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days", int(d.Hours())/24)
	}
}

// Roughly formats a duration in steps of a minute, or of ten seconds below two minutes, so that a card does not change on every poll.
func Roughly(d time.Duration) string { return Duration(RoughlyOf(d)) }

// RoughlyOf returns the duration that Roughly shows.
func RoughlyOf(d time.Duration) time.Duration {
	switch {
	case d < 10*time.Second:
		return d.Truncate(time.Second)
	case d < 2*time.Minute:
		return d.Truncate(10 * time.Second)
	default:
		return d.Truncate(time.Minute)
	}
}

// Nearly formats a usual duration, rounded to the minute, or to ten seconds below two minutes.
func Nearly(d time.Duration) string { return Duration(NearlyOf(d)) }

// NearlyOf returns the duration that Nearly shows, at least a second.
func NearlyOf(d time.Duration) time.Duration {
	if d < 2*time.Minute {
		return max(d.Round(10*time.Second), min(d, 10*time.Second), time.Second)
	}
	return d.Round(time.Minute)
}

// Age formats a duration by its largest unit: "40 s", "15 min", "3 h", "5 days", "4 months", "3 years".
func Age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(0, d/time.Second))
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d < 60*day:
		return fmt.Sprintf("%d days", d/day)
	case d < 2*365*day:
		return fmt.Sprintf("%d months", d/(30*day))
	default:
		return fmt.Sprintf("%d years", d/(365*day))
	}
}

// Ago formats a time relative to now, as in "3 h ago". Clocks differ, so what is a little ahead is now.
func Ago(t, now time.Time) string {
	switch d := now.Sub(t); {
	case d <= -time.Minute:
		return "in " + Age(-d)
	case d < time.Second:
		return "just now"
	default:
		return Age(d) + " ago"
	}
}
