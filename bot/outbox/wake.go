package outbox

import "time"

// Wake has what waits because of a fault tried again at once, since Slack is there again. A limit of Slack's holds all the same.
func (o *Outbox) Wake() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, q := range o.queues {
		for _, it := range q.items {
			if it.failures > 0 {
				it.notBefore = time.Time{}
			}
		}
		o.start(q)
	}
}
