package slacksim

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var groupEvents = appWith("subteam_created", "subteam_updated", "subteam_members_changed")

// nextEvent reads and acknowledges the next event's inner part.
func (l *link) nextEvent() map[string]any {
	l.t.Helper()
	e := l.read()
	l.ack(e, "")
	return object(object(e["payload"])["event"])
}

func TestAGroupThatChangesIsTold(t *testing.T) {
	inBubble(t, groupEvents, func(r *rig) {
		t := r.t
		l := r.connect()
		start := float64(time.Now().Unix())
		r.w.SetGroup(Group{ID: "S0OPS", Handle: "ops", Users: []string{lin}})
		if got := l.nextEvent(); got["type"] != "subteam_created" || object(got["subteam"])["id"] != "S0OPS" {
			t.Errorf("the first event is %v", got)
		}
		time.Sleep(time.Minute)
		r.w.SetGroup(Group{ID: "S0OPS", Handle: "ops", Users: []string{sam, "U0NEW"}})
		subteam := object(l.nextEvent()["subteam"])
		want := map[string]any{
			"id": "S0OPS", "team_id": "T0HOME", "is_usergroup": true, "is_subteam": true, "name": "ops", "handle": "ops", "description": "",
			"is_external": false, "date_create": start, "date_update": start + 60, "date_delete": 0.0, "auto_type": nil, "auto_provision": false,
			"enterprise_subteam_id": "", "created_by": slackbot, "updated_by": slackbot, "deleted_by": nil,
			"prefs": map[string]any{"channels": []any{}, "groups": []any{}}, "channel_count": 0.0,
			"users": []any{sam, "U0NEW"}, "user_count": 2.0,
		}
		if diff := cmp.Diff(want, subteam); diff != "" {
			t.Error(diff)
		}
		changed := l.nextEvent()
		delete(changed, "event_ts")
		want = map[string]any{
			"type": "subteam_members_changed", "subteam_id": "S0OPS", "team_id": "T0HOME", "date_previous_update": start, "date_update": start + 60,
			"added_users": []any{sam, "U0NEW"}, "added_users_count": 2.0, "removed_users": []any{lin}, "removed_users_count": 1.0,
		}
		if diff := cmp.Diff(want, changed); diff != "" {
			t.Error(diff)
		}
		r.w.SetGroup(Group{ID: "S0OPS", Handle: "operators", Users: []string{sam, "U0NEW"}})
		if got := object(l.nextEvent()["subteam"]); got["handle"] != "operators" || got["date_create"] != start {
			t.Errorf("renamed as %v", got)
		}
		r.w.Drop()
		if last, err := l.ended(); err == nil || last != nil {
			t.Errorf("the app got %v", last)
		}
	})
}

func TestADisabledGroup(t *testing.T) {
	inBubble(t, groupEvents, func(r *rig) {
		t := r.t
		l := r.connect()
		r.w.AddGroup(Group{ID: "S0OPS", Handle: "ops", Users: []string{lin}})
		r.w.SetGroup(Group{ID: "S0OPS", Handle: "ops", Users: []string{lin}, Disabled: true})
		if got := object(l.nextEvent()["subteam"]); got["date_delete"] != float64(time.Now().Unix()) || got["deleted_by"] != slackbot {
			t.Errorf("the event is about %v", got)
		}
		r.refused("no_such_subteam", "usergroups.users.list", "usergroup", "S0OPS")
		r.ok("usergroups.users.list", "usergroup", "S0OPS", "include_disabled", "true")
		if n := len(list(r.ok("usergroups.list").json["usergroups"])); n != 0 {
			t.Errorf("%d groups", n)
		}
		got := object(
			list(r.ok("usergroups.list", "include_disabled", "true", "include_users", "true", "include_count", "true").json["usergroups"])[0],
		)
		if diff := cmp.Diff([]any{lin}, got["users"]); diff != "" || got["user_count"] != 1.0 || got["date_delete"] == 0.0 {
			t.Errorf("%s %v", diff, got)
		}
		got = object(list(r.ok("usergroups.list", "include_disabled", "true").json["usergroups"])[0])
		if got["users"] != nil || got["user_count"] != nil {
			t.Errorf("unasked: %v", got)
		}
		r.w.SetGroup(Group{ID: "S0OPS", Handle: "ops", Users: []string{lin}})
		if got := object(l.nextEvent()["subteam"]); got["date_delete"] != 0.0 {
			t.Errorf("enabled again: %v", got)
		}
	})
}

func TestAnEventNames500UsersAtMost(t *testing.T) {
	inBubble(t, groupEvents, func(r *rig) {
		l := r.connect()
		users := make([]string, 501)
		for i := range users {
			users[i] = fmt.Sprintf("U%03d", i)
		}
		r.w.SetGroup(Group{ID: "S0ALL", Handle: "all", Users: users})
		if got := object(l.nextEvent()["subteam"]); len(list(got["users"])) != 500 || got["user_count"] != 501.0 {
			r.t.Errorf("%d users, user_count %v", len(list(got["users"])), got["user_count"])
		}
		if n := len(list(r.ok("usergroups.users.list", "usergroup", "S0ALL").json["users"])); n != 501 {
			r.t.Errorf("%d users", n)
		}
	})
}

func TestEveryPayloadTellsTheTeamOfWhoActs(t *testing.T) {
	inBubble(t, appWith("app_mention"), func(r *rig) {
		t := r.t
		l := r.connect()
		const eve = "U0EVE"
		r.w.AddUser(User{ID: eve, Name: "eve", TeamID: "T0OTHER"})
		r.w.AddChannel(Channel{ID: "C0SHARED", Name: "shared", Shared: true, Members: []string{eve}, BotIsMember: true})
		r.ok("chat.postMessage", "channel", "C0SHARED", "text", "x", "blocks", twoButtons)
		p := r.w.Person(eve)
		d := p.Command("C0SHARED", "/c66")
		if got := object(l.read()["payload"]); got["team_id"] != "T0OTHER" {
			t.Errorf("the command: %v", got)
		}
		r.ok("views.open", "trigger_id", d.TriggerID, "view", modal(actionsBlock("More"), submitGo+`,"notify_on_close":true`))
		for name, do := range map[string]func(){
			"a click":           func() { r.must(p.Click("C0SHARED", r.last(eve, "C0SHARED"), "Show")) },
			"a click in a view": func() { r.must(p.ClickView("More")) },
			"a submission":      func() { r.must(p.Submit()) },
			"a shortcut":        func() { p.Shortcut("redeploy") },
		} {
			do()
			got := object(l.read()["payload"])
			if object(got["user"])["team_id"] != "T0OTHER" || object(got["team"])["id"] != "T0HOME" {
				t.Errorf("%s: user %v, team %v", name, got["user"], got["team"])
			}
		}
		p.CloseView()
		if got := object(l.read()["payload"]); object(got["user"])["team_id"] != "T0OTHER" {
			t.Errorf("a close: %v", got)
		}
	})
}

func TestAnotherBotIsToldApart(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		r.w.AddUser(User{ID: "U0CI", Name: "ci", IsBot: true})
		for user, want := range map[string]any{"U0CI": "B0CI", "U0C66BOT": "B0C66", lin: nil} {
			if got := object(object(r.ok("users.info", "user", user).json["user"])["profile"])["bot_id"]; got != want {
				r.t.Errorf("%s has the bot_id %v", user, got)
			}
		}
	})
}
