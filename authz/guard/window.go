package guard

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the zones must be there on any machine
)

const (
	minutesADay  = 24 * 60
	minutesAWeek = 7 * minutesADay
)

// Window is a part of each week by the wall clock of a time zone. Where that clock is put back, a time that comes twice counts both times.
type Window struct {
	from, to int // minutes since Sunday 00:00; the end is not part of it
	zone     *time.Location
}

var (
	windowForm = regexp.MustCompile(`^([a-z]+) +(\d{1,2}):(\d\d) *[-–—] *(?:([a-z]+) +)?(\d{1,2}):(\d\d)$`)
	days       = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
)

// ParseWindow parses a window such as "fri 16:00-mon 08:00" or, within a day or over one midnight, "fri 22:00-06:00". It returns how the
// window is written in full. The error message is meant for the user.
func ParseWindow(text string, zone *time.Location) (w Window, full string, err error) {
	parts := windowForm.FindStringSubmatch(strings.ToLower(strings.TrimSpace(text)))
	if parts == nil {
		return w, "", fmt.Errorf("“%s” is no window of the week: write it as in fri 16:00-mon 08:00", text)
	}
	w.zone = zone
	fromDay, err := dayOf(parts[1])
	if err != nil {
		return w, "", err
	}
	from, err := minuteOf(parts[2], parts[3])
	if err != nil {
		return w, "", err
	}
	to, err := minuteOf(parts[5], parts[6])
	if err != nil {
		return w, "", err
	}
	toDay := fromDay
	if parts[4] != "" {
		if toDay, err = dayOf(parts[4]); err != nil {
			return w, "", err
		}
	} else if to < from {
		toDay = (fromDay + 1) % len(days)
	}
	w.from, w.to = fromDay*minutesADay+from, toDay*minutesADay+to
	if w.from == w.to {
		return w, "", fmt.Errorf("“%s” never opens: it ends when it begins", text)
	}
	return w, written(w.from) + "-" + written(w.to), nil
}

func dayOf(word string) (int, error) {
	for i, day := range days {
		if len(word) >= 3 && strings.HasPrefix(strings.ToLower(time.Weekday(i).String()), word) || word == day {
			return i, nil
		}
	}
	return 0, fmt.Errorf("“%s” is no day of the week: write %s", word, strings.Join(days, ", "))
}

func minuteOf(hour, minute string) (int, error) {
	h, errH := strconv.Atoi(hour)
	m, errM := strconv.Atoi(minute)
	if errH != nil || errM != nil || h > 23 || m > 59 {
		return 0, fmt.Errorf("%s:%s is no time of the day: it goes from 00:00 to 23:59", hour, minute)
	}
	return h*60 + m, nil
}

func written(minute int) string {
	return fmt.Sprintf("%s %02d:%02d", days[minute/minutesADay], minute%minutesADay/60, minute%60)
}

// ParseZone returns a time zone by its name, as in Europe/Berlin. The error message is meant for the user.
func ParseZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, fmt.Errorf("there is no time zone “%s”: write one as in Europe/Berlin", name)
	}
	return zone, nil
}

func (w Window) minute(at time.Time) int {
	local := at.In(w.zone)
	return int(local.Weekday())*minutesADay + local.Hour()*60 + local.Minute()
}

// Open reports whether a time is in the window.
func (w Window) Open(at time.Time) bool {
	m := w.minute(at)
	if w.from < w.to {
		return w.from <= m && m < w.to
	}
	return m >= w.from || m < w.to
}

// Changes returns when the window that is open at a time closes, or the one that is closed opens.
func (w Window) Changes(at time.Time) time.Time {
	open := w.Open(at)
	minute := w.from
	if open {
		minute = w.to
	}
	for {
		ahead := (minute - w.minute(at) + minutesAWeek) % minutesAWeek
		next := at.Truncate(time.Minute).Add(time.Duration(ahead) * time.Minute)
		_, put := at.In(w.zone).ZoneBounds() // when the clock is put on or back, which may leave that minute out
		if put.IsZero() || next.Before(put) {
			return next
		}
		if w.Open(put) != open {
			return put
		}
		at = put
	}
}
