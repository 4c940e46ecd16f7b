package storage_test

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"c66bot/storage"
)

func TestIDsSortByTime(t *testing.T) {
	var ids []string
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, later := range []time.Duration{0, time.Microsecond, time.Millisecond, time.Hour, 1e6 * time.Hour} {
		ids = append(ids, storage.NewID(now.Add(later)))
	}
	if !slices.IsSorted(ids) {
		t.Errorf("not in order: %q", ids)
	}
}

func TestIDsOfOneMomentDiffer(t *testing.T) {
	seen := map[string]bool{}
	form := regexp.MustCompile(`^[0-9a-z]{20}$`)
	for range 10_000 {
		id := storage.NewID(time.Unix(1, 0))
		if seen[id] || !form.MatchString(id) {
			t.Fatalf("id %q was given before or has a wrong form", id)
		}
		seen[id] = true
	}
	if id := storage.NewID(time.Time{}); !form.MatchString(id) {
		t.Errorf("id of the zero time %q", id)
	}
}
