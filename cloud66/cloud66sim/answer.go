package cloud66sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// answer is a complete HTTP response.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// respond wraps a successful response in its envelope.
func respond(response any) answer {
	return jsonAnswer(http.StatusOK, Object{"response": response})
}

func respondOK(message string) answer {
	return respond(Object{"ok": true, "message": message})
}

func refuse(status int, name, description string, details any) answer {
	return jsonAnswer(status, Object{"error": name, "error_description": description, "details": details})
}

func badRequest(details string) answer {
	return refuse(http.StatusBadRequest, "bad_request", "The request is not valid", details)
}

func notFound(what string) answer {
	return refuse(http.StatusNotFound, "not_found", what+" not found", nil)
}

func conflict(details string) answer {
	return refuse(http.StatusConflict, "conflict", "The request conflicts with the state of the stack", details)
}

func jsonAnswer(status int, body any) answer {
	return answer{status: status, header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, body: marshal(body)}
}

func htmlNotFound() answer {
	page := "<!DOCTYPE html>\n<html><head><title>The page you were looking for doesn't exist (404)</title></head></html>\n"
	return answer{status: http.StatusNotFound, header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, body: []byte(page)}
}

// marshal encodes a value of this package's types, for which encoding cannot fail.
func marshal(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("cloud66sim: encode %T: %v", v, err))
	}
	return body
}

// write sends the response. If truncated, it announces the full length, sends half of the body and aborts the handler.
func (a answer) write(w http.ResponseWriter, truncated bool) error {
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	body := a.body
	if truncated {
		body = body[:len(body)/2]
	}
	if _, err := w.Write(body); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	if !truncated {
		return nil
	}
	if err := http.NewResponseController(w).Flush(); err != nil {
		return fmt.Errorf("flush half an answer: %w", err)
	}
	panic(http.ErrAbortHandler)
}

// perPage is the page size of every list.
const perPage = 30

// list responds with the requested page of items, its item count and its pagination, in which previous and next are page numbers or null.
func list[T any](c *call, items []T, render func(T) any) answer {
	page := 1
	if asked, err := strconv.Atoi(c.URL.Query().Get("page")); err == nil { // an invalid number means the first page
		page = max(asked, 1)
	}
	pages := (len(items) + perPage - 1) / perPage
	paging := Object{"previous": nil, "next": nil, "current": page, "per_page": perPage, "count": len(items), "pages": pages}
	if page > 1 && page <= pages {
		paging["previous"] = page - 1
	}
	if page < pages {
		paging["next"] = page + 1
	}
	shown := []any{}
	if page <= pages {
		for _, item := range items[(page-1)*perPage : min(page*perPage, len(items))] {
			shown = append(shown, render(item))
		}
	}
	return jsonAnswer(http.StatusOK, Object{"response": shown, "count": len(shown), "pagination": paging})
}

// ordered copies a list ascending by id into the order that the options select.
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
	return list(c, seen, func(st *stack) any { return s.renderStack(st, c.now) })
}

func (s *Sim) listDeployments(c *call, st *stack) answer {
	shown := slices.DeleteFunc(ordered(s, st.deployments), func(d *deployment) bool { return d.hiddenTill.After(c.now) })
	return list(c, shown, func(d *deployment) any { return s.renderDeployment(st, d) })
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
	return list(c, ordered(s, found), func(a *action) any { return s.renderAction(st, a) })
}
