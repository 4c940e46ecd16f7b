// Package live runs the demonstration in a browser: simulated Slack and Cloud 66 in this process, the bot in another one.
//
// Run serves the simulators and the page on two loopback listeners and starts the bot as a child process, which reaches the simulators as
// it would reach the real services. The side panel (panel.go) acts on Cloud 66, on the connections and on the bot. The database is
// filled through the bot itself: town.go lists what an admin types.
package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"c66bot/bot"
	"c66bot/bot/slacksim"
	"c66bot/bot/slacksim/page"
	"c66bot/cloud66/cloud66sim"
)

// Addr is where the page is served unless another program has the port.
const Addr = "127.0.0.1:8066"

// Config configures a demonstration.
type Config struct {
	Addr     string // of the page, on loopback; a taken port is replaced by a free one
	Database string // the bot's file, which is made
	Speed    float64
	Command  func(ctx context.Context) *exec.Cmd // starts a bot that ends with its input; Run adds the settings
	Log      *slog.Logger
	Ready    func(url string) // called once the page can be opened
}

// The time limits of a start and of an end.
const (
	startLimit = 15 * time.Second
	endLimit   = 5 * time.Second
)

// Run serves the demonstration until ctx ends.
func Run(ctx context.Context, cfg Config) error {
	slack := slacksim.New(slacksim.Options{Manifest: []byte(bot.Manifest("/c66")), TeamName: team, TeamDomain: "acme"})
	defer slack.Close()
	cloud := cloud66sim.New(cloud66sim.Options{Speed: cfg.Speed, RateLimit: 1_000_000, WithGitRef: true})
	pages, err := listen(ctx, cfg.Addr)
	if err != nil {
		return err
	}
	services, err := listen(ctx, "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, pages.Close())
	}
	settle(slack)
	child := &child{command: cfg.Command, environ: environ(cfg.Database, services.Addr().String()), log: cfg.Log}
	panel := newPanel(slack, cloud, child, cfg.Speed)
	shown := page.New(page.Config{
		Workspace: slack, Team: team, Home: "deploys", People: people, Commands: commands, Shortcuts: shortcuts, Panel: panel,
	})
	both := http.NewServeMux()
	both.Handle("/cloud66/", http.StripPrefix("/cloud66", cloud))
	both.Handle("/", slack)
	failed := make(chan error, 2)
	servers := []*http.Server{serve(pages, shown, failed), serve(services, both, failed)}
	defer func() {
		child.stop()
		shown.Close()
		slack.Close() // The bot's sockets are no business of the servers' shutdown.
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
		defer cancel()
		for _, server := range servers {
			if server.Shutdown(end) != nil {
				_ = server.Close() // It has no more to say than that a request was cut.
			}
		}
	}()
	if err := child.start(); err != nil {
		return err
	}
	cfg.Ready("http://" + pages.Addr().String() + "/")
	if err := furnish(ctx, slack); err != nil && ctx.Err() == nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// listen listens on a loopback address, or on a free port where its own is taken.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("the page is for this machine alone: %q is no loopback address with a port, such as %s", addr, Addr)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		listener, err = config.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	}
	if err != nil {
		return nil, fmt.Errorf("listening for the demonstration: %w", err)
	}
	return listener, nil
}

func serve(listener net.Listener, handler http.Handler, failed chan<- error) *http.Server {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serving the demonstration: %w", err)
		}
	}()
	return server
}

// environ returns the settings of a bot between the simulators at an address.
func environ(database, addr string) []string {
	return []string{
		"C66BOT_SLACK_APP_TOKEN=xapp-1-A0C66-demo", "C66BOT_SLACK_BOT_TOKEN=xoxb-c66-demo", "C66BOT_SLACK_API_URL=http://" + addr + "/api/",
		"C66BOT_CLOUD66_TOKEN=" + cloud66sim.DemoToken, "C66BOT_CLOUD66_URL=http://" + addr + "/cloud66/api/3",
		"C66BOT_CLOUD66_REQUESTS_PER_HOUR=1000000", "C66BOT_CLOUD66_PROFILES=default,canary", "C66BOT_STORAGE_PATH=" + database,
		"C66BOT_ADMINS=" + strings.Join(admins, ","), "C66BOT_POLL_MIN=300ms", "C66BOT_POLL_MAX=2s", "C66BOT_HTTP_ADDR=127.0.0.1:0",
	}
}
