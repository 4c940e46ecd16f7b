// Command c66bot is a Slack bot that redeploys, follows and reports Cloud 66 deployments.
//
// It reads the configuration from a YAML file, the environment and flags, wires the packages together and runs them. Each subcommand has a
// file of its own. Tokens on the command line are refused, and tokens are removed from errors and logs. The exit status is 0 on success,
// 1 on a failure, and 2 if the command line or the configuration has a fault.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"c66bot/bot"
	"c66bot/cloud66/secret"
)

// The exit statuses of the program.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// usageError marks a fault of the command line or the configuration: exit status 2.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }

func (e *usageError) Unwrap() error { return e.err }

// run executes the program and returns its exit status.
// environ is a list of NAME=value, like os.Environ. Errors are written to stderr, without tokens.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	root := newRootCommand(environ)
	cleaner, started := secret.NewCleaner(configuredTokens(args, environ)...), false
	shown, secrets := withoutTokens(args, cleaner)
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		started = true
		if secrets {
			return errTokenArgument
		}
		return nil
	}
	root.SetArgs(shown)
	root.SetOut(stdout)
	root.SetErr(stderr)

	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	_, _ = fmt.Fprintf(stderr, "c66bot: %s\n", cleaner.Clean(err.Error())) // It may contain input from outside.
	if !started {                                                          // Cobra itself refused the command, a flag or an argument.
		_, _ = fmt.Fprintln(stderr, `"c66bot help" lists the commands, "c66bot help COMMAND" shows the flags of one.`)
		return exitUsage
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}

func newRootCommand(environ []string) *cobra.Command {
	root := &cobra.Command{
		Use:           "c66bot",
		Short:         "Redeploy and follow Cloud 66 stacks from Slack",
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(*cobra.Command, []string) error {
			return &usageError{errors.New(`no command given: "c66bot help" lists the commands`)}
		},
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetHelpCommand(newHelpCommand())
	root.AddCommand(newServeCommand(environ), newDemoCommand(environ), newHealthCommand(environ), newManifestCommand(environ),
		newBackupCommand(environ), newAuditCommand(environ), newVersionCommand())
	return root
}

// newSettingCommand completes a command that reads only the setting with a key and prints the text that run returns.
func newSettingCommand(
	environ []string, key string, cmd *cobra.Command, run func(ctx context.Context, cfg Config, args []string) (string, error),
) *cobra.Command {
	defineFlags(cmd.Flags(), key)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, err := loadOne(cmd.Flags(), environ, key)
		if err != nil {
			return err
		}
		text, err := run(cmd.Context(), cfg, args)
		if err == nil {
			_, err = io.WriteString(cmd.OutOrStdout(), text)
		}
		return err
	}
	return cmd
}

func newManifestCommand(environ []string) *cobra.Command {
	cmd := &cobra.Command{
		Use: "manifest", Short: "Print the Slack app manifest, or the link to Slack's dialog with it filled in", Args: cobra.NoArgs,
	}
	link := cmd.Flags().Bool("link", false, "print the link that opens Slack's dialog for a new app with the manifest filled in")
	return newSettingCommand(environ, "slack.command", cmd, func(_ context.Context, cfg Config, _ []string) (string, error) {
		if *link {
			return bot.ManifestLink(cfg.SlackCommand) + "\n", nil
		}
		return bot.Manifest(cfg.SlackCommand), nil
	})
}

// newHelpCommand returns a help command that fails for an unknown topic, unlike cobra's own.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Show the commands, or the flags of one",
		RunE: func(cmd *cobra.Command, args []string) error {
			topic, _, err := cmd.Root().Find(args)
			if err != nil {
				return &usageError{err}
			}
			topic.InitDefaultHelpFlag()
			return topic.Help()
		},
	}
}
