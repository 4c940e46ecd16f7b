package commands

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/cloud66"
	"c66bot/storage"
)

// ids gives the deployments of a page.
func ids(reply ListReply) []int64 {
	all := []int64{}
	for _, e := range reply.Entries {
		all = append(all, e.Deployment.ID)
	}
	return all
}

// mixed gives a stack deployments of all kinds, #1 the oldest: 1 failed, 2 succeeded, 3 reverted since, 4 cancelled here, 5 cancelled
// elsewhere, 6 unknown, 7 running, 8 queued. Sam asked for 1 and 2, robot for 3; the others are of the dashboard's Lina Lee.
func (r *rig) mixed(uid string) {
	r.cloud.has(uid, 6)
	d := r.cloud.deployments[uid]
	kind := func(id int, outcome cloud66.Outcome) *cloud66.Deployment {
		d[6-id].Outcome = cloud66.Value[cloud66.Outcome]{Kind: outcome, Raw: "x"}
		return &d[6-id]
	}
	kind(1, cloud66.OutcomeFailed)
	kind(3, cloud66.OutcomeSuccess).Reverted = true
	kind(4, cloud66.OutcomeFailed)
	kind(5, cloud66.OutcomeCancelled)
	kind(6, "")
	r.cloud.runs(uid, true)
	r.cloud.runs(uid, false)
	for i := range r.cloud.deployments[uid] {
		r.cloud.deployments[uid][i].TriggeredBy = "Lina Lee <lina@a.test>"
	}
	r.stores(func(tx storage.Tx) error {
		var err error
		for id, user := range map[int64]string{1: sam, 2: sam, 3: robot} {
			follow := fmt.Sprint("f", id)
			err = errors.Join(err, storage.Follows.Put(tx, follow, storage.Follow{ID: follow, Asker: user}),
				storage.Wishes.Put(tx, storage.DeploymentKey(uid, id), storage.WishOf{Follow: follow}))
		}
		return errors.Join(
			err,
			storage.Cancels.Put(tx, storage.DeploymentKey(uid, 4), storage.Cancel{User: kim, At: time.Now().Add(-57 * time.Minute)}),
		)
	})
}

func TestAListIsNarrowed(t *testing.T) {
	for options, want := range map[string][]int64{
		"--outcome failed":                   {1},
		"--outcome succeeded":                {3, 2},
		"--outcome reverted":                 {3},
		"--outcome cancelled":                {5, 4},
		"--outcome running":                  {8, 7},
		"--by <@U0SAM>":                      {2, 1},
		"--by “sam smith”":                   {2, 1},
		"--by SMITH":                         {2, 1},
		"--by @robot":                        {3},
		"--by lina":                          {8, 7, 6, 5, 4},
		"--by “Lee <lina@a.test”":            {8, 7, 6, 5, 4},
		"--by <@U0KIM>":                      {},
		"--by kim":                           {},
		"--by <@U0SAM|sam> --outcome failed": {1},
		"--by lina --outcome running":        {8, 7},
		"--by robot --outcome failed":        {},
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.mixed("web1")
			got := as[ListReply](t, r.say(lin, "list web@production "+options))
			if diff := cmp.Diff(want, ids(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", options, diff)
			}
			if got.Total != 8 || got.Looked != 8 || got.Older != "" || got.Trail != "" || got.Filter.Options[Outcome]+got.Filter.Options[By] == "" {
				t.Errorf("%s: looked at %d of %d, then %q", options, got.Looked, got.Total, got.Older)
			}
			if n := len(r.cloud.calls); n != 1 {
				t.Errorf("%s costs %d requests", options, n)
			}
		})
	}
}

func TestWhereAPersonsNameIsNotKnownTheyAreNotFoundByIt(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.mixed("web1")
		r.slack.err = errors.New("users.info: ratelimited")
		if got := as[ListReply](t, r.say(lin, "list web@production --by smith")); len(got.Entries) > 0 {
			t.Errorf("found %v", ids(got))
		}
		if got := as[ListReply](t, r.say(lin, "list web@production --by <@U0SAM>")); len(got.Entries) != 2 { // which needs no name
			t.Errorf("found %v", ids(got))
		}
	})
}

// walk turns the pages by their buttons: Older to the end, then Newer to the beginning.
func (r *rig) walk(first ListReply) (older, newer [][]int64) {
	r.t.Helper()
	turn := func(trail string) ListReply {
		inv := first.Filter
		inv.Verb, inv.UID, inv.Options[Trail] = List, first.Stack.UID, trail
		return as[ListReply](r.t, r.click(lin, inv))
	}
	page := first
	for older = append(older, ids(page)); page.Older != ""; older = append(older, ids(page)) {
		page = turn(page.Older)
	}
	for newer = append(newer, ids(page)); page.Trail != ""; newer = append(newer, ids(page)) {
		page = turn(NewerTrail(page.Trail))
	}
	slices.Reverse(newer)
	return older, newer
}

