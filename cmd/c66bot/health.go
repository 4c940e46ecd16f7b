package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// healthTimeout bounds a request to the running bot.
const healthTimeout = 2 * time.Second

func newHealthCommand(environ []string) *cobra.Command {
	return newSettingCommand(environ, httpAddr, &cobra.Command{
		Use: "health", Short: "Ask the running bot whether it is ready; exit 0 if it is", Args: cobra.NoArgs,
	}, func(ctx context.Context, cfg Config, _ []string) (string, error) {
		addr, err := healthAddress(cfg.HTTPAddr)
		if err != nil {
			return "", err
		}
		return "ready\n", askReady(ctx, newHealthClient(), addr)
	})
}

// healthAddress returns the address for requests to a bot that listens on addr.
func healthAddress(addr string) (string, error) {
	if addr == "" {
		return "", &usageError{fmt.Errorf("%s is empty, so the bot has no endpoint to ask: set it to the address the bot listens on",
			label(httpAddr))}
	}
	host, port, err := net.SplitHostPort(addr)
	if host == "" || net.ParseIP(host).IsUnspecified() { // The bot listens on every interface.
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), err
}

// newHealthClient returns a client without a proxy, which could not reach the bot's loopback address.
func newHealthClient() *http.Client {
	return &http.Client{Timeout: healthTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
}

// askReady returns nil if the bot at addr is ready, otherwise an error with the reason.
func askReady(ctx context.Context, client *http.Client, addr string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("asking the bot at %s: %w", addr, err)
	}
	resp, err := client.Do(req)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens on %s: is c66bot running, with this %s?", addr, label(httpAddr))
	case os.IsTimeout(err):
		return fmt.Errorf("the bot at %s did not answer within %v", addr, healthTimeout)
	case err != nil:
		return fmt.Errorf("asking the bot at %s: %w", addr, err)
	}
	defer func() { _ = resp.Body.Close() }() // Nothing more is read.
	switch resp.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusServiceUnavailable:
	default:
		return fmt.Errorf("what listens on %s answered %s: is it c66bot?", addr, resp.Status)
	}
	reason, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return fmt.Errorf("reading why the bot at %s is not ready: %w", addr, err)
	}
	return fmt.Errorf("not ready: %s", strings.TrimSpace(string(reason)))
}
