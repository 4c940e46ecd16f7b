package slacksim

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"time"
)

// method is one method of the Web API.
type method struct {
	appToken  bool                                                    // it takes the app token, not the bot's
	scopes    []string                                                // any one of them
	perMinute int                                                     // calls a minute, by the method's tier
	channel   func(*Workspace, *apiCall) (*channelState, error)       // finds the channel that it is about, or nil
	run       func(w *Workspace, c *apiCall) (answer answer, e error) // with the lock held
}

var (
	readScopes    = []string{"channels:read", "groups:read", "im:read", "mpim:read"}
	historyScopes = []string{"channels:history", "groups:history", "im:history", "mpim:history"}
	openScopes    = []string{"channels:manage", "groups:write", "im:write", "mpim:write"}
)

// methods are the methods that the bot uses. The limits are those of the methods' pages in Slack's documentation.
var methods = map[string]method{
	"auth.test":             {perMinute: 300, run: (*Workspace).authTest},
	"apps.connections.open": {appToken: true, scopes: []string{"connections:write"}, perMinute: 20, run: (*Workspace).connectionsOpen},

	"chat.postMessage":   {scopes: []string{"chat:write"}, perMinute: 300, channel: (*Workspace).addressed, run: (*Workspace).postMessage},
	"chat.postEphemeral": {scopes: []string{"chat:write"}, perMinute: 100, channel: (*Workspace).addressed, run: (*Workspace).postEphemeral},
	"chat.update":        {scopes: []string{"chat:write"}, perMinute: 50, channel: (*Workspace).writable, run: (*Workspace).chatUpdate},
	"chat.delete":        {scopes: []string{"chat:write"}, perMinute: 50, channel: (*Workspace).writable, run: (*Workspace).chatDelete},

	"conversations.info":    {scopes: readScopes, perMinute: 50, channel: (*Workspace).readable, run: (*Workspace).conversationsInfo},
	"conversations.members": {scopes: readScopes, perMinute: 100, channel: (*Workspace).readable, run: (*Workspace).conversationsMembers},
	"conversations.history": {scopes: historyScopes, perMinute: 50, channel: (*Workspace).recorded, run: (*Workspace).conversationsHistory},
	"conversations.replies": {scopes: historyScopes, perMinute: 50, channel: (*Workspace).recorded, run: (*Workspace).conversationsReplies},
	"conversations.open":    {scopes: openScopes, perMinute: 50, run: (*Workspace).conversationsOpen},

	"users.info":            {scopes: []string{"users:read"}, perMinute: 100, run: (*Workspace).usersInfo},
	"usergroups.list":       {scopes: []string{"usergroups:read"}, perMinute: 20, run: (*Workspace).usergroupsList},
	"usergroups.users.list": {scopes: []string{"usergroups:read"}, perMinute: 20, run: (*Workspace).usergroupsUsersList},

	"views.open":   {perMinute: 100, run: (*Workspace).viewsOpen},
	"views.update": {perMinute: 100, run: (*Workspace).viewsUpdate},
}

func (w *Workspace) authTest(*apiCall) (answer, error) {
	return answer{
		"url": "https://" + w.opts.TeamDomain + ".slack.com/", "team": w.opts.TeamName, "user": w.app.BotName,
		"team_id": w.opts.TeamID, "user_id": botUserID, "bot_id": botID, "is_enterprise_install": false,
	}, nil
}

// page cuts one page out of a whole list, by the arguments limit and cursor.
func page[T any](c *apiCall, all []T) ([]T, answer, error) {
	limit, cursor, err := c.paging(1000)
	if err != nil {
		return nil, nil, err
	}
	from, err := strconv.Atoi(cmp.Or(cursor, "0"))
	if err != nil || from < 0 || from > len(all) {
		return nil, nil, refuse("invalid_cursor")
	}
	if to := from + limit; to < len(all) {
		return all[from:to], nextCursor(strconv.Itoa(to)), nil
	}
	return all[from:], answer{"next_cursor": ""}, nil
}

// paging reads the arguments limit and cursor: what an earlier answer's next_cursor held, "" for the first page.
func (c *apiCall) paging(most int) (limit int, cursor string, err error) {
	limit, err = strconv.Atoi(cmp.Or(c.args["limit"], "0"))
	if err != nil || limit < 0 || limit > most {
		return 0, "", refuse("invalid_limit")
	}
	raw, err := base64.StdEncoding.DecodeString(c.args["cursor"])
	if err != nil || c.args["cursor"] != "" && len(raw) < len("next:") {
		return 0, "", refuse("invalid_cursor")
	}
	if len(raw) > 0 {
		cursor = string(raw[len("next:"):])
	}
	return cmp.Or(limit, 100), cursor, nil
}

func nextCursor(value string) answer {
	return answer{"next_cursor": base64.StdEncoding.EncodeToString([]byte("next:" + value))}
}

const (
	channelEvery = time.Second // one post a second and channel
	channelBurst = 4           // posts that a channel takes at once
)

// bucket is the allowance of one channel: one post each channelEvery, up to channelBurst.
type bucket struct {
	posts float64
	at    time.Time
}

// limited counts a call and returns how long to wait where it is too much: perMinute calls in any minute, and for posts the channel's own rate.
// The lock is held.
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
		b := w.buckets[c.args["channel"]]
		if b == nil {
			b = &bucket{posts: channelBurst, at: now}
			w.buckets[c.args["channel"]] = b
		}
		b.posts = min(channelBurst, b.posts+now.Sub(b.at).Seconds()/channelEvery.Seconds())
		b.at = now
		if b.posts < 1 {
			return time.Duration((1 - b.posts) * float64(channelEvery))
		}
		b.posts--
	}
	w.windows[c.name] = append(calls, now)
	return 0
}
