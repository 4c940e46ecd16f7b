package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"c66bot/cloud66"
	"c66bot/cloud66/cloud66sim"
	"c66bot/cloud66/secret"
)

// demoSpeed makes a deployment of six minutes take nine seconds.
const demoSpeed = 40

// demoOptions are the flags of the demonstration.
type demoOptions struct {
	speed   float64
	showLog bool
}

func newDemoCommand(environ []string) *cobra.Command {
	var opts demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Play a story with the bot, a simulated Slack and a simulated Cloud 66",
		Long: "Runs the bot, as a process of its own, between a simulated Slack workspace and a simulated Cloud 66, " +
			"and plays a story with it that shows who sees what. It needs no account and no token, and leaves nothing behind.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !(opts.speed > 0) {
				return &usageError{fmt.Errorf("--speed is %v: give a number above 0, such as %d", opts.speed, demoSpeed)}
			}
			return runDemo(cmd.Context(), opts, environ, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().Float64Var(&opts.speed, "speed", demoSpeed, "how many times faster than in reality a deployment takes place, a `number`")
	cmd.Flags().BoolVar(&opts.showLog, "log", false, "show the bot's log on stderr")
	return cmd
}

// runDemo plays the story and takes everything down again. That ctx ends, as by Ctrl-C, is a fine end too.
func runDemo(ctx context.Context, opts demoOptions, environ []string, stdout, stderr io.Writer) (err error) {
	signal.Ignore(syscall.SIGPIPE) // A reader that goes away, as head does, must not leave the bot and its directory behind.
	dir, err := os.MkdirTemp("", "c66bot-demo-")
	if err != nil {
		return fmt.Errorf("making a directory for the demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	slack, cloud := demoWorkspace(), cloud66sim.New(cloud66sim.Options{Speed: opts.speed, RateLimit: 1_000_000, WithGitRef: true})
	defer slack.Close()
	cloud66sim.SeedDemo(cloud)
	slackURL, stopSlack, err := serveSimulator(ctx, slack)
	if err != nil {
		return err
	}
	defer stopSlack()
	cloudURL, stopCloud, err := serveSimulator(ctx, cloud)
	if err != nil {
		return err
	}
	defer stopCloud()

	bot, err := newChild(dir, environ, slackURL+"/api/", cloudURL+"/api/3")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bot.close()) }()
	if opts.showLog {
		bot.copyLog = stderr
	}
	s := newScene(slack, cloud, bot, newPrinter(stdout, environ), opts.speed)
	if err := s.findStacks(ctx); err != nil {
		return err
	}
	err = s.play(ctx)
	switch {
	case ctx.Err() != nil:
		return nil
	case s.out.err != nil:
		return fmt.Errorf("telling the story: %w", s.out.err)
	case err != nil:
		return fmt.Errorf("%w\nThe end of the bot's log:\n%s", err, bot.logTail())
	}
	return nil
}

// serveSimulator serves a simulator on a free loopback port. It returns the address as a URL, and what ends it.
func serveSimulator(ctx context.Context, handler http.Handler) (url string, stop func(), err error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listening for a simulator: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // Until it is closed; should it fail before, the story gets stuck and says where.
	}()
	return "http://" + listener.Addr().String(), func() {
		_ = server.Close() // What is still open belongs to a bot that has ended.
		<-served
	}, nil
}

// findStacks asks the simulated Cloud 66 for the UIDs of its stacks.
func (s *scene) findStacks(ctx context.Context) error {
	client, err := cloud66.New(cloud66.Config{
		BaseURL: "http://cloud66.demo/api/3", Token: secret.New(cloud66sim.DemoToken), RequestsPerHour: 1000, Transport: s.cloud.RoundTripper(),
	})
	if err != nil {
		return fmt.Errorf("asking the simulated Cloud 66: %w", err)
	}
	page, err := client.StackPage(ctx, 1)
	if err != nil {
		return fmt.Errorf("listing the simulated stacks: %w", err)
	}
	for _, stack := range page.Stacks {
		s.uids[stack.Name+"@"+stack.Environment] = stack.UID
	}
	return nil
}
