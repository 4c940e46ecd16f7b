package people

import (
	"testing"
	"testing/synctest"
	"time"

	"c66bot/bot/webapi"
)

func TestAPersonIsFoundByTheAddressAndRememberedForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSlackBook()
		b.users["kim@example.com"] = `{"id":"U0KIM","team_id":"T0ACME","name":"kim"}`
		b.users["ci@example.com"] = `{"id":"U0CI","team_id":"T0ACME","name":"ci","is_bot":true}`
		b.users["left@example.com"] = `{"id":"U0LEFT","team_id":"T0ACME","name":"left","deleted":true}`
		b.users["flow@example.com"] = `{"id":"U0FLOW","team_id":"T0ACME","name":"flow","is_workflow_bot":true}`
		b.users["al@example.com"] = `{"id":"U0ALI","team_id":"T0ACME","name":"ali","profile":{"email":"ali@example.com"}}`
		b.users["eve@example.com"] = `{"id":"U0EVE","team_id":"T0ACME","name":"eve","profile":{"email":"Eve@example.com"}}`
		p := b.people()
		ask := func(text, want string, calls ...string) {
			t.Helper()
			if got, err := p.ByEmail(t.Context(), text); got != want || err != nil {
				t.Errorf("%q: %q, %v; want %q", text, got, err, want)
			}
			wantCalls(t, b, calls...)
		}
		ask("kim@example.com", "U0KIM", "users.lookupByEmail kim@example.com")
		ask(" Kim B <Kim@Example.com> ", "U0KIM")
		ask("ci@example.com", "", "users.lookupByEmail ci@example.com")
		ask("gone@example.com", "", "users.lookupByEmail gone@example.com")
		for _, email := range []string{"left@example.com", "flow@example.com", "al@example.com"} {
			ask(email, "", "users.lookupByEmail "+email)
		}
		ask("eve@example.com", "U0EVE", "users.lookupByEmail eve@example.com")
		ask("Kim", "")
		ask("", "")
		ask("<!channel>", "")
		time.Sleep(24*time.Hour - time.Nanosecond)
		ask("kim@example.com", "U0KIM")
		ask("gone@example.com", "")
		time.Sleep(time.Nanosecond)
		ask("gone@example.com", "", "users.lookupByEmail gone@example.com")
		b.set(func() {
			b.fails["users.lookupByEmail"] = `{"ok":false,"error":"missing_scope","needed":"users:read.email"}`
		})
		if got, err := p.ByEmail(t.Context(), "sam@example.com"); got != "" || webapi.Judge(err).Code != "missing_scope" {
			t.Errorf("without the scope: %q, %v", got, err)
		}
	})
}
