package guard_test

import (
	"strings"
	"testing"
	"time"

	"c66bot/authz/guard"
)

func berlin(t *testing.T) *time.Location {
	t.Helper()
	zone, err := guard.ParseZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestAWindowIsOpenByTheClockOfItsZone(t *testing.T) {
	zone := berlin(t)
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 3, day, hour, minute, 0, 0, zone) } // 1 March 2026 is a Sunday
	for window, times := range map[string]map[time.Time]bool{
		"fri 16:00-mon 08:00": {
			at(6, 15, 59): false, at(6, 16, 0): true, at(7, 12, 0): true, at(8, 0, 0): true, at(9, 7, 59): true, at(9, 8, 0): false,
			at(4, 12, 0): false,
		},
		"mon 9:00-wed 17:30": {
			at(2, 8, 59): false, at(2, 9, 0): true, at(3, 3, 0): true, at(4, 17, 29): true, at(4, 17, 30): false,
			at(1, 10, 0): false,
		},
		"sat 22:00-06:00":     {at(7, 21, 59): false, at(7, 23, 0): true, at(8, 5, 59): true, at(8, 6, 0): false},
		"Tuesday 10:00-12:00": {at(3, 9, 59): false, at(3, 11, 59): true, at(3, 12, 0): false},
		"sun 02:15–sun 02:45": {at(29, 1, 59): false, at(29, 3, 0): false, at(22, 2, 30): true}, // the clock goes from 2:00 to 3:00 on the 29th
	} {
		w, full, err := guard.ParseWindow(window, zone)
		if err != nil {
			t.Fatal(err)
		}
		again, same, err := guard.ParseWindow(full, zone)
		if err != nil || same != full || again != w {
			t.Errorf("%s is written %s, which is %s: %v", window, full, same, err)
		}
		for when, open := range times {
			if w.Open(when) != open {
				t.Errorf("%s is open at %s: %v", window, when.Format("Mon 2 15:04"), !open)
			}
		}
	}
}

func TestAWindowEndsAndOpensWhereItsClockIsPutOnOrBack(t *testing.T) {
	zone := berlin(t)
	w, _, err := guard.ParseWindow("fri 16:00-mon 08:00", zone)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ at, want time.Time }{
		"an hour is left out":   {time.Date(2026, 3, 27, 20, 0, 0, 0, zone), time.Date(2026, 3, 30, 6, 0, 0, 0, time.UTC)},
		"an hour comes twice":   {time.Date(2026, 10, 24, 20, 0, 0, 0, zone), time.Date(2026, 10, 26, 7, 0, 0, 0, time.UTC)},
		"the year ends":         {time.Date(2026, 12, 31, 23, 59, 0, 0, zone).AddDate(0, 0, 2), time.Date(2027, 1, 4, 7, 0, 0, 0, time.UTC)},
		"the last minute of it": {time.Date(2026, 3, 9, 7, 59, 59, 0, zone), time.Date(2026, 3, 9, 7, 0, 0, 0, time.UTC)},
	} {
		if got := w.Changes(c.at); !w.Open(c.at) || !got.Equal(c.want) || w.Open(got) || !w.Open(got.Add(-time.Second)) {
			t.Errorf("%s: it ends at %s, not %s", name, got.UTC(), c.want)
		}
	}
	at := time.Date(2026, 3, 25, 12, 0, 0, 0, zone)
	if got, want := w.Changes(at), time.Date(2026, 3, 27, 15, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("it opens at %s, not %s", got.UTC(), want)
	}
}

// TestTheEndOfAWindowIsWhereItCloses tries the days around each change of the clock, in zones that change it by an hour, by half an hour,
// and at midnight, where the day then begins at one.
func TestTheEndOfAWindowIsWhereItCloses(t *testing.T) {
	for _, name := range []string{
		"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Beirut", "America/Havana", "Pacific/Chatham",
		"America/Santiago", "Asia/Kathmandu", "Africa/Casablanca",
	} {
		zone, err := guard.ParseZone(name)
		if err != nil {
			t.Fatal(err)
		}
		_, change := time.Date(2026, 1, 1, 0, 0, 0, 0, zone).ZoneBounds()
		for range 2 {
			if change.IsZero() { // it is never changed there
				change = time.Date(2026, 6, 1, 0, 0, 0, 0, zone)
			}
			for _, window := range []string{
				"fri 16:00-mon 08:00", "sun 01:00-sun 05:00", "wed 23:00-01:00", "mon 00:00-sun 23:59", "sat 22:00-06:00", "fri 00:15-fri 00:45",
				"sat 23:30-sun 00:30", "sun 01:30-02:30", "thu 23:00-fri 00:30", "sun 00:30-wed 12:00",
			} {
				w, _, err := guard.ParseWindow(window, zone)
				if err != nil {
					t.Fatal(err)
				}
				for at := change.Add(-52 * time.Hour); at.Before(change.Add(52 * time.Hour)); at = at.Add(15 * time.Minute) {
					next := w.Changes(at)
					if !next.After(at) || next.Sub(at) > 15*24*time.Hour || w.Open(next) == w.Open(at) || w.Open(next.Add(-time.Second)) != w.Open(at) {
						t.Errorf("%s at %s changes next at %s", window, at.In(zone), next)
						break
					}
				}
			}
			_, change = change.ZoneBounds()
		}
	}
}

func TestWhatIsNoWindowOrZoneIsSaidToBeNone(t *testing.T) {
	for window, want := range map[string]string{
		"":                    "is no window of the week",
		"always":              "is no window of the week",
		"fri 16:00":           "is no window of the week",
		"fri 25:00-mon 08:00": "25:00 is no time of the day",
		"fri 16:00-mon 08:60": "08:60 is no time of the day",
		"fry 16:00-mon 08:00": "“fry” is no day of the week",
		"fri 16:00-fri 16:00": "never opens",
		"fri 16:00-16:00":     "never opens",
	} {
		if _, _, err := guard.ParseWindow(window, time.UTC); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, not %q", window, err, want)
		}
	}
	for _, zone := range []string{"", "Local", "Europe/Berlinn", "../etc/passwd", "CEST!"} {
		if _, err := guard.ParseZone(zone); err == nil {
			t.Errorf("%q is a zone", zone)
		}
	}
}
