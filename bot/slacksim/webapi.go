package slacksim

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxBody is the limit of a request body, in bytes.
const maxBody = 1 << 20

// answer is the JSON object of a successful call, without "ok".
type answer map[string]any

// apiError is an error reply of the API: HTTP 200 with ok:false, or 429 with Retry-After for the code ratelimited.
type apiError struct {
	code       string
	extra      answer
	retryAfter time.Duration
}

// Error returns Slack's error code.
func (e *apiError) Error() string { return e.code }

func refuse(code string) error { return &apiError{code: code} }

// invalidArguments returns the error invalid_arguments with a message for each fault.
func invalidArguments(problems ...string) error {
	return &apiError{code: "invalid_arguments", extra: answer{"response_metadata": map[string]any{"messages": problems}}}
}

// apiCall is one call of the Web API or of a response_url.
type apiCall struct {
	name       string
	args       map[string]string // JSON values as text; without the token
	token      string
	tokenInURL bool
	kind       string // the body's media type
	granted    []string
	channel    *channelState // the channel named by the call, if the method has a right
}

// action executes a call with the lock held.
type action func(*apiCall) (answer, error)

func (c *apiCall) flag(name string) bool { return c.args[name] == "true" || c.args[name] == "1" }

// need refuses the call if the token has none of the scopes.
func (c *apiCall) need(scopes ...string) error {
	if anyOf(scopes, c.granted) {
		return nil
	}
	return &apiError{code: "missing_scope", extra: answer{"needed": strings.Join(scopes, ","), "provided": strings.Join(c.granted, ",")}}
}

// serve reads a call, applies the next fault, executes the call and writes the reply.
func (w *Workspace) serve(
	rw http.ResponseWriter, r *http.Request, name string,
	act action, write func(http.ResponseWriter, *apiCall, answer, error),
) {
	c, err := readCall(rw, r)
	c.name = name
	f := w.nextFault(name, c.args["channel"])
	w.pause(r, f.delay)
	var result answer
	switch {
	case f.status == http.StatusTooManyRequests:
		err = &apiError{code: "ratelimited", retryAfter: f.retryAfter}
		write = w.writeJSON
	case f.status != 0:
		w.log(c, f.status, "")
		rw.Header().Set("Content-Type", f.contentType)
		rw.WriteHeader(f.status)
		_, _ = io.WriteString(rw, f.body) // the caller may be gone
		return
	case err != nil:
	case f.code != "" && !f.afterEffect:
		err = refuse(f.code)
	default:
		result, err = w.carryOut(r, c, act, f.late)
	}
	if f.afterEffect {
		w.log(c, 0, f.code)
		panic(http.ErrAbortHandler)
	}
	write(rw, c, result, err)
}

// carryOut executes a call, after the delay late if it is set. It aborts the handler if the caller leaves or the workspace closes first.
func (w *Workspace) carryOut(r *http.Request, c *apiCall, act action, late time.Duration) (result answer, err error) {
	w.mu.Lock()
	if late == 0 {
		defer w.mu.Unlock()
		return act(c)
	}
	done := make(chan struct{})
	w.after(late, func() {
		result, err = act(c)
		close(done)
	})
	w.mu.Unlock()
	select {
	case <-done:
		return result, err
	case <-r.Context().Done():
	case <-w.done:
	}
	panic(http.ErrAbortHandler)
}

