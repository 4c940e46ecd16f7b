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

// rig is a simulated workspace and a database file for successive outboxes.
type rig struct {
	rapid.TB

	ctx   context.Context
	slack *slacksim.Workspace
	path  string
	mu    sync.Mutex
	self  outbox.Self // the identity of the bot from auth.test
	lost  []string    // channels reported as lost, with the error code
	*life
}

// life is one process of the bot.
type life struct {
	process *mortal.Process
	outbox  *outbox.Outbox
	records storage.DB
	end     func()
}

// inBubble runs f with a running outbox in a synctest bubble.
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

// open opens the database of a process and creates its outbox, without running it.
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
			Records: records, Log: slog.New(slog.DiscardHandler), Draw: draw,
			Refused: func(ctx context.Context, channel, code string) error {
				_, err := r.outbox.Refuse(ctx, channel, code, func(storage.Tx) ([]storage.Message, error) {
					r.mu.Lock()
					defer r.mu.Unlock()
					r.lost = append(r.lost, channel+" "+code)
					return nil, nil
				})
				return err
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

// who returns the identity of the bot.
func (r *rig) who() outbox.Self {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.self
}

// becomes sets the identity of the bot.
func (r *rig) becomes(self outbox.Self) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.self = self
}

// lostOnes returns the channels reported as lost, each with the error code.
func (r *rig) lostOnes() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.lost, ",")
}

// close ends the process that a failed test left.
func (r *rig) close() {
	if r.life != nil && r.end != nil {
		r.end()
	}
	r.slack.Close()
}

// run starts the outbox of an open process. After it, end kills the process.
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

// put sets the wanted state of messages, in one transaction.
func (r *rig) put(messages ...storage.Message) {
	r.Helper()
	err := r.records.Update(r.ctx, func(tx storage.Tx) error {
		for i := range messages {
			if err := outbox.Put(tx, &messages[i]); err != nil {
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

// settle waits until the queue is empty.
func (r *rig) settle() {
	r.Helper()
	r.until("everything is delivered", func() bool { return r.outbox.Queued() == 0 })
}

// until waits until holds returns true, for little more than a simulated day at most.
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

// channel returns the texts of a channel's messages as Lin sees them, oldest first, each with its thread's texts in brackets.
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

// calls returns the times of the successful calls of a method.
func (r *rig) calls(method string) []time.Time {
	var at []time.Time
	for _, c := range r.slack.Calls(method) {
		if c.Error == "" {
			at = append(at, c.Time)
		}
	}
	return at
}

// fairPlay checks that the outbox did not violate Slack's protocol.
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

// blocks returns one section block with the text, as JSON.
func blocks(text string) []byte {
	return fmt.Appendf(nil, `[{"type":"section","text":{"type":"mrkdwn","text":%q}}]`, text)
}

// card returns a message in #deploys with its text in a block too.
func card(key, text string) storage.Message {
	return storage.Message{Key: key, Channel: deploys, Text: text, Blocks: blocks(text)}
}

// running returns a card whose content shows how long it has run. What it stores shows the start.
func running(key string, since time.Time) storage.Message {
	m := card(key, "runs for 0s")
	m.Running, _ = since.MarshalJSON()
	return m
}

// draw renders a running card.
func draw(running []byte, at time.Time) (outbox.Body, error) {
	var since time.Time
	err := since.UnmarshalJSON(running)
	text := fmt.Sprint("runs for ", at.Sub(since).Truncate(10*time.Second))
	return outbox.Body{Text: text, Blocks: blocks(text)}, err
}

// urgent marks the change of a card as one of state.
func urgent(m storage.Message) storage.Message { m.Urgent = true; return m }

// reply returns a message in the thread of a card.
func reply(parent, key, text string) storage.Message {
	return storage.Message{Key: key, Channel: deploys, Parent: parent, Text: text, Urgent: true, Last: true}
}
