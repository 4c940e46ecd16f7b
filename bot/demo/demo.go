// Package demo plays a story with the bot between slacksim and cloud66sim, in one process and without any account.
//
// The story is the embedded story.txt, one step per line; verbs implements the steps. It runs in real time, and the bot reaches both
// simulators through memnet. Config.Show receives a Moment for each act of a person and each event in Slack; Terminal prints them. The
// story ends with an error if a step does not come about in time or if the bot violates Slack's protocol.
package demo

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"c66bot/bot"
	"c66bot/bot/slacksim"
	"c66bot/bot/slacksim/memnet"
	"c66bot/cloud66"
	"c66bot/cloud66/cloud66sim"
	"c66bot/cloud66/secret"
	"c66bot/storage"
)

// The people and the channels of the story.
const (
	lin, ana, sam         = "U0LIN", "U0ANA", "U0SAM"
	deploys, web, billing = "C0DEPLOYS", "C0WEB", "C0BILLING"
)

// Speed is the default speed: a deployment of six minutes takes nine seconds.
const Speed = 40

// Config configures a story.
type Config struct {
	Open    func() (storage.DB, error) // opens the bot's database, empty at first; called at each start of the bot
	Speed   float64                    // factor by which deployments are faster than in reality
	Version string                     // shown by status
	Log     *slog.Logger
	Show    func(Moment) error // called with each moment in order; an error ends the story
}

// Moment is one item of the output: a chapter's Title, a Narration, an act of a person (Label and Text), or an Event in Slack.
type Moment struct {
	Time           time.Time
	Title          string
	Narration      string
	Channel, Label string // of an act: the channel, if any, and a label such as "lin types"
	Text           []string
	Event          *slacksim.Event
}

// Play plays the whole story. Its error names the failed step. The end of ctx is an error too.
func Play(ctx context.Context, cfg Config) error {
	s := newScene(cfg)
	err := s.play(ctx, story)
	s.close()
	if ctx.Err() == nil { // After a cancellation do not wait for the disconnected tasks of killed bots.
		s.lives.Wait()
	}
	return err
}

// newScene sets up both simulators. The Slack app is that of the bot's manifest.
func newScene(cfg Config) *scene {
	s := &scene{
		cfg:      cfg,
		slack:    slacksim.New(slacksim.Options{Manifest: []byte(bot.Manifest("/c66")), TeamName: "Acme", TeamDomain: "acme"}),
		cloud:    cloud66sim.New(cloud66sim.Options{Speed: cfg.Speed, RateLimit: 1_000_000, WithGitRef: true}),
		admins:   []string{lin, ana},
		patience: 20*time.Second + time.Duration(float64(16*time.Minute)/cfg.Speed),
	}
	s.uids = cloud66sim.SeedDemo(s.cloud)
	for _, id := range []string{lin, ana, sam} {
		s.slack.AddUser(slacksim.User{ID: id, Name: name(id), RealName: name(id)})
	}
	s.slack.AddChannel(slacksim.Channel{ID: deploys, Name: "deploys", Members: []string{lin, ana, sam}, BotIsMember: true})
	s.slack.AddChannel(slacksim.Channel{ID: web, Name: "web", Members: []string{lin, ana, sam}, BotIsMember: true})
	s.slack.AddChannel(slacksim.Channel{ID: billing, Name: "billing", Members: []string{lin, ana}, BotIsMember: true})
	return s
}

func (s *scene) close() {
	s.killBot()
	s.slack.Close()
}

// life is one run of the bot. It reaches both simulators through one in-memory network.
type life struct {
	network *memnet.Listener
	records storage.DB
	cancel  context.CancelFunc
	killed  atomic.Bool
}

// startBot starts the bot on the database of its previous life.
func (s *scene) startBot() error {
	l := &life{network: memnet.Listen()}
	cloud, err := cloud66.New(cloud66.Config{
		BaseURL: "http://cloud66.demo/api/3", Token: secret.New(cloud66sim.DemoToken), RequestsPerHour: 1_000_000, Logger: s.cfg.Log,
		Transport: &http.Transport{DialContext: l.network.DialContext},
	})
	if err != nil {
		return err
	}
	if l.records, err = s.cfg.Open(); err != nil {
		return err
	}
	app, bearer := secret.New("xapp-1-A0C66-demo"), secret.New("xoxb-c66-demo")
	b, err := bot.New(bot.Config{
		AppToken: app, BotToken: bearer, SlackURL: "http://slack.demo/api/", Command: "/c66", Profiles: []string{"default", "canary"},
		Admins: s.admins, Cloud: cloud, Records: l.records, PollMin: 300 * time.Millisecond, PollMax: 3 * time.Second,
		WatchAfter: time.Minute, Dial: l.network.DialContext, Metrics: prometheus.NewRegistry(), AuditKeep: time.Hour,
		Version: s.cfg.Version, Log: s.cfg.Log,
		Cleaner: secret.NewCleaner(app, bearer, secret.New(cloud66sim.DemoToken)),
	})
	if err != nil {
		return err
	}
	hosts := http.NewServeMux()
	hosts.Handle("slack.demo/", s.slack)
	hosts.Handle("cloud66.demo/", s.cloud)
	server := &http.Server{Handler: hosts, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l.network) }() // until the network is closed
	var ctx context.Context
	ctx, l.cancel = context.WithCancel(s.ctx)
	s.life = l
	s.lives.Go(func() {
		if err := b.Run(ctx); ctx.Err() == nil && !l.killed.Load() {
			s.fail(fmt.Errorf("the bot ended by itself: %w", err))
		}
	})
	return nil
}

// killBot kills the bot, if it runs, without a shutdown: nothing that it does reaches Slack, Cloud 66 or the database any more.
// It does not wait for the bot's tasks, which may take some seconds to give up.
func (s *scene) killBot() {
	if s.life == nil {
		return
	}
	s.life.killed.Store(true)
	_ = s.life.network.Close() // Never fails.
	s.life.network.CloseAll()
	_ = s.life.records.Close() // All commits are on disk.
	s.life.cancel()
	s.life = nil
}

// name derives a user's name from the id, channelName a channel's.
func name(user string) string { return strings.ToLower(strings.TrimPrefix(user, "U0")) }

func channelName(channel string) string {
	if channel == "" { // Outside of a channel, such as a modal.
		return ""
	}
	return "#" + strings.ToLower(strings.TrimPrefix(channel, "C0"))
}
