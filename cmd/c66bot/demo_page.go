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
	addr, data string
	speed      float64
	quiet      bool // open no browser
}

// run serves the page until ctx ends. Without a directory for data it makes one and removes it.
func (d demoPage) run(ctx context.Context, environ []string, stdout, logTo io.Writer) (err error) {
	fresh := true
	if d.data == "" {
		if d.data, err = os.MkdirTemp("", "c66bot-demo-"); err != nil {
			return fmt.Errorf("making a directory for the demo: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(d.data)) }()
	} else if err := os.MkdirAll(d.data, 0o700); err != nil {
		return fmt.Errorf("making the demo's directory: %w", err)
	}
	database := filepath.Join(d.data, "c66bot.db")
	if _, err := os.Stat(database); err == nil {
		fresh = false
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the program for the bot's process: %w", err)
	}
	return live.Run(ctx, live.Config{
		Addr: d.addr, Database: database, Fresh: fresh, Speed: d.speed,
		Log: newLogger(slog.LevelInfo, "text", secret.NewCleaner(secret.New(cloud66sim.DemoToken)), logTo),
		Command: func(ctx context.Context) *exec.Cmd {
			cmd := exec.CommandContext(ctx, self, "serve")
			cmd.Stdout, cmd.Stderr, cmd.Dir = logTo, logTo, d.data // The directory has no configuration file.
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
