package slacksim

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"time"
)

const (
	hookUses = 5                // how often a response_url can be used
	hookLife = 30 * time.Minute // and for how long
)

// hook is what a response_url stands for.
type hook struct {
	channel string
	user    string
	source  string // timestamp of the message that was clicked, "" for a command
	uses    int
	until   time.Time
}

// newHook makes a response_url; kind is "commands" or "actions". The lock is held.
func (w *Workspace) newHook(kind string, h hook) string {
	id := shortID(w.nextID()) + shortID(int(time.Now().UnixNano()))
	h.until = time.Now().Add(hookLife)
	w.hooks[id] = &h
	return w.base + "/" + kind + "/" + w.opts.TeamID + "/" + id
}

// serveHook answers a POST to a response_url with "ok" as text/html, as Slack does.
func (w *Workspace) serveHook(rw http.ResponseWriter, r *http.Request) {
	f := w.nextFault(ResponseURL, "")
	w.pause(r, f)
	args, _, err := readArgs(rw, r)
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case f.status != 0:
		w.breakAnswer(rw, ResponseURL, args, f)
		return
	case err == nil && kind != "application/json":
		err = refuse("invalid_payload")
	case err == nil && f.code != "" && !f.afterEffect:
		err = refuse(f.code)
	}
	if err == nil {
		err = w.useHook(r.PathValue("id"), args)
	}
	if f.afterEffect {
		w.logCall(ResponseURL, args, 0, f.code)
		panic(http.ErrAbortHandler)
	}
	status, body := http.StatusOK, "ok"
	if err != nil {
		status, body = http.StatusBadRequest, err.Error()
	}
	if body == "expired_url" || body == "used_url" || body == "message_not_found" {
		status = http.StatusNotFound
	}
	w.logCall(ResponseURL, args, status, map[bool]string{true: "", false: body}[err == nil])
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.WriteHeader(status)
	_, _ = fmt.Fprint(rw, body) // the caller may be gone
}

// useHook carries out one use of a response_url; what is refused does not count.
func (w *Workspace) useHook(id string, args map[string]string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.hooks[id]
	switch {
	case h == nil || time.Now().After(h.until):
		return refuse("expired_url")
	case h.uses >= hookUses:
		return refuse("used_url")
	}
	if err := w.respond(h, &apiCall{name: ResponseURL, args: args}); err != nil {
		return err
	}
	h.uses++
	return nil
}

// respond shows, replaces or deletes a message by a response_url or an acknowledgement's payload.
func (w *Workspace) respond(h *hook, c *apiCall) error {
	channel := w.channels[h.channel]
	replace, remove := c.flag("replace_original"), c.flag("delete_original")
	source := find(channel, h.source)
	if (replace && h.source != "" || remove) && (source == nil || source.tombstone) {
		return refuse("message_not_found")
	}
	if remove {
		w.remove(channel, source)
		return nil
	}
	c.noForm = w.noForm
	shown, err := c.content()
	switch {
	case err != nil:
		return err
	case replace && source != nil:
		w.edit(source, clip(shown.text), shown.blocks)
		return nil
	}
	thread, err := w.thread(channel, c.args["thread_ts"])
	if err != nil {
		return err
	}
	m := Message{
		ThreadTS: thread, User: w.opts.BotUserID, BotID: w.opts.BotID, Text: clip(shown.text), Blocks: shown.blocks,
		Parse: c.args["parse"], linkNames: c.flag("link_names"),
	}
	if c.args["response_type"] != "in_channel" {
		m.Ephemeral, m.For = true, h.user
	}
	w.post(channel, m)
	return nil
}

// showAck shows the message that came with a command's acknowledgement.
func (w *Workspace) showAck(e *envelope, payload map[string]any) {
	args := map[string]string{}
	for name, v := range payload {
		text, isText := v.(string)
		if raw, err := json.Marshal(v); err == nil && !isText {
			text = string(raw)
		}
		args[name] = text
	}
	h := &hook{channel: e.delivery.channel, user: e.delivery.user}
	if err := w.respond(h, &apiCall{name: "acknowledgement", args: args}); err != nil {
		w.violate("envelope %s: the acknowledgement's message is refused: %v", e.id, err)
	}
}
