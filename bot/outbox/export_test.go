package outbox

import (
	"testing/synctest"
	"time"
)

// Held gives the number of queues that an Outbox keeps in memory.
func (o *Outbox) Held() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queues)
}

// Limit sets how much may wait and for how long, in a bubble, once the outbox has done what it begins with.
func (o *Outbox) Limit(ofChannel, ofAll int, age time.Duration) {
	synctest.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.limits = limits{ofChannel, ofAll, age}
}
