package cloud66

import (
	"fmt"
	"testing"
)

func TestAnActionTellsACancelFromAFailure(t *testing.T) {
	yes, no := true, false
	for _, tt := range []struct {
		success *bool
		message string
		want    Outcome
	}{
		{nil, "Deployment cancelled", ""},
		{&yes, "Nothing was cancelled", OutcomeSuccess},
		{&no, "Deployment cancelled", OutcomeCancelled},
		{&no, "CANCELED by lin@example.com", OutcomeCancelled},
		{&no, "The task was aborted", OutcomeCancelled},
		{&no, "Build failed: context canceled", OutcomeFailed},
		{&no, "Error: the job was cancelled since the server timed out", OutcomeFailed},
		{&no, "uncancelled", OutcomeFailed},
		{&no, "", OutcomeFailed},
	} {
		if got := (Action{FinishedSuccess: tt.success, FinishedMessage: tt.message}).Outcome(); got != tt.want {
			t.Errorf("%q is %q, want %q", tt.message, got, tt.want)
		}
	}
}

func TestOutcomesAreReadInTheirCommonForms(t *testing.T) {
	for word, want := range map[string]Outcome{
		"success": OutcomeSuccess, "Completed": OutcomeSuccess, "complete": OutcomeSuccess, "deployed successfully": OutcomeSuccess,
		"completed_successfully": OutcomeSuccess,
		"Timed out":              OutcomeFailed, "timeout": OutcomeFailed, "timed_out": OutcomeFailed, "Crashed": OutcomeFailed,
		"cancelled": OutcomeCancelled, "Canceled": OutcomeCancelled, "ABORTED": OutcomeCancelled, "cancelled by user": OutcomeCancelled,
		"pending": OutcomePending, "completed with errors": "", "Abandoned": "", "unfinished": "",
	} {
		v := valueOf([]byte(fmt.Sprintf(`{"code":99,"meaning":%q}`, word)), outcomes)
		if v.Kind != want {
			t.Errorf("%q is %q, want %q", word, v.Kind, want)
		}
	}
}
