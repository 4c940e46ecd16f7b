package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"c66bot/cloud66/cloud66sim"
)

// farewell is how long the bot may take to end by itself before it is killed.
const farewell = time.Second

// child is the bot as a process of its own: this very program, running serve. It can be started anew after it has ended.
type child struct {
	program string
	dir     string
	environ []string
	log     *os.File
	copyLog io.Writer // Where the log goes too, nil for nowhere else.

	cmd      *exec.Cmd
	wanted   atomic.Bool // Its end is wanted.
	stopping context.CancelFunc
	ended    chan struct{} // Closed once the process is gone; nil before the first start.
}

// newChild prepares the bot in a directory of its own. Of the environment it gets what is not meant for a bot.
func newChild(dir string, environ []string, slackURL, cloudURL string) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	log, err := os.Create(filepath.Join(dir, "c66bot.log"))
	if err != nil {
		return nil, fmt.Errorf("making the bot's log: %w", err)
	}
	environ = slices.DeleteFunc(slices.Clone(environ), func(entry string) bool { return strings.HasPrefix(entry, envPrefix) })
	environ = append(environ,
		"C66BOT_SLACK_APP_TOKEN=xapp-1-A0C66-demo", "C66BOT_SLACK_BOT_TOKEN=xoxb-c66-demo", "C66BOT_CLOUD66_TOKEN="+cloud66sim.DemoToken,
		"C66BOT_SLACK_API_URL="+slackURL, "C66BOT_CLOUD66_URL="+cloudURL, "C66BOT_CLOUD66_REQUESTS_PER_HOUR=1000000",
		"C66BOT_ADMINS="+lin+","+ana, "C66BOT_STORAGE_PATH="+filepath.Join(dir, "c66bot.db"), "C66BOT_HTTP_ADDR=127.0.0.1:0",
		"C66BOT_CLOUD66_PROFILES=default,canary", "C66BOT_POLL_MIN=300ms", "C66BOT_POLL_MAX=3s",
	)
	return &child{program: program, dir: dir, environ: environ, log: log}, nil
}

// start starts the bot and calls died should it end without having been told to. The end of ctx ends the bot too.
func (c *child) start(ctx context.Context, died func(error)) error {
	ctx, c.stopping = context.WithCancel(ctx)
	c.cmd = exec.CommandContext(ctx, c.program, "serve")
	c.cmd.Dir, c.cmd.Env = c.dir, c.environ
	c.cmd.Stdout, c.cmd.Stderr = c.log, c.log
	if c.copyLog != nil {
		c.cmd.Stderr = io.MultiWriter(c.log, c.copyLog)
	}
	c.cmd.Cancel = func() error {
		c.wanted.Store(true)
		return c.cmd.Process.Signal(syscall.SIGTERM)
	}
	c.cmd.WaitDelay = farewell
	if err := c.cmd.Start(); err != nil {
		return fmt.Errorf("starting the bot: %w", err)
	}
	c.wanted.Store(false)
	ended := make(chan struct{})
	c.ended = ended
	go func() {
		defer close(ended)
		if err := c.cmd.Wait(); !c.wanted.Load() {
			died(fmt.Errorf("the bot ended by itself: %w", cmp.Or(err, errors.New("exit status 0"))))
		}
	}()
	return nil
}

// kill ends the bot without a farewell, as SIGKILL does, and waits until it is gone.
func (c *child) kill() error {
	c.wanted.Store(true)
	if err := c.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("killing the bot: %w", err)
	}
	<-c.ended
	return nil
}

// close ends the bot, if it runs, waits until it is gone, and closes its log.
func (c *child) close() error {
	if c.ended != nil {
		c.stopping()
		<-c.ended
	}
	if err := c.log.Close(); err != nil {
		return fmt.Errorf("closing the bot's log: %w", err)
	}
	return nil
}

// logTail is the end of the bot's log, in lines.
func (c *child) logTail() string {
	const most = 20
	text, err := os.ReadFile(c.log.Name())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], "\n")
}
