package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/bot/card"
	"c66bot/bot/outbox/mortal"
	"c66bot/bot/socket"
	"c66bot/cloud66"
	"c66bot/cloud66/cloud66sim"
	"c66bot/cloud66/secret"
	"c66bot/commands"
	"c66bot/storage/bolt"
)

// lines is a log that can be emptied.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.b.Reset()
	return l.b.String()
}

// polite is a Slack that knows everybody and takes everything.
type polite struct{}

// RoundTrip implements http.RoundTripper.
func (polite) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	channel := `"C1"`
	if strings.Contains(r.URL.Path, "conversations.") {
		channel = `{"id":"D1"}`
	}
	body := `{"ok":true,"team_id":"T1","user_id":"U0BOT","ts":"1.2","channel":` + channel + `,"user":{"id":"U1","name":"sam",` +
		`"team_id":"T1"},"view":{"id":"V1"}}`
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

// idleBot is a bot of which only what takes envelopes is at work, for people who may nothing.
func idleBot(tb testing.TB) (*Bot, *lines) {
	tb.Helper()
	db, err := bolt.Open(filepath.Join(mortal.Dir(tb), "c66bot.db"))
	if err != nil {
		tb.Fatal(err)
	}
	log := &lines{}
	sim := cloud66sim.New(cloud66sim.Options{})
	sim.AddStack(cloud66sim.Stack{Name: "web"})
	logger := slog.New(slog.NewTextHandler(log, nil))
	cloud, err := cloud66.New(
		cloud66.Config{
			BaseURL:         "http://cloud66.test/api/3",
			Token:           secret.New(cloud66sim.DemoToken),
			RequestsPerHour: 1 << 30,
			Transport:       sim.RoundTripper(),
		},
	)
	if err != nil {
		tb.Fatal(err)
	}
	b, err := New(Config{
		AppToken: secret.New("xapp-1"), BotToken: secret.New("xoxb-1"), SlackURL: "http://slack.test/api/",
		Command: "/c66", Admins: []string{"U0ADMIN"},
		Cloud: cloud, Records: db, PollMin: time.Second, PollMax: time.Minute, AuditKeep: time.Hour, Log: logger,
	})
	if err != nil {
		tb.Fatal(err)
	}
	b.http.Transport = polite{}
	work, stop := context.WithCancel(context.WithoutCancel(tb.Context())) // which ends before the clean-up
	b.intake = work
	b.inbox.Begin(work, work)
	tb.Cleanup(func() {
		stop()
		b.inbox.Flush()
		b.directory.Close()
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return b, log
}

// payloads are envelopes as Slack sends them, and some as it does not, by type.
func payloads() map[string][]string {
	redeploy, _ := commands.Invocation{Verb: commands.Redeploy, UID: "u1", Yes: true, Nonce: "n"}.Value()
	state := func(s card.FormState) string { b, _ := json.Marshal(s); return string(b) }
	click := func(view, action string) string {
		return fmt.Sprintf(
			`{"type":"block_actions","user":{"id":"U1","team_id":"T1"},"channel":{"id":"C1"},"container":{"type":"message","channel_id":"C1",
			"message_ts":"1.2","is_ephemeral":true},
			"trigger_id":"1.2","response_url":"https://hooks.slack.test/actions/1","view":%s,"state":{"values":{}},"actions":[%s]}`,
			view,
			action,
		)
	}
	form := func(kind, metadata, values string) string {
		return fmt.Sprintf(
			`{"type":%q,"user":{"id":"U1"},"value":"we","view":{"id":"V1","private_metadata":%q,"state":{"values":%s}}}`,
			kind,
			metadata,
			values,
		)
	}
	filled := state(
		card.FormState{Channel: "C1", UID: "u1", Shown: "web@production", Asked: "rp", Newest: 7, AskedAt: 1, Profiles: []string{"quick"}},
	)
	values := `{"stack/u1":{"stack":{"selected_option":{"value":"u1"}}},"reason":{"field":{"value":"why"}},"ref/` +
		`u1":{"field":{"value":null}},"profile":{"field":{"selected_option":null}}}`
	return map[string][]string{
		"slash_commands": {
			`{"command":"/c66","text":"redeploy web --now","user_id":"U1","channel_id":"C1","response_url":"https://hooks.slack.test/commands/1",` +
				`"trigger_id":"1.2","is_enterprise_install":"false"}`,
			`{"command":"/c66","text":"list &amp;lt; <@U1|x> \"","user_id":"U1","channel_id":"D1"}`, `{"command":"/other","user_id":"U1",` +
				`"channel_id":"C1"}`,
			`{"text":"allow <!subteam^S1|@ops> all *","user_id":"U1","channel_id":"C1",` +
				`"response_url":null}`, `{"user_id":1}`, `{}`, `null`, `[]`, `"`, ``, `{"user_id":"U1","channel_id":"C1","response_url":{}}`,
		},
		"interactive": {
			click(
				`null`,
				fmt.Sprintf(`{"action_id":"yes","block_id":"b","type":"button","value":%q}`, redeploy),
			), click(`null`, `{"action_id":"commit","type":"button"}`), click(`null`, ``),
			click(`{"id":"V1","private_metadata":"{}","state":{"values":{}}}`, `{"action_id":"stack","selected_option":{"value":"u1"}}`),
			click(
				fmt.Sprintf(`{"id":"V1","private_metadata":%q,"state":{"values":%s}}`, filled, values),
				`{"action_id":"channel","selected_conversation":"C2"}`,
			),
			form(
				"view_submission",
				filled,
				values,
			), form("view_submission", "{}", `{}`), form("view_submission", filled, `{"reason":[]}`), form("block_suggestion", filled, `{}`),
			form("view_closed", filled, `{}`),
			`{"type":"shortcut","callback_id":"redeploy","user":{"id":"U1"},"trigger_id":"1.2"}`, `{"type":"message_action",` +
				`"user":{"id":"U1"}}`, `{"user":{"id":"U1"},"actions":[null]}`, `{"user":null}`, `1`,
		},
		"events_api": {
			`{"event_id":"Ev1","type":"event_callback","event":{"type":"app_mention","user":"U1","text":"<@U0BOT> list web","channel":"C1",` +
				`"ts":"1700000000.000100","thread_ts":"1.2"}}`,
			`{"event_id":"Ev2","event":{"type":"app_mention","user":"U1","text":"hey <@U0BOT>","channel":"C1",` +
				`"ts":"x"}}`, `{"event":{"type":"subteam_members_changed"}}`,
			`{"event":{"type":"app_mention","edited":{},"ts":"99999999999999999999.1"}}`, `{"event":{"type":"app_home_opened",` +
				`"user":"U1"}}`, `{"event":[]}`, `{}`,
		},
		"hello_again": {`{}`},
		socket.Unreadable: {
			`{"envelope_id":"e","payload":{"user_id":"U1","channel_id":"C1","response_url":"https://hooks.slack.test/commands/1","te`,
			`{"envelope_id":"e"`,
		},
	}
}

// FuzzPayloads holds that whatever comes in an envelope is acknowledged, in a frame that Slack takes, and that nothing panics.
func FuzzPayloads(f *testing.F) {
	all := payloads()
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		for _, payload := range all[kind] {
			f.Add(kind, payload)
		}
	}
	f.Fuzz(func(t *testing.T, kind, payload string) {
		synctest.Test(t, func(t *testing.T) { take(t, kind, payload) })
	})
}

// take has an idle bot take one envelope, to the end of all that follows from it.
func take(t *testing.T, kind, payload string) {
	b, log := idleBot(t)
	env := socket.Envelope{Type: socket.Word(kind), ID: "e1", Payload: json.RawMessage(payload)}
	var mu sync.Mutex
	var frames []string
	b.take(env, time.Now(), func(payload any) error {
		frame, err := json.Marshal(map[string]any{"envelope_id": env.ID, "payload": payload})
		if err != nil {
			t.Errorf("an acknowledgement cannot be encoded: %v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		frames = append(frames, string(frame))
		return nil
	})
	b.inbox.Wait(time.Hour)
	said := log.take()
	if strings.Contains(said, "panicked") {
		t.Errorf("%s %s: %s", kind, payload, said)
	}
	if len(frames) != 1 || len(frames[0]) > 20_480 {
		t.Errorf("%s %s: acknowledged with %d frames: %.200q", kind, payload, len(frames), frames)
	}
	if url := urlIn(payload); len(url) > len("https://x.example") && strings.Contains(said, url) {
		t.Errorf("the log has a response_url: %s", said)
	}
}

func urlIn(payload string) string {
	var p struct {
		ResponseURL string `json:"response_url"`
	}
	if json.Unmarshal([]byte(payload), &p) != nil || !strings.HasPrefix(p.ResponseURL, "http") {
		return ""
	}
	return p.ResponseURL
}
