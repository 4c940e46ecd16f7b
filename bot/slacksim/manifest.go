package slacksim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Manifest is what an app manifest declares, as far as the workspace acts on it.
type Manifest struct {
	Name             string // of the app
	BotName          string // the bot user's display name
	Commands         []ManifestCommand
	Shortcuts        []ManifestShortcut
	BotEvents        []string
	BotScopes        []string
	Interactivity    bool
	SocketMode       bool
	HomeTab          bool
	MessagesTab      bool // people can open a direct message with the bot
	MessagesReadOnly bool // and cannot write there
}

// ManifestCommand is a declared slash command.
type ManifestCommand struct {
	Command      string `yaml:"command"` // with its slash
	Description  string `yaml:"description"`
	UsageHint    string `yaml:"usage_hint"`
	ShouldEscape bool   `yaml:"should_escape"`
}

// ManifestShortcut is a declared shortcut.
type ManifestShortcut struct {
	Name        string `yaml:"name"`
	Type        string `yaml:"type"` // "global" or "message"
	CallbackID  string `yaml:"callback_id"`
	Description string `yaml:"description"`
}

// manifestFile is the part of the file that Manifest shows.
type manifestFile struct {
	Display struct {
		Name string `yaml:"name"`
	} `yaml:"display_information"`
	Features struct {
		BotUser struct {
			Name string `yaml:"display_name"`
		} `yaml:"bot_user"`
		Home struct {
			Home     bool `yaml:"home_tab_enabled"`
			Messages bool `yaml:"messages_tab_enabled"`
			ReadOnly bool `yaml:"messages_tab_read_only_enabled"`
		} `yaml:"app_home"`
		Commands  []ManifestCommand  `yaml:"slash_commands"`
		Shortcuts []ManifestShortcut `yaml:"shortcuts"`
	} `yaml:"features"`
	OAuth struct {
		Scopes struct {
			Bot []string `yaml:"bot"`
		} `yaml:"scopes"`
	} `yaml:"oauth_config"`
	Settings struct {
		Socket        bool `yaml:"socket_mode_enabled"`
		Interactivity struct {
			On bool `yaml:"is_enabled"`
		} `yaml:"interactivity"`
		Events struct {
			Bot []string `yaml:"bot_events"`
		} `yaml:"event_subscriptions"`
	} `yaml:"settings"`
}

// ParseManifest reads an app manifest in YAML or JSON. It refuses what Slack's
// own check of manifests refuses: unknown keys, texts that are too long, and
// features without the scope or setting that they need. The error names every fault.
func ParseManifest(data []byte) (Manifest, error) {
	var raw any
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&raw); err != nil {
		return Manifest{}, fmt.Errorf("read the app manifest: %w", err)
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return Manifest{}, errors.New("read the app manifest: there is more than one document in it")
	}
	c := &checker{}
	record(manifestShape())(c, "", decoded(raw))
	if len(c.problems) > 0 {
		return Manifest{}, manifestError(c.problems)
	}
	var f manifestFile
	if err := yaml.Unmarshal(data, &f); err != nil {
		return Manifest{}, fmt.Errorf("read the app manifest: %w", err)
	}
	m := f.manifest()
	if problems := m.needs(); len(problems) > 0 {
		return Manifest{}, manifestError(problems)
	}
	return m, nil
}

func manifestError(problems []string) error {
	return fmt.Errorf("the app manifest has faults:\n%s", strings.Join(problems, "\n"))
}

func (f manifestFile) manifest() Manifest {
	return Manifest{
		Name: f.Display.Name, BotName: f.Features.BotUser.Name,
		Commands: f.Features.Commands, Shortcuts: f.Features.Shortcuts,
		BotEvents: f.Settings.Events.Bot, BotScopes: f.OAuth.Scopes.Bot,
		Interactivity: f.Settings.Interactivity.On, SocketMode: f.Settings.Socket,
		HomeTab: f.Features.Home.Home, MessagesTab: f.Features.Home.Messages, MessagesReadOnly: f.Features.Home.ReadOnly,
	}
}

// decoded turns decoded YAML into what decoded JSON looks like, which the rules expect.
func decoded(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, value := range v {
			out[name] = decoded(value)
		}
		return out
	case map[any]any: // a key that is no text
		return nil
	case []any:
		out := make([]any, len(v))
		for i, value := range v {
			out[i] = decoded(value)
		}
		return out
	case int:
		return float64(v)
	}
	return v
}
