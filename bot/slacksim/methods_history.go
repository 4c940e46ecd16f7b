package slacksim

import (
	"math"
	"slices"
)

// span is the range of timestamps that a reading call asks for, both ends included.
type span struct{ from, to int64 }

// span reads oldest, latest and inclusive.
func (c *apiCall) span() (span, error) {
	s := span{from: 0, to: math.MaxInt64}
	edge := int64(1)
	if c.flag("inclusive") {
		edge = 0
	}
	if v := c.args["oldest"]; v != "" && v != "0" {
		ts, ok := parseTS(v)
		if !ok {
			return s, refuse("invalid_ts_oldest")
		}
		s.from = ts + edge
	}
	if v := c.args["latest"]; v != "" && v != "now" {
		ts, ok := parseTS(v)
		if !ok {
			return s, refuse("invalid_ts_latest")
		}
		s.to = ts - edge
	}
	return s, nil
}

func (s span) holds(m *Message) bool {
	ts, _ := parseTS(m.TS) // the workspace's own are well-formed
	return s.from <= ts && ts <= s.to
}

// read finds the channel of a history call, where the bot must be a member.
func (w *Workspace) read(c *apiCall) (*channelState, span, error) {
	channel, err := w.looked(c, "history")
	if err != nil {
		return nil, span{}, err
	}
	if !channel.BotIsMember {
		return nil, span{}, refuse("not_in_channel")
	}
	s, err := c.span()
	return channel, s, err
}

// conversationsHistory shows the channel's messages, newest first, without the replies in threads.
func (w *Workspace) conversationsHistory(c *apiCall) (answer, error) {
	channel, s, err := w.read(c)
	if err != nil {
		return nil, err
	}
	found := []*Message{}
	for _, m := range slices.Backward(channel.messages) {
		if !m.Ephemeral && (!m.isReply() || m.Broadcast) && s.holds(m) {
			found = append(found, m)
		}
	}
	return w.messagePage(c, found, nil)
}

// conversationsReplies shows a thread, its parent first on the first page, then the replies, oldest first.
func (w *Workspace) conversationsReplies(c *apiCall) (answer, error) {
	channel, s, err := w.read(c)
	if err != nil {
		return nil, err
	}
	start := find(channel, c.args["ts"])
	if start == nil || start.Ephemeral {
		return nil, refuse("thread_not_found")
	}
	found := []*Message{}
	for _, m := range channel.messages {
		if m.isReply() && !m.Ephemeral && m.ThreadTS == start.TS && s.holds(m) {
			found = append(found, m)
		}
	}
	return w.messagePage(c, found, start)
}

// messagePage cuts a page out of found. The cursor is the timestamp that the
// next page starts with, so that what is posted meanwhile does not shift it.
func (w *Workspace) messagePage(c *apiCall, found []*Message, first *Message) (answer, error) {
	limit, err := c.limit(100, 999)
	if err != nil {
		return nil, err
	}
	cursor, err := c.cursor()
	if err != nil {
		return nil, err
	}
	page := []any{}
	if cursor != "" {
		start, ok := parseTS(cursor)
		if !ok {
			return nil, refuse("invalid_cursor")
		}
		newestFirst := first == nil
		found = slices.DeleteFunc(found, func(m *Message) bool {
			ts, _ := parseTS(m.TS)
			return ts != start && (ts > start) == newestFirst
		})
	} else if first != nil {
		page = append(page, w.wire(first, c.flag("include_all_metadata")))
	}
	n := min(len(found), max(limit-len(page), 0))
	for _, m := range found[:n] {
		page = append(page, w.wire(m, c.flag("include_all_metadata")))
	}
	out := answer{"messages": page, "has_more": n < len(found)}
	if w.endless && len(found) > 0 {
		out["has_more"], out["response_metadata"] = true, nextCursor(found[0].TS)
	} else if n < len(found) {
		out["response_metadata"] = nextCursor(found[n].TS)
	}
	return out, nil
}
