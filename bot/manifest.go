package bot

import (
	_ "embed" // for the manifest
	"strconv"
	"strings"
)

// manifest declares exactly the Slack features that the bot uses. Tests derive it from the code.
//
//go:embed manifest.yaml
var manifest string

// Manifest returns the Slack app manifest, in YAML, for an app with the given slash command.
func Manifest(command string) string {
	return strings.ReplaceAll(manifest, `"/c66"`, strconv.Quote(command))
}
