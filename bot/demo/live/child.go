package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// child is the bot's process.
type child struct {
	command func(ctx context.Context) *exec.Cmd
	environ []string
	log     *slog.Logger

	mu    sync.Mutex // guards the fields below
	cmd   *exec.Cmd  // nil while no bot runs
	ended chan struct{}
}

// start starts the bot unless it runs. It inherits the environment except for the settings of another bot. Its standard input is a pipe
// from this process, so that its end is seen however this process ends.
func (c *child) start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cmd != nil {
		return nil
	}
	cmd := c.command(context.Background()) // It ends by stop or kill.
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "C66BOT_") }), c.environ...)
	if _, err := cmd.StdinPipe(); err != nil { // Wait closes it.
		return fmt.Errorf("making a pipe to the bot: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the bot: %w", err)
	}
	ended := make(chan struct{})
	c.cmd, c.ended = cmd, ended
	go func() {
		defer close(ended)
		err := cmd.Wait()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.cmd = nil
		c.log.Info("the bot's process ended", "pid", cmd.Process.Pid, "error", err)
	}()
	return nil
}

func (c *child) running() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cmd != nil
}

// kill kills the bot as a power cut would, and waits for its end.
func (c *child) kill() { c.signal(syscall.SIGKILL, endLimit) }

// stop lets the bot shut down, and kills it if that takes too long.
func (c *child) stop() {
	if !c.signal(syscall.SIGTERM, endLimit) {
		c.kill()
	}
}

// signal sends a signal and reports whether the process ended in time.
func (c *child) signal(signal os.Signal, limit time.Duration) bool {
	c.mu.Lock()
	cmd, ended := c.cmd, c.ended
	c.mu.Unlock()
	if cmd == nil {
		return true
	}
	if err := cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		c.log.Warn("the bot's process takes no signal", "error", err)
	}
	select {
	case <-ended:
		return true
	case <-time.After(limit):
		return false
	}
}
