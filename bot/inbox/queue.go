package inbox

import (
	"time"

	"c66bot/bot/routine"
)

// queue runs work in the order in which it came, as much at once as it is wide.
type queue struct {
	width, running int
	waiting        []func()
}

// Queue runs work in a queue of width one, "" for none.
func (in *Inbox) Queue(name string, do func()) {
	if name == "" {
		in.tasks.Go(do)
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if work := in.join(name, 1, do); work != nil {
		in.tasks.Go(work)
	}
}

// join adds work to a queue. If there is room in it, it returns the function to run for that. The caller holds the lock.
func (in *Inbox) join(name string, width int, do func()) func() {
	q := in.queues[name]
	if q == nil {
		q = &queue{width: width}
		in.queues[name] = q
	}
	if q.running == q.width {
		q.waiting = append(q.waiting, do)
		return nil
	}
	q.running++
	return func() {
		for do != nil {
			do()
			do = in.next(name, q)
		}
	}
}

func (in *Inbox) next(name string, q *queue) (do func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(q.waiting) > 0 {
		do, q.waiting = q.waiting[0], q.waiting[1:]
		return do
	}
	if q.running--; q.running == 0 {
		delete(in.queues, name)
	}
	return nil
}

// Work begins lull after the last envelope, and at the latest longestBurst after its own: the acknowledgements of a burst go first.
const (
	lull         = 4 * time.Millisecond
	longestBurst = 250 * time.Millisecond
)

// burst is the work that begins when a burst of envelopes is over.
type burst struct {
	last  time.Time // arrival of the latest envelope
	until time.Time // when the work begins at the latest
	work  []func()
}

// afterBurst runs work in a queue, after the burst in which it came.
func (in *Inbox) afterBurst(name string, width int, do func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	work := in.join(name, width, do)
	if work == nil {
		return
	}
	in.tasks.Add(1)
	if in.burst.work = append(in.burst.work, work); len(in.burst.work) == 1 {
		in.burst.until = time.Now().Add(longestBurst)
		time.AfterFunc(lull, in.endBurst)
	}
}

func (in *Inbox) endBurst() {
	in.mu.Lock()
	defer in.mu.Unlock()
	now := time.Now()
	if rest := lull - now.Sub(in.burst.last); rest > 0 && now.Before(in.burst.until) {
		time.AfterFunc(rest, in.endBurst)
		return
	}
	for _, work := range in.burst.work {
		go func() {
			defer in.tasks.Done()
			work()
		}()
	}
	in.burst.work = nil
}

// Go runs a function beside all queues. Wait and Flush wait for it.
func (in *Inbox) Go(do func()) { in.tasks.Go(do) }

// Wait waits for the end of all work within a limit, and reports whether it ended.
func (in *Inbox) Wait(limit time.Duration) bool { return routine.Ended(&in.tasks, limit) }

// Flush waits for the end of all work after its context has ended. What still waits in queues begins at once, only to find that out.
func (in *Inbox) Flush() {
	in.mu.Lock()
	for _, q := range in.queues {
		for _, do := range q.waiting {
			in.tasks.Go(do)
		}
		q.waiting = nil
	}
	in.mu.Unlock()
	in.tasks.Wait()
}
