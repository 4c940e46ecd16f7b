package outbox

// Held gives the number of queues and of waiting message keys that an Outbox keeps in memory.
func (o *Outbox) Held() (queues, waiting int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queues), len(o.waiting)
}
