package bot

import (
	"sync"
	"time"
)

// rememberFor is how long a key is remembered at least, rememberMax how many are: Slack repeats envelopes for minutes, also after a
// reconnect.
const (
	rememberFor = 2 * time.Hour
	rememberMax = 50_000
)

// recent remembers keys for a while, in two generations. Its zero value works.
type recent struct {
	mu         sync.Mutex
	young, old map[string]bool
	began      time.Time // when the young generation did
}

// add remembers a key. It is false where the key is remembered already.
func (r *recent) add(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.young == nil || time.Since(r.began) > rememberFor || len(r.young) >= rememberMax/2 {
		r.young, r.old, r.began = map[string]bool{}, r.young, time.Now()
	}
	if r.young[key] || r.old[key] {
		return false
	}
	r.young[key] = true
	return true
}

// remove forgets a key.
func (r *recent) remove(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.young, key)
	delete(r.old, key)
}
