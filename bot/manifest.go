package bot

import (
	_ "embed" // for the manifest
	"strconv"
	"strings"
)

// manifest declares what the bot uses of Slack, and nothing else. Tests derive it from the code.
//
//go:embed manifest.yaml
var manifest string

// Manifest is the Slack app manifest, in YAML, of an app whose slash command has the given name.
func Manifest(command string) string {
	return strings.ReplaceAll(manifest, `"/c66"`, strconv.Quote(command))
}
