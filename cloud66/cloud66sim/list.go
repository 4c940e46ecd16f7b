package cloud66sim

import (
	"slices"
	"strconv"
)

// perPage is the size of a page in every list.
const perPage = 30

// pagination is where a page stands in its list. Previous and Next are page numbers or null.
type pagination struct {
	Previous *int `json:"previous"`
	Next     *int `json:"next"`
	Current  int  `json:"current"`
	PerPage  int  `json:"per_page"`
	Count    int  `json:"count"`
	Pages    int  `json:"pages"`
}

// list answers with the page that the request asks for: its items, their number, and where the page stands among all.
func list[T any](c *call, items []T, render func(T) any) answer {
	page := 1
	if asked, err := strconv.Atoi(c.URL.Query().Get("page")); err == nil { // nonsense asks for the first page
		page = max(asked, 1)
	}
	pages := (len(items) + perPage - 1) / perPage
	paging := pagination{Current: page, PerPage: perPage, Count: len(items), Pages: pages}
	if page > 1 && page <= pages {
		paging.Previous = new(page - 1)
	}
	if page < pages {
		paging.Next = new(page + 1)
	}
	shown := []any{}
	if page <= pages {
		for _, item := range items[(page-1)*perPage : min(page*perPage, len(items))] {
			shown = append(shown, render(item))
		}
	}
	return jsonAnswer(200, envelope{Response: shown, Count: new(len(shown)), Pagination: &paging})
}

// ordered is a list that ascends by id, in the order of the options.
func ordered[T any](s *Sim, ascending []T) []T {
	items := slices.Clone(ascending)
	if !s.opts.Ascending {
		slices.Reverse(items)
	}
	return items
}

func (s *Sim) listStacks(c *call) answer {
	var seen []*stack
	for _, st := range s.stacks {
		if c.sees(st) {
			seen = append(seen, st)
		}
	}
	return list(c, seen, renderStack)
}

func (s *Sim) listDeployments(c *call, st *stack) answer {
	return list(c, ordered(s, st.deployments), func(d *deployment) any { return s.wireDeployment(st, d) })
}

func (*Sim) listServices(c *call, st *stack) answer {
	return list(c, st.Services, renderService)
}

func (s *Sim) listActions(c *call, st *stack) answer {
	reference := c.URL.Query().Get("user_reference")
	var found []*action
	for _, a := range st.actions {
		if reference == "" || a.reference == reference {
			found = append(found, a)
		}
	}
	return list(c, ordered(s, found), func(a *action) any { return renderAction(st, a) })
}
