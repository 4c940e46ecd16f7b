package slacksim

import (
	"math"
	"slices"
)

// conversationsHistory returns the channel's messages, newest first, without thread replies unless they are broadcast.
func (w *Workspace) conversationsHistory(c *apiCall) (answer, error) {
	return w.messages(c, nil, func(m *Message) bool { return !m.isReply() || m.Broadcast })
}

// conversationsReplies returns a thread: the parent on the first page, then the replies, oldest first.
func (w *Workspace) conversationsReplies(c *apiCall) (answer, error) {
	start := find(c.channel, c.args["ts"])
	if start == nil || start.Ephemeral {
		return nil, refuse("thread_not_found")
	}
	return w.messages(c, start, func(m *Message) bool { return m.isReply() && m.ThreadTS == start.TS })
}

// messages returns a page of the wanted messages, in a thread after its start. The cursor is the timestamp of the first
// message of the next page.
func (w *Workspace) messages(c *apiCall, start *Message, wanted func(*Message) bool) (answer, error) {
	from, to, err := c.span()
	if err != nil {
		return nil, err
	}
	limit, cursor, err := c.paging(999)
	if err != nil {
		return nil, err
	}
	shown := []any{}
	if cursor != "" {
		next, ok := parseTS(cursor)
		switch {
		case !ok:
			return nil, refuse("invalid_cursor")
		case start == nil:
			to = min(to, next)
		default:
			from = max(from, next)
		}
	} else if start != nil {
		shown = append(shown, w.wire(start, c.flag("include_all_metadata")))
	}
	var found []*Message
	for _, m := range c.channel.messages {
		if ts, _ := parseTS(m.TS); !m.Ephemeral && wanted(m) && from <= ts && ts <= to {
			found = append(found, m)
		}
	}
	if start == nil {
		slices.Reverse(found)
	}
	n := min(len(found), max(limit-len(shown), 0))
	for _, m := range found[:n] {
		shown = append(shown, w.wire(m, c.flag("include_all_metadata")))
	}
	out := answer{"messages": shown, "has_more": n < len(found)}
	if w.endless && len(found) > 0 {
		out["has_more"], out["response_metadata"] = true, nextCursor(found[0].TS)
	} else if n < len(found) {
		out["response_metadata"] = nextCursor(found[n].TS)
	}
	return out, nil
}

// span reads the arguments oldest, latest and inclusive as the first and last wanted timestamp, in microseconds.
func (c *apiCall) span() (from, to int64, err error) {
	edge := int64(1)
	if c.flag("inclusive") {
		edge = 0
	}
	to = math.MaxInt64
	for _, end := range []struct {
		name string
		at   *int64
		edge int64
	}{{"oldest", &from, edge}, {"latest", &to, -edge}} {
		if given := c.args[end.name]; given != "" {
			ts, ok := parseTS(given)
			if !ok {
				return 0, 0, refuse("invalid_ts_" + end.name)
			}
			*end.at = ts + end.edge
		}
	}
	return from, to, nil
}
