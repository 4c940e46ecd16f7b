package bot_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/storage"
	"c66bot/storage/bolt"
)

func TestTheLogHasTheDigestOfTheAuditOnceADay(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.ask(sam, deploys, "/c66 redeploy web --now") // refused
		line := regexp.MustCompile(`msg="the audit so far" entries=(\d+) first=(\w+) last=(\w+) digest=([0-9a-f]{64}) forgotten=0`)
		r.until("the digest is logged", func() bool { return line.MatchString(r.log.String()) })
		time.Sleep(3 * time.Hour)
		logged := line.FindAllStringSubmatch(r.log.String(), -1)
		if len(logged) != 1 || logged[0][1] != "1" || logged[0][2] != logged[0][3] {
			t.Fatalf("the log has %q", logged)
		}
		r.stop()
		db, err := bolt.Open(r.db)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(t.Context(), func(tx storage.Tx) error { // as if a day had passed, and somebody had changed the entry
			s, err := storage.LastSeal(tx)
			s.At = s.At.Add(-22 * time.Hour)
			return errors.Join(err, storage.PutSeal(tx, s), storage.Audit.Put(tx, s.Last, storage.AuditEntry{At: time.Now(), User: lin}))
		})
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		r.start()
		r.until("the digest is logged again", func() bool { return len(line.FindAllString(r.log.String(), -1)) == 2 })
		if !regexp.MustCompile(`level=ERROR msg="entries of the audit were changed or removed.*digests=1`).MatchString(r.log.String()) {
			t.Error("the log does not tell of the change")
		}
	})
}

func TestTheDigestIsLoggedThoughTheClockWasPutBack(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.ask(sam, deploys, "/c66 redeploy web --now") // refused
		line := func(n int) func() bool {
			return func() bool { return strings.Count(r.log.String(), "the audit so far") == n }
		}
		r.until("the digest is logged", line(1))
		r.stop()
		r.stores(func(tx storage.Tx) error { // as if the clock had been years ahead then
			s, err := storage.LastSeal(tx)
			s.At = s.At.AddDate(9, 0, 0)
			return errors.Join(err, storage.PutSeal(tx, s))
		})
		r.start()
		r.until("the digest is logged again", line(2))
		time.Sleep(20 * time.Hour)
		r.until("it is not logged more often than once a day", line(2))
	})
}

// TestWhatCameOfADecisionIsInTheAudit goes from the commands to the ends of their deployments.
func TestWhatCameOfADecisionIsInTheAudit(t *testing.T) {
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		r.command(lin, deploys, "/c66 allow <@U0SAM|sam> redeploy web")
		r.until("the rule is made", func() bool { return strings.Contains(r.sees(lin, deploys), "made a rule for") })
		r.command(sam, deploys, "/c66 redeploy web --now")
		r.until("it went live", func() bool { return strings.Contains(r.sees(lin, deploys), "went live") })
		r.command(lin, deploys, "/c66 redeploy web --now")
		r.until("it runs", func() bool { return strings.Contains(r.sees(lin, deploys), "#1037") })
		r.command(lin, deploys, "/c66 subscribe web")
		r.until("it is subscribed to", func() bool { return strings.Contains(r.sees(lin, deploys), "subscribed this channel") })
		r.kill() // the second redeploy has not ended
		r.ended(t, []string{
			"U0LIN allow U0SAM redeploy web: done", "U0SAM redeploy web@production --now: succeeded #1036",
			"U0LIN redeploy web@production --now: not known", "U0LIN subscribe web: done",
		})
		r.start()
		r.until("both went live", func() bool { return strings.Count(r.sees(lin, deploys), "went live") >= 2 })
		time.Sleep(10 * time.Minute)
		r.stop()
		r.ended(t, []string{
			"U0LIN allow U0SAM redeploy web: done", "U0SAM redeploy web@production --now: succeeded #1036",
			"U0LIN redeploy web@production --now: succeeded #1037", "U0LIN subscribe web: done",
		})
	})
}

// ended compares what came of the decisions in the audit of a stopped bot.
func (r *rig) ended(t *testing.T, want []string) {
	t.Helper()
	var got []string
	r.stores(func(tx storage.Tx) error {
		got = nil
		return storage.EachAudit(tx, time.Time{}, func(e storage.AuditEntry) error {
			what := "not known"
			if e.Result != nil {
				what = string(e.Result.Outcome)
			}
			if e.Result != nil && e.Result.Deployment != 0 {
				what += fmt.Sprintf(" #%d", e.Result.Deployment)
			}
			got = append(got, e.User+" "+e.Asked+": "+what)
			return nil
		})
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the audit holds (-want +got):\n%s", diff)
	}
}
