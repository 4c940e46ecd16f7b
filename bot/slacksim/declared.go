package slacksim

import (
	"cmp"
	"fmt"
)

// declared is what the app asked for beyond what Options hold.
type declared struct {
	shortcuts   []string        // callback_ids of global shortcuts
	escapes     map[string]bool // by slash command: should_escape, where the manifest says
	interactive bool
	socketMode  bool
	messages    bool // people and the app can write to each other directly
}

// withManifest fills in what the manifest declares where the options say nothing.
func (o Options) withManifest() (Options, declared) {
	if o.Manifest == nil {
		return o, declared{shortcuts: o.Shortcuts, interactive: true, socketMode: true, messages: true}
	}
	m, err := ParseManifest(o.Manifest)
	if err != nil {
		panic(fmt.Sprintf("slacksim: Options.Manifest: %v", err))
	}
	app := declared{
		shortcuts: []string{}, escapes: map[string]bool{}, interactive: m.Interactivity, socketMode: m.SocketMode, messages: m.MessagesTab,
	}
	commands := []string{}
	for _, c := range m.Commands {
		commands = append(commands, c.Command)
		app.escapes[c.Command] = c.ShouldEscape
	}
	for _, s := range m.Shortcuts {
		if s.Type == "global" {
			app.shortcuts = append(app.shortcuts, s.CallbackID)
		}
	}
	app.shortcuts = orDefault(o.Shortcuts, app.shortcuts...)
	o.BotName = cmp.Or(o.BotName, m.BotName)
	o.Commands = declaredOr(o.Commands, commands)
	o.Events = declaredOr(o.Events, m.BotEvents)
	o.BotScopes = declaredOr(o.BotScopes, m.BotScopes)
	return o, app
}

// declaredOr is what the options say, or else what the manifest does, which may be nothing.
func declaredOr(given, declared []string) []string {
	if given != nil {
		return given
	}
	return append([]string{}, declared...)
}

// escapes tells whether a command's text arrives escaped.
func (w *Workspace) escapes(command string) bool {
	escaped, known := w.app.escapes[command]
	return !w.opts.NoEscape && (escaped || !known)
}
