package bot

import (
	"fmt"
	"maps"
	"slices"
	"sync"
)

// troubles are what keeps the bot from a part of its work, for status. Its zero value works.
type troubles struct {
	mu       sync.Mutex
	words    map[string]string // by what the trouble is with
	channels map[string]bool   // that have something and that Slack does not show
}

// set takes note of a trouble in words, "" where there is none, and reports whether that is new.
func (t *troubles) set(with, words string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.words[with]
	if t.words == nil {
		t.words = map[string]string{}
	}
	if t.words[with] = words; words == "" {
		delete(t.words, with)
	}
	return before != words
}

func (t *troubles) lost(channel string, lost bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.channels == nil {
		t.channels = map[string]bool{}
	}
	if t.channels[channel] = true; !lost {
		delete(t.channels, channel)
	}
}

// lostOnes gives the channels that Slack does not show.
func (t *troubles) lostOnes() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Sorted(maps.Keys(t.channels))
}

// all gives what there is, in words. It names no channel: not everybody may know of each.
func (t *troubles) all() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []string
	for _, with := range slices.Sorted(maps.Keys(t.words)) {
		all = append(all, t.words[with])
	}
	if n := len(t.channels); n > 0 {
		const words = "Slack does not show me channels any more (%d) that have rules, subscriptions or cards: the admins were told which"
		all = append(all, fmt.Sprintf(words, n))
	}
	return all
}
