package outbox

import "time"

// Held gives the number of queues and of waiting message keys that an Outbox keeps in memory.
func (o *Outbox) Held() (queues, waiting int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queues), len(o.waiting)
}

// Limit sets how much may wait and for how long.
func (o *Outbox) Limit(ofChannel, ofAll int, age time.Duration) {
	o.limits = limits{ofChannel, ofAll, age}
}
