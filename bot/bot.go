// Package bot is the Slack side of a running bot. It owns the lifetimes of all running parts.
//
// A command goes one way through the parts:
//
//	socket    the connection reads an envelope
//	bot       take reads from it who asks, where, for what, and how the answer reaches them; a text is parsed here, once
//	inbox     takes it once, journals a change, acknowledges, and runs carryOut in the turn of the author's changes in the channel
//	commands  resolve and authorize it; what changes a stack goes on in the queue of that stack, and passes the stack's locks and
//	          protections (authz/guard)
//	progress  begins what has a card, in one transaction with that decision, sends it once and follows it; the outbox delivers
//
// The reply takes the first route that Slack accepts. Commands, mentions, buttons and forms differ in how they are read alone. A form opens
// at once as a loading view, because its trigger expires after 3 s; its content is resolved and authorized afterwards and shown by
// views.update, in a queue of that view. Errors beside the fields of a submitted form use local knowledge only.
package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/slack-go/slack"
	"golang.org/x/sync/errgroup"

	"c66bot/authz"
	"c66bot/bot/card"
	"c66bot/bot/card/wording"
	"c66bot/bot/channels"
	"c66bot/bot/inbox"
	"c66bot/bot/keeper"
	"c66bot/bot/lapse"
	"c66bot/bot/outbox"
	"c66bot/bot/people"
	"c66bot/bot/progress"
	"c66bot/bot/routine"
	"c66bot/bot/socket"
	"c66bot/bot/trouble"
	"c66bot/bot/webapi"
	"c66bot/cloud66"
	"c66bot/cloud66/secret"
	"c66bot/commands"
	"c66bot/storage"
)

const (
	// drainTimeout bounds the wait for running tasks at shutdown. lastWord bounds the final messages to the authors of interrupted tasks.
	drainTimeout = 4 * time.Second
	lastWord     = 2 * time.Second
)

// Config holds the settings and dependencies of a Bot.
type Config struct {
	AppToken, BotToken secret.Text
	SlackURL           string // Web API base URL with a trailing slash
	Command            string // the slash command's name
	Profiles           []string
	Dashboard          wording.Dashboard
	Admins             []string
	Cloud              *cloud66.Client
	Records            storage.DB
	PollMin, PollMax   time.Duration
	WatchAfter         time.Duration // how long a stack's health is watched after a deployment went live; 0 is not at all
	// Dial opens connections to Slack. Nil means the net package's dialer.
	Dial webapi.Dial
	// Beat is the interval of the standstill detection, normally socket.Beat. 0 disables it, for simulated time.
	Beat      time.Duration
	Metrics   prometheus.Registerer
	AuditKeep time.Duration // retention of audit entries
	// ApprovalsExpire is how long a request waits for approval; 0 is an hour.
	ApprovalsExpire time.Duration
	Version         string // shown by the status command
	Log             *slog.Logger
	Cleaner         secret.Cleaner // removes the tokens from what servers say
}

// Bot is a running bot.
type Bot struct {
	log        *slog.Logger
	http       *http.Client
	api        *slack.Client
	command    string
	socket     *socket.Socket
	outbox     *outbox.Outbox
	channels   *channels.Channels
	progress   *progress.Progress
	lapses     *lapse.Watch
	keeper     *keeper.Keeper
	records    storage.DB
	slack      outbox.API
	auditKeep  time.Duration
	version    string
	people     *people.People
	self       atomic.Pointer[outbox.Self]       // the bot's identity, nil until Slack has reported it
	lacks      atomic.Pointer[[]string]          // what the app lacks scopes for, in words
	nobody     atomic.Pointer[map[string]string] // the admins that are nobody's, with the reason; nil until they were looked up
	troubled   *trouble.Watch
	authorizer *authz.Authorizer
	handler    *commands.Handler
	directory  *commands.Directory
	cloud      *cloud66.Client
	ready      readiness
	cleaner    secret.Cleaner
	inbox      *inbox.Inbox
	metrics    *metrics

	stopping atomic.Bool

	intake context.Context // lifetime of the socket
}

