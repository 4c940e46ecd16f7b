package bot

import (
	"sync"
	"time"
)

// How long an envelope counts as the same one, and how many are remembered: Slack repeats them for minutes, also after a reconnect.
const (
	rememberFor = 2 * time.Hour
	rememberMax = 50_000
)

// recent remembers keys for a while. Its zero value works.
type recent struct {
	mu   sync.Mutex
	at   map[string]time.Time
	keys []string // oldest first; a removed key may stand here still
}

// add remembers a key. It is false where the key is remembered already.
func (r *recent) add(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at == nil {
		r.at = map[string]time.Time{}
	}
	now := time.Now()
	for len(r.keys) > 0 && (len(r.keys) >= rememberMax || now.Sub(r.at[r.keys[0]]) > rememberFor) {
		delete(r.at, r.keys[0])
		r.keys = r.keys[1:]
	}
	if _, known := r.at[key]; known {
		return false
	}
	r.at[key] = now
	r.keys = append(r.keys, key)
	return true
}

// remove forgets a key.
func (r *recent) remove(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.at, key)
}
