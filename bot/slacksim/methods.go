package slacksim

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
)

// tokenKind is the kind of token that a method takes.
type tokenKind int

const (
	botToken tokenKind = iota
	appToken
	noToken
)

// method is one method of the Web API.
type method struct {
	token     tokenKind
	scopes    []string // any one of them
	perMinute int      // calls a minute, by the method's tier
	run       func(*Workspace, *apiCall) (answer, error)
}

var (
	readScopes    = []string{"channels:read", "groups:read", "im:read", "mpim:read"}
	historyScopes = []string{"channels:history", "groups:history", "im:history", "mpim:history"}
	writeScopes   = []string{"channels:manage", "groups:write", "im:write", "mpim:write"}
)

// methods are the known methods. The limits are those of the methods' pages in Slack's documentation.
var methods = map[string]method{
	"api.test":              {token: noToken, perMinute: 100, run: (*Workspace).apiTest},
	"auth.test":             {perMinute: 300, run: (*Workspace).authTest},
	"apps.connections.open": {token: appToken, scopes: []string{"connections:write"}, perMinute: 20, run: (*Workspace).connectionsOpen},
	"bots.info":             {scopes: []string{"users:read"}, perMinute: 50, run: (*Workspace).botsInfo},

	"chat.postMessage":   {scopes: []string{"chat:write"}, perMinute: 300, run: (*Workspace).postMessage},
	"chat.postEphemeral": {scopes: []string{"chat:write"}, perMinute: 100, run: (*Workspace).postEphemeral},
	"chat.update":        {scopes: []string{"chat:write"}, perMinute: 50, run: (*Workspace).chatUpdate},
	"chat.delete":        {scopes: []string{"chat:write"}, perMinute: 50, run: (*Workspace).chatDelete},
	"chat.getPermalink":  {perMinute: 300, run: (*Workspace).getPermalink},

	"conversations.info":    {scopes: readScopes, perMinute: 50, run: (*Workspace).conversationsInfo},
	"conversations.list":    {scopes: readScopes, perMinute: 20, run: (*Workspace).conversationsList},
	"conversations.members": {scopes: readScopes, perMinute: 100, run: (*Workspace).conversationsMembers},
	"conversations.open":    {scopes: writeScopes, perMinute: 50, run: (*Workspace).conversationsOpen},
	"conversations.history": {scopes: historyScopes, perMinute: 50, run: (*Workspace).conversationsHistory},
	"conversations.replies": {scopes: historyScopes, perMinute: 50, run: (*Workspace).conversationsReplies},

	"users.info":            {scopes: []string{"users:read"}, perMinute: 100, run: (*Workspace).usersInfo},
	"users.list":            {scopes: []string{"users:read"}, perMinute: 20, run: (*Workspace).usersList},
	"usergroups.list":       {scopes: []string{"usergroups:read"}, perMinute: 20, run: (*Workspace).usergroupsList},
	"usergroups.users.list": {scopes: []string{"usergroups:read"}, perMinute: 20, run: (*Workspace).usergroupsUsersList},

	"views.open":   {perMinute: 100, run: (*Workspace).viewsOpen},
	"views.push":   {perMinute: 100, run: (*Workspace).viewsPush},
	"views.update": {perMinute: 100, run: (*Workspace).viewsUpdate},

	"reactions.add":    {scopes: []string{"reactions:write"}, perMinute: 50, run: (*Workspace).reactionsAdd},
	"reactions.remove": {scopes: []string{"reactions:write"}, perMinute: 50, run: (*Workspace).reactionsRemove},
}

func (*Workspace) apiTest(c *apiCall) (answer, error) {
	if c.args["error"] != "" {
		return nil, &apiError{code: c.args["error"], extra: answer{"args": c.args}}
	}
	return answer{"args": c.args}, nil
}

func (w *Workspace) authTest(*apiCall) (answer, error) {
	return answer{
		"url": "https://" + w.opts.TeamDomain + ".slack.com/", "team": w.opts.TeamName, "user": w.opts.BotName,
		"team_id": w.opts.TeamID, "user_id": w.opts.BotUserID, "bot_id": w.opts.BotID, "is_enterprise_install": false,
	}, nil
}

func (w *Workspace) botsInfo(c *apiCall) (answer, error) {
	if bot := c.args["bot"]; bot != "" && bot != w.opts.BotID {
		return nil, refuse("bot_not_found")
	}
	bot := w.botProfile()
	bot["user_id"] = w.opts.BotUserID
	return answer{"bot": bot}, nil
}

// limit reads the limit argument.
func (c *apiCall) limit(fallback, most int) (int, error) {
	n, err := strconv.Atoi(cmp.Or(c.args["limit"], strconv.Itoa(fallback)))
	if err != nil || n < 0 || n > most {
		return 0, refuse("invalid_limit")
	}
	if n == 0 {
		n = fallback
	}
	return n, nil
}

// cursor reads what an earlier answer's next_cursor held, "" for the first page.
func (c *apiCall) cursor() (string, error) {
	raw, err := base64.StdEncoding.DecodeString(c.args["cursor"])
	value, ok := strings.CutPrefix(string(raw), "next:")
	if c.args["cursor"] != "" && (err != nil || !ok) {
		return "", refuse("invalid_cursor")
	}
	return value, nil
}

func nextCursor(value string) answer {
	if value == "" {
		return answer{"next_cursor": ""}
	}
	return answer{"next_cursor": base64.StdEncoding.EncodeToString([]byte("next:" + value))}
}

// pageOf cuts one page out of a whole list, by the arguments limit and cursor.
func pageOf[T any](c *apiCall, all []T) ([]T, answer, error) {
	limit, err := c.limit(100, 1000)
	if err != nil {
		return nil, nil, err
	}
	value, err := c.cursor()
	if err != nil {
		return nil, nil, err
	}
	from, err := strconv.Atoi(cmp.Or(value, "0"))
	if err != nil || from < 0 || from > len(all) {
		return nil, nil, refuse("invalid_cursor")
	}
	to := min(from+limit, len(all))
	next := ""
	if to < len(all) {
		next = strconv.Itoa(to)
	}
	return all[from:to:to], nextCursor(next), nil
}

// decodeArg reads a JSON argument; absent and null leave it nil.
func decodeArg[T any](c *apiCall, name, code string) (value T, err error) {
	if c.args[name] == "" {
		return value, nil
	}
	if json.Unmarshal([]byte(c.args[name]), &value) != nil {
		return value, refuse(code)
	}
	return value, nil
}
