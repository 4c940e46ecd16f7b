package cloud66

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// paged serves the deployments of these ids in their order.
func paged(ids []int, perPage int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		number, err := strconv.Atoi(r.URL.Query().Get("page"))
		if err != nil || number < 1 {
			says(400, `{"error":"bad_request"}`)(w, r)
			return
		}
		pages := max((len(ids)+perPage-1)/perPage, 1)
		next := "null"
		if number < pages {
			next = strconv.Itoa(number + 1)
		}
		var items []string
		for _, id := range ids[min((number-1)*perPage, len(ids)):min(number*perPage, len(ids))] {
			items = append(items, fmt.Sprintf(`{"id":%d}`, id))
		}
		says(
			200,
			fmt.Sprintf(`{"response":[%s],"count":%d,"pagination":{"previous":null,"next":%s,"current":%d,"per_page":%d,"count":%d,"pages":%d}}`,
				strings.Join(items, ","), len(items), next, number, perPage, len(ids), pages),
		)(
			w,
			r,
		)
	}
}

func descending(n int) []int {
	ids := make([]int, n)
	for i := range ids {
		ids[i] = n - i
	}
	return ids
}

func idsOf(deployments []Deployment) []int {
	ids := make([]int, len(deployments))
	for i, d := range deployments {
		ids[i] = int(d.ID)
	}
	return ids
}

func pagesAsked(s *server) string {
	var pages []string
	for _, r := range s.requests() {
		pages = append(pages, strings.TrimPrefix(r.Query, "page="))
	}
	return strings.Join(pages, " ")
}

func TestRangesAskForFewPages(t *testing.T) {
	ascending := descending(95)
	slices.Reverse(ascending)
	tests := map[string]struct {
		ids           []int
		perPage       int
		offset, limit int
		first, count  int // the newest id expected, and how many down from it
		pages         string
	}{
		"the newest":                               {descending(95), 30, 0, 30, 95, 30, "1"},
		"the five newest":                          {descending(95), 30, 0, 5, 95, 5, "1"},
		"the second page":                          {descending(95), 30, 30, 30, 65, 30, "2"},
		"the last page":                            {descending(95), 30, 90, 30, 5, 5, "4"},
		"a part of two pages":                      {descending(95), 30, 25, 10, 70, 10, "1 2"},
		"everything":                               {descending(95), 30, 0, 1000, 95, 95, "1 2 3 4"},
		"beyond the end":                           {descending(95), 30, 120, 30, 0, 0, "5 1"},
		"beyond the end of one page":               {descending(7), 30, 30, 30, 0, 0, "2"},
		"a last page of one":                       {descending(31), 30, 30, 30, 1, 1, "2 1"},
		"none at all":                              {nil, 30, 0, 30, 0, 0, "1"},
		"a shorter page":                           {descending(95), 10, 0, 30, 95, 30, "1 2 3"},
		"the newest of an ascending list":          {ascending, 30, 0, 3, 95, 3, "1 4"},
		"more of an ascending list":                {ascending, 30, 0, 30, 95, 30, "1 4 3"},
		"later ones of an ascending list":          {ascending, 30, 30, 30, 65, 30, "2 4 3"},
		"the oldest of an ascending list":          {ascending, 30, 90, 30, 5, 5, "4 1"},
		"beyond the end of an ascending list":      {ascending, 30, 95, 30, 0, 0, "4"},
		"one page of an ascending list":            {ascending[:20], 30, 0, 30, 20, 20, "1"},
		"the end of an ascending list with one on": {ascending[:31], 30, 0, 30, 31, 30, "1 2"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := &server{handler: paged(tt.ids, tt.perPage)}
			got, err := newTestClient(t, s).DeploymentRange(t.Context(), "abc", tt.offset, tt.limit)
			if err != nil {
				t.Fatal(err)
			}
			want := descending(tt.first)[:tt.count]
			diff(t, want, idsOf(got.Deployments))
			diff(t, DeploymentRange{Offset: tt.offset, Total: len(tt.ids)}, DeploymentRange{Offset: got.Offset, Total: got.Total})
			asked := strings.Fields(pagesAsked(s))
			wanted := strings.Fields(tt.pages)
			slices.Sort(asked)
			slices.Sort(wanted)
			diff(t, wanted, asked)
		})
	}
}

