package cloud66

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// MostStacks is the number of stacks that this program can handle.
	MostStacks = 30_000

	pageLimit = MostStacks / usualPage // more pages are treated as a fault
	fewPages  = 20                     // maximum number of pages of short lists
	itemLimit = 5000                   // items of a page of any other list; the rest is dropped
)

var errTooMany = errors.New("it lists more than there may be")

// listing describes a list: its path and how to decode its items.
type listing[T any] struct {
	client *Client
	path   string
	query  url.Values
	pages  int // maximum; 0 means pageLimit
	item   func(dec *json.Decoder) (T, error)
	stacks bool
}

// page is one page of a list.
type page[T any] struct {
	items []T
	pagination
	request request
	answer  answer
}

// fetch reads the page with the number, from 1.
func (l listing[T]) fetch(ctx context.Context, number int) (page[T], error) {
	query := url.Values{"page": {strconv.Itoa(number)}}
	maps.Copy(query, l.query)
	var p page[T]
	r := request{method: http.MethodGet, path: l.path, query: query, limit: listLimit}
	if l.stacks {
		r.limit = l.client.limits.stacks
	}
	r.take = func(body io.Reader) (err error) {
		p, err = l.decode(body)
		return err
	}
	ans, err := l.client.read(ctx, r)
	if err != nil {
		return page[T]{}, err
	}
	p.request, p.answer = r, ans
	return p, nil
}

// decode decodes a page item by item.
func (l listing[T]) decode(body io.Reader) (p page[T], err error) {
	dec := json.NewDecoder(body)
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return p, errors.Join(errors.New("it is no JSON object"), err)
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return p, err
		}
		switch name, _ := key.(string); strings.ToLower(name) {
		case "response":
			p.items, err = l.items(dec)
		case "pagination":
			err = dec.Decode(&p.pagination)
		default:
			err = dec.Decode(new(ignored))
		}
		if err != nil {
			return p, err
		}
	}
	if _, err := dec.Token(); err != nil {
		return p, err
	}
	if p.items == nil {
		return p, errEmpty
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return p, errors.Join(errors.New("something stands behind it"), err)
	}
	return p, nil
}

// items decodes the items of a list.
func (l listing[T]) items(dec *json.Decoder) ([]T, error) {
	switch t, err := dec.Token(); {
	case err != nil:
		return nil, err
	case t == nil:
		return nil, nil
	case t != json.Delim('['):
		return nil, errors.New("no list of them is in it")
	}
	items := []T{}
	for dec.More() {
		if !l.stacks && len(items) == itemLimit {
			if err := dec.Decode(new(ignored)); err != nil {
				return nil, err
			}
			continue
		}
		i, err := l.item(dec)
		if err != nil {
			return nil, err
		}
		if len(items) == MostStacks {
			return nil, errTooMany
		}
		items = append(items, i)
	}
	_, err := dec.Token()
	return items, err
}

// ignored decodes any JSON value and discards it.
type ignored struct{}

// UnmarshalJSON accepts any value.
func (*ignored) UnmarshalJSON([]byte) error { return nil }

// each returns a decoder of items through their wire type.
func each[W, T any](item func(W) (T, error)) func(dec *json.Decoder) (T, error) {
	return func(dec *json.Decoder) (thing T, err error) {
		var w W
		if err := dec.Decode(&w); err != nil {
			return thing, err
		}
		return item(w)
	}
}

// all yields the items of every page, requesting each page when the previous one is used up. It skips items whose key was already seen,
// because the pages shift if an item is added while they are read. An error ends it.
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

// after returns the number of the page that follows p, or 0 if p is the last.
func (l listing[T]) after(p page[T], number int) (int, error) {
	if p.Next == "" {
		return 0, nil
	}
	next, ok := p.Next.number()
	switch {
	case !ok || next <= int64(number):
		return 0, l.client.unreadable(p.request, p.answer, errors.New("its pages have no end"))
	case len(p.items) == 0:
		return 0, nil // so that empty pages end too
	case next > int64(cmp.Or(l.pages, pageLimit)):
		return 0, l.client.unreadable(p.request, p.answer, errTooMany)
	}
	return int(next), nil
}

// Service is a service of a Docker stack.
type Service struct {
	Name     string
	ImageTag string // empty for a service that is built from git
}

type wireService struct {
	Name     text `json:"name"`
	ImageTag text `json:"image_tag"`
}

// Services returns the services of a stack.
func (c *Client) Services(ctx context.Context, uid string) ([]Service, error) {
	path, err := stackPath(uid, "services")
	if err != nil {
		return nil, err
	}
	l := listing[Service]{client: c, path: path, pages: fewPages, item: each(func(w wireService) (Service, error) {
		if w.Name == "" {
			return Service{}, errors.New("a service in it has no name")
		}
		return Service{Name: string(w.Name), ImageTag: string(w.ImageTag)}, nil
	})}
	var services []Service
	for s, err := range all(ctx, l, func(s Service) string { return s.Name }) {
		if err != nil {
			return nil, err
		}
		services = append(services, s)
	}
	return services, nil
}

// Action is an operation on a stack, for example a deployment (Cloud 66 API, Stack actions).
type Action struct {
	ID              int64
	StartedAt       time.Time // zero if unknown
	FinishedAt      time.Time // zero while it runs
	FinishedSuccess *bool     // nil while unknown
	FinishedMessage string
	UserReference   string // from the request that started it
}

// ActionFilter narrows a list of actions; an empty UserReference matches all.
type ActionFilter struct {
	UserReference string
}

// Actions yields the actions of a stack that match the filter.
func (c *Client) Actions(ctx context.Context, uid string, f ActionFilter) iter.Seq2[Action, error] {
	path, err := stackPath(uid, "actions")
	l := listing[Action]{client: c, path: path, pages: fewPages, item: each(c.action)}
	if f.UserReference != "" {
		l.query = url.Values{"user_reference": {f.UserReference}}
	}
	return func(yield func(Action, error) bool) {
		if err != nil {
			yield(Action{}, err)
			return
		}
		for a, err := range all(ctx, l, func(a Action) int64 { return a.ID }) {
			if err == nil && f.UserReference != "" && a.UserReference != f.UserReference {
				continue // not every server supports the filter
			}
			if !yield(a, err) {
				return
			}
		}
	}
}

type wireAction struct {
	ID              text          `json:"id"`
	StartedAt       text          `json:"started_at"`
	FinishedAt      text          `json:"finished_at"`
	FinishedSuccess text          `json:"finished_success"`
	FinishedMessage text          `json:"finished_message"`
	Metadata        userReference `json:"metadata"`
}

// userReference is the part of an action's metadata that is read; empty if the metadata is not an object.
type userReference text

// UnmarshalJSON accepts any value.
func (u *userReference) UnmarshalJSON(data []byte) error {
	*u = ""
	if data[0] != '{' {
		return nil
	}
	var metadata struct {
		UserReference text `json:"user_reference"`
	}
	err := json.Unmarshal(data, &metadata)
	*u = userReference(metadata.UserReference)
	return err
}

func (c *Client) action(w wireAction) (Action, error) {
	a := Action{
		ID: w.ID.int(), StartedAt: firstTime(c.oddTime, w.StartedAt), FinishedAt: firstTime(c.oddTime, w.FinishedAt),
		FinishedSuccess: w.FinishedSuccess.truth(), FinishedMessage: string(w.FinishedMessage), UserReference: string(w.Metadata),
	}
	if a.ID <= 0 {
		return Action{}, errors.New("an action in it has no id")
	}
	return a, nil
}