// New wires a bot. It makes no connection.
func New(cfg Config) (*Bot, error) {
	clock := &webapi.Clock{Log: cfg.Log}
	client, err := webapi.NewClient(cfg.Dial, clock, cfg.Log)
	if err != nil {
		return nil, fmt.Errorf("make the client of Slack: %w", err)
	}
	b := &Bot{
		log: cfg.Log, http: client, command: cfg.Command, cloud: cfg.Cloud, records: cfg.Records,
		auditKeep: cfg.AuditKeep, version: cfg.Version, cleaner: cfg.Cleaner,
		inbox: inbox.New(inbox.Config{Records: cfg.Records, Command: cfg.Command, Log: cfg.Log}),
	}
	b.api = slack.New(cfg.BotToken.Reveal(), slack.OptionAppLevelToken(cfg.AppToken.Reveal()), slack.OptionAPIURL(cfg.SlackURL),
		slack.OptionHTTPClient(b.http))
	b.slack = outbox.API{API: webapi.API{HTTP: client, URL: cfg.SlackURL, Token: cfg.BotToken, Clock: clock}, Self: b.who}
	b.people = people.New(b.slack.API)
	b.outbox = outbox.New(outbox.Config{
		Records: cfg.Records, Slack: b.slack, Log: cfg.Log, Draw: progress.Draw,
		Refused: func(ctx context.Context, channel, code string) error { return b.channels.Refused(ctx, channel, code) },
	})
	b.authorizer = authz.New(authz.Config{Admins: cfg.Admins, People: b.people, Records: cfg.Records})
	b.directory = commands.NewDirectory(cfg.Cloud)
	b.progress = progress.New(progress.Config{
		Records: cfg.Records, Outbox: b.outbox, Cloud: cfg.Cloud, List: b.directory, PollMin: cfg.PollMin, PollMax: cfg.PollMax, Log: cfg.Log,
		Page:       func(stack storage.StackRef) string { return cfg.Dashboard.Of(stack).String() },
		WatchAfter: cfg.WatchAfter, Pattern: parseGlob, May: b.may(authz.Subscribe), MayLock: b.may(authz.Lock),
		ByEmail: b.people.ByEmail, MayRedeploy: b.may(authz.Redeploy), Held: b.held, Docker: b.directory.Docker, Queue: b.inbox.Queue,
	})
	b.channels = channels.New(channels.Config{
		People: b.people, Records: cfg.Records, Outbox: b.outbox, Authorizer: b.authorizer, Admins: b.reachable,
		Changed: b.progress.SubscriptionsChanged, Log: cfg.Log,
	})
	b.troubled = trouble.New(trouble.Config{
		Records: cfg.Records, Outbox: b.outbox, Now: b.troublesNow, Admins: b.reachable, Post: b.postDirect, Log: cfg.Log,
	})
	b.keeper = keeper.New(keeper.Config{Records: cfg.Records, Outbox: b.outbox, Person: b.people.Person, Log: cfg.Log})
	b.lapses = lapse.New(lapse.Config{
		Records: cfg.Records, Outbox: b.outbox, Rules: b.authorizer, Directory: b.directory, Every: min(cfg.PollMax, lapse.Often),
		Command: cfg.Command, Log: cfg.Log,
	})
	since := time.Now()
	b.handler = commands.New(commands.Config{
		Cloud: cfg.Cloud, Directory: b.directory, Records: cfg.Records, People: b.people,
		Authz: b.authorizer, Channels: b.channels, Progress: b.progress,
		Status: func() commands.BotStatus {
			return commands.BotStatus{
				Version: cfg.Version, Since: since, Others: b.socket.Others(), Ready: b.Ready(), Troubles: b.troubles(),
				Silent: b.ready.silentSince(), Budget: cfg.Cloud.Budget(), LeftOut: cfg.Cloud.LeftOut(),
				Ahead: clock.Ahead(),
			}
		},
		Watch: b.watchStatus, Announces: told, SlackWords: webapi.Words, Resubscribed: b.progress.SubscriptionsChanged, Waits: b.progress.Waits,
		ApprovalsExpire: cfg.ApprovalsExpire, Command: cfg.Command, Profiles: cfg.Profiles, Page: cfg.Dashboard.Of, Log: cfg.Log,
	})
	b.socket = socket.New(socket.Config{
		API: b.api, HTTP: b.http, Dial: cfg.Dial, Log: cfg.Log, Take: b.take, Beat: cfg.Beat,
		Hello: func() { // earlier failures may pass now
			routine.Signal(b.ready.hello)
			b.outbox.Wake()
		},
	})
	b.metrics = newMetrics(cfg.Metrics, b)
	b.ready.begin()
	return b, nil
}

