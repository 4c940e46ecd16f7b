package slacksim

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// texts are the texts of the messages of an answer.
func (a reply) texts() []string {
	out := []string{}
	for _, m := range list(a.json["messages"]) {
		out = append(out, word(object(m)["text"]))
	}
	return out
}

// ids are the ids of the objects in a list of an answer.
func (a reply) ids(name string) []string {
	out := []string{}
	for _, o := range list(a.json[name]) {
		id, isText := o.(string)
		if !isText {
			id = word(object(o)["id"])
		}
		out = append(out, id)
	}
	return out
}

func (a reply) cursor() string {
	next, _ := object(a.json["response_metadata"])["next_cursor"].(string)
	return next
}

func TestHistoryIsReadNewestFirstAndInPages(t *testing.T) {
	inBubble(t, Options{NoRateLimits: true}, func(r *rig) {
		t := r.t
		ts := map[string]string{}
		for i := 1; i <= 5; i++ {
			ts[fmt.Sprint(i)] = r.ok(
				"chat.postMessage",
				"channel",
				general,
				"text",
				fmt.Sprint(i),
				"metadata",
				`{"event_type":"e","event_payload":{}}`,
			).str(
				"ts",
			)
			time.Sleep(time.Second)
		}
		r.ok("chat.postMessage", "channel", general, "text", "quiet", "thread_ts", ts["2"])
		r.ok("chat.postMessage", "channel", general, "text", "loud", "thread_ts", ts["2"], "reply_broadcast", "true")
		r.ok("chat.postEphemeral", "channel", general, "text", "psst", "user", lin)
		tests := map[string]struct {
			args []string
			want []string
			more bool
		}{
			"everything":                   {nil, []string{"loud", "5", "4", "3", "2", "1"}, false},
			"two of them":                  {[]string{"limit", "2"}, []string{"loud", "5"}, true},
			"since, without the edge":      {[]string{"oldest", ts["3"]}, []string{"loud", "5", "4"}, false},
			"since, with the edge":         {[]string{"oldest", ts["3"], "inclusive", "true"}, []string{"loud", "5", "4", "3"}, false},
			"until, without the edge":      {[]string{"latest", ts["3"]}, []string{"2", "1"}, false},
			"one message by its timestamp": {[]string{"latest", ts["3"], "oldest", ts["3"], "inclusive", "1"}, []string{"3"}, false},
		}
		for name, tt := range tests {
			got := r.ok("conversations.history", append([]string{"channel", general}, tt.args...)...)
			if diff := cmp.Diff(tt.want, got.texts()); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			if got.json["has_more"] != tt.more || (got.cursor() != "") != tt.more {
				t.Errorf("%s: answered %s", name, got.body)
			}
		}
		first := r.ok("conversations.history", "channel", general, "limit", "4")
		r.ok("chat.postMessage", "channel", general, "text", "meanwhile")
		second := r.ok("conversations.history", "channel", general, "limit", "4", "cursor", first.cursor())
		if diff := cmp.Diff([]string{"2", "1"}, second.texts()); diff != "" {
			t.Error(diff)
		}
		parent := object(list(second.json["messages"])[0])
		if parent["reply_count"] != 2.0 || parent["thread_ts"] != ts["2"] || parent["metadata"] != nil {
			t.Errorf("the parent is %v", parent)
		}
		full := r.ok("conversations.history", "channel", general, "limit", "4", "cursor", first.cursor(), "include_all_metadata", "true")
		if object(object(list(full.json["messages"])[0])["metadata"])["event_type"] != "e" {
			t.Errorf("the metadata is missing: %s", full.body)
		}
		page := r.ok("conversations.replies", "channel", general, "ts", ts["2"], "limit", "2")
		if diff := cmp.Diff([]string{"2", "quiet"}, page.texts()); diff != "" {
			t.Error(diff)
		}
		page = r.ok("conversations.replies", "channel", general, "ts", ts["2"], "limit", "2", "cursor", page.cursor())
		if diff := cmp.Diff([]string{"loud"}, page.texts()); diff != "" || page.json["has_more"] != false {
			t.Error(diff, page.body)
		}
	})
}

