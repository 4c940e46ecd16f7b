package slacksim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Manifest holds the declarations of an app manifest that the workspace or a test uses.
type Manifest struct {
	BotName          string          // the bot user's display name
	Commands         map[string]bool // should_escape by name, with the slash
	Shortcuts        []Shortcut
	BotEvents        []string
	BotScopes        []string
	Interactivity    bool
	SocketMode       bool
	HomeTab          bool
	MessagesTab      bool // people can open a direct message with the bot
	MessagesReadOnly bool // people cannot write there
}

// Shortcut is a declared shortcut.
type Shortcut struct{ Name, Type, CallbackID string }

// ParseManifest parses an app manifest in YAML or JSON. Like Slack's own validation it refuses unknown keys, texts that are too long, and
// features without their scope or setting. The error lists every fault.
func ParseManifest(data []byte) (Manifest, error) {
	var raw any
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&raw); err != nil {
		return Manifest{}, fmt.Errorf("read the app manifest: %w", err)
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return Manifest{}, errors.New("read the app manifest: there is more than one document in it")
	}
	var decoded any // stays nil for YAML without a JSON form, such as a numeric key, and fails the check
	if text, err := json.Marshal(raw); err == nil {
		_ = json.Unmarshal(text, &decoded) // marshalled in the line above
	}
	m, c := Manifest{}, check("manifest", "", decoded)
	if len(c.problems) == 0 {
		m = newManifest(object(decoded))
		m.checkNeeds(c)
	}
	if len(c.problems) > 0 {
		return Manifest{}, fmt.Errorf("the app manifest has faults:\n%s", strings.Join(c.problems, "\n"))
	}
	return m, nil
}

func newManifest(file map[string]any) Manifest {
	features, settings := object(file["features"]), object(file["settings"])
	home := object(features["app_home"])
	m := Manifest{
		BotName:       text(object(features["bot_user"])["display_name"]),
		BotEvents:     texts(object(settings["event_subscriptions"])["bot_events"]),
		BotScopes:     texts(object(object(file["oauth_config"])["scopes"])["bot"]),
		Interactivity: isTrue(object(settings["interactivity"])["is_enabled"]), SocketMode: isTrue(settings["socket_mode_enabled"]),
		HomeTab: isTrue(home["home_tab_enabled"]), MessagesTab: isTrue(home["messages_tab_enabled"]),
		MessagesReadOnly: isTrue(home["messages_tab_read_only_enabled"]), Commands: map[string]bool{},
	}
	for _, c := range list(features["slash_commands"]) {
		m.Commands[text(object(c)["command"])] = isTrue(object(c)["should_escape"])
	}
	for _, v := range list(features["shortcuts"]) {
		s := object(v)
		m.Shortcuts = append(m.Shortcuts, Shortcut{Name: text(s["name"]), Type: text(s["type"]), CallbackID: text(s["callback_id"])})
	}
	return m
}

func (m Manifest) checkNeeds(c *checker) {
	for _, event := range m.BotEvents {
		scopes, known := rules().Events[event]
		switch {
		case !known:
			c.fault("/settings/event_subscriptions/bot_events", "unknown event: %s", event)
		case !anyOf(scopes, m.BotScopes):
			c.fault("/oauth_config/scopes/bot", "the event %s needs the scope %s", event, strings.Join(scopes, " or "))
		}
	}
	if len(m.Commands)+len(m.Shortcuts) > 0 && !slices.Contains(m.BotScopes, "commands") {
		c.fault("/oauth_config/scopes/bot", "slash commands and shortcuts need the scope commands")
	}
	if len(m.Shortcuts) > 0 && !m.Interactivity {
		c.fault("/settings/interactivity/is_enabled", "shortcuts need interactivity")
	}
	if len(m.BotScopes) > 0 && m.BotName == "" {
		c.fault("/features/bot_user", "bot scopes need a bot user")
	}
}

// anyOf reports whether one of the needed scopes is granted, or no scope is needed.
func anyOf(needed, granted []string) bool {
	return len(needed) == 0 || slices.ContainsFunc(needed, func(scope string) bool { return slices.Contains(granted, scope) })
}

// MessagesTab turns the app's Messages Tab on or off, overriding the manifest.
func (w *Workspace) MessagesTab(on bool) {
	defer w.lock()()
	w.app.MessagesTab = on
}
