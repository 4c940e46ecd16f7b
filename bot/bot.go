// Package bot is the Slack side of a running bot. It owns the lifetimes of everything that runs.
//
// The socket holds one Socket Mode connection and reads frames. take deduplicates an envelope, reads it into a task and admits it: at
// most so many of a kind and of one person at once. A task that only reads is acknowledged at once. A change is first written to the
// journal, so that it is done once or its author is told why not; then it is acknowledged and carried out in its author's order. The
// command handler does the work, and the answer goes back by the first way that Slack takes.
package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/slack-go/slack"
	"golang.org/x/sync/errgroup"

	"c66bot/authz"
	"c66bot/bot/outbox"
	"c66bot/bot/people"
	"c66bot/bot/progress"
	"c66bot/bot/webapi"
	"c66bot/cloud66"
	"c66bot/cloud66/secret"
	"c66bot/commands"
	"c66bot/storage"
)

const (
	// drainTimeout bounds the tasks that are under way at shutdown, lastWord what people are then told of those that are cut short.
	drainTimeout = 4 * time.Second
	lastWord     = 2 * time.Second
)

// Config is what a Bot works with.
type Config struct {
	AppToken, BotToken secret.Text
	SlackURL           string // Web API base with a slash at its end
	Command            string // the slash command's name
	Profiles           []string
	Admins             []string
	Cloud              *cloud66.Client
	Records            storage.DB
	PollMin, PollMax   time.Duration
	// Dial opens connections to Slack; nil is the net package's way.
	Dial webapi.Dial
	// Beat is the interval at which standstills of the process are noticed, as bot.Beat; 0 for simulated time, which has none.
	Beat      time.Duration
	Metrics   prometheus.Registerer
	AuditKeep time.Duration // how long entries of the audit are kept
	Version   string        // for status
	Log       *slog.Logger
	Cleaner   secret.Cleaner // of what servers say; it knows the tokens
}

// Bot is a running bot.
type Bot struct {
	log        *slog.Logger
	http       *http.Client
	api        *slack.Client
	command    string
	socket     *socket
	outbox     *outbox.Outbox
	channels   *channels
	hints      chan string // channels that an event was about
	progress   *progress.Progress
	records    storage.DB
	slack      outbox.API
	auditKeep  time.Duration
	people     *people.People
	self       atomic.Pointer[outbox.Self] // who the bot is, once Slack has said so
	windows    windows
	mentions   recent // the messages that mention the bot and were taken, or answered as edited
	moved      moved
	troubles   troubles
	doubts     map[string]time.Time // since when Slack does not show a channel, until that is believed; of checkChannels alone
	authorizer *authz.Authorizer
	handler    *commands.Handler
	directory  *commands.Directory
	cloud      *cloud66.Client
	ready      readiness
	cleaner    secret.Cleaner
	acks       acks
	journal    *journal
	turns      turns
	metrics    *metrics

	stopping atomic.Bool

	intake  context.Context // the life of the socket
	work    context.Context // the life of the tasks, which outlives the socket's at shutdown
	tasks   sync.WaitGroup
	places  [kinds]*places
	excuses excuses
}

