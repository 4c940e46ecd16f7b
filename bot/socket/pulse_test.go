package socket

import (
	"testing"
	"time"
)

func TestAFrameIsAsOldAsTheStandstillThatItMayHaveWaitedIn(t *testing.T) {
	const ms = time.Millisecond
	type read struct{ empty, now time.Duration } // of the socket, from the start
	for name, c := range map[string]struct {
		beats []time.Duration
		reads []read
		want  []time.Duration // how old each frame may be
	}{
		"a process that runs":                    {[]time.Duration{0, 500 * ms, 1000 * ms}, []read{{0, 1200 * ms}}, []time.Duration{0}},
		"a beat that is late":                    {[]time.Duration{0, 900 * ms}, []read{{0, 1800 * ms}}, []time.Duration{0}},
		"stopped, and read before the next beat": {[]time.Duration{0, 500 * ms}, []read{{400 * ms, 4500 * ms}}, []time.Duration{4000 * ms}},
		"stopped, and read after the next beat": {[]time.Duration{0, 500 * ms, 4500 * ms}, []read{{400 * ms, 4501 * ms}},
			[]time.Duration{4000 * ms}},
		"stopped, and many read": {[]time.Duration{0, 4000 * ms}, []read{{0, 4001 * ms}, {0, 4300 * ms}, {0, 4900 * ms}},
			[]time.Duration{4000 * ms, 4000 * ms, 4000 * ms}},
		"on its way meanwhile": {[]time.Duration{0, 4000 * ms}, []read{{4001 * ms, 4900 * ms}}, []time.Duration{4000 * ms}},
		"sent after it went on": {[]time.Duration{0, 4000 * ms, 4500 * ms, 5000 * ms}, []read{{4001 * ms, 5100 * ms}},
			[]time.Duration{0}},
		"a socket that is never empty, much later": {[]time.Duration{0, 4000 * ms, 64000*ms - 500*ms}, []read{{0, 64000 * ms}},
			[]time.Duration{59500 * ms}},
		"a short stop is counted for what it is": {[]time.Duration{0, 500 * ms}, []read{{400 * ms, 2000 * ms}}, []time.Duration{1500 * ms}},
	} {
		t.Run(name, func(t *testing.T) {
			var p pulse
			start := time.Now()
			for _, at := range c.beats {
				p.beat(start.Add(at))
			}
			for i, r := range c.reads {
				now := start.Add(r.now)
				if age := now.Sub(p.came(start.Add(r.empty), now)); age != c.want[i] {
					t.Errorf("frame %d may be %s old, want %s", i, age, c.want[i])
				}
			}
		})
	}
}

// The read of a quiet connection waits through a standstill, and on until somebody asks for something.
func TestWhatComesOnAQuietConnectionAfterAStandstillIsNew(t *testing.T) {
	for name, c := range map[string]struct{ read, age time.Duration }{
		"at once":           {4001 * time.Millisecond, 4 * time.Second},
		"on its way then":   {4900 * time.Millisecond, 4 * time.Second},
		"seconds later":     {9 * time.Second, 0},
		"half a minute on":  {34 * time.Second, 0},
		"after two minutes": {124 * time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var p pulse
			start := time.Now()
			now := start.Add(c.read)
			p.beat(start)
			for at := start.Add(4 * time.Second); at.Before(now); at = at.Add(Beat) {
				p.beat(at)
			}
			if age := now.Sub(p.came(p.emptied(start, now), now)); age != c.age {
				t.Errorf("it may be %s old, want %s", age, c.age)
			}
		})
	}
}

// Asleep, the machine's monotonic clock stands still; only the wall clock has gone on.
func TestASleepIsAStandstillToo(t *testing.T) {
	var p pulse
	start := time.Now()
	p.beat(start)
	woken := start.Add(time.Hour).Round(0) // without its monotonic part
	if age := woken.Sub(p.came(start, woken)); age != time.Hour {
		t.Errorf("a frame may be %s old", age)
	}
	if back := between(start, start.Add(-time.Hour).Round(0)); back > 0 {
		t.Errorf("a clock that is set back is a standstill of %s", back)
	}
}
