package cloud66

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"maps"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
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

var (
	errTooMany = errors.New("it lists more than there may be")
	errNoList  = errors.New("no list of them is in it")
)

// listing describes a list: its path, whose it is, and how to read its items.
type listing[T any] struct {
	client *Client
	path   string
	query  url.Values
	pages  int    // maximum; 0 means pageLimit
	stack  string // the UID of the stack that the list belongs to; "" for the list of stacks
	item   func(r record) (T, error)
}

// page is one page of a list.
type page[T any] struct {
	items      []T
	came       int // number of items, including those that are left out
	leftOut    map[LeftOut]int
	pagination record // next, per_page, count and pages; page numbers start at 1
	request    request
	answer     answer
}

// fetch reads the page with the number, from 1.
func (l listing[T]) fetch(ctx context.Context, number int) (page[T], error) {
	query := url.Values{"page": {strconv.Itoa(number)}}
	maps.Copy(query, l.query)
	var p page[T]
	r := request{method: http.MethodGet, path: l.path, query: query, limit: listLimit}
	if l.stack == "" {
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
	l.client.noteLeftOut(ctx, l.path, number, p.next(number) == 0, p.leftOut)
	return p, nil
}

// decode decodes a page item by item.
func (l listing[T]) decode(body io.Reader) (p page[T], err error) {
	dec := json.NewDecoder(body)
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return p, errors.Join(errNoObject, err)
	}
	said, err := fields(dec, func(key string) (bool, error) {
		if key != "response" {
			return false, nil
		}
		return true, l.items(dec, &p)
	})
	if err != nil {
		return p, err
	}
	if p.came == 0 {
		if err := refusalIn(said); err != nil {
			return p, err
		}
	}
	if p.items == nil {
		return p, errEmpty
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return p, errors.Join(errors.New("something stands behind it"), err)
	}
	p.pagination, _ = split(nil, said.get("pagination"))
	return p, nil
}

// fields reads the rest of an object whose opening brace was read. It returns the fields that an answer about a list can have, except
// those that take has read itself.
func fields(dec *json.Decoder, take func(key string) (taken bool, err error)) (record, error) {
	var r record
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, err
		}
		key, _ := t.(string)
		if taken, err := take(key); err != nil {
			return nil, err
		} else if taken {
			continue
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		if key == "pagination" || slices.Contains(refusalKeys, key) {
			r = append(r, field{[]byte(key), value})
		}
	}
	_, err := dec.Token()
	return r, err
}

// items reads the items of a page. It leaves out those that cannot be read.
func (l listing[T]) items(dec *json.Decoder, p *page[T]) error {
	switch t, err := dec.Token(); {
	case err != nil:
		return err
	case t == nil:
		return nil
	case t == json.Delim('{'):
		said, err := fields(dec, func(string) (bool, error) { return false, nil })
		return cmp.Or(err, refusalIn(said), errNoList)
	case t != json.Delim('['):
		return errNoList
	}
	p.items = []T{}
	var raw json.RawMessage
	var r record // reused, as raw is: what is made of an item holds no part of them
	for dec.More() {
		if err := dec.Decode(&raw); err != nil {
			return err
		}
		r, _ = split(r[:0], raw) // what is no object has no field
		p.came++
		switch {
		case l.stack != "" && p.came > itemLimit:
			continue
		case p.came > MostStacks:
			return errTooMany
		}
		item, err := l.item(r)
		if err != nil {
			p.leaveOut(l.stack, r, err)
			continue
		}
		p.items = append(p.items, item)
	}
	_, err := dec.Token()
	return err
}

// next returns the number of the page that follows, as the page with the number tells: a number or an address. Anything else, and a page
// that is not behind this one, is the end of the list.
func (p page[T]) next(number int) int {
	next := p.pagination.text("next")
	if address := pageInAddress.FindStringSubmatch(string(next)); address != nil {
		next = text(address[1])
	}
	if n := next.int(); n > int64(number) && p.came > 0 { // empty pages end too
		return int(min(n, math.MaxInt32))
	}
	return 0
}

var pageInAddress = regexp.MustCompile(`[?&]page=(\d+)`)

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
	next := p.next(number)
	if next > cmp.Or(l.pages, pageLimit) {
		return 0, l.client.unreadable(p.request, p.answer, errTooMany)
	}
	return next, nil
}

// Service is a service of a Docker stack.
type Service struct {
	Name     string
	ImageTag string // empty for a service that is built from git
	GitRef   string // of a service that is built from git
}

// Reference returns what the service is deployed from: the tag of its image, or a git reference.
func (s Service) Reference() string { return cmp.Or(s.GitRef, s.ImageTag) }

// Services returns the services of a stack.
func (c *Client) Services(ctx context.Context, uid string) ([]Service, error) {
	path, err := stackPath(uid, "services")
	if err != nil {
		return nil, err
	}
	l := listing[Service]{client: c, path: path, pages: fewPages, stack: uid, item: func(r record) (Service, error) {
		if r.text("name") == "" {
			return Service{}, errors.New("a service without a name")
		}
		s := Service{Name: string(r.text("name")), ImageTag: string(r.text("image_tag"))}
		if strings.EqualFold(string(r.text("source_type")), "git") {
			s.GitRef = string(r.text("git_ref"))
		}
		return s, nil
	}}
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

// Ended reports whether the action has ended.
func (a Action) Ended() bool { return !a.FinishedAt.IsZero() || a.FinishedSuccess != nil }

// cancelWord and failWord are what the message of an action says of its end.
var (
	cancelWord = regexp.MustCompile(`(?i)\b(cancell?ed|cancellation|aborted)\b`)
	failWord   = regexp.MustCompile(`(?i)\b(fail\w*|error\w*|context|timeout|unable|could not)\b`)
)

// Outcome returns how the action ended, or "" if that is unknown. Only its message tells a cancel from a failure.
func (a Action) Outcome() Outcome {
	switch {
	case a.FinishedSuccess == nil:
		return ""
	case *a.FinishedSuccess:
		return OutcomeSuccess
	case cancelWord.MatchString(a.FinishedMessage) && !failWord.MatchString(a.FinishedMessage):
		return OutcomeCancelled
	default:
		return OutcomeFailed
	}
}

// ActionFilter narrows a list of actions; an empty UserReference matches all.
type ActionFilter struct {
	UserReference string
}

// Actions yields the actions of a stack that match the filter.
func (c *Client) Actions(ctx context.Context, uid string, f ActionFilter) iter.Seq2[Action, error] {
	path, err := stackPath(uid, "actions")
	l := listing[Action]{client: c, path: path, pages: fewPages, stack: uid, item: c.action}
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

func (c *Client) action(r record) (Action, error) {
	metadata, _ := split(nil, r.get("metadata"))
	a := Action{
		ID: r.text("id").int(), StartedAt: c.time(r, "started_at"), FinishedAt: c.time(r, "finished_at"),
		FinishedSuccess: r.text("finished_success").truth(), FinishedMessage: string(r.text("finished_message")),
		UserReference: string(metadata.text("user_reference")),
	}
	if a.ID <= 0 {
		return Action{}, errors.New("an action without an id")
	}
	return a, nil
}
