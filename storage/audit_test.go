package storage_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/storage"
	"c66bot/storage/bolt"
)

var auditWeb = storage.StackRef{UID: "web1", Name: "web", Environment: "production"}

// decision is the n-th decision of a test: of two users in turn, every third on a stack.
func decision(n int, at time.Time) storage.AuditEntry {
	e := storage.AuditEntry{
		At: at, User: fmt.Sprintf("U%d", n%2), Channel: "C1", Action: "redeploy", Asked: fmt.Sprintf("redeploy %d", n),
		Operation: fmt.Sprintf("op%d", n), Allowed: true, Reason: "a test",
	}
	if n%3 == 0 {
		e.Stack = auditWeb
	}
	return e
}

// askedIn returns what the decisions of a page asked.
func askedIn(page []storage.AuditEntry) (all []string) {
	for _, e := range page {
		all = append(all, strings.TrimPrefix(e.Asked, "redeploy "))
	}
	return all
}

func TestAPageOfTheAuditHasTheNewestFirst(t *testing.T) {
	inUpdate(t, func(tx storage.Tx) error {
		begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		for n := range 200 {
			if err := storage.PutAudit(tx, decision(n, begin.Add(time.Duration(n)*time.Minute))); err != nil {
				return err
			}
		}
		for name, c := range map[string]struct {
			filter      storage.AuditFilter
			skip, count int
			want        string
			total       int
		}{
			"all":                    {storage.AuditFilter{}, 0, 3, "199 198 197", 200},
			"all, over two records":  {storage.AuditFilter{}, 70, 4, "129 128 127 126", 200},
			"the oldest":             {storage.AuditFilter{}, 198, 10, "1 0", 200},
			"behind the oldest":      {storage.AuditFilter{}, 200, 10, "", 200},
			"of a user":              {storage.AuditFilter{User: "U1"}, 0, 3, "199 197 195", 100},
			"on a stack":             {storage.AuditFilter{Stack: "web1"}, 65, 3, "3 0", 67},
			"of a user on a stack":   {storage.AuditFilter{User: "U1", Stack: "web1"}, 0, 3, "195 189 183", 33},
			"of nobody":              {storage.AuditFilter{User: "U9"}, 0, 3, "", 0},
			"since a time":           {storage.AuditFilter{User: "U1", Since: begin.Add(195 * time.Minute)}, 1, 9, "197 195", 3},
			"since now":              {storage.AuditFilter{Since: begin.Add(200 * time.Minute)}, 0, 9, "", 0},
			"since before all":       {storage.AuditFilter{Stack: "web1", Since: begin.Add(-time.Hour)}, 66, 9, "0", 67},
			"of a user with a slash": {storage.AuditFilter{User: "U1/web1"}, 0, 3, "", 0},
		} {
			page, total, err := storage.AuditPage(tx, c.filter, c.skip, c.count)
			if got := strings.Join(askedIn(page), " "); got != c.want || total != c.total || err != nil {
				t.Errorf("%s: %q of %d, %v; want %q of %d", name, got, total, err, c.want, c.total)
			}
		}
		return nil
	})
}

