package slacksim

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWhatCannotBePosted(t *testing.T) {
	tests := map[string]struct {
		method, code string
		args         []string
	}{
		"into a channel that the bot is not in":  {"chat.postMessage", "not_in_channel", []string{"channel", random, "text", "x"}},
		"into a private channel without the bot": {"chat.postMessage", "channel_not_found", []string{"channel", secret, "text", "x"}},
		"into a channel by its name":             {"chat.postMessage", "channel_not_found", []string{"channel", "#general", "text", "x"}},
		"into an archived channel":               {"chat.postMessage", "is_archived", []string{"channel", "C0OLD", "text", "x"}},
		"nothing":                                {"chat.postMessage", "no_text", []string{"channel", general}},
		"nothing with empty blocks":              {"chat.postMessage", "no_text", []string{"channel", general, "blocks", "[]"}},
		"blocks that are no list": {
			"chat.postMessage",
			"invalid_blocks_format",
			[]string{"channel", general, "blocks", `{"type":"divider"}`},
		},
		"blocks that are no JSON": {"chat.postMessage", "invalid_blocks_format", []string{"channel", general, "blocks", "["}},
		"blocks with too much text": {"chat.postMessage", "msg_blocks_too_long", []string{
			"channel", general, "blocks", "[" + section(long(2700)) + strings.Repeat(","+section(long(2700)), 4) + "]",
		}},
		"metadata without a payload": {
			"chat.postMessage",
			"invalid_metadata_format",
			[]string{"channel", general, "text", "x", "metadata", `{"event_type":"e"}`},
		},
		"metadata that is too large": {
			"chat.postMessage",
			"metadata_too_large",
			[]string{"channel", general, "text", "x", "metadata", `{"event_type":"` + long(8000) + `"}`},
		},
		"into a thread that is not": {
			"chat.postMessage",
			"thread_not_found",
			[]string{"channel", general, "text", "x", "thread_ts", "1.000001"},
		},
		"to nobody": {
			"chat.postEphemeral",
			"user_not_in_channel",
			[]string{"channel", general, "text", "x", "user", "U0NONE"},
		},
		"alone, where the bot is not":    {"chat.postEphemeral", "not_in_channel", []string{"channel", random, "text", "x", "user", lin}},
		"alone, in an unknown channel":   {"chat.postEphemeral", "channel_not_found", []string{"channel", secret, "text", "x", "user", lin}},
		"an edit of nothing":             {"chat.update", "message_not_found", []string{"channel", general, "ts", "1.000001", "text", "x"}},
		"a deletion of nothing":          {"chat.delete", "message_not_found", []string{"channel", general, "ts", "1.000001"}},
		"an edit in an unknown channel":  {"chat.update", "channel_not_found", []string{"channel", secret, "ts", "1.000001", "text", "x"}},
		"an edit by the person's id":     {"chat.update", "channel_not_found", []string{"channel", lin, "ts", "1.000001", "text", "x"}},
		"a direct message to a bot":      {"conversations.open", "cannot_dm_bot", []string{"users", "U0C66BOT"}},
		"a direct message to nobody":     {"conversations.open", "user_not_found", []string{"users", "U0NONE"}},
		"a direct message to the leaver": {"conversations.open", "user_disabled", []string{"users", "U0GONE"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(r *rig) {
				t := r.t
				r.w.AddChannel(Channel{ID: "C0OLD", Name: "old", BotIsMember: true, Archived: true})
				r.w.AddUser(User{ID: "U0GONE", Name: "gone", Deleted: true})
				r.refused(tt.code, tt.method, tt.args...)
				for _, c := range []string{general, random, secret} {
					if n := len(r.w.Person(lin).Sees(c)); n != 0 {
						t.Errorf("%d messages in %s", n, c)
					}
				}
			})
		})
	}
}

func TestAPostedMessageIsSeenAndAnswered(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		got := r.ok("chat.postMessage", "channel", general, "text", "hello", "blocks", "["+section("*hi*")+"]",
			"metadata", `{"event_type":"card","event_payload":{"id":"7"}}`)
		m := r.last(sam, general)
		if m.TS != got.str("ts") || got.str("channel") != general || m.Plain() != "hi" || m.Metadata["event_type"] != "card" {
			t.Errorf("answered %s, seen %+v", got.body, m)
		}
		block := object(list(object(got.json["message"])["blocks"])[0])
		if id, _ := block["block_id"].(string); id == "" {
			t.Errorf("the block has no id: %v", block)
		}
		next := r.ok("chat.postMessage", "channel", general, "text", "again").str("ts")
		a, _ := parseTS(m.TS)
		if b, _ := parseTS(next); a+1 != b {
			t.Errorf("%s does not follow %s", next, m.TS)
		}
	})
}

func TestTextIsCutSilentlyAtFortyThousand(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		r.ok("chat.postMessage", "channel", general, "text", long(40001))
		if n := len(r.last(lin, general).Text); n != 40000 {
			t.Errorf("%d characters", n)
		}
	})
}