// Ready returns the reason why the bot cannot do its work, or nil if it can. The text is cleaned of secrets, so it may be displayed.
func (b *Bot) Ready() error {
	connected := b.socket.Err()
	if b.stopping.Load() {
		connected = errors.New("shutting down")
	}
	err := errors.Join(b.records.Fault(), connected, b.ready.err())
	if err == nil {
		return nil
	}
	return errors.New(b.cleaner.Clean(err.Error()))
}

// Run runs the bot until the context ends. It then stops intake, finishes running tasks within drainTimeout or leaves them recorded, and
// returns when no task is left. It returns an error only if the database fails at the start.
func (b *Bot) Run(ctx context.Context) error {
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx)) // of all parts and commands; at shutdown it outlasts the socket
	defer stopWork()
	intake, stopIntake := context.WithCancel(ctx)
	defer stopIntake()
	b.intake = intake
	b.inbox.Begin(work, intake)
	if err := errors.Join(b.channels.MoveLeft(work), b.tellUnsettled(work)); err != nil {
		return fmt.Errorf("run the bot: %w", err)
	}
	life, lifeCtx := errgroup.WithContext(work)
	life.Go(func() error { return b.outbox.Run(lifeCtx) })
	life.Go(func() error { return b.progress.Run(lifeCtx) })
	for task, run := range map[string]func(context.Context){
		"check the Cloud 66 token": b.checkCloud, "check the bot token": b.checkSlack, "keep the groups fresh": b.people.Run,
		"remove old records": b.forget, "check channels": b.channels.Run, "look after denies": b.lapses.Run, "check the admins": b.checkAdmins,
		"seal the audit": b.sealAudit, "watch for troubles": b.troubled.Run, "wait to be ready": b.logReady, "keep locks": b.keeper.Run,
	} {
		life.Go(func() error { routine.Keep(lifeCtx, b.log, task, run); return nil })
	}

	context.AfterFunc(lifeCtx, stopIntake) // a part that fails to start stops the bot
	select {
	case <-b.progress.Resumed(): // work of an earlier process has its place before what is asked for now
		b.socket.Run(intake)
	case <-intake.Done():
	}

	b.stopping.Store(true)
	b.log.Info("shutting down: nothing more is taken")
	if !b.inbox.Wait(drainTimeout) {
		tasks, _ := b.inbox.UnderWay()
		b.log.Warn("what is under way is cut short: what has a card is carried on at the next start, the others are told", "tasks", tasks)
	}
	stopWork()
	b.inbox.Flush()
	b.directory.Close()
	stopped := func(err error) bool { return ctx.Err() != nil && errors.Is(err, context.Canceled) }
	if err := life.Wait(); err != nil && !stopped(err) {
		return fmt.Errorf("run the bot: %w", err)
	}
	return nil
}

// tellUnsettled tells the authors of the changes that an earlier process left in its journal that nothing was done.
func (b *Bot) tellUnsettled(ctx context.Context) error {
	told := 0
	err := b.outbox.Write(ctx, func(tx storage.Tx) (messages []storage.Message, err error) {
		left, err := inbox.Settle(tx)
		for _, u := range left {
			messages = append(messages, outbox.ToUser(u.User, u.Key, card.Reply(u.Reply)))
		}
		told = len(messages)
		return messages, err
	})
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	if told > 0 {
		b.log.Warn("an earlier process was stopped with changes in its journal: nothing was done of them, and their authors are told",
			"messages", told)
	}
	return nil
}

// forget removes expired records, at once and then hourly, until the context ends.
func (b *Bot) forget(ctx context.Context) {
	routine.Repeat(ctx, b.log, "remove old records", nil, func(ctx context.Context) (time.Duration, error) {
		return time.Hour, storage.Forget(ctx, b.records, b.auditKeep)
	})
}
