package authz

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"c66bot/storage"
)

// maxPages bounds how many channels' rules are kept in memory.
const maxPages = 1000

// rulebook keeps the rules of channels in memory, ready for decisions, from the first time that they are needed until they change.
type rulebook struct {
	records storage.DB

	mu    sync.Mutex
	pages map[string]*page
}

// page is one channel's rules. A change of the rules does not change the page but puts another in its place: what was being read for the old page
// is lost with it.
type page struct {
	index atomic.Pointer[index]
	turn  chan struct{} // holds one while the rules are being read
}

// of gives the rules of a channel.
func (b *rulebook) of(ctx context.Context, channel string) (*index, error) {
	p := b.page(channel)
	if ix := p.index.Load(); ix != nil {
		return ix, nil
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the rules of %s: %w", channel, ctx.Err())
	}
	if ix := p.index.Load(); ix != nil {
		return ix, nil
	}
	ix, err := b.read(ctx, channel)
	if err != nil {
		return nil, fmt.Errorf("read the rules of %s: %w", channel, err)
	}
	p.index.Store(ix)
	return ix, nil
}

func (b *rulebook) page(channel string) *page {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p, ok := b.pages[channel]; ok {
		return p
	}
	if b.pages == nil || len(b.pages) >= maxPages {
		b.pages = map[string]*page{}
	}
	p := &page{turn: make(chan struct{}, 1)}
	b.pages[channel] = p
	return p
}

func (b *rulebook) forget(channel string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.pages, channel)
}

func (b *rulebook) read(ctx context.Context, channel string) (*index, error) {
	var rules []storage.Rule
	err := b.records.View(ctx, func(tx storage.Tx) error {
		rules = nil
		return storage.Rules.Scan(tx, storage.RulesOf(channel), func(_ string, r storage.Rule) error {
			rules = append(rules, r)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return newIndex(rules), nil
}
