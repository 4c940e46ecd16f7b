package commands

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"c66bot/authz"
	"c66bot/storage"
)

// auditSays returns what the audit shows to a user in a channel.
func (r *rig) auditSays(user, channel, text string) string {
	r.t.Helper()
	reply := r.asked(user, channel, text)
	return reply.Document().Fallback().String()
}

func TestTheAuditShowsWhatWasAskedForAndWhatCameOfIt(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 5)
		r.put(allow(sam, "web@production", authz.View, authz.Redeploy))
		r.say(sam, "redeploy web@production --now")
		time.Sleep(time.Second)
		r.say(sam, "redeploy web@staging --now")
		time.Sleep(time.Second)
		r.say(lin, "allow everyone view api")
		page := as[auditReply](t, r.say(lin, "audit"))
		var got []string
		for _, e := range page.Entries {
			_, words := auditResult(e)
			got = append(got, fmt.Sprintf("%s %s: %s by %q", e.User, e.Asked, words, e.By))
		}
		want := []string{
			`U0LIN allow everyone view api: done by ""`, `U0SAM redeploy web@staging --now: refused by ""`,
			`U0SAM redeploy web@production --now: not known yet by "rule r0"`,
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("the audit shows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		for text, n := range map[string]int{
			"audit --user <@U0SAM>": 2, "audit --user <@U0KIM>": 0, "audit web@production": 1, "audit web@production --user <@U0LIN>": 0,
			"audit --since 1h": 3,
		} {
			if page := as[auditReply](t, r.say(lin, text)); page.page.total != n {
				t.Errorf("%s shows %d", text, page.page.total)
			}
		}
		time.Sleep(2 * time.Hour)
		if page := as[auditReply](t, r.say(lin, "audit --since 1h")); page.page.total != 0 {
			t.Errorf("hours later it shows %d", page.page.total)
		}
	})
}

func TestAnAdminByARuleSeesTheAuditOfTheChannelAndOfStacksThatTheyMaySee(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(allow(sam, "*", authz.Admin), allow(sam, "web@staging", authz.View))
		web, staging := storage.StackRef{UID: "web1", Name: "web", Environment: "production"},
			storage.StackRef{UID: "web2", Name: "web", Environment: "staging"}
		r.stores(func(tx storage.Tx) error {
			for i, e := range []storage.AuditEntry{
				{Channel: here, Asked: "one", Stack: staging}, {Channel: there, Asked: "two", Stack: staging},
				{Channel: here, Asked: "three", Stack: web},
				{Channel: here, Asked: "four"},
			} {
				e.At, e.User = time.Now().Add(time.Duration(i)*time.Second), kim
				if err := storage.PutAudit(tx, e); err != nil {
					return err
				}
			}
			return nil
		})
		said := r.auditSays(sam, here, "audit")
		if !strings.Contains(said, "one") || !strings.Contains(said, "four") || strings.Contains(said, "two") || strings.Contains(said, "three") {
			t.Errorf("the audit says %q", said)
		}
		if said := r.auditSays(lin, here, "audit"); strings.Count(said, "U0KIM") != 4 {
			t.Errorf("to lin the audit says %q", said)
		}
		if said := r.auditSays(lin, direct, "audit"); strings.Count(said, "U0KIM") != 4 {
			t.Errorf("directly the audit says %q", said)
		}
		as[RefusalReply](t, r.say(kim, "audit"))
		hidden, missing := r.asked(sam, here, "audit web@production"), r.asked(sam, here, "audit none@production")
		same := strings.ReplaceAll(fmt.Sprintf("%v", missing.Document().Fallback()), "none", "web")
		if fmt.Sprintf("%v", hidden.Document().Fallback()) != same {
			t.Errorf("of a hidden stack the audit says %q, of a missing one %q", hidden.Document().Fallback(), missing.Document().Fallback())
		}
	})
}

func TestAPromotionFromAHiddenStackIsNotShownInTheAudit(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.staged()
		r.put(allow(sam, "web@*", authz.View), allow(sam, "web@production", authz.Redeploy), allow(kim, "*", authz.Admin),
			allow(kim, "web@[pq]*", authz.View))
		agreed := agree(t, r.say(sam, "promote web@staging production"))
		time.Sleep(time.Second)
		r.click(sam, agreed)
		r.lockMade(lin, "lock web@production migration")
		as[LockedReply](t, r.say(sam, "redeploy web@production --now"))
		r.say(sam, "promote web@staging qa")
		rows := rowsIn(t, "audit", r.say(kim, "audit"))
		if all := strings.Join(rows, "\n"); strings.Contains(all, "staging") || !strings.Contains(all, "redeploy web@production") {
			t.Errorf("kim sees\n%s", all)
		}
		if all := strings.Join(rowsIn(t, "audit", r.say(lin, "audit")), "\n"); strings.Count(all, "promote web@staging") != 2 {
			t.Errorf("lin sees\n%s", all)
		}
		r.put(allow(kim, "web@staging", authz.View))
		if all := strings.Join(rowsIn(t, "audit", r.say(kim, "audit")), "\n"); !strings.Contains(all, "promote web@staging production") {
			t.Errorf("kim, who may see both, sees\n%s", all)
		}
	})
}
