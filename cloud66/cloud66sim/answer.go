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

// envelope wraps every successful response. Only lists have Count and Pagination.
type envelope struct {
	Response   any         `json:"response"`
	Count      *int        `json:"count,omitempty"`
	Pagination *pagination `json:"pagination,omitempty"`
}

// errorBody is the body of an error response. Details may be of any type.
type errorBody struct {
	Error            string `json:"error"`
	ErrorDescription string `json:"error_description"`
	Details          any    `json:"details"`
}

// outcomeAnswer is the response to a write or a ping. The options select its fields.
type outcomeAnswer struct {
	ID            int64  `json:"id,omitempty"`
	OK            *bool  `json:"ok,omitempty"`
	Message       string `json:"message"`
	AsyncActionID int64  `json:"async_action_id,omitempty"`
	Queued        *bool  `json:"queued,omitempty"`
}

func respond(response any) answer {
	return jsonAnswer(http.StatusOK, envelope{Response: response})
}

func respondOK(message string) answer {
	ok := true
	return respond(outcomeAnswer{OK: &ok, Message: message})
}

func refuse(status int, name, description string, details any) answer {
	return jsonAnswer(status, errorBody{Error: name, ErrorDescription: description, Details: details})
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

// pagination describes a page of a list. Previous and Next are page numbers or null.
type pagination struct {
	Previous *int `json:"previous"`
	Next     *int `json:"next"`
	Current  int  `json:"current"`
	PerPage  int  `json:"per_page"`
	Count    int  `json:"count"`
	Pages    int  `json:"pages"`
}

// list responds with the requested page of items, its item count and its pagination.
func list[T any](c *call, items []T, render func(T) any) answer {
	page := 1
	if asked, err := strconv.Atoi(c.URL.Query().Get("page")); err == nil { // an invalid number means the first page
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
	return list(c, seen, s.renderStack)
}

func (s *Sim) listDeployments(c *call, st *stack) answer {
	shown := slices.DeleteFunc(ordered(s, st.deployments), func(d *deployment) bool { return d.hiddenTill.After(c.now) })
	return list(c, shown, func(d *deployment) any { return s.wireDeployment(st, d) })
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
