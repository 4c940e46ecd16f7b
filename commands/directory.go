package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"c66bot/cloud66"
	"c66bot/cloud66/panics"
	"c66bot/storage"
)

// Limits of the cached list of stacks.
const (
	directoryAge    = time.Minute     // maximum age of a short list
	directoryMinAge = 5 * time.Second // minimum age before a reread for an unknown name
	directoryLimit  = 3 * time.Minute // timeout of reading all pages
	// directoryShare is the divisor of the budget: one part is for refreshing the list, one for rereads for unknown names.
	directoryShare = 10

	// directoryFailures is the number of consecutive failures above which reads pause for directoryPause.
	directoryFailures = 5
	directoryPause    = 20 * time.Second
)

// StackLister reads the list of stacks. A page costs one request.
type StackLister interface {
	StackPage(ctx context.Context, page int) (cloud66.StackPage, error)
	Budget() cloud66.BudgetState
}

// Directory finds stacks by the text that users type. It caches the list of stacks page by page and rereads stale pages. The
// watch reads its pages through it too, so that no page is paid for twice.
type Directory struct {
	cloud StackLister

	mu     sync.Mutex // guards all below but flight, ctx and end
	pages  map[int]listPage
	stacks map[string]sighting // by UID
	all    *list               // built from both; nil if outdated

	flight   singleflight.Group // deduplicates reads of the list
	ctx      context.Context    // of all reads
	end      context.CancelFunc
	sought   time.Time // the last read of the list for an unknown name
	seeking  bool      // such a read is in flight
	failure  error     // of the last read
	failures int       // consecutive failures
	failedAt time.Time
}

type listPage struct {
	next   int // the following page, 0 for none
	readAt time.Time
}

// sighting is a stack at its place when it was last seen. If it left its page, it may have moved to a page read earlier.
type sighting struct {
	cloud66.Stack
	named       [2]string // folded
	page, index int
	seenAt      time.Time
}

// list is an immutable snapshot of all stacks, each once. byName is set lazily under the lock.
type list struct {
	stacks   []cloud66.Stack
	byName   []cloud66.Stack // the stacks sorted by name; nil until needed
	complete bool            // no page is missing
	oldest   time.Time       // read time of the oldest page
}

// olderThan reports whether the list is incomplete or has a page older than age.
func (l *list) olderThan(age time.Duration) bool { return !l.complete || time.Since(l.oldest) > age }

// errUnread means that the list was not read yet.
var errUnread = errors.New("the list of stacks was not read yet")

// NewDirectory returns an empty directory over the API.
func NewDirectory(cloud StackLister) *Directory {
	d := &Directory{cloud: cloud, pages: map[int]listPage{}, stacks: map[string]sighting{}, failure: errUnread}
	d.ctx, d.end = context.WithCancel(context.Background())
	return d
}