// call authenticates a call, applies scopes and rate limits, finds its channel and runs the method.
func (w *Workspace) call(c *apiCall) (answer, error) {
	m, known := methods[c.name]
	if !known {
		return nil, &apiError{code: "unknown_method", extra: answer{"req_method": c.name}}
	}
	if c.tokenInURL {
		w.violate("%s: a token in the URL", c.name)
		return nil, refuse("not_authed")
	}
	switch {
	case c.token == "":
		return nil, refuse("not_authed")
	case c.token != w.opts.AppToken && c.token != w.opts.BotToken:
		return nil, refuse("invalid_auth")
	case (c.token == w.opts.AppToken) != m.appToken:
		return nil, refuse("not_allowed_token_type")
	case m.appToken:
		c.granted = w.opts.AppScopes
	default:
		c.granted = w.opts.BotScopes
	}
	if err := c.need(m.scopes...); err != nil {
		return nil, err
	}
	if wait := w.limited(c, m.perMinute); wait > 0 {
		return nil, &apiError{code: "ratelimited", retryAfter: wait}
	}
	if w.opts.GroupsNeedUpgrade && strings.HasPrefix(c.name, "usergroups.") {
		return nil, refuse("plan_upgrade_required")
	}
	if m.right != "" {
		channel, err := w.channel(c, m.right)
		if err != nil {
			return nil, err
		}
		c.channel = channel
	}
	return m.run(w, c)
}

// writeJSON records a call and writes the reply as the Web API does.
func (w *Workspace) writeJSON(rw http.ResponseWriter, c *apiCall, result answer, err error) {
	status, body := http.StatusOK, answer{"ok": err == nil}
	maps.Copy(body, result)
	if refused, ok := errors.AsType[*apiError](err); ok {
		body["error"] = refused.code
		maps.Copy(body, refused.extra)
		if refused.code == "ratelimited" {
			status = http.StatusTooManyRequests
			seconds := max(1, int((refused.retryAfter+time.Second-1)/time.Second))
			rw.Header().Set("Retry-After", strconv.Itoa(seconds))
		}
	}
	w.log(c, status, text(body["error"]))
	w.mu.Lock()
	raw, err := json.Marshal(body)
	date := time.Now().Add(w.ahead).UTC().Format(http.TimeFormat)
	w.mu.Unlock()
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	rw.Header().Set("Date", date)
	rw.Header().Set("X-Accepted-OAuth-Scopes", strings.Join(methods[c.name].scopes, ","))
	rw.Header().Set("X-OAuth-Scopes", strings.Join(c.granted, ","))
	rw.WriteHeader(status)
	_, _ = rw.Write(raw) // the caller may be gone
}

// readCall reads the arguments of a call from the query and a form, JSON or multipart body, and the token from the header or the form.
func readCall(rw http.ResponseWriter, r *http.Request) (*apiCall, error) {
	r.Body = http.MaxBytesReader(rw, r.Body, maxBody)
	c := &apiCall{args: map[string]string{}, tokenInURL: r.URL.Query().Has("token")}
	take := func(values url.Values) {
		for name, v := range values {
			if name != "token" {
				c.args[name] = v[0]
			}
		}
	}
	take(r.URL.Query())
	c.kind, _, _ = mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Method == http.MethodGet || c.kind == "":
	case c.kind == "application/json":
		if err := c.readJSON(r.Body); err != nil {
			return c, err
		}
	case slices.Contains([]string{"application/x-www-form-urlencoded", "multipart/form-data"}, c.kind):
		if err := r.ParseMultipartForm(maxBody); err != nil && !errors.Is(err, http.ErrNotMultipart) {
			return c, refuse("invalid_form_data")
		}
		take(r.PostForm)
		c.token = r.PostForm.Get("token") // in other bodies Slack requires the header
	default:
		return c, refuse("invalid_post_type")
	}
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		c.token = bearer
	}
	return c, nil
}

func (c *apiCall) readJSON(body io.Reader) error {
	var raw json.RawMessage
	err := json.NewDecoder(body).Decode(&raw)
	if errors.Is(err, io.EOF) {
		return nil // Slack accepts an empty body; its SDKs send one to apps.connections.open
	}
	if err != nil {
		return refuse("invalid_json")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return refuse("json_not_object")
	}
	delete(fields, "token")
	for name, value := range fields {
		c.args[name] = asText(value)
	}
	return nil
}

// decodeArg decodes a JSON argument, or refuses the call with the code. Absent and null yield the zero value.
func decodeArg[T any](c *apiCall, name, code string) (value T, err error) {
	if c.args[name] == "" {
		return value, nil
	}
	if json.Unmarshal([]byte(c.args[name]), &value) != nil {
		return value, refuse(code)
	}
	return value, nil
}