func TestAnyRangeIsThatPartOfTheListNewestFirst(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		ids := descending(rapid.IntRange(0, 140).Draw(r, "deployments"))
		newestFirst := slices.Clone(ids)
		if rapid.Bool().Draw(r, "ascending") {
			slices.Reverse(ids)
		}
		perPage := rapid.IntRange(2, 40).Draw(r, "per page")
		offset, limit := rapid.IntRange(0, 150).Draw(r, "offset"), rapid.IntRange(1, 150).Draw(r, "limit")
		got, err := newTestClient(t, &server{handler: paged(ids, perPage)}).DeploymentRange(t.Context(), "abc", offset, limit)
		want := newestFirst[min(offset, len(ids)):min(offset+limit, len(ids))]
		if err != nil || !slices.Equal(want, idsOf(got.Deployments)) || got.Total != len(ids) {
			r.Fatalf("got %v of %d, error %v, want %v", idsOf(got.Deployments), got.Total, err, want)
		}
	})
}

func TestARangeSortsWhatIsShuffledOnAPage(t *testing.T) {
	s := &server{handler: paged([]int{5, 7, 6, 4, 2, 3}, 3)}
	got, err := newTestClient(t, s).DeploymentRange(t.Context(), "abc", 0, 6)
	diff(t, nil, err)
	diff(t, []int{7, 6, 5, 4, 3, 2}, idsOf(got.Deployments))
}

func TestARangeThatCannotBeIsRefused(t *testing.T) {
	c, s := answering(t, 200, ``)
	for _, r := range [][2]int{{-1, 30}, {0, 0}, {0, -1}} {
		if _, err := c.DeploymentRange(t.Context(), "abc", r[0], r[1]); err == nil {
			t.Errorf("%v was accepted", r)
		}
	}
	diff(t, 0, len(s.requests()))
}

func TestHostileSizesOfAListAreSurvived(t *testing.T) {
	for _, numbers := range []string{
		`"per_page":9223372036854775807,"count":9223372036854775807,"pages":9223372036854775807`, `"per_page":-5,"count":-1,` +
			`"pages":-1`, `"per_page":1,"count":"x","pages":{}`,
		`"per_page":0,"pages":1e30`,
	} {
		c, _ := answering(t, 200, `{"response":[{"id":1},{"id":2}],"pagination":{`+numbers+`}}`)
		for _, offset := range []int{0, 1, 31, 1 << 40} {
			got, err := c.DeploymentRange(t.Context(), "abc", offset, 1<<62)
			if err == nil && len(got.Deployments) > got.Total {
				t.Errorf("%s from %d: %v", numbers, offset, got)
			}
		}
	}
}

func TestListsAreReadLazilyAndOnce(t *testing.T) {
	s := &server{handler: paged([]int{9, 8, 7, 7, 6, 5}, 3)}
	c := newTestClient(t, s)
	for d, err := range c.deployments(t.Context()) {
		if err != nil || d.ID != 9 {
			t.Fatalf("got %v, %v", d, err)
		}
		break
	}
	diff(t, "1", pagesAsked(s))
	got, err := collect(c.deployments(t.Context()))
	diff(t, nil, err)
	diff(t, []int{9, 8, 7, 6, 5}, idsOf(got))
	diff(t, "1 1 2", pagesAsked(s))
}

func TestMorePagesThanThereMayBeAreAnError(t *testing.T) {
	for _, next := range []string{`1001`, `9223372036854775807`, `"https://h/x?page=1001"`} {
		c, s := answering(t, 200, `{"response":[{"id":4}],"pagination":{"next":`+next+`}}`)
		got, err := collect(c.deployments(t.Context()))
		if !errors.Is(err, ErrUnreadable) || len(got) != 1 {
			t.Errorf("next %s gives %v, %v", next, got, err)
		}
		diff(t, 1, len(s.requests()))
	}
}

func TestAnErrorEndsAList(t *testing.T) {
	full := paged(descending(5), 2)
	s := &server{handler: func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("page") == "2" {
			says(404, ``)(w, r)
			return
		}
		full(w, r)
	}}
	got, err := collect(newTestClient(t, s).deployments(t.Context()))
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
	diff(t, []int{5, 4}, idsOf(got))
}
