package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"c66bot/bot"
	"c66bot/bot/socket"
	"c66bot/cloud66"
)

func newServeCommand(environ []string) *cobra.Command {
	var withInput bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the bot against Slack and Cloud 66",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(cmd.Flags(), environ)
			if err != nil {
				return err
			}
			log := newLogger(cfg.LogLevel, cfg.LogFormat, cfg.cleaner(), cmd.ErrOrStderr())
			ctx := cmd.Context()
			if withInput {
				ctx = endingWith(ctx, cmd.InOrStdin())
			}
			return runServe(ctx, cfg, log)
		},
	}
	defineFlags(cmd.Flags(), "")
	cmd.Flags().BoolVar(&withInput, untilEOF, false, "stop at the end of standard input")
	if err := cmd.Flags().MarkHidden(untilEOF); err != nil {
		panic(err) // It is defined above.
	}
	return cmd
}

// untilEOF is the flag of the demonstration's bot: it ends with the process that holds the other end of its input, however that ends.
const untilEOF = "until-eof"

// endingWith returns a context that also ends at the end of the input.
func endingWith(ctx context.Context, input io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() { // It lives as long as the process.
		defer cancel()
		_, _ = io.Copy(io.Discard, input) // An error is an end, too.
	}()
	return ctx
}

// runServe opens the database and runs the bot, its HTTP endpoints and the backup socket until ctx ends.
func runServe(ctx context.Context, cfg Config, log *slog.Logger) (err error) {
	db, err := openDatabase(ctx, cfg.StoragePath)
	if errors.Is(err, context.Canceled) { // Stopped before the start.
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	watched, stopWatch := context.WithCancel(context.WithoutCancel(ctx))
	var watching sync.WaitGroup
	watching.Go(func() { db.Watch(watched, log) })
	defer watching.Wait()
	defer stopWatch()
	defer startBackups(ctx, cfg.StoragePath, db, log)()

	cloud, err := cloud66.New(cloud66.Config{
		BaseURL: cfg.Cloud66URL, Token: cfg.Cloud66Token, Account: cfg.Cloud66Account, RequestsPerHour: cfg.Cloud66RequestsPerHour,
		UserAgent: "c66bot/" + currentBuild().Version, Logger: log,
	})
	if err != nil {
		return fmt.Errorf("%s: %w", label("cloud66.url"), err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	b, err := bot.New(bot.Config{
		AppToken: cfg.SlackAppToken, BotToken: cfg.SlackBotToken, SlackURL: cfg.SlackAPIURL, Command: cfg.SlackCommand,
		Profiles: cfg.Cloud66Profiles, Dashboard: cfg.Cloud66Dashboard,
		Admins: cfg.Admins, Cloud: cloud, Records: db, PollMin: cfg.PollMin, PollMax: cfg.PollMax, WatchAfter: cfg.WatchAfter,
		AuditKeep: cfg.AuditKeep, ApprovalsExpire: cfg.ApprovalsExpire, Beat: socket.Beat,
		Version: currentBuild().Version, Metrics: registry, Log: log, Cleaner: cfg.cleaner(),
	})
	if err != nil {
		return err
	}
	log.InfoContext(ctx, "starting", "version", currentBuild().Version, "database", cfg.StoragePath, "admins", cfg.Admins)
	return runParts(ctx, cfg, b, registry, log)
}

// runParts runs the bot and, if configured, the endpoints. The endpoints serve until the bot has shut down; if they fail, the bot stops.
func runParts(ctx context.Context, cfg Config, b *bot.Bot, registry *prometheus.Registry, log *slog.Logger) error {
	if cfg.HTTPAddr == "" {
		return b.Run(ctx)
	}
	listener, err := listenHTTP(ctx, cfg.HTTPAddr)
	if err != nil {
		return err
	}
	log.InfoContext(ctx, "HTTP endpoints listen", "addr", listener.Addr().String())
	endpoints, stopEndpoints := context.WithCancel(context.WithoutCancel(ctx))
	running, stop := context.WithCancel(ctx)
	defer stop()
	var parts errgroup.Group
	parts.Go(func() error {
		defer stopEndpoints()
		return b.Run(running)
	})
	parts.Go(func() error {
		defer stop() // without the endpoints the bot cannot be monitored
		return serveHTTP(endpoints, listener, onlyOwnNames(cfg.HTTPAddr, newHTTPHandler(b.Ready, registry)), log)
	})
	return parts.Wait()
}
