package wording

import (
	"testing"
	"time"

	"c66bot/cloud66"
	"c66bot/storage"
)

func TestDurationsInWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 0: "0 s", 400 * time.Millisecond: "0 s", 40 * time.Second: "40 s", 59*time.Second + 600*time.Millisecond: "1 min",
		4*time.Minute + 52*time.Second: "4 min 52 s", 5 * time.Minute: "5 min", 12*time.Minute + 31*time.Second: "12 min", time.Hour: "1 h",
		2*time.Hour + 5*time.Minute: "2 h 5 min", 47*time.Hour + 59*time.Minute: "47 h 59 min", 72 * time.Hour: "3 days",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%s is %q, not %q", d, got, want)
		}
	}
}

func TestOutcomesInWords(t *testing.T) {
	ended := func(kind cloud66.Outcome, raw string) cloud66.Deployment {
		return cloud66.Deployment{Outcome: cloud66.Value[cloud66.Outcome]{Kind: kind, Raw: raw}}
	}
	asked := &storage.Cancel{User: "U0LIN"}
	reverted := ended(cloud66.OutcomeSuccess, "1")
	reverted.Reverted = true
	for _, test := range []struct {
		d         cloud66.Deployment
		cancelled *storage.Cancel
		want      string
	}{
		{ended(cloud66.OutcomeSuccess, "1"), nil, "succeeded"}, {ended(cloud66.OutcomeSuccess, "1"), asked, "succeeded"},
		{reverted, nil, "succeeded, reverted since"},
		{ended(cloud66.OutcomeFailed, "2"), nil, "failed"}, {ended(cloud66.OutcomeFailed, "2"), asked, "cancelled"},
		{ended(cloud66.OutcomeCancelled, "3"), nil, "cancelled"},
		{ended("", "9"), nil, "ended, outcome unknown (9)"}, {ended("", ""), nil, "ended, outcome unknown"},
	} {
		if got := Outcome(test.d, test.cancelled); got != test.want {
			t.Errorf("%+v is %q, not %q", test.d.Outcome, got, test.want)
		}
	}
}

func TestARollBackHasItsOwnSignAndAWordThatFitsInARow(t *testing.T) {
	d := cloud66.Deployment{Outcome: cloud66.Value[cloud66.Outcome]{Kind: cloud66.OutcomeSuccess, Raw: "1"}, Reverted: true, IsLive: true}
	if sign, word := State(d, nil); sign != "↩️" || word != "rolled back" {
		t.Errorf("it is %s %q", sign, word)
	}
}

func TestATimeIsToldByItsLargestUnit(t *testing.T) {
	now := time.Date(2026, 3, 4, 10, 30, 0, 0, time.UTC)
	const day = 24 * time.Hour
	for ago, want := range map[time.Duration]string{
		-time.Hour: "in 1 h", -30 * time.Second: "just now", 0: "just now", 40 * time.Second: "40 s ago", 119 * time.Second: "1 min ago",
		59 * time.Minute: "59 min ago", 90 * time.Minute: "1 h ago", 47 * time.Hour: "47 h ago", 2 * day: "2 days ago", 59 * day: "59 days ago",
		60 * day: "2 months ago", 729 * day: "24 months ago", 2 * 365 * day: "2 years ago",
	} {
		if got := Ago(now.Add(-ago), now); got != want {
			t.Errorf("%s ago is %q, not %q", ago, got, want)
		}
	}
}
