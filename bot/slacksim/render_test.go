package slacksim

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRenderingOfText(t *testing.T) {
	tests := map[string]struct {
		text  string
		plain string
		pings []string
		links []string
	}{
		"a person":                    {"by <@U0LIN>", "by @lin", []string{"U0LIN"}, nil},
		"a person with a label":       {"by <@U0LIN|lin>", "by @lin", []string{"U0LIN"}, nil},
		"an unknown person":           {"by <@U0NONE>", "by <unknown U0NONE>", []string{"U0NONE"}, nil},
		"a group":                     {"for <!subteam^S0OPS>", "for @ops", []string{"S0OPS"}, nil},
		"everybody here":              {"<!here> look", "<ping @here> look", []string{"here"}, nil},
		"a bare @channel":             {"@channel look", "<ping @channel> look", []string{"channel"}, nil},
		"a mail address":              {"x@everyone.test", "x@everyone.test", nil, nil},
		"an escaped mention":          {"&lt;!here&gt; &amp; co", "<!here> & co", nil, nil},
		"a channel":                   {"in <#C0GENERAL>", "in #general", nil, nil},
		"a bare channel":              {"in #general or #1042", "in #general or #1042", nil, []string{"#general"}},
		"a link":                      {"<https://x.test/a?b&amp;c|diff>", "diff", nil, []string{"https://x.test/a?b&c"}},
		"a link without a label":      {"<https://x.test>", "https://x.test", nil, []string{"https://x.test"}},
		"a bare address":              {"see https://x.test/a.", "see https://x.test/a.", nil, []string{"https://x.test/a"}},
		"an address in code":          {"`https://x.test @here`", "https://x.test @here", nil, nil},
		"a date":                      {"at <!date^1700000000^{time}|10:13 UTC>", "at 10:13 UTC", nil, nil},
		"a date without a fallback":   {"at <!date^1700000000^{time}>", "at <!date^1700000000^{time}>", nil, nil},
		"bold, italic, struck":        {"*web* _runs_ ~not~ *a* *b*", "web runs not a b", nil, nil},
		"a glob":                      {"web*@production and api*", "web*@production and api*", nil, nil},
		"a glob in code":              {"`*@production*`", "*@production*", nil, nil},
		"underscores inside of words": {"user_reference_x", "user_reference_x", nil, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(r *rig) {
				t := r.t
				r.w.AddGroup(Group{ID: "S0OPS", Handle: "ops"})
				blocks := []map[string]any{{"type": "section", "text": map[string]any{"type": "mrkdwn", "text": tt.text}}}
				m := Message{Blocks: blocks, names: r.w.names}
				if diff := cmp.Diff(tt.plain, m.Plain()); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(tt.pings, m.Pings()); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(tt.links, m.Links()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestVerbatimAndPlainTextStayAsTheyAre(t *testing.T) {
	const bare = "@here #general https://x.test &amp; <!channel>"
	names := map[string]string{"C1": "#general"}
	text := func(kind string, verbatim bool) Message {
		o := map[string]any{"type": kind, "text": bare}
		if verbatim {
			o["verbatim"] = true
		}
		return Message{names: names, Blocks: []map[string]any{{"type": "section", "text": o}}}
	}
	tests := map[string]struct {
		m            Message
		plain        string
		pings, links []string
	}{
		"mrkdwn": {
			text("mrkdwn", false),
			"<ping @here> #general https://x.test & <ping @channel>",
			[]string{"channel", "here"},
			[]string{"#general", "https://x.test"},
		},
		"verbatim mrkdwn": {text("mrkdwn", true), "@here #general https://x.test & <ping @channel>", []string{"channel"}, nil},
		"plain text":      {text("plain_text", false), bare, nil, nil},
		"top-level text": {
			Message{Text: bare, names: names},
			"@here #general https://x.test & <ping @channel>",
			[]string{"channel"},
			[]string{"https://x.test"},
		},
		"parse=none": {
			Message{Text: bare, names: names, Parse: "none"},
			"@here #general https://x.test & <ping @channel>",
			[]string{"channel"},
			nil,
		},
		"parse=full": {
			Message{Text: bare, names: names, Parse: "full"},
			"<ping @here> #general https://x.test & <ping @channel>",
			[]string{"channel", "here"},
			[]string{"#general", "https://x.test"},
		},
		"a ping in the fallback text only": {
			Message{Text: "<!here>", Blocks: []map[string]any{{"type": "divider"}}}, "----", []string{"here"}, nil,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.plain, tt.m.Plain()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.pings, tt.m.Pings()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.links, tt.m.Links()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEachBlockIsALineAndTheButtonsAreTheLast(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		r.ok("chat.postMessage", "channel", general, "text", "fallback", "blocks", `[
			{"type":"header","text":{"type":"plain_text","text":"Deployments *here*"}},
			{"type":"section","text":{"type":"mrkdwn","text":"*web*\nsecond"},"fields":[{"type":"mrkdwn","text":"*State*\nlive"},
			{"type":"plain_text","text":"b"}],
			 "accessory":{"type":"button","action_id":"show","text":{"type":"plain_text","text":"Show"}}},
			{"type":"divider"},
			{"type":"context","elements":[{"type":"mrkdwn","text":"by <@U0LIN>"}]},
			{"type":"actions","elements":[{"type":"conversations_select","action_id":"u","placeholder":{"type":"plain_text","text":"Who"}},
			 {"type":"button","action_id":"go","url":"https://y.test","text":{"type":"plain_text","text":"Go"}}]}]`)
		m := r.last(lin, general)
		want := "Deployments *here*\nweb\nsecond | State live | b\n----\nby @lin\n(Who)\n[Show] [Go]"
		if diff := cmp.Diff(want, m.Plain()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"https://y.test"}, m.Links()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"Show", "Go"}, m.Buttons()); diff != "" {
			t.Error(diff)
		}
	})
}