func TestADecisionHasItsResult(t *testing.T) {
	inUpdate(t, func(tx storage.Tx) error {
		now := time.Now()
		refused := decision(5, now)
		refused.Allowed = false
		err := errors.Join(
			storage.PutResult(tx, "op0", storage.Result{Outcome: storage.Done}), // nothing was decided yet
			storage.PutAudit(tx, decision(0, now)), storage.PutAudit(tx, decision(1, now)), storage.PutAudit(tx, decision(2, now)),
			storage.PutAudit(tx, decision(3, now)), storage.PutAudit(tx, refused),
			storage.PutResult(tx, "op1", storage.Result{Outcome: storage.Succeeded, Deployment: 7}),
			storage.PutResult(tx, "op1", storage.Result{Outcome: storage.Succeeded, Deployment: 7}),
			storage.Conclude(tx, "op1", storage.NotDone), // it has a result
			storage.Conclude(tx, "op2", storage.NotDone),
			storage.PutResult(tx, "op3", storage.Result{Outcome: storage.Succeeded, Deployment: 8}),
			storage.PutResult(tx, "op3", storage.Result{Outcome: storage.Failed, Deployment: 8, Said: "reverted"}), // a correction
			storage.PutResult(tx, "op5", storage.Result{Outcome: storage.Done}),
			storage.Conclude(tx, "op5", storage.NotDone), storage.Conclude(tx, "op9", storage.NotDone),
		)
		var got []string
		err = errors.Join(err, storage.EachAudit(tx, time.Time{}, func(e storage.AuditEntry) error {
			what := "not known"
			if e.Result != nil {
				what = fmt.Sprintf("%s #%d %s", e.Result.Outcome, e.Result.Deployment, e.Result.Said)
			}
			got = append(got, e.Operation+": "+what)
			return nil
		}))
		want := []string{"op0: not known", "op1: succeeded #7 ", "op2: not done #0 ", "op3: failed #8 reverted", "op5: not known"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if n := len(keys(tx, storage.Audit)); n != 5+4 {
			t.Errorf("%d entries", n)
		}
		return err
	})
}

func TestTheOrderOfTheAuditIsThatOfWritingWhateverTheClockSays(t *testing.T) {
	inUpdate(t, func(tx storage.Tx) error {
		now := time.Now()
		for n, at := range []time.Time{now, now.Add(time.Hour), now.Add(-time.Hour), {}} {
			if err := storage.PutAudit(tx, decision(n, at)); err != nil {
				return err
			}
		}
		page, _, err := storage.AuditPage(tx, storage.AuditFilter{}, 0, 9)
		if got := strings.Join(askedIn(page), " "); got != "3 2 1 0" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		return err
	})
}

func TestWhatIsForgottenOfTheAuditIsInNoPage(t *testing.T) {
	db, err := bolt.Open(filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	err = db.Update(t.Context(), func(tx storage.Tx) (err error) {
		for n := range 150 { // the first 100 are older than a day
			e := decision(n, now.Add(-25*time.Hour))
			if n >= 100 {
				e.At = now
			}
			err = errors.Join(err, storage.PutAudit(tx, e))
		}
		for n := range 150 {
			err = errors.Join(err, storage.PutResult(tx, fmt.Sprintf("op%d", n), storage.Result{Outcome: storage.Done}))
		}
		return err
	})
	if err := errors.Join(err, storage.Forget(t.Context(), db, 24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	err = db.Update(t.Context(), func(tx storage.Tx) error {
		for filter, want := range map[storage.AuditFilter]string{
			{}: "100 of 50", {User: "U1"}: "101 of 25", {Stack: "web1"}: "102 of 16", {User: "U1", Stack: "web1"}: "105 of 8",
		} {
			page, total, err := storage.AuditPage(tx, filter, 0, 1000)
			asked := append([]string{"nothing"}, askedIn(page)...)
			if got := fmt.Sprintf("%s of %d", asked[len(asked)-1], total); got != want || len(page) != total || err != nil {
				t.Errorf("%+v: %s, %d shown, %v; want %s", filter, got, len(page), err, want)
			}
		}
		// The results of the forgotten are young. What comes later finds no trace of those.
		return errors.Join(storage.PutResult(tx, "op1", storage.Result{Outcome: storage.Failed}), storage.PutAudit(tx, decision(150, now)))
	})
	all, errAll := verified(t, db)
	if len(all.Broken) > 0 || all.Now.Entries != 301 || all.Forgotten.Entries != 100 {
		t.Errorf("%+v, %v", all, errAll)
	}
	if err := errors.Join(err, errAll, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func verified(tb testing.TB, db storage.DB) (all storage.Seals, err error) {
	tb.Helper()
	err = db.View(tb.Context(), func(tx storage.Tx) (err error) {
		all, err = storage.Verify(tx)
		return err
	})
	return all, err
}
