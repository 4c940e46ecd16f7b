package slacksim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxBody is the largest request body that is read, in bytes.
const maxBody = 1 << 20

// answer is the JSON object of a successful call, without "ok".
type answer map[string]any

// apiError is a business error: HTTP 200 with ok:false.
type apiError struct {
	code  string
	extra answer
}

// Error is Slack's error code.
func (e *apiError) Error() string { return e.code }

func refuse(code string) error { return &apiError{code: code} }

// apiCall is one parsed call of the Web API.
type apiCall struct {
	name    string
	args    map[string]string // JSON values as their text
	granted []string          // scopes of the token
	noForm  string            // the code that refuses every block
	base    string            // scheme and host that the caller used
}

// flag tells whether a boolean argument is set.
func (c *apiCall) flag(name string) bool {
	return c.args[name] == "true" || c.args[name] == "1"
}

func (c *apiCall) has(scope string) bool { return slices.Contains(c.granted, scope) }

// need refuses the call where the token lacks a scope.
func (c *apiCall) need(scope string) error {
	if c.has(scope) {
		return nil
	}
	return &apiError{code: "missing_scope", extra: answer{"needed": scope, "provided": strings.Join(c.granted, ",")}}
}

func (w *Workspace) serveAPI(rw http.ResponseWriter, r *http.Request) {
	name := r.PathValue("method")
	args, token, err := readArgs(rw, r)
	f := w.nextFault(name, args["channel"])
	w.pause(r, f)
	if f.status != 0 {
		w.breakAnswer(rw, name, args, f)
		return
	}
	var result answer
	if err == nil && f.code != "" && !f.afterEffect {
		err = refuse(f.code)
	}
	if err == nil && f.late > 0 {
		result, err = w.callLate(rw, name, args, token, r, f.late)
	} else if err == nil {
		result, err = w.call(rw, name, args, token, r)
	}
	if f.afterEffect {
		w.logCall(name, args, 0, f.code)
		panic(http.ErrAbortHandler)
	}
	w.write(rw, name, args, result, err)
}