func TestWhatCannotBeRead(t *testing.T) {
	tests := map[string]struct {
		method, code string
		args         []string
	}{
		"the history where the bot is not":  {"conversations.history", "not_in_channel", []string{"channel", random}},
		"the history of a private channel":  {"conversations.history", "channel_not_found", []string{"channel", secret}},
		"the history with a broken cursor":  {"conversations.history", "invalid_cursor", []string{"channel", general, "cursor", "x"}},
		"the history with a foreign cursor": {"conversations.history", "invalid_cursor", []string{"channel", general, "cursor", "bmV4dDp4"}},
		"the history with a broken time":    {"conversations.history", "invalid_ts_oldest", []string{"channel", general, "oldest", "noon"}},
		"the history until a broken time": {
			"conversations.history",
			"invalid_ts_latest",
			[]string{"channel", general, "latest", "1.0000001"},
		},
		"too much history at once":               {"conversations.history", "invalid_limit", []string{"channel", general, "limit", "1000"}},
		"a direct message, without the right to": {"conversations.info", "missing_scope", []string{"channel", "D0LIN"}},
		"the direct message of others":           {"conversations.info", "channel_not_found", []string{"channel", "D0OTHER"}},
		"a thread that is not":                   {"conversations.replies", "thread_not_found", []string{"channel", general, "ts", "1.000001"}},
		"an unknown channel":                     {"conversations.info", "channel_not_found", []string{"channel", "C0NONE"}},
		"the members with a foreign cursor":      {"conversations.members", "invalid_cursor", []string{"channel", general, "cursor", "bmV4dDp4"}},
		"the members of a private channel":       {"conversations.members", "channel_not_found", []string{"channel", secret}},
		"an unknown user":                        {"users.info", "user_not_found", []string{"user", "U0NONE"}},
		"an unknown address":                     {"users.lookupByEmail", "users_not_found", []string{"email", "nobody@example.com"}},
		"no address":                             {"users.lookupByEmail", "users_not_found", nil},
		"the address of a deactivated account":   {"users.lookupByEmail", "users_not_found", []string{"email", "gone@example.com"}},
		"an unknown group":                       {"usergroups.users.list", "no_such_subteam", []string{"usergroup", "S0NONE"}},
		"a disabled group":                       {"usergroups.users.list", "no_such_subteam", []string{"usergroup", "S0OLD"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(r *rig) {
				r.w.AddChannel(Channel{ID: "D0LIN", IM: true, Members: []string{lin}, BotIsMember: true})
				r.w.AddChannel(Channel{ID: "D0OTHER", IM: true, Members: []string{lin, sam}})
				r.w.AddGroup(Group{ID: "S0OLD", Handle: "old", Disabled: true})
				r.w.AddUser(User{ID: "U0GONE", Name: "gone", Email: "gone@example.com", Deleted: true})
				r.refused(tt.code, tt.method, tt.args...)
			})
		})
	}
}

func TestLookingThingsUp(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		r.w.AddUser(User{ID: "U0PEER", Name: "peer", TeamID: "T0OTHER"})
		r.w.AddGroup(Group{ID: "S0OPS", Handle: "ops", Users: []string{lin, sam}})
		r.w.AddGroup(Group{ID: "S0OLD", Handle: "old", Disabled: true})
		r.w.AddUser(User{ID: "U0KIM", Name: "kim", Email: "Kim@example.com"})
		if kim := object(r.ok("users.lookupByEmail", "email", "kim@Example.com").json["user"]); kim["id"] != "U0KIM" {
			t.Errorf("by the address it is %v", kim)
		}
		peer := object(r.ok("users.info", "user", "U0PEER").json["user"])
		if peer["team_id"] != "T0OTHER" || peer["is_stranger"] != false || peer["is_bot"] != false {
			t.Errorf("the peer is %v", peer)
		}
		if self := r.ok("auth.test"); self.str("team_id") != "T0HOME" || self.str("user_id") != "U0C66BOT" || self.str("bot_id") != "B0C66" {
			t.Errorf("auth.test answered %s", self.body)
		}
		tests := map[string]struct {
			method, list string
			args         []string
			want         []string
		}{
			"the members":                  {"conversations.members", "members", []string{"channel", general}, []string{lin, sam, "U0C66BOT"}},
			"the groups in use":            {"usergroups.list", "usergroups", nil, []string{"S0OPS"}},
			"all groups":                   {"usergroups.list", "usergroups", []string{"include_disabled", "true"}, []string{"S0OPS", "S0OLD"}},
			"the people of a group":        {"usergroups.users.list", "users", []string{"usergroup", "S0OPS"}, []string{lin, sam}},
			"the people of a former group": {"usergroups.users.list", "users", []string{"usergroup", "S0OLD", "include_disabled", "1"}, []string{}},
		}
		for name, tt := range tests {
			if diff := cmp.Diff(tt.want, r.ok(tt.method, tt.args...).ids(tt.list)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		next := r.ok("conversations.members", "channel", general, "limit", "2").cursor()
		if diff := cmp.Diff([]string{"U0C66BOT"},
			r.ok("conversations.members", "channel", general, "limit", "2", "cursor", next).ids("members")); diff != "" {
			t.Error(diff)
		}
		info := object(r.ok("conversations.info", "channel", general).json["channel"])
		if info["is_member"] != true || info["is_private"] != false || info["name"] != "general" {
			t.Errorf("the channel is %v", info)
		}
	})
}

func TestGroupsMayNeedABetterPlan(t *testing.T) {
	inBubble(t, Options{GroupsNeedUpgrade: true}, func(r *rig) {
		r.refused("plan_upgrade_required", "usergroups.users.list", "usergroup", "S0OPS")
		r.refused("plan_upgrade_required", "usergroups.list")
	})
}