// StackPage reads a page of the list and caches it.
func (d *Directory) StackPage(ctx context.Context, number int) (cloud66.StackPage, error) {
	p, err := d.cloud.StackPage(ctx, number)
	if err != nil {
		return p, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	total := len(p.Stacks)
	for _, s := range d.stacks {
		if s.page != number && d.onPage(s) {
			total++
		}
	}
	if total > cloud66.MostStacks {
		return cloud66.StackPage{}, fmt.Errorf("%d stacks are listed: %w", total, cloud66.ErrTooLarge)
	}
	d.note(number, p)
	d.forget()
	d.tag(p.Stacks)
	return p, nil
}

// tag tells the stacks of a page apart from their namesakes on all pages. The caller holds the lock.
func (d *Directory) tag(stacks []cloud66.Stack) {
	here := map[[2]string]bool{}
	for _, s := range stacks {
		here[folded(s)] = true
	}
	var namesakes []cloud66.Stack
	for _, s := range d.stacks {
		if here[s.named] {
			namesakes = append(namesakes, s.Stack)
		}
	}
	tellApart(namesakes)
	tags := map[string]string{}
	for _, s := range namesakes {
		tags[s.UID] = s.Tag
	}
	for i, s := range stacks {
		stacks[i].Tag = tags[s.UID]
	}
}

// note caches a page. The caller holds the lock.
func (d *Directory) note(number int, p cloud66.StackPage) {
	now := time.Now()
	if p.Next == 0 {
		maps.DeleteFunc(d.pages, func(n int, _ listPage) bool { return n > number })
	}
	d.pages[number], d.all = listPage{p.Next, now}, nil
	for i, s := range p.Stacks {
		d.stacks[s.UID] = sighting{s, folded(s), number, i, now}
	}
	if len(d.stacks) > 2*cloud66.MostStacks { // of a list that keeps changing
		maps.DeleteFunc(d.stacks, func(_ string, s sighting) bool { return !d.onPage(s) })
	}
}

// onPage reports whether the last read of a stack's page showed it. The caller holds the lock.
func (d *Directory) onPage(s sighting) bool { return s.seenAt.Equal(d.pages[s.page].readAt) }

// forget drops the stacks that left their page and that all pages were read without since then. It gives the time of the oldest page, and
// whether no page is missing. The caller holds the lock.
func (d *Directory) forget() (oldest time.Time, complete bool) {
	oldest = time.Now()
	for n := 1; n != 0; {
		p, ok := d.pages[n]
		if !ok {
			break
		}
		if p.readAt.Before(oldest) {
			oldest = p.readAt
		}
		n, complete = p.next, p.next == 0
	}
	maps.DeleteFunc(d.stacks, func(_ string, s sighting) bool { return complete && s.seenAt.Before(oldest) })
	return oldest, complete
}

// whole returns the list in the order of the pages. The caller holds the lock.
func (d *Directory) whole() *list {
	if d.all != nil {
		return d.all
	}
	l := &list{}
	l.oldest, l.complete = d.forget()
	byPlace := func(a, b sighting) int { return cmp.Or(cmp.Compare(a.page, b.page), cmp.Compare(a.index, b.index)) }
	for _, s := range slices.SortedFunc(maps.Values(d.stacks), byPlace) {
		l.stacks = append(l.stacks, s.Stack)
	}
	tellApart(l.stacks)
	d.all = l
	return l
}

// age is the maximum age of the list and the minimum interval between rereads for unknown names: a minute for a short list,
// longer if that would exceed its share of the budget. The caller holds the lock.
func (d *Directory) age() time.Duration {
	perHour := d.cloud.Budget().PerHour / directoryShare
	return max(directoryAge, time.Duration(len(d.pages))*time.Hour/time.Duration(max(perHour, 1)))
}

// current returns the list, reread if it is stale. If the budget is spent, it returns the stale list together with the error.
func (d *Directory) current(ctx context.Context) ([]cloud66.Stack, error) {
	d.mu.Lock()
	age := d.age()
	d.mu.Unlock()
	stacks, err := d.within(ctx, age)
	if !errors.Is(err, cloud66.ErrBudget) && !errors.Is(err, cloud66.ErrThrottled) {
		return stacks, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if l := d.whole(); l.complete {
		return l.stacks, err
	}
	return nil, err
}

// again returns a fresh list to look up an unknown name. It limits the rate of such rereads to one per age.
func (d *Directory) again(ctx context.Context) ([]cloud66.Stack, error) {
	d.mu.Lock()
	l, age := d.whole(), d.age()
	switch {
	case d.seeking: // for another unknown name
		age = directoryMinAge
	case l.olderThan(directoryMinAge) && time.Since(d.sought) >= age:
		d.sought, d.seeking, age = time.Now(), true, directoryMinAge
	}
	d.mu.Unlock()
	return d.within(ctx, age)
}

// within returns the list, reread if it is older than age.
func (d *Directory) within(ctx context.Context, age time.Duration) ([]cloud66.Stack, error) {
	for {
		d.mu.Lock()
		if l := d.whole(); !l.olderThan(age) {
			d.mu.Unlock()
			return l.stacks, nil
		}
		if err := d.rests(); err != nil {
			d.mu.Unlock()
			return nil, err
		}
		d.mu.Unlock()
		select {
		case r := <-d.read(ctx, age):
			if r.Err != nil {
				return nil, r.Err
			}
			if read, ok := r.Val.(time.Duration); ok && read <= age {
				return d.last(), nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// rests returns the error that currently suspends reads, or nil. The caller holds the lock.
func (d *Directory) rests() error {
	pause := time.Duration(0)
	switch {
	case errors.Is(d.failure, cloud66.ErrTooLarge):
		pause = d.age()
	case d.failures > directoryFailures:
		pause = directoryPause
	}
	if time.Since(d.failedAt) < pause {
		return d.failure
	}
	return nil
}

// Trouble returns the error of the last read of the list, nil if it succeeded.
func (d *Directory) Trouble() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failure
}

// soon returns the cached list, however old, and refreshes a stale one in the background. It blocks only until there is a first
// list.
func (d *Directory) soon(ctx context.Context) ([]cloud66.Stack, error) {
	if stacks, complete := d.Whole(ctx); complete {
		return stacks, nil
	}
	return d.current(ctx)
}

// prepare starts a refresh of a stale list without waiting for it.
func (d *Directory) prepare(ctx context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	age := d.age()
	if !d.whole().olderThan(age) || d.rests() != nil {
		return
	}
	d.read(ctx, age)
}

// Close cancels a read in flight and waits for it.
func (d *Directory) Close() {
	d.end()
	_, _, _ = d.flight.Do(wholeList, func() (any, error) { return nil, nil }) // waits for the read
}

// wholeList is the singleflight key of a read of the list.
const wholeList = "list"

// read starts a read of the pages older than age, unless one is in flight. The channel receives the age which that read used. A
// read is shared, so it is charged to no user; if there is a complete list already, it does not use the reserve for changes.
func (d *Directory) read(ctx context.Context, age time.Duration) <-chan singleflight.Result {
	return d.flight.DoChan(wholeList, func() (any, error) {
		ctx := cloud66.ForAll(context.WithoutCancel(ctx))
		d.mu.Lock()
		if d.whole().complete {
			ctx = cloud66.Reading(ctx, "")
		}
		d.mu.Unlock()
		ctx, cancel := context.WithTimeout(ctx, directoryLimit)
		defer cancel()
		defer context.AfterFunc(d.ctx, cancel)()
		err := panics.Catch(func() error { return d.readPages(ctx, age) })
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.failures++; err == nil {
			d.failures = 0
		}
		d.failure, d.failedAt = err, time.Now()
		d.seeking = d.seeking && age > directoryMinAge
		return age, err
	})
}

// readPages reads the pages that are older than age.
func (d *Directory) readPages(ctx context.Context, age time.Duration) error {
	for n := 1; n != 0; {
		d.mu.Lock()
		p, ok := d.pages[n]
		d.mu.Unlock()
		if ok && time.Since(p.readAt) <= age {
			n = p.next
			continue
		}
		read, err := d.StackPage(ctx, n)
		if err != nil {
			return fmt.Errorf("list the stacks: %w", err)
		}
		n = read.Next
	}
	return nil
}

// renew rereads the pages of the given stacks that are older than a minute, and reports whether there were any.
func (d *Directory) renew(ctx context.Context, stacks []cloud66.Stack) (bool, error) {
	d.mu.Lock()
	old := map[int]bool{}
	for _, s := range stacks {
		if now, ok := d.stacks[s.UID]; ok && d.onPage(now) && time.Since(now.seenAt) > directoryAge {
			old[now.page] = true
		}
	}
	d.mu.Unlock()
	for n := range old {
		if err := d.renewPage(ctx, n); err != nil {
			return false, fmt.Errorf("list the stacks: %w", err)
		}
	}
	return len(old) > 0, nil
}

// renewPage rereads a page. Concurrent calls share a read.
func (d *Directory) renewPage(ctx context.Context, number int) error {
	for {
		_, err, shared := d.flight.Do(strconv.Itoa(number), func() (any, error) {
			d.mu.Lock()
			old := time.Since(d.pages[number].readAt) > directoryAge
			d.mu.Unlock()
			if !old { // reread meanwhile
				return nil, nil
			}
			_, err := d.StackPage(ctx, number)
			return nil, err
		})
		if !shared || !errors.Is(err, context.Canceled) || ctx.Err() != nil { // otherwise another caller gave up
			return err
		}
	}
}

// sentenceMarks are what a sentence ends with, or a part of it.
const sentenceMarks = ".,;:!?…"

// find returns the visible stacks that match an invocation. If none matches, it rereads the list, and then returns the most
// similar names. The state of a single match is fresh.
func (d *Directory) find(ctx context.Context, inv Invocation, visible func(cloud66.Stack) bool) (
	found []cloud66.Stack, near []storage.StackRef, err error,
) {
	fitting := func(stacks []cloud66.Stack) []cloud66.Stack {
		seen := only(stacks, visible)
		if inv.UID != "" {
			return slices.DeleteFunc(seen, func(s cloud66.Stack) bool { return s.UID != inv.UID })
		}
		found := match(seen, inv.Stack)
		bare := strip(inv.Stack) // it may have been quoted or formatted once more, or end a sentence
		for _, typed := range []string{bare, strip(strings.TrimRight(bare, sentenceMarks))} {
			if len(found) == 0 && typed != "" {
				found = match(seen, typed)
			}
		}
		if len(found) == 0 {
			near = nearestStacks(seen, inv.Stack)
		}
		return found
	}
	stacks, err := d.current(ctx)
	if stacks == nil && err != nil {
		return nil, nil, err
	}
	if found = fitting(stacks); len(found) == 0 {
		if err != nil { // a stale list does not prove that the stack is missing
			return nil, nil, err
		}
		if stacks, err = d.again(ctx); err != nil {
			return nil, nil, err
		}
		found = fitting(stacks)
	}
	if len(found) == 1 {
		renewed, err := d.renew(ctx, found)
		if err != nil {
			return nil, nil, err
		}
		if renewed {
			found = fitting(d.last())
		}
	}
	if len(found) > 0 {
		near = nil
	}
	return found, near, nil
}

// visible returns the visible stacks in the order of the list.
func (d *Directory) visible(ctx context.Context, visible func(cloud66.Stack) bool) ([]cloud66.Stack, error) {
	stacks, err := d.current(ctx)
	if stacks == nil && err != nil {
		return nil, err
	}
	return only(stacks, visible), nil
}

// asNow returns the stacks with fresh state, except those that are deleted or no longer visible.
func (d *Directory) asNow(ctx context.Context, stacks []cloud66.Stack, visible func(cloud66.Stack) bool) ([]cloud66.Stack, error) {
	renewed, err := d.renew(ctx, stacks)
	if err != nil || !renewed {
		return stacks, err
	}
	now := map[string]cloud66.Stack{}
	for _, s := range d.last() {
		now[s.UID] = s
	}
	var left []cloud66.Stack
	for _, s := range stacks {
		if fresh, ok := now[s.UID]; ok && visible(fresh) {
			fresh.Tag = s.Tag
			left = append(left, fresh)
		}
	}
	return left, nil
}

// Whole returns all stacks as they were last read, and whether all were. It begins to read a stale list anew.
func (d *Directory) Whole(ctx context.Context) ([]cloud66.Stack, bool) {
	d.prepare(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.whole()
	return l.stacks, l.complete
}

// last returns the cached stacks, however old.
func (d *Directory) last() []cloud66.Stack {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.whole().stacks
}

// Docker reports whether a stack runs services from images, as far as known.
func (d *Directory) Docker(uid string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stacks[uid].Docker()
}

// known returns the first visible cached stack in order of name.
func (d *Directory) known(visible func(cloud66.Stack) bool) (cloud66.Stack, bool) {
	d.mu.Lock()
	l := d.whole()
	if l.byName == nil {
		l.byName = slices.Clone(l.stacks)
		sortStacks(l.byName)
	}
	stacks := l.byName
	d.mu.Unlock()
	i := slices.IndexFunc(stacks, visible)
	if i < 0 {
		return cloud66.Stack{}, false
	}
	return stacks[i], true
}
