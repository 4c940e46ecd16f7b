package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"c66bot/bot/demo"
	"c66bot/bot/demo/live"
	"c66bot/cloud66/cloud66sim"
	"c66bot/cloud66/secret"
	"c66bot/storage"
	"c66bot/storage/bolt"
)

func newDemoCommand(environ []string) *cobra.Command {
	var page demoPage
	var play, showLog bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Try the bot in a browser, with a simulated Slack and a simulated Cloud 66",
		Long: "Serves a page on this machine that shows a simulated Slack workspace, and runs the bot between it and a simulated Cloud 66. " +
			"It needs no account and no token, and leaves nothing behind. With --play it tells a story in the terminal instead.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if page.speed == 0 && !cmd.Flags().Changed("speed") {
				page.speed = 10
				if play {
					page.speed = demo.Speed
				}
			}
			if !(page.speed > 0) {
				return &usageError{fmt.Errorf("--speed is %v: give a number above 0, such as %d", page.speed, demo.Speed)}
			}
			log := io.Discard
			if showLog {
				log = cmd.ErrOrStderr()
			}
			if !play {
				return page.run(cmd.Context(), environ, cmd.OutOrStdout(), log)
			}
			terminal := demo.NewTerminal(cmd.OutOrStdout(), showsColours(cmd.OutOrStdout(), environ), widthOf(cmd.OutOrStdout()))
			return runDemo(cmd.Context(), demo.Config{Speed: page.speed, Version: currentBuild().Version, Show: terminal.Show}, log)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&play, "play", false, "play a story in the terminal instead")
	flags.Float64Var(&page.speed, "speed", 0,
		fmt.Sprintf("how many times faster than in reality a deployment takes place, a `number` (default 10, with --play %d)", demo.Speed))
	flags.BoolVar(&showLog, "log", false, "show the bot's log on stderr")
	flags.StringVar(&page.addr, "addr", live.Addr, "loopback `address` (host:port) of the page; where the port is taken, a free one serves")
	flags.BoolVar(&page.quiet, "no-open", false, "open no browser")
	return cmd
}

// runDemo plays the story and cleans up. The end of ctx, such as Ctrl-C, is no error.
func runDemo(ctx context.Context, cfg demo.Config, logTo io.Writer) (err error) {
	signal.Ignore(syscall.SIGPIPE) // The directory must be removed even if the reader of stdout exits, like head.
	dir, err := os.MkdirTemp("", "c66bot-demo-")
	if err != nil {
		return fmt.Errorf("making a directory for the demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cfg.Open = func() (storage.DB, error) { return bolt.Open(filepath.Join(dir, "c66bot.db")) }
	var log bytes.Buffer
	cfg.Log = newLogger(slog.LevelInfo, "text", secret.NewCleaner(secret.New(cloud66sim.DemoToken)), io.MultiWriter(&log, logTo))
	err = demo.Play(ctx, cfg)
	if ctx.Err() != nil {
		_ = cfg.Show(demo.Moment{Narration: "Stopped."}) // The reader may be gone.
		return nil
	}
	if err != nil {
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		return fmt.Errorf("%w\nThe end of the bot's log:\n%s", err, strings.Join(lines[max(0, len(lines)-20):], "\n"))
	}
	return nil
}

// showsColours reports whether w is a terminal and neither NO_COLOR nor TERM=dumb is set.
func showsColours(w io.Writer, environ []string) bool {
	file, ok := w.(*os.File)
	if !ok || slices.ContainsFunc(environ, func(entry string) bool {
		no, found := strings.CutPrefix(entry, "NO_COLOR=")
		return found && no != "" || entry == "TERM=dumb"
	}) {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// widthOf returns the number of columns of w if it is a terminal that tells it, else 0.
func widthOf(w io.Writer) int {
	if file, ok := w.(*os.File); ok {
		return columns(file)
	}
	return 0
}
