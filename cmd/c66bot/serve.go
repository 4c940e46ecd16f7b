package main

import (
	"github.com/spf13/cobra"
)

func newServeCommand(environ []string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the bot against Slack and Cloud 66",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(cmd.Flags(), environ)
			if err != nil {
				return err
			}
			log := newLogger(cfg.LogLevel, cfg.LogFormat, cfg.cleaner(), cmd.ErrOrStderr())
			for _, warning := range cfg.Warnings() {
				log.WarnContext(cmd.Context(), "configuration warning", "warning", warning)
			}
			return runServe(cmd.Context(), cfg, log)
		},
	}
	defineFlags(cmd.Flags(), settings...)
	return cmd
}
