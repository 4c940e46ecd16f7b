package slacksim

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAShortcutsPayload(t *testing.T) {
	inBubble(t, appWith(), func(r *rig) {
		t := r.t
		l := r.connect()
		d := r.w.Person(lin).Shortcut("redeploy")
		e := l.read()
		if e["type"] != "interactive" || e["accepts_response_payload"] != false {
			t.Errorf("the envelope is %v", e)
		}
		got := object(e["payload"])
		if _, ok := parseTS(word(got["action_ts"])); !ok {
			t.Errorf("action_ts %v", got["action_ts"])
		}
		delete(got, "action_ts")
		want := map[string]any{
			"type": "shortcut", "api_app_id": "A0C66", "token": verificationToken, "enterprise": nil, "is_enterprise_install": false,
			"user": map[string]any{"id": lin, "username": "lin", "name": "lin", "team_id": "T0HOME"},
			"team": map[string]any{"id": "T0HOME", "domain": "home"}, "callback_id": "redeploy", "trigger_id": d.TriggerID,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		l.ack(e, "")
		if _, err := d.Wait(soon(t)); err != nil {
			t.Error(err)
		}
		r.noViolations()
	})
}

func TestShortcutsThatSlackItselfRefuses(t *testing.T) {
	tests := map[string]struct {
		o    Options
		who  string
		what string
		code string
	}{
		"one that the app does not declare": {appWith(), lin, "reboot", "unknown_shortcut"},
		"one of an app without any":         {Options{}, lin, "redeploy", "unknown_shortcut"},
		"one of an app without the scope": {
			Options{Manifest: appWith().Manifest, BotScopes: []string{"chat:write"}},
			lin,
			"redeploy",
			"unknown_shortcut",
		},
		"one of somebody unknown":  {appWith(), "U0NONE", "redeploy", "user_not_found"},
		"one while nobody listens": {appWith(), lin, "redeploy", "dispatch_failed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, tt.o, func(r *rig) {
				if got := failureOf(r.t, r.w.Person(tt.who).Shortcut(tt.what).Err()); got != tt.code {
					r.t.Errorf("failed with %q", got)
				}
			})
		})
	}
}
