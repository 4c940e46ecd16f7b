package slacksim

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

const (
	hookUses = 5                // uses of a response_url
	hookLife = 30 * time.Minute // lifetime of a response_url
)

// hook is the target of a response_url.
type hook struct {
	channel *channelState
	user    string
	source  string // timestamp of the clicked message, "" for a command
	uses    int
	until   time.Time
}

func (w *Workspace) newHook(h hook) string {
	id := w.shortID() + strconv.FormatInt(time.Now().UnixNano(), 36)
	h.until = time.Now().Add(hookLife)
	w.hooks[id] = &h
	return w.base + "/hooks/" + id
}

// writeHook writes the reply to a response_url: like Slack, "ok" or the error code as text/html.
func (w *Workspace) writeHook(rw http.ResponseWriter, c *apiCall, _ answer, err error) {
	status, body, code := http.StatusOK, "ok", ""
	if err != nil {
		code = err.Error()
		status, body = http.StatusBadRequest, code
	}
	if slices.Contains([]string{"expired_url", "used_url", "message_not_found"}, code) {
		status = http.StatusNotFound
	}
	w.log(c, status, code)
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, body) // the caller may be gone
}

// useHook executes one use of a response_url. A refused use does not count.
func (w *Workspace) useHook(id string, c *apiCall) error {
	h := w.hooks[id]
	switch {
	case c.kind != "application/json":
		return refuse("invalid_payload")
	case h == nil || time.Now().After(h.until):
		return refuse("expired_url")
	case h.uses >= hookUses:
		return refuse("used_url")
	}
	if err := w.respond(h, c); err != nil {
		return err
	}
	h.uses++
	return nil
}

// respond posts a message, or replaces the clicked one, for a response_url or an acknowledgement's payload.
func (w *Workspace) respond(h *hook, c *apiCall) error {
	c.channel = h.channel
	replace := c.flag("replace_original")
	source := find(h.channel, h.source)
	if replace && h.source != "" && (source == nil || source.tombstone) {
		return refuse("message_not_found")
	}
	m, err := w.draft(c)
	switch {
	case err != nil:
		return err
	case replace && source != nil:
		w.edit(source, m.Text, m.Blocks)
		return nil
	case c.args["response_type"] != "in_channel":
		m.Ephemeral, m.For = true, h.user
	}
	w.post(h.channel, m)
	return nil
}

// showAck posts the message in the payload of a command's acknowledgement.
func (w *Workspace) showAck(e *envelope, payload map[string]any) {
	c := &apiCall{args: map[string]string{}}
	for name, v := range payload {
		raw, _ := json.Marshal(v) // decoded JSON
		c.args[name] = asText(raw)
	}
	if err := w.respond(&hook{channel: w.channels[e.delivery.channel], user: e.delivery.user}, c); err != nil {
		w.violate("envelope %s: the acknowledgement's message is refused: %v", e.id, err)
	}
}
