package bot_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"c66bot/bot"
	"c66bot/bot/slacksim"
)

// webMethods are the methods of Slack's Web API that the bot calls, by their names or by those of slack-go's client, with the bot scopes
// that each needs (Slack, the methods' pages). A method that is used and not here fails the test, and so does one that is here and not
// used.
var webMethods = map[string][]string{
	"AuthTestContext":        {},
	"auth.test":              {},
	"StartSocketModeContext": {}, // apps.connections.open, with the app-level token
	"chat.postMessage":       {"chat:write"},
	"chat.postEphemeral":     {"chat:write"},
	"chat.update":            {"chat:write"},
	"chat.delete":            {"chat:write"},
	"conversations.open":     {"im:write"}, // of direct messages
	"conversations.info":     {"channels:read", "groups:read"},
	"conversations.history":  {"channels:history", "groups:history", "im:history"},
	"conversations.replies":  {"channels:history", "groups:history"},
	"conversations.members":  {"groups:read"}, // of private channels
	"users.info":             {"users:read"},
	"users.lookupByEmail":    {"users:read.email"},
	"usergroups.list":        {"usergroups:read"},
	"usergroups.users.list":  {"usergroups:read"},
	"OpenViewContext":        {},
	"UpdateViewContext":      {},
}

// eventScopes are the bot scopes that each event needs (Slack, the events' pages).
var eventScopes = map[string]string{
	"channel_archive": "channels:read", "channel_deleted": "channels:read", "channel_left": "channels:read",
	"channel_unarchive": "channels:read",
	"group_archive":     "groups:read", "group_deleted": "groups:read", "group_left": "groups:read", "group_unarchive": "groups:read",
	"member_joined_channel": "channels:read", "member_left_channel": "channels:read", // or groups:read, for private ones
	"channel_id_changed": "groups:read", // or channels:read
	"app_mention":        "app_mentions:read", "subteam_created": "usergroups:read", "subteam_updated": "usergroups:read",
	"subteam_members_changed": "usergroups:read",
}

func TestTheManifestDeclaresWhatTheCodeUsesAndNothingElse(t *testing.T) {
	manifest, err := slacksim.ParseManifest([]byte(bot.Manifest("/c66")))
	if err != nil {
		t.Fatal(err)
	}
	used := methodsUsed(t)
	needed := map[string]bool{"commands": true} // a slash command and a shortcut
	for method := range used {
		scopes, known := webMethods[method]
		if !known {
			t.Errorf("nobody knows which scopes %s needs", method)
		}
		for _, scope := range scopes {
			needed[scope] = true
		}
	}
	for method := range webMethods {
		if !used[method] {
			t.Errorf("%s is not used any more", method)
		}
	}
	events := manifest.BotEvents
	for _, event := range events {
		scope, known := eventScopes[event]
		if !known {
			t.Errorf("nobody knows which scope the event %s needs", event)
		}
		needed[scope] = true
	}
	if diff := cmp.Diff(sorted(needed), slices.Sorted(slices.Values(manifest.BotScopes))); diff != "" {
		t.Errorf("the scopes that are needed, and those that are declared (-needed +declared):\n%s", diff)
	}
	words := literals(t)
	for _, event := range events {
		if read := words[event] || (strings.HasPrefix(event, "subteam_") && words["subteam_"]); !read {
			t.Errorf("the event %s is declared, and nothing in the code reads it", event)
		}
	}
	for _, s := range manifest.Shortcuts {
		if !words[s.CallbackID] {
			t.Errorf("the shortcut %s is declared, and nothing in the code reads it", s.CallbackID)
		}
	}
}

func TestTheManifestTurnsOnWhatDirectMessagesNeed(t *testing.T) {
	manifest, err := slacksim.ParseManifest([]byte(bot.Manifest("/c66")))
	if err != nil {
		t.Fatal(err)
	}
	if !manifest.MessagesTab || manifest.MessagesReadOnly || manifest.HomeTab {
		t.Errorf("%+v", manifest)
	}
}

func sorted(set map[string]bool) []string {
	var all []string
	for word := range set {
		all = append(all, word)
	}
	slices.Sort(all)
	return all
}

// methodName is how Slack names a method.
var methodName = regexp.MustCompile(`^"((chat|conversations|users|usergroups|views|auth|bots|team)(\.[a-zA-Z]+)+)"$`)

// methodsUsed finds the methods that the bot's own code calls, by slack-go's client or by name.
func methodsUsed(t *testing.T) map[string]bool {
	t.Helper()
	client := reflect.TypeFor[*slack.Client]()
	used := map[string]bool{}
	inspect(t, func(n ast.Node) {
		if literal, ok := n.(*ast.BasicLit); ok {
			if name := methodName.FindStringSubmatch(literal.Value); name != nil {
				used[name[1]] = true
			}
		}
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return
		}
		if _, exists := client.MethodByName(selector.Sel.Name); exists && strings.HasSuffix(selector.Sel.Name, "Context") {
			used[selector.Sel.Name] = true
		}
	})
	return used
}

// literals are the strings in the bot's own code.
func literals(t *testing.T) map[string]bool {
	t.Helper()
	words := map[string]bool{}
	inspect(t, func(n ast.Node) {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			words[strings.Trim(literal.Value, "\"`")] = true
		}
	})
	return words
}

// inspect looks at each node of the bot's own code, tests and the simulated workspace aside.
func inspect(t *testing.T, look func(ast.Node)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "slacksim":
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool { look(n); return true })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheManifestHasTheCommandsNameWhateverIsInIt(t *testing.T) {
	for _, name := range []string{"/c66", "/deploys", "/foo:", "/a#b", `/"x`, `/back\slash`, "/развёртывание"} {
		manifest, err := slacksim.ParseManifest([]byte(bot.Manifest(name)))
		if _, declared := manifest.Commands[name]; err != nil || len(manifest.Commands) != 1 || !declared {
			t.Errorf("%s: %+v, %v", name, manifest.Commands, err)
		}
	}
}
