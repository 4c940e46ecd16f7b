package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version and commit are set by a release with -ldflags "-X main.version=… -X main.commit=…".
var version, commit string

// buildInfo identifies the sources and the Go version of the program.
type buildInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
}

func (b buildInfo) String() string {
	return fmt.Sprintf("c66bot %s, commit %s, %s", b.Version, b.Commit, b.Go)
}

// currentBuild returns the values set by the linker, or those that the Go tool recorded.
func currentBuild() buildInfo {
	recorded, ok := debug.ReadBuildInfo()
	if !ok {
		recorded = &debug.BuildInfo{}
	}
	return buildFrom(version, commit, recorded)
}

func buildFrom(version, commit string, recorded *debug.BuildInfo) buildInfo {
	vcs := map[string]string{}
	for _, s := range recorded.Settings {
		vcs[s.Key] = s.Value
	}
	recordedCommit := vcs["vcs.revision"]
	if recordedCommit != "" && vcs["vcs.modified"] == "true" {
		recordedCommit += "+dirty"
	}
	return buildInfo{
		Version: cmp.Or(version, recorded.Main.Version, "unknown"),
		Commit:  cmp.Or(commit, recordedCommit, "unknown"),
		Go:      runtime.Version(),
	}
}

func newVersionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version, the commit and the Go version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(currentBuild())
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), currentBuild())
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}
