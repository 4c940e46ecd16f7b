package slacksim

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// method is one method of the Web API.
type method struct {
	appToken  bool     // takes the app token instead of the bot token
	scopes    []string // one of them suffices
	perMinute int      // limit of calls a minute, by the method's tier
	right     string   // required right in the named channel, see Workspace.channel
	run       func(*Workspace, *apiCall) (answer, error)
}

var (
	readScopes    = []string{"channels:read", "groups:read", "im:read", "mpim:read"}
	historyScopes = []string{"channels:history", "groups:history", "im:history", "mpim:history"}
	openScopes    = []string{"channels:manage", "groups:write", "im:write", "mpim:write"}
)

// methods are the methods that the bot uses. The rate limits come from the methods' pages in Slack's documentation.
var methods = map[string]method{
	"auth.test":             {perMinute: 300, run: (*Workspace).authTest},
	"apps.connections.open": {appToken: true, scopes: []string{"connections:write"}, perMinute: 20, run: (*Workspace).connectionsOpen},

	"chat.postMessage":   {scopes: []string{"chat:write"}, perMinute: 300, right: "post", run: (*Workspace).postMessage},
	"chat.postEphemeral": {scopes: []string{"chat:write"}, perMinute: 100, right: "post", run: (*Workspace).postEphemeral},
	"chat.update":        {scopes: []string{"chat:write"}, perMinute: 50, right: "write", run: (*Workspace).chatUpdate},
	"chat.delete":        {scopes: []string{"chat:write"}, perMinute: 50, right: "write", run: (*Workspace).chatDelete},

	"conversations.info":    {scopes: readScopes, perMinute: 50, right: "read", run: (*Workspace).conversationsInfo},
	"conversations.members": {scopes: readScopes, perMinute: 100, right: "read", run: (*Workspace).conversationsMembers},
	"conversations.history": {scopes: historyScopes, perMinute: 50, right: "history", run: (*Workspace).conversationsHistory},
	"conversations.replies": {scopes: historyScopes, perMinute: 50, right: "history", run: (*Workspace).conversationsReplies},
	"conversations.open":    {scopes: openScopes, perMinute: 50, run: (*Workspace).conversationsOpen},

	"users.info":            {scopes: []string{"users:read"}, perMinute: 100, run: (*Workspace).usersInfo},
	"users.lookupByEmail":   {scopes: []string{"users:read.email"}, perMinute: 50, run: (*Workspace).usersLookupByEmail},
	"usergroups.list":       {scopes: []string{"usergroups:read"}, perMinute: 20, run: (*Workspace).usergroupsList},
	"usergroups.users.list": {scopes: []string{"usergroups:read"}, perMinute: 20, run: (*Workspace).usergroupsUsersList},

	"views.open":   {perMinute: 100, run: (*Workspace).viewsOpen},
	"views.update": {perMinute: 100, run: (*Workspace).viewsUpdate},
}

func (w *Workspace) authTest(*apiCall) (answer, error) {
	return answer{
		"url": "https://" + w.opts.TeamDomain + ".slack.com/", "team": w.opts.TeamName, "user": w.app.BotName,
		"team_id": teamID, "user_id": botUserID, "bot_id": botID, "is_enterprise_install": false,
	}, nil
}

// paging reads the arguments limit (100 by default) and cursor, decoded from an earlier next_cursor; "" is the first page.
func (c *apiCall) paging(most int) (limit int, cursor string, err error) {
	limit, err = strconv.Atoi(cmp.Or(c.args["limit"], "0"))
	if err != nil || limit < 0 || limit > most {
		return 0, "", refuse("invalid_limit")
	}
	raw, err := base64.StdEncoding.DecodeString(c.args["cursor"])
	cursor, ok := strings.CutPrefix(string(raw), "next:")
	if c.args["cursor"] != "" && (err != nil || !ok) {
		return 0, "", refuse("invalid_cursor")
	}
	return cmp.Or(limit, 100), cursor, nil
}

func nextCursor(value string) answer {
	return answer{"next_cursor": base64.StdEncoding.EncodeToString([]byte("next:" + value))}
}

const (
	channelRate  = 1 // posts a second in one channel
	channelBurst = 4 // posts at once in one channel
)

// limited counts a call. It returns the wait if the call exceeds the method's limit or the channel's rate of posts, else 0.
func (w *Workspace) limited(c *apiCall, perMinute int) time.Duration {
	if w.opts.NoRateLimits {
		return 0
	}
	now := time.Now()
	calls := slices.DeleteFunc(w.windows[c.name], func(at time.Time) bool { return now.Sub(at) >= time.Minute })
	w.windows[c.name] = calls
	if len(calls) >= perMinute {
		return time.Minute - now.Sub(calls[0])
	}
	if c.name == "chat.postMessage" {
		posts := w.limiters[c.args["channel"]]
		if posts == nil {
			posts = rate.NewLimiter(channelRate, channelBurst)
			w.limiters[c.args["channel"]] = posts
		}
		r := posts.Reserve()
		if wait := r.Delay(); wait > 0 {
			r.Cancel()
			return wait
		}
	}
	w.windows[c.name] = append(calls, now)
	return 0
}