func TestTurningThePagesOfANarrowedListShowsEachDeploymentOnce(t *testing.T) {
	for name, test := range map[string]struct {
		all   int
		fails func(id int64) bool
	}{
		"none":                      {40, func(int64) bool { return false }},
		"none of many":              {1234, func(int64) bool { return false }},
		"all of one page":           {10, func(int64) bool { return true }},
		"all of a page of the API":  {30, func(int64) bool { return true }},
		"one more":                  {31, func(int64) bool { return true }},
		"all of many":               {995, func(int64) bool { return true }},
		"every third":               {700, func(id int64) bool { return id%3 == 0 }},
		"the oldest alone":          {907, func(id int64) bool { return id == 1 }},
		"the last of ten pages":     {301, func(id int64) bool { return id == 2 }},
		"the eleventh page's first": {301, func(id int64) bool { return id == 1 }},
		"a bunch far down":          {650, func(id int64) bool { return id <= 25 }},
		"nothing at all":            {0, func(int64) bool { return false }},
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.cloud.has("web1", test.all)
			want := []int64{}
			for i, d := range r.cloud.deployments["web1"] {
				if test.fails(d.ID) {
					r.cloud.deployments["web1"][i].Outcome.Kind = cloud66.OutcomeFailed
					want = append(want, d.ID)
				}
			}
			older, newer := r.walk(as[ListReply](t, r.say(lin, "list web@production --outcome failed")))
			if got := slices.Concat(older...); !slices.Equal(got, want) {
				t.Errorf("%s: shown were %v, not %v", name, got, want)
			}
			if diff := cmp.Diff(older, newer); diff != "" {
				t.Errorf("%s: on the way back it is otherwise (-there +back):\n%s", name, diff)
			}
		})
	}
}

func TestAFilterLooksThroughTenPagesOfTheAPIAtMost(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 1000)
		for _, id := range []int64{950, 903, 640} {
			r.cloud.deployments["web1"][1000-id].Outcome.Kind = cloud66.OutcomeFailed
		}
		first := as[ListReply](t, r.say(lin, "list web@production --outcome failed"))
		if diff := cmp.Diff([]int64{950, 903}, ids(first)); diff != "" || first.Looked != 300 || first.Total != 1000 || first.Older != "300" {
			t.Errorf("looked at %d of %d, then %q (-want +got):\n%s", first.Looked, first.Total, first.Older, diff)
		}
		if n := len(r.cloud.calls); n != 10 {
			t.Errorf("%d requests: %q", n, r.cloud.calls)
		}
		r.cloud.calls = nil
		odd := as[ListReply](t, r.click(lin, Invocation{Verb: List, UID: "web1", Options: Options{Outcome: "failed", Trail: "7,55"}}))
		if diff := cmp.Diff([]int64{903}, ids(odd)); diff != "" || odd.Older == "" {
			t.Errorf("from the middle of a page (-want +got):\n%s", diff)
		}
		for _, call := range r.cloud.calls[1:] {
			var offset, limit int
			if _, err := fmt.Sscanf(call, "range web1 %d+%d", &offset, &limit); err != nil || offset%30 != 0 || limit != 30 {
				t.Errorf("%q is more than one page of the API", call)
			}
		}
		if n := len(r.cloud.calls); n != 10 {
			t.Errorf("%d requests: %q", n, r.cloud.calls)
		}
	})
}

func TestAPageOfANarrowedListIsCountedAmongWhatFits(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 120)
		for i := range r.cloud.deployments["web1"] {
			if i%4 == 0 { // #120, #116 and so on, 30 in all
				r.cloud.deployments["web1"][i].Outcome.Kind = cloud66.OutcomeFailed
			}
		}
		got := as[ListReply](t, r.say(lin, "list web@production --outcome failed --page 2"))
		if list := ids(got); len(list) != 10 || list[0] != 80 || list[9] != 44 || got.Filter.Number(Page) != 2 {
			t.Errorf("page 2 is %v, %+v", list, got.Filter)
		}
		older, newer := r.walk(got)
		if diff := cmp.Diff(older, newer); diff != "" || len(older) < 2 || older[1][0] != 40 {
			t.Errorf("from there on: %v (-there +back):\n%s", older, diff)
		}
		beyond := as[ListReply](t, r.say(lin, "list web@production --outcome failed --page 9"))
		if len(beyond.Entries) != 0 || beyond.Older != "" || beyond.Total != 120 || beyond.Looked != 120 {
			t.Errorf("beyond the end: %+v", beyond)
		}
	})
}

func TestATrailThatWasForgedShowsNothingWrong(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 50)
		for _, trail := range []string{"9999999", "50", "40,30,20", "0,0,0"} {
			got := as[ListReply](t, r.click(lin, Invocation{Verb: List, UID: "web1", Options: Options{Outcome: "succeeded", Trail: trail}}))
			if got.Looked < 0 || got.Looked > 50 || len(got.Entries) > 10 {
				t.Errorf("%s: %+v", trail, got)
			}
		}
	})
}

func TestATrailKeepsItsEndWhereItBecomesTooLong(t *testing.T) {
	var offsets []int
	for i := range 200 {
		offsets = append(offsets, i*1000)
	}
	trail := trailOf(offsets)
	inv := Invocation{Verb: List, UID: "web1", Options: Options{Outcome: "failed", Trail: trail}}
	if len(trail) > maxTrail || throughSlack(t, inv) != inv {
		t.Errorf("%d characters", len(trail))
	}
	if newer := NewerTrail(trail); newer+",199000" != trail {
		t.Errorf("its end is lost: %s", trail)
	}
	if NewerTrail("30") != "" || NewerTrail("") != "" {
		t.Error("the first page has none before it")
	}
}