// New puts a bot together. It makes no connection.
func New(cfg Config) (*Bot, error) {
	clock := &webapi.Clock{Log: cfg.Log}
	client, err := webapi.NewClient(cfg.Dial, clock, cfg.Log)
	if err != nil {
		return nil, fmt.Errorf("make the client of Slack: %w", err)
	}
	dialer := &websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: openTimeout}
	if cfg.Dial != nil {
		dialer.NetDialContext = cfg.Dial
	}
	b := &Bot{
		doubts: map[string]time.Time{}, log: cfg.Log, http: client, command: cfg.Command, cloud: cfg.Cloud, records: cfg.Records,
		auditKeep: cfg.AuditKeep, cleaner: cfg.Cleaner, places: newPlaces(),
		excuses: excuses{slots: make(chan struct{}, maxExcuses), open: map[excuseKey]*excuse{}},
	}
	b.api = slack.New(cfg.BotToken.Reveal(), slack.OptionAppLevelToken(cfg.AppToken.Reveal()), slack.OptionAPIURL(cfg.SlackURL),
		slack.OptionHTTPClient(b.http))
	b.journal = &journal{records: cfg.Records, tasks: &b.tasks, log: cfg.Log}
	b.slack = outbox.API{API: webapi.API{HTTP: client, URL: cfg.SlackURL, Token: cfg.BotToken, Clock: clock}, Self: b.who}
	b.people = people.New(b.slack.API)
	b.outbox = outbox.New(outbox.Config{
		Records: cfg.Records, Slack: directs{b.slack, b.heardDirect}, Log: cfg.Log,
		Refused: func(ctx context.Context, channel, code string) { b.progress.Refused(ctx, channel, code) },
	})
	b.channels, b.hints = &channels{people: b.people, records: cfg.Records, outbox: b.outbox, log: cfg.Log}, make(chan string, channelHints)
	b.authorizer = authz.New(authz.Config{Admins: cfg.Admins, People: b.people, Records: cfg.Records})
	b.directory = commands.NewDirectory(cfg.Cloud)
	b.progress = progress.New(progress.Config{
		Records: cfg.Records, Outbox: b.outbox, Cloud: listed{cfg.Cloud, b.directory}, PollMin: cfg.PollMin, PollMax: cfg.PollMax, Log: cfg.Log,
		Pattern: parseGlob, May: b.maySubscribe,
	})
	since := time.Now()
	b.handler = commands.New(commands.Config{
		Cloud: cfg.Cloud, Directory: b.directory, Records: cfg.Records, People: b.people,
		Authz: b.authorizer, Channels: b.channels, Progress: b.progress,
		Status: func() commands.BotStatus {
			return commands.BotStatus{
				Version: cfg.Version, Since: since, Others: b.socket.others(), Ready: b.Ready(), Troubles: b.troubles.all(),
				List:   b.directory.Trouble(),
				Silent: b.ready.silentSince(), Budget: cfg.Cloud.Budget(), Ahead: clock.Ahead(),
			}
		},
		Watch: b.watchStatus, Told: told, SlackWords: webapi.Words, Resubscribed: b.progress.SubscriptionsChanged,
		Command: cfg.Command, Profiles: cfg.Profiles, Log: cfg.Log,
	})
	b.socket = &socket{api: b.api, http: b.http, dialer: dialer, log: cfg.Log, take: b.take, hello: func() { // what failed before may work now
		signal(b.ready.hello)
		b.outbox.Wake()
	}, beat: cfg.Beat}
	b.metrics = newMetrics(cfg.Metrics, b)
	b.ready.begin()
	return b, nil
}

// listed is Cloud 66 for the watch. Its pages of stacks keep the commands' list fresh.
type listed struct {
	*cloud66.Client
	directory *commands.Directory
}

// StackPage implements watch.Cloud.
func (l listed) StackPage(ctx context.Context, page int) (cloud66.StackPage, error) {
	return l.directory.StackPage(ctx, page)
}

// Ready says why the bot cannot do its work, nil where it can.
// Its text is fit to be shown, whatever Slack said.
func (b *Bot) Ready() error {
	connected := b.socket.err()
	if b.stopping.Load() {
		connected = errors.New("shutting down")
	}
	err := errors.Join(b.records.Fault(), connected, b.ready.err())
	if err == nil {
		return nil
	}
	return errors.New(b.cleaner.Clean(err.Error()))
}

// Run runs the bot until the context ends. Then it takes nothing more, finishes what it took within a bound or leaves it recorded, and
// returns when no task is left. Its error is a fault of the database at the start.
func (b *Bot) Run(ctx context.Context) error {
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	b.work = work
	if err := b.moveLeft(work); err != nil {
		return fmt.Errorf("run the bot: %w", err)
	}
	if err := b.tellUnsettled(work); err != nil {
		return fmt.Errorf("run the bot: %w", err)
	}
	life, lifeCtx := errgroup.WithContext(work)
	life.Go(func() error { return b.outbox.Run(lifeCtx) })
	life.Go(func() error { return b.progress.Run(lifeCtx) })
	life.Go(func() error { b.checkCloud(lifeCtx); return nil })
	life.Go(func() error { b.checkSlack(lifeCtx); return nil })
	life.Go(func() error { b.people.Run(lifeCtx); return nil })
	life.Go(func() error { b.forget(lifeCtx); return nil })
	life.Go(func() error { b.checkChannels(lifeCtx); return nil })

	intake, stopIntake := context.WithCancel(ctx)
	defer stopIntake()
	b.intake = intake
	context.AfterFunc(lifeCtx, stopIntake) // a part that cannot begin ends the whole
	b.socket.run(intake)

	b.stopping.Store(true)
	b.log.Info("shutting down: nothing more is taken")
	if !ended(&b.tasks, drainTimeout) {
		b.log.Warn("what is under way is cut short: what has a card is carried on at the next start, the others are told", "tasks", b.underWay())
	}
	stopWork()
	b.tasks.Wait()
	b.directory.Close()
	stopped := func(err error) bool { return ctx.Err() != nil && errors.Is(err, context.Canceled) }
	if err := life.Wait(); err != nil && !stopped(err) {
		return fmt.Errorf("run the bot: %w", err)
	}
	return nil
}

// underWay counts the tasks.
func (b *Bot) underWay() (n int) {
	for _, p := range b.places {
		n += p.count()
	}
	return n
}

// forget removes old records, at once and every hour, until the context ends.
func (b *Bot) forget(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		if err := storage.Forget(ctx, b.records, b.auditKeep); err != nil && ctx.Err() == nil {
			b.log.Error("old records could not be removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
