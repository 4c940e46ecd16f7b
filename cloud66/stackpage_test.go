package cloud66

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
)

func TestAPageOfStacksTellsWhatComesAfterIt(t *testing.T) {
	const two = `{"uid":"a","status":6},{"uid":"b"}`
	for name, tt := range map[string]struct {
		number     int
		items      string
		pagination string
		uids       []string
		next       int
		pages      int
	}{
		"in the middle":                    {2, two, `{"next":3,"pages":5}`, []string{"a", "b"}, 3, 5},
		"the last":                         {5, two, `{"next":null,"pages":5}`, []string{"a", "b"}, 0, 5},
		"without the number of pages":      {2, two, `{"next":"3"}`, []string{"a", "b"}, 3, 3},
		"the last, without the number":     {4, two, `{"next":null}`, []string{"a", "b"}, 0, 4},
		"beyond the end":                   {9, ``, `{"next":null,"pages":5}`, nil, 0, 9},
		"with a number that cannot be":     {1, two, `{"next":2,"pages":-7}`, []string{"a", "b"}, 2, 2},
		"with more pages than can be read": {1, two, `{"next":2,"pages":9223372036854775807}`, []string{"a", "b"}, 2, pageLimit},
	} {
		t.Run(name, func(t *testing.T) {
			c, s := answering(t, 200, fmt.Sprintf(`{"response":[%s],"pagination":%s}`, tt.items, tt.pagination))
			got, err := c.StackPage(t.Context(), tt.number)
			if err != nil {
				t.Fatal(err)
			}
			var uids []string
			for _, st := range got.Stacks {
				uids = append(uids, st.UID)
			}
			diff(t, tt.uids, uids)
			diff(t, []int{tt.next, tt.pages}, []int{got.Next, got.Pages})
			diff(t, fmt.Sprintf("page=%d", tt.number), pagesOf(s))
		})
	}
}

// pagesOf gives the queries of all requests.
func pagesOf(s *server) string {
	var queries string
	for _, r := range s.requests() {
		queries += r.Query
	}
	return queries
}

func TestAPageOfStacksThatCannotBeReadIsAnError(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		body   string
		want   error
	}{
		"no list":                 {200, `{"response":null}`, ErrUnreadable},
		"a token without a right": {http.StatusForbidden, `{"error":"forbidden"}`, ErrMissingScope},
	} {
		c, s := answering(t, tt.status, tt.body)
		if got, err := c.StackPage(t.Context(), 3); !errors.Is(err, tt.want) || len(got.Stacks) != 0 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		diff(t, 1, len(s.requests()))
	}
}
