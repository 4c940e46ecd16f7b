package commands

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/storage"
)

// How long the list of stacks is taken for true, and how soon it may be read again where a name is not in it.
const (
	directoryAge    = time.Minute
	directoryMinAge = 5 * time.Second
	directoryLimit  = 3 * time.Minute // for reading all pages
)

// StackLister reads the list of stacks, all pages.
type StackLister interface {
	Stacks(ctx context.Context, filter cloud66.StackFilter) iter.Seq2[cloud66.Stack, error]
}

// Directory finds stacks by what people type. It keeps the list of stacks for a minute; however many ask at once, it is read once.
type Directory struct {
	cloud StackLister

	mu      sync.Mutex
	stacks  []cloud66.Stack
	readAt  time.Time
	reading *reading // that is under way
}

// reading is one reading of the list for everyone who waits for it. It ends early when nobody waits any more.
type reading struct {
	waiting int
	warm    bool // it goes on though nobody waits
	cancel  context.CancelFunc
	done    chan struct{} // closed when the fields below are set
	stacks  []cloud66.Stack
	err     error
}

// NewDirectory makes an empty directory over the API.
func NewDirectory(cloud StackLister) *Directory { return &Directory{cloud: cloud} }

// all gives the list of stacks, no older than maxAge.
func (d *Directory) all(ctx context.Context, maxAge time.Duration) ([]cloud66.Stack, error) {
	d.mu.Lock()
	if !d.readAt.IsZero() && time.Since(d.readAt) <= maxAge {
		defer d.mu.Unlock()
		return d.stacks, nil
	}
	if d.reading == nil {
		d.begin(ctx)
	}
	r := d.reading
	r.waiting++
	d.mu.Unlock()
	select {
	case <-r.done:
		return r.stacks, r.err
	case <-ctx.Done():
		d.leave(r)
		return nil, ctx.Err()
	}
}

// soon gives the list as it was read last, however old, and has it read anew beside; where there is none yet it waits for it. Whoever waits no
// longer does not end the reading: the next one to ask wants it too.
func (d *Directory) soon(ctx context.Context) ([]cloud66.Stack, error) {
	d.mu.Lock()
	if d.readAt.IsZero() || time.Since(d.readAt) > directoryAge {
		d.warm(ctx)
	}
	if !d.readAt.IsZero() {
		defer d.mu.Unlock()
		return d.stacks, nil
	}
	r := d.reading
	d.mu.Unlock()
	select {
	case <-r.done:
		return r.stacks, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// prepare has the list read, so that it is there when it is needed. It does not wait.
func (d *Directory) prepare(ctx context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.readAt.IsZero() || time.Since(d.readAt) > directoryAge {
		d.warm(ctx)
	}
}

// Close ends a reading that goes on though nobody waits for it.
func (d *Directory) Close() {
	d.mu.Lock()
	r := d.reading
	d.mu.Unlock()
	if r != nil {
		r.cancel()
		<-r.done
	}
}

// warm has the list read to its end, whoever waits for it. The lock is held.
func (d *Directory) warm(ctx context.Context) {
	if d.reading == nil {
		d.begin(ctx)
	}
	if !d.reading.warm {
		d.reading.warm = true
		d.reading.waiting++
	}
}

// begin starts a reading, with the lock held.
func (d *Directory) begin(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), directoryLimit) // it is not only for the one who came first
	r := &reading{cancel: cancel, done: make(chan struct{})}
	d.reading = r
	go func() {
		defer cancel()
		r.stacks, r.err = d.read(ctx)
		d.mu.Lock()
		defer d.mu.Unlock()
		if r.err == nil {
			d.stacks, d.readAt = r.stacks, time.Now()
		}
		if d.reading == r {
			d.reading = nil
		}
		close(r.done)
	}()
}

// leave takes one who waits from a reading, which the last one ends.
func (d *Directory) leave(r *reading) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r.waiting--
	if r.waiting == 0 {
		r.cancel()
		if d.reading == r {
			d.reading = nil
		}
	}
}

// read reads all pages. A panic in it is an error to those who wait.
func (d *Directory) read(ctx context.Context) (stacks []cloud66.Stack, err error) {
	defer func() {
		if r := recover(); r != nil {
			stacks, err = nil, fmt.Errorf("list the stacks: panic: %v", r)
		}
	}()
	for stack, err := range d.cloud.Stacks(ctx, cloud66.StackFilter{}) {
		if err != nil {
			return nil, fmt.Errorf("list the stacks: %w", err)
		}
		stacks = append(stacks, stack)
	}
	return stacks, nil
}

