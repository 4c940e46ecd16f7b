package cloud66sim

import (
	"fmt"
	"net/http"
	"testing"
)

func TestListsArePagedByThirty(t *testing.T) {
	paging := func(previous, next any, current float64) object {
		return object{"previous": previous, "next": next, "current": current, "per_page": 30.0, "count": 65.0, "pages": 3.0}
	}
	tests := map[string]struct {
		ascending   bool
		query       string
		first, last float64
		count       float64
		pagination  object
	}{
		"the first page":          {false, "", 1065, 1036, 30, paging(nil, 2.0, 1)},
		"a page in the middle":    {false, "?page=2", 1035, 1006, 30, paging(1.0, 3.0, 2)},
		"the last page":           {false, "?page=3", 1005, 1001, 5, paging(2.0, nil, 3)},
		"a page beyond the end":   {false, "?page=4", 0, 0, 0, paging(nil, nil, 4)},
		"a huge page":             {false, "?page=9223372036854775807", 0, 0, 0, paging(nil, nil, 9223372036854775807)},
		"nonsense is page one":    {false, "?page=x", 1065, 1036, 30, paging(nil, 2.0, 1)},
		"zero is page one":        {false, "?page=0", 1065, 1036, 30, paging(nil, 2.0, 1)},
		"oldest first":            {true, "", 1001, 1030, 30, paging(nil, 2.0, 1)},
		"oldest first, last page": {true, "?page=3", 1061, 1065, 5, paging(2.0, nil, 3)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := New(Options{Ascending: test.ascending})
			s.AddStack(Stack{UID: "busy", History: 65})
			got := get(t, s, "/stacks/busy/deployments"+test.query)
			expect(t, "pagination", any(test.pagination), got.body["pagination"])
			expect(t, "count", any(test.count), got.body["count"])
			ids := got.ids()
			if test.count == 0 {
				expect(t, "response", any([]any{}), got.body["response"])
				return
			}
			expect(t, "ids", []float64{test.first, test.last, test.count}, []float64{ids[0], ids[len(ids)-1], float64(len(ids))})
		})
	}
}

func TestStacksAreThoseOfTheAccount(t *testing.T) {
	s := New(Options{})
	for i, st := range []Stack{
		{Name: "web", Git: "git@github.com:acme/web.git"},
		{Name: "web", Environment: "staging", Git: "git@github.com:acme/web.git", GitBranch: "develop"},
		{Name: "awesome app", AccountID: 7},
	} {
		st.UID = fmt.Sprint(i)
		s.AddStack(st)
	}
	tests := map[string]struct {
		account string
		want    []any
	}{
		"everything": {"", []any{"0", "1", "2"}},
		"by account": {"7", []any{"2"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []any
			for _, st := range send(t, s, http.MethodGet, "/stacks", "", "X-Account", test.account).items() {
				got = append(got, st["uid"])
			}
			expect(t, "uids", test.want, got)
		})
	}
	if got := send(t, s, http.MethodGet, "/stacks/0", "", "X-Account", "7"); got.status != http.StatusNotFound {
		t.Errorf("a stack of another account: status %d", got.status)
	}
}

func TestActionsAreFilteredByReference(t *testing.T) {
	s := withStack(Options{})
	for _, reference := range []string{"a", "b", "a"} {
		send(t, s, http.MethodPost, "/stacks/rails/deployments", `{"user_reference":"`+reference+`"}`)
	}
	expect(t, "all", []float64{3, 2, 1}, get(t, s, "/stacks/rails/actions").ids())
	expect(t, "filtered", []float64{3, 1}, get(t, s, "/stacks/rails/actions?user_reference=a").ids())
}