// call authenticates, limits and carries out one call.
func (w *Workspace) call(rw http.ResponseWriter, name string, args map[string]string, token string, r *http.Request) (answer, error) {
	m, known := methods[name]
	if !known {
		return nil, &apiError{code: "unknown_method", extra: answer{"req_method": name}}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.callLocked(rw, m, name, args, token, r)
}

// callLate carries a call out after a delay. The connection of a caller that is gone by then is cut.
func (w *Workspace) callLate(
	rw http.ResponseWriter, name string, args map[string]string, token string, r *http.Request, delay time.Duration,
) (result answer, err error) {
	m, known := methods[name]
	if !known {
		return nil, refuse("unknown_method")
	}
	done, header := make(chan struct{}), httptest.NewRecorder()
	w.mu.Lock()
	w.after(delay, func() {
		result, err = w.callLocked(header, m, name, args, token, r)
		close(done)
	})
	w.mu.Unlock()
	select {
	case <-done:
		maps.Copy(rw.Header(), header.Header())
		return result, err
	case <-r.Context().Done():
	case <-w.done:
	}
	panic(http.ErrAbortHandler)
}

// callLocked does the rest of call with the lock held.
func (w *Workspace) callLocked(
	rw http.ResponseWriter, m method, name string, args map[string]string, token string, r *http.Request,
) (answer, error) {
	c := &apiCall{name: name, args: args, base: w.base, noForm: w.noForm}
	rw.Header().Set("X-Accepted-OAuth-Scopes", strings.Join(m.scopes, ","))
	if r.URL.Query().Has("token") {
		w.violate("%s: a token in the URL", name)
		return nil, refuse("not_authed")
	}
	if err := w.authenticate(c, m, token); err != nil {
		return nil, err
	}
	rw.Header().Set("X-OAuth-Scopes", strings.Join(c.granted, ","))
	if err := c.needAny(m.scopes); err != nil {
		return nil, err
	}
	if wait := w.limited(name, m.perMinute, args["channel"]); wait > 0 {
		return nil, &throttled{seconds: retryAfter(wait)}
	}
	return m.run(w, c)
}

// authenticate checks that the token is of the kind that the method takes.
func (w *Workspace) authenticate(c *apiCall, m method, token string) error {
	switch {
	case m.token == noToken:
		return nil
	case token == "":
		return refuse("not_authed")
	case token != w.opts.AppToken && token != w.opts.BotToken:
		return refuse("invalid_auth")
	case (token == w.opts.AppToken) != (m.token == appToken):
		return refuse("not_allowed_token_type")
	}
	c.granted = w.opts.BotScopes
	if m.token == appToken {
		c.granted = w.opts.AppScopes
	}
	return nil
}

// needAny refuses the call where the token has none of the scopes.
func (c *apiCall) needAny(scopes []string) error {
	if len(scopes) == 0 || slices.ContainsFunc(scopes, c.has) {
		return nil
	}
	return &apiError{code: "missing_scope", extra: answer{"needed": strings.Join(scopes, ","), "provided": strings.Join(c.granted, ",")}}
}

// throttled is the answer to a call beyond its limit.
type throttled struct{ seconds int }

// Error is Slack's error code.
func (*throttled) Error() string { return "ratelimited" }

// write answers a call and records it.
func (w *Workspace) write(rw http.ResponseWriter, name string, args map[string]string, result answer, err error) {
	status, body := http.StatusOK, answer{"ok": err == nil}
	maps.Copy(body, result)
	if err != nil {
		body["error"] = err.Error()
	}
	if refused, ok := errors.AsType[*apiError](err); ok {
		maps.Copy(body, refused.extra)
	}
	if limit, ok := errors.AsType[*throttled](err); ok {
		status = http.StatusTooManyRequests
		rw.Header().Set("Retry-After", strconv.Itoa(limit.seconds))
	}
	code, _ := body["error"].(string)
	w.logCall(name, args, status, code)
	w.mu.Lock()
	raw, err := json.Marshal(body)
	w.mu.Unlock()
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	rw.Header().Set("Date", time.Now().Add(w.clock()).UTC().Format(http.TimeFormat))
	rw.WriteHeader(status)
	_, _ = rw.Write(raw) // the caller may be gone
}

// breakAnswer answers with the status of a fault instead of Slack's JSON.
func (w *Workspace) breakAnswer(rw http.ResponseWriter, name string, args map[string]string, f fault) {
	if f.status == http.StatusTooManyRequests {
		w.write(rw, name, args, nil, &throttled{seconds: retryAfter(f.retryAfter)})
		return
	}
	w.logCall(name, args, f.status, "")
	if f.body != "" {
		rw.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(rw, f.body)
		return
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.WriteHeader(f.status)
	_, _ = fmt.Fprintf(rw, "<html><body><h1>%s</h1></body></html>", http.StatusText(f.status))
}

// logCall records a call; the arguments hold no token.
func (w *Workspace) logCall(name string, args map[string]string, status int, code string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, Call{Time: time.Now(), Method: name, Args: args, Status: status, Error: code})
	w.touch()
}

// readArgs reads the arguments of a call from the query and from a form, JSON
// or multipart body, and the token from the header or the form.
func readArgs(rw http.ResponseWriter, r *http.Request) (map[string]string, string, error) {
	r.Body = http.MaxBytesReader(rw, r.Body, maxBody)
	args := map[string]string{}
	take := func(values url.Values) {
		for name, v := range values {
			args[name] = v[0]
		}
	}
	take(r.URL.Query())
	delete(args, "token")
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Method == http.MethodGet || kind == "":
	case kind == "application/json":
		if err := readJSON(r, args); err != nil {
			return nil, "", err
		}
		delete(args, "token") // Slack wants it in the header here
	case kind == "application/x-www-form-urlencoded", kind == "multipart/form-data":
		if err := r.ParseMultipartForm(maxBody); err != nil && !errors.Is(err, http.ErrNotMultipart) {
			return nil, "", refuse("invalid_form_data")
		}
		take(r.PostForm)
	default:
		return nil, "", refuse("invalid_post_type")
	}
	token := args["token"]
	delete(args, "token")
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		token = bearer
	}
	return args, token, nil
}

// readJSON puts the fields of a JSON object into args: strings as they are, all else as JSON.
func readJSON(r *http.Request, args map[string]string) error {
	var raw json.RawMessage
	err := json.NewDecoder(r.Body).Decode(&raw)
	if errors.Is(err, io.EOF) {
		return nil // Slack takes an empty body for no arguments; its SDKs send one to apps.connections.open.
	}
	if err != nil {
		return refuse("invalid_json")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return refuse("json_not_object")
	}
	for name, value := range fields {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		args[name] = text
	}
	return nil
}