// find gives the stacks that an invocation may mean, of those that may be told of. Where none fits, the list is read anew if it is not
// brand-new, and then nearest names are given instead.
func (d *Directory) find(ctx context.Context, inv Invocation, told func(cloud66.Stack) bool) (found []cloud66.Stack, near []string, err error) {
	for _, age := range []time.Duration{directoryAge, directoryMinAge} {
		stacks, err := d.told(ctx, age, told)
		if err != nil {
			return nil, nil, err
		}
		if inv.UID != "" {
			found = slices.DeleteFunc(slices.Clone(stacks), func(s cloud66.Stack) bool { return s.UID != inv.UID })
		} else {
			found = match(stacks, inv.Stack)
		}
		if len(found) > 0 {
			return found, nil, nil
		}
		if inv.UID == "" {
			near = nearestStacks(stacks, inv.Stack)
		}
	}
	return nil, near, nil
}

// told gives the stacks that may be told of, in the order of the list.
func (d *Directory) told(ctx context.Context, maxAge time.Duration, told func(cloud66.Stack) bool) ([]cloud66.Stack, error) {
	stacks, err := d.all(ctx, maxAge)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(stacks), func(s cloud66.Stack) bool { return !told(s) }), nil
}

// known gives the first stack, by name, that may be told of, of those that were read last. It asks nobody.
func (d *Directory) known(told func(cloud66.Stack) bool) (cloud66.Stack, bool) {
	d.mu.Lock()
	stacks := slices.Clone(d.stacks)
	d.mu.Unlock()
	sortStacks(stacks)
	i := slices.IndexFunc(stacks, told)
	if i < 0 {
		return cloud66.Stack{}, false
	}
	return stacks[i], true
}

// sortStacks orders stacks as people look for them: by name, then by environment.
func sortStacks(stacks []cloud66.Stack) {
	slices.SortStableFunc(stacks, func(a, b cloud66.Stack) int {
		return cmp.Or(strings.Compare(authz.Fold(a.Name), authz.Fold(b.Name)), strings.Compare(authz.Fold(a.Environment), authz.Fold(b.Environment)))
	})
}

// match gives the stacks that fit, the best kind of fit alone. Upper and lower case are the same.
func match(stacks []cloud66.Stack, typed string) []cloud66.Stack {
	var found []cloud66.Stack
	typed = authz.Fold(typed)
	best := noFit - 1
	for _, s := range stacks {
		kind := fit(s, typed)
		if kind < best {
			best, found = kind, nil
		}
		if kind == best {
			found = append(found, s)
		}
	}
	return found
}

// noFit is the kind of fit that is none.
const noFit = 5

// fit says how well a stack fits what was typed: 1 by its UID, 2 by the whole name with the whole environment, 3 by the bare name, 4 by the
// name with the beginning of an environment.
func fit(s cloud66.Stack, typed string) int {
	name, environment := authz.Fold(s.Name), authz.Fold(s.Environment)
	at := strings.LastIndexByte(typed, '@')
	wanted := ""
	if at >= 0 && strings.TrimSpace(typed[:at]) == name {
		wanted = strings.TrimSpace(typed[at+1:])
	}
	switch {
	case authz.Fold(s.UID) == typed:
		return 1
	case wanted != "" && wanted == environment:
		return 2
	case name == typed:
		return 3
	case wanted != "" && strings.HasPrefix(environment, wanted):
		return 4
	default:
		return noFit
	}
}

// nearestStacks names up to three stacks whose names are near what was typed, the nearest first.
func nearestStacks(stacks []cloud66.Stack, typed string) []string {
	scores := map[string]float64{}
	typed = authz.Fold(typed)
	name, _, _ := strings.Cut(typed, "@") // the right name in a wrong environment is near
	for _, s := range stacks {
		label := refOf(s).String()
		if score := max(nearness(typed, authz.Fold(label)), nearness(name, authz.Fold(s.Name))); score > 0 {
			scores[label] = score
		}
	}
	near := slices.SortedFunc(maps.Keys(scores), func(a, b string) int {
		return cmp.Or(cmp.Compare(scores[b], scores[a]), strings.Compare(a, b))
	})
	return near[:min(3, len(near))]
}

func refOf(s cloud66.Stack) storage.StackRef {
	return storage.StackRef{UID: s.UID, Name: s.Name, Environment: s.Environment}
}
