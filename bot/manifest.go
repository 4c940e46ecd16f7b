package bot

import (
	_ "embed" // for the manifest
	"net/url"
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

// ManifestLink returns the address of Slack's dialog for a new app, filled in with the manifest (Slack, App manifests).
func ManifestLink(command string) string {
	return "https://api.slack.com/apps?new_app=1&manifest_yaml=" + strings.ReplaceAll(url.QueryEscape(Manifest(command)), "+", "%20")
}
