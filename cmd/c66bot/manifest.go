package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"c66bot/bot"
)

func newManifestCommand(environ []string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "manifest",
		Short: "Print the Slack app manifest to paste when the app is created",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			name, err := commandName(cmd.Flags(), environ)
			if err != nil {
				return &usageError{err}
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), bot.Manifest(name))
			return err
		},
	}
	defineFlags(cmd.Flags(), commandSetting)
	return cmd
}

// commandName finds the slash command's name, and looks at no other setting: there are no tokens yet.
func commandName(flags *pflag.FlagSet, environ []string) (string, error) {
	sources := readSources(flags, environ)
	if sources.fileErr != nil {
		return "", faults{sources.fileErr}
	}
	var cfg Config
	if err := commandSetting.load(sources, &cfg); err != nil {
		return "", faults{err}
	}
	return cfg.SlackCommand, nil
}
