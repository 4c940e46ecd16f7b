package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"c66bot/bot/outbox"
	"c66bot/bot/outbox/mortal"
	"c66bot/bot/slacksim"
	"c66bot/bot/webapi"
	"c66bot/cloud66/secret"
	"c66bot/storage"
	"c66bot/storage/bolt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	lin     = "U0LIN"
	sam     = "U0SAM"
	deploys = "C0DEPLOYS"
	builds  = "C0BUILDS"
)

// rig is a simulated workspace and a database file, on which one outbox after the other lives.
type rig struct {
	rapid.TB

	ctx   context.Context
	slack *slacksim.Workspace
	path  string
	mu    sync.Mutex
	self  outbox.Self // who the bot is, as auth.test has told it
	lost  []string    // the channels that are said to take nothing, with the code
	*life
}

// life is one process.
type life struct {
	process *mortal.Process
	outbox  *outbox.Outbox
	records storage.DB
	end     func()
}

// inBubble runs f with a running outbox on a clock of its own.
func inBubble(t *testing.T, f func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, t.Context(), filepath.Join(mortal.Dir(t), "outbox.db"))
		defer r.close()
		r.start(mortal.New(0, false))
		f(r)
		r.end()
		r.fairPlay()
	})
}

func newRig(t rapid.TB, ctx context.Context, path string) *rig { //nolint:revive // the test goes first
	r := &rig{TB: t, ctx: ctx, slack: slacksim.New(slacksim.Options{}), path: path, self: outbox.Self{User: "U0C66BOT", Bot: "B0C66"}}
	r.slack.AddUser(slacksim.User{ID: lin, Name: "lin"})
	r.slack.AddUser(slacksim.User{ID: sam, Name: "sam"})
	r.slack.AddChannel(slacksim.Channel{ID: deploys, Name: "deploys", Members: []string{lin}, BotIsMember: true})
	r.slack.AddChannel(slacksim.Channel{ID: builds, Name: "builds", Members: []string{lin}, BotIsMember: true})
	return r
}

// open gives the process its database and an outbox that does not run yet.
func (r *rig) open(p *mortal.Process) {
	r.Helper()
	db, err := bolt.Open(r.path)
	if err != nil {
		r.Fatal(err)
	}
	records := p.DB(db)
	r.life = &life{
		process: p, records: records,
		outbox: outbox.New(outbox.Config{
			Records: records, Log: slog.New(slog.DiscardHandler),
			Refused: func(_ context.Context, channel, code string) {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.lost = append(r.lost, channel+" "+code)
			},
			Slack: outbox.API{
				API:  webapi.API{HTTP: p.Client(r.slack), URL: "http://slack.test/api/", Token: secret.New("xoxb-c66-demo"), Clock: &webapi.Clock{}},
				Self: r.who,
			},
		}),
	}
	r.end = func() {
		r.end = nil
		if err := db.Close(); err != nil {
			r.Error(err)
		}
	}
}

// who gives who the bot is.
func (r *rig) who() outbox.Self {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.self
}

// becomes has auth.test tell who the bot is.
func (r *rig) becomes(self outbox.Self) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.self = self
}

// lostOnes gives the channels that are said to take nothing, each with the code.
func (r *rig) lostOnes() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.lost, ",")
}

// close ends what a failed test left.
func (r *rig) close() {
	if r.life != nil && r.end != nil {
		r.end()
	}
	r.slack.Close()
}

// run has the outbox of an open process deliver. From then on end is a kill.
func (r *rig) run() {
	ctx, cancel := context.WithCancel(r.ctx)
	ended := make(chan error, 1)
	l, closeDB := r.life, r.end
	go func() { ended <- l.outbox.Run(ctx) }()
	r.end = func() {
		l.process.Kill()
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, mortal.ErrDead) {
			r.Errorf("the outbox ended with: %v", err)
		}
		closeDB()
	}
}

func (r *rig) start(p *mortal.Process) {
	r.Helper()
	r.open(p)
	r.run()
}

// restart kills the process and starts another one on the same file.
func (r *rig) restart() {
	r.Helper()
	r.end()
	r.start(mortal.New(0, false))
}

// put says what messages ought to say, in one transaction.
func (r *rig) put(messages ...storage.Message) {
	r.Helper()
	err := r.records.Update(r.ctx, func(tx storage.Tx) error {
		for _, m := range messages {
			if err := outbox.Put(tx, m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		r.Fatal(err)
	}
	r.outbox.Deliver(messages...)
}

// settle waits until nothing remains to be delivered.
func (r *rig) settle() {
	r.Helper()
	r.until("everything is delivered", func() bool { return r.outbox.Queued() == 0 })
}

// until waits until something holds, for a simulated day and a bit at most.
func (r *rig) until(what string, holds func() bool) {
	r.Helper()
	from := time.Now()
	for synctest.Wait(); !holds(); synctest.Wait() {
		if time.Since(from) > 26*time.Hour {
			r.Fatalf("it never came about that %s; the channel shows %q", what, r.channel(deploys))
		}
		time.Sleep(max(50*time.Millisecond, time.Since(from)/100))
	}
}

// channel gives the texts of a channel's messages as Lin sees them, oldest first, each with its thread's in brackets.
func (r *rig) channel(id string) []string {
	var texts []string
	for _, m := range r.slack.Person(lin).Sees(id) {
		text := m.Plain()
		var replies []string
		for _, reply := range r.slack.Person(lin).Thread(id, m.TS) {
			if reply.TS != m.TS && m.ThreadTS == m.TS {
				replies = append(replies, reply.Plain())
			}
		}
		if len(replies) > 0 {
			text += " [" + strings.Join(replies, ", ") + "]"
		}
		texts = append(texts, text)
	}
	return texts
}

func (r *rig) shows(channel string, want ...string) {
	r.Helper()
	if got := r.channel(channel); !slices.Equal(got, want) {
		r.Errorf("the channel shows %q, want %q", got, want)
	}
}

// calls gives when a method was called with success.
func (r *rig) calls(method string) []time.Time {
	var at []time.Time
	for _, c := range r.slack.Calls(method) {
		if c.Error == "" {
			at = append(at, c.Time)
		}
	}
	return at
}

// fairPlay checks that the protocol was kept.
func (r *rig) fairPlay() {
	r.Helper()
	for _, v := range r.slack.Violations() {
		r.Errorf("Slack's protocol was broken: %s", v)
	}
}

func (r *rig) message(key string) storage.Message {
	r.Helper()
	var m storage.Message
	err := r.records.View(r.ctx, func(tx storage.Tx) (err error) {
		m, err = storage.Messages.Get(tx, key)
		return err
	})
	if err != nil {
		r.Fatal(err)
	}
	return m
}

// blocks is a section that says the text.
func blocks(text string) []byte {
	return fmt.Appendf(nil, `[{"type":"section","text":{"type":"mrkdwn","text":%q}}]`, text)
}

// card is a message in #deploys that says its text with a block.
func card(key, text string) storage.Message {
	return storage.Message{Key: key, Channel: deploys, Text: text, Blocks: blocks(text)}
}

// urgent is a card whose change is one of state.
func urgent(m storage.Message) storage.Message { m.Urgent = true; return m }

// reply is one in the thread of a card.
func reply(parent, key, text string) storage.Message {
	return storage.Message{Key: key, Channel: deploys, Parent: parent, Text: text, Urgent: true, Last: true}
}
