package bot_test

import (
	"strings"
	"testing"
	"time"

	"c66bot/bot/slacksim"
)

// within gives an object of a frame by its path; an empty one where it is not there.
func within(frame map[string]any, path ...string) map[string]any {
	for _, name := range path {
		frame, _ = frame[name].(map[string]any)
	}
	if frame == nil {
		return map[string]any{}
	}
	return frame
}

// twists are changes of what nothing needs, or of how what is needed is written.
var twists = map[string]func(frame map[string]any){
	"numbers as strings": func(f map[string]any) {
		f["retry_attempt"], f["num_connections"], f["accepts_response_payload"] = "1", "1", "true"
		within(f, "debug_info")["approximate_connection_time"] = "18060"
	},
	"fractions": func(f map[string]any) {
		f["retry_attempt"], f["num_connections"] = 0.5, 1.0
		within(f, "debug_info")["approximate_connection_time"] = 18060.5
	},
	"nulls and objects": func(f map[string]any) {
		f["retry_attempt"], f["retry_reason"], f["connection_info"], f["debug_info"] = nil, map[string]any{"why": 1}, "A1", []int{1}
		p := within(f, "payload")
		p["is_enterprise_install"], p["team"], p["enterprise"], p["token"], p["api_app_id"] = []int{1}, "T1", 7, nil, map[string]any{}
	},
	"ids in place of objects": func(f map[string]any) {
		p := within(f, "payload")
		for _, name := range []string{"user", "channel"} {
			if o, ok := p[name].(map[string]any); ok {
				p[name] = o["id"]
			}
		}
	},
	"objects in place of ids": func(f map[string]any) {
		for _, at := range []struct {
			of    map[string]any
			names []string
		}{{within(f, "payload"), []string{"user_id", "channel_id"}}, {within(f, "payload", "event"), []string{"user", "channel"}}} {
			for _, name := range at.names {
				if id, ok := at.of[name].(string); ok {
					at.of[name] = map[string]any{"id": id, "name": "x"}
				}
			}
		}
	},
	"no channel, and odd actions": func(f map[string]any) {
		p := within(f, "payload")
		if all, ok := p["actions"].([]any); ok {
			p["channel"], p["actions"] = nil, append([]any{nil, 7, "x", map[string]any{"action_id": nil}}, all...)
		}
	},
	"a container of words": func(f map[string]any) {
		if p := within(f, "payload"); p["container"] != nil {
			p["container"] = "message"
		}
	},
	"not edited": func(f map[string]any) {
		if e := within(f, "payload", "event"); e["type"] != nil {
			e["edited"], e["blocks"], e["thread_ts"] = false, "none", nil
		}
	},
}

func TestWrongTypesOfWhatNothingNeedsHarmNothing(t *testing.T) {
	t.Parallel()
	for name, twist := range twists {
		t.Run(name, func(t *testing.T) {
			eachWish(t, func(t *testing.T, r *rig, send func() *slacksim.Delivery) {
				r.slack.Twist(twist)
				r.slack.Disconnect("refresh_requested") // its successor's hello is twisted too
				pass(20 * time.Second)
				if err := r.bot.Ready(); err != nil {
					t.Fatal(err)
				}
				r.acked(send())
				r.card("deploying #")
				if n := r.requests("POST"); n != 1 {
					t.Errorf("%d POSTs were made", n)
				}
			})
		})
	}
}

func TestAnEnvelopeThatCannotBeReadIsAcknowledgedAndItsAuthorIsTold(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string]map[string]any{
		"a command without its channel": {"command": "/c66", "text": "list web", "user_id": lin, "response_url": ""},
		"a command of nobody known":     {"command": "/c66", "text": "list web", "user": map[string]any{"id": lin}, "channel_id": deploys},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, settings{}, func(t *testing.T, r *rig) {
				r.acked(r.slack.Deliver("slash_commands", payload, true))
				told := func() string { return r.sees(lin, deploys) + strings.Join(r.directly(), "") }
				r.until("lin is told", func() bool { return strings.Contains(told(), "I could not read what Slack sent me of yours") })
			})
		})
	}
}