func TestEditsFollowTheirRules(t *testing.T) {
	const metadata = `{"event_type":"card","event_payload":{}}`
	blocks := "[" + section("block") + "]"
	tests := map[string]struct {
		args   []string
		text   string
		blocks int
		kept   bool // metadata
	}{
		"text without blocks removes the blocks": {[]string{"text", "new"}, "new", 0, true},
		"blocks without text remove the text":    {[]string{"blocks", blocks}, "", 1, true},
		"empty metadata clears it":               {[]string{"text", "new", "blocks", blocks, "metadata", "{}"}, "new", 1, false},
		"the same again is fine":                 {[]string{"text", "old", "blocks", blocks, "metadata", metadata}, "old", 1, true},
		"4,000 characters are fine":              {[]string{"text", long(4000)}, long(4000), 0, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(r *rig) {
				t := r.t
				ts := r.ok("chat.postMessage", "channel", general, "text", "old", "blocks", blocks, "metadata", metadata).str("ts")
				r.ok("chat.update", append([]string{"channel", general, "ts", ts}, tt.args...)...)
				m := r.last(lin, general)
				if m.Text != tt.text || len(m.Blocks) != tt.blocks || (m.Metadata != nil) != tt.kept || m.Edits != 1 {
					t.Errorf("the message is %+v", m)
				}
			})
		})
	}
}

func TestWhatCannotBeEdited(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		said, err := r.w.Person(sam).Say(general, "", "mine")
		if err != nil {
			t.Fatal(err)
		}
		r.refused("cant_update_message", "chat.update", "channel", general, "ts", said.TS, "text", "x")
		r.refused("cant_delete_message", "chat.delete", "channel", general, "ts", said.TS)
		alone := r.ok("chat.postEphemeral", "channel", general, "user", lin, "text", "psst").str("message_ts")
		r.refused("message_not_found", "chat.update", "channel", general, "ts", alone, "text", "x")
		r.refused("message_not_found", "chat.delete", "channel", general, "ts", alone)
		own := r.ok("chat.postMessage", "channel", general, "text", "x").str("ts")
		r.refused("msg_too_long", "chat.update", "channel", general, "ts", own, "text", long(4001))
		r.refused("no_text", "chat.update", "channel", general, "ts", own)
		r.w.Kick(general)
		r.refused("not_in_channel", "chat.update", "channel", general, "ts", own, "text", "y")
		if len(r.w.Person(sam).Sees(general)) != 2 || len(r.w.Person(lin).Sees(general)) != 3 {
			t.Error("somebody sees too much or too little")
		}
	})
}

func TestThreads(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		parent := r.ok("chat.postMessage", "channel", general, "text", "card").str("ts")
		r.ok("chat.postMessage", "channel", general, "text", "step", "thread_ts", parent)
		loud := r.ok("chat.postMessage", "channel", general, "text", "failed", "thread_ts", parent, "reply_broadcast", "true").str("ts")
		texts := func(messages []Message) (out []string) {
			for _, m := range messages {
				out = append(out, m.Text)
			}
			return out
		}
		if diff := cmp.Diff([]string{"card", "failed"}, texts(r.w.Person(lin).Sees(general))); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"card", "step", "failed"}, texts(r.w.Person(lin).Thread(general, parent))); diff != "" {
			t.Error(diff)
		}
		if _, err := r.w.Person(sam).Say(general, parent, "thanks"); err != nil {
			t.Error(err)
		}
		r.noViolations()
		time.Sleep(10 * time.Second)
		r.ok("chat.postMessage", "channel", general, "text", "odd", "thread_ts", loud)
		if len(r.w.Violations()) != 1 {
			t.Errorf("a reply to a reply: %q", r.w.Violations())
		}
		r.ok("chat.delete", "channel", general, "ts", parent)
		if got := texts(r.w.Person(lin).Thread(general, parent)); len(got) != 5 || got[0] != "This message was deleted." {
			t.Errorf("the thread is %q", got)
		}
		r.refused("message_not_found", "chat.update", "channel", general, "ts", parent, "text", "back")
		r.ok("chat.delete", "channel", general, "ts", loud)
		if diff := cmp.Diff([]string{"This message was deleted."}, texts(r.w.Person(lin).Sees(general))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestADirectMessageIsOpenedOnceAndTakesTheUsersID(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		id := word(object(r.ok("conversations.open", "users", lin).json["channel"])["id"])
		if again := object(r.ok("conversations.open", "users", lin).json["channel"]); again["id"] != id {
			t.Errorf("opened %v", again)
		}
		if got := r.ok("chat.postMessage", "channel", lin, "text", "psst").str("channel"); got != id {
			t.Errorf("posted to %s", got)
		}
		if r.last(lin, id).Text != "psst" || r.w.Person(sam).Sees(id) != nil {
			t.Error("the wrong person reads it")
		}
	})
}

func TestEverythingIsRecordedInOrder(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		ts := r.ok("chat.postMessage", "channel", general, "text", "one").str("ts")
		r.ok("chat.update", "channel", general, "ts", ts, "text", "*two*")
		r.ok("chat.postEphemeral", "channel", general, "user", lin, "text", "psst")
		r.ok("chat.delete", "channel", general, "ts", ts)
		var story []string
		for _, e := range r.w.Log() {
			story = append(story, e.Kind+" "+e.User+" "+e.Text+" ("+e.Message.Plain()+")")
		}
		want := []string{
			"posted U0C66BOT one (one)",
			"updated U0C66BOT *two* (two)",
			"ephemeral U0LIN psst (psst)",
			"deleted U0C66BOT *two* (two)",
		}
		if diff := cmp.Diff(want, story); diff != "" {
			t.Error(diff)
		}
	})
}
