package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"c66bot/bot"
)

func newManifestCommand(environ []string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "manifest",
		Short: "Print the Slack app manifest to paste when the app is created",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadOne(cmd.Flags(), environ, "slack.command") // There are no tokens yet.
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), bot.Manifest(cfg.SlackCommand))
			return err
		},
	}
	defineFlags(cmd.Flags(), "slack.command")
	return cmd
}
