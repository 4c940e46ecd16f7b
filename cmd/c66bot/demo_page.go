package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"c66bot/bot/demo/live"
	"c66bot/cloud66/cloud66sim"
	"c66bot/cloud66/secret"
)

// demoPage are the flags of the demonstration in a browser.
type demoPage struct {
	addr  string
	speed float64
	quiet bool // open no browser
}

// run serves the page until ctx ends. The bot's database is in a directory that is then removed.
func (d demoPage) run(ctx context.Context, environ []string, stdout, logTo io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "c66bot-demo-")
	if err != nil {
		return fmt.Errorf("making a directory for the demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the program for the bot's process: %w", err)
	}
	return live.Run(ctx, live.Config{
		Addr: d.addr, Database: filepath.Join(dir, "c66bot.db"), Speed: d.speed,
		Log: newLogger(slog.LevelInfo, "text", secret.NewCleaner(secret.New(cloud66sim.DemoToken)), logTo),
		Command: func(ctx context.Context) *exec.Cmd {
			cmd := exec.CommandContext(ctx, self, "serve", "--"+untilEOF)
			cmd.Stdout, cmd.Stderr, cmd.Dir = logTo, logTo, dir // The directory has no configuration file.
			return cmd
		},
		Ready: func(url string) {
			_, _ = fmt.Fprintf(stdout, "A small company's Slack, with the bot in it: %s\nCtrl-C ends it.\n", url) // The reader may be gone.
			if !d.quiet {
				openBrowser(ctx, url, environ)
			}
		},
	})
}

// openBrowser opens a page where a desktop is. Whether that works is seen by who sits before it.
func openBrowser(ctx context.Context, url string, environ []string) {
	desktop := slices.ContainsFunc(environ, func(entry string) bool {
		name, value, _ := strings.Cut(entry, "=")
		return value != "" && (name == "DISPLAY" || name == "WAYLAND_DISPLAY")
	})
	var cmd *exec.Cmd
	switch {
	case runtime.GOOS == "darwin":
		cmd = exec.CommandContext(ctx, "open", url)
	case runtime.GOOS == "windows":
		cmd = exec.CommandContext(ctx, "rundll32", "url.dll,FileProtocolHandler", url)
	case desktop:
		cmd = exec.CommandContext(ctx, "xdg-open", url)
	default:
		return
	}
	if cmd.Start() == nil {
		go func() { _ = cmd.Wait() }() // until the opener or the demonstration ends
	}
}
