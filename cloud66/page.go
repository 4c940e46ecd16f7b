package cloud66

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
)

const pageLimit = 1000 // more pages are taken for a fault

// listing is how one kind of list is read: where from, and what its items are.
type listing[T any] struct {
	client *Client
	path   string
	query  url.Values
	decode func(list json.RawMessage) ([]T, error)
}

// page is one page of a list.
type page[T any] struct {
	items []T
	pagination
	request request
	answer  answer
}

// fetch reads the page of that number, from 1.
func (l listing[T]) fetch(ctx context.Context, number int) (page[T], error) {
	query := url.Values{"page": {strconv.Itoa(number)}}
	maps.Copy(query, l.query)
	r := request{method: http.MethodGet, path: l.path, query: query}
	ans, err := l.client.read(ctx, r)
	if err != nil {
		return page[T]{}, err
	}
	p := page[T]{request: r, answer: ans}
	var e envelope
	if err := json.Unmarshal(ans.body, &e); err != nil {
		return page[T]{}, l.client.unreadable(r, ans, err)
	}
	p.pagination = e.Pagination
	if p.items, err = l.decode(e.Response); err != nil {
		return page[T]{}, l.client.unreadable(r, ans, err)
	}
	return p, nil
}

// each decodes a list at once and makes an item of each thing in it.
func each[W, T any](item func(W) (T, error)) func(list json.RawMessage) ([]T, error) {
	return func(list json.RawMessage) ([]T, error) {
		var things []W
		if err := json.Unmarshal(list, &things); err != nil {
			return nil, fmt.Errorf("no list of them is in it: %w", err)
		}
		if things == nil {
			return nil, errEmpty
		}
		items := make([]T, 0, len(things))
		for _, w := range things {
			i, err := item(w)
			if err != nil {
				return nil, err
			}
			items = append(items, i)
		}
		return items, nil
	}
}

// all yields the items of every page, each page asked for when the one before is used up. Items whose key came before are
// left out: the pages shift when something new is added while they are read. An error ends it.
func all[T any, K comparable](ctx context.Context, l listing[T], key func(T) K) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		seen := map[K]bool{}
		for number := 1; number != 0; {
			p, err := l.fetch(ctx, number)
			if err == nil {
				number, err = l.after(p, number)
			}
			for _, item := range p.items {
				if k := key(item); !seen[k] {
					seen[k] = true
					if !yield(item, nil) {
						return
					}
				}
			}
			if err != nil {
				var none T
				yield(none, err)
				return
			}
		}
	}
}

// after returns the number of the page after the one given, 0 where it is the last.
func (l listing[T]) after(p page[T], number int) (int, error) {
	if p.Next == "" {
		return 0, nil
	}
	next, ok := p.Next.number()
	if !ok || next <= int64(number) || next > pageLimit {
		return 0, l.client.unreadable(p.request, p.answer, errors.New("its pages have no end"))
	}
	return int(next), nil
}
