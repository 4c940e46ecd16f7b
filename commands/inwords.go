package commands

import (
	"fmt"
	"time"

	"c66bot/cloud66"
	"c66bot/storage"
)

// InWords gives a duration as people say it: "40 s", "4 min 52 s", "12 min", "2 h 5 min".
func InWords(d time.Duration) string {
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

// OutcomeInWords says how an ended deployment ended. An end by failure that was asked for here is a cancel: no source shows an outcome
// of its own for it.
func OutcomeInWords(d cloud66.Deployment, cancelled *storage.Cancel) string {
	switch {
	case d.Outcome.Kind == cloud66.OutcomeCancelled, d.Outcome.Kind == cloud66.OutcomeFailed && cancelled.Explains(d.FinishedAt):
		return "cancelled"
	case d.Outcome.Kind == cloud66.OutcomeFailed:
		return "failed"
	case d.Outcome.Kind == cloud66.OutcomeSuccess && d.Reverted:
		return "succeeded, reverted since"
	case d.Outcome.Kind == cloud66.OutcomeSuccess:
		return "succeeded"
	case d.Outcome.Raw == "":
		return "ended, outcome unknown"
	default:
		return "ended, outcome " + d.Outcome.String()
	}
}

// stateInWords says where a deployment that has not ended stands.
func stateInWords(d cloud66.Deployment) string {
	if d.Running() {
		return "deploying"
	}
	return "queued"
}
