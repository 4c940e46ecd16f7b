package webapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/cloud66/secret"
)

// api serves a workspace whose every call is answered by a handler.
func api(t *testing.T, handler http.HandlerFunc) API {
	t.Helper()
	_, client := serve(t, true, handler)
	return API{HTTP: client, URL: "https://slack.example/api/", Token: secret.New("xoxb-hush"), Clock: &Clock{}}
}

func TestWhatACallMakesOfAnAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header string // Retry-After
		body   string
		want   Fault
	}{
		"ok": {200, "", `{"ok":true}`, Fault{}},
		"a refusal": {200, "", `{"ok":false,"error":"is_archived"}`,
			Fault{Kind: NoChannel, Code: "is_archived", Untouched: true}},
		"a refusal that names a scope": {200, "", `{"ok":false,"error":"missing_scope","needed":"x:y"}`,
			Fault{Kind: NoScope, Code: "missing_scope", Scope: "x:y", Untouched: true}},
		"neither": {200, "", `{}`, Fault{Kind: NoAnswer, Passes: true}},
		"HTML":    {200, "", `<html>`, Fault{Kind: NoAnswer, Passes: true}},
		"nothing": {200, "", ``, Fault{Kind: NoAnswer, Passes: true}},
		"a limit": {429, "30", `{"ok":false,"error":"ratelimited"}`,
			Fault{Kind: Limited, After: 30 * time.Second, Untouched: true, Passes: true}},
		"a limit that names no time":    {429, "soon", `<html>`, Fault{Kind: Limited, After: unsaidLimit, Untouched: true, Passes: true}},
		"a proxy":                       {502, "", `<html>`, Fault{Kind: NoAnswer, Passes: true}},
		"a proxy that wants a password": {407, "", `<html>`, Fault{Kind: NoAnswer, Untouched: true}},
		"a code with an HTTP status": {500, "", `{"ok":false,"error":"internal_error"}`,
			Fault{Kind: Trouble, Code: "internal_error", Passes: true}},
		"a code alone, of an answer":    {404, "", "expired_url\n", Fault{Kind: NoURL, Code: "expired_url", Untouched: true}},
		"another code alone":            {400, "", "invalid_blocks", Fault{Kind: TooMuch, Code: "invalid_blocks", Untouched: true}},
		"a sentence that holds no code": {404, "", "not found", Fault{Kind: NoAnswer, Untouched: true}},
		"a code that nobody knows": {200, "", `{"ok":false,"error":"flux_drained"}`,
			Fault{Kind: Unknown, Code: "flux_drained", Untouched: true, Passes: true}},
		"types that nobody would expect": {200, "", `{"ok":true,"ts":17,"channel":[]}`, Fault{}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := api(t, func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("Authorization") != "Bearer xoxb-hush" || r.URL.Path != "/api/chat.update" || r.FormValue("ts") != "1.2" {
						t.Errorf("called was %s with %v", r.URL, r.Header)
					}
					if c.header != "" {
						w.Header().Set("Retry-After", c.header)
					}
					w.WriteHeader(c.status)
					_, _ = io.WriteString(w, c.body)
				})
				err := a.Call(t.Context(), "chat.update", url.Values{"ts": {"1.2"}}, &struct{}{})
				switch {
				case err == nil && c.want != (Fault{}), err != nil && Judge(err) != c.want:
					t.Errorf("got %v, %+v, want %+v", err, Judge(err), c.want)
				case err != nil && strings.Contains(err.Error(), "hush"):
					t.Errorf("the error shows the token: %v", err)
				}
			})
		})
	}
}

func TestAListIsReadToItsEndAndNotForEver(t *testing.T) {
	for name, c := range map[string]struct {
		next  func(page int) string
		pages int
		all   bool
	}{
		"two pages":               {func(page int) string { return []string{"a", ""}[page-1] }, 2, true},
		"always another one":      {func(page int) string { return fmt.Sprint(page) }, 7, false},
		"the same again":          {func(int) string { return "a" }, 2, false},
		"two that name the other": {func(page int) string { return []string{"a", "b"}[page%2] }, 3, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pages := 0
				a := api(t, func(w http.ResponseWriter, _ *http.Request) {
					pages++
					_, _ = fmt.Fprintf(w, `{"ok":true,"response_metadata":{"next_cursor":%q}}`, c.next(pages))
				})
				all, err := a.Pages(t.Context(), "conversations.history", url.Values{}, 7, func(json.RawMessage) bool { return false })
				if err != nil || all != c.all || pages != c.pages {
					t.Errorf("%d pages, all %t, %v", pages, all, err)
				}
			})
		})
	}
}

func TestWhetherTheBotCanPostIsReadFromWhatIsSaid(t *testing.T) {
	for channel, want := range map[string]string{
		`{"is_member":true}`:                        "",
		`{"is_member":false}`:                       "not_in_channel",
		`{"is_member":true,"is_archived":true}`:     "is_archived",
		`{"is_member":false,"is_mpim":true}`:        "",
		`{"is_im":true}`:                            "",
		`{}`:                                        "",
		`{"is_member":true,"topic":7,"latest":"x"}`: "",
	} {
		synctest.Test(t, func(t *testing.T) {
			a := api(t, func(w http.ResponseWriter, _ *http.Request) {
				_, _ = fmt.Fprintf(w, `{"ok":true,"channel":%s}`, channel)
			})
			if err := a.CanPost(t.Context(), "C1"); (err == nil) != (want == "") || err != nil && Judge(err).Code != want {
				t.Errorf("%s: %v", channel, err)
			}
		})
	}
}

func TestTheClockIsSlacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c := &Clock{Log: slog.New(slog.NewTextHandler(&log, nil))}
		ours := time.Now()
		if now, sure := c.Now(); sure || !now.Equal(ours) || c.Ahead() != 0 {
			t.Errorf("before any answer it is %s, %t", now, sure)
		}
		header := http.Header{"Date": {ours.Add(-3 * time.Hour).UTC().Format(http.TimeFormat)}}
		c.dated(header, ours, ours.Add(time.Second))
		if _, sure := c.Now(); sure || c.Ahead() < 3*time.Hour-2*time.Second || c.Ahead() > 3*time.Hour+2*time.Second {
			t.Errorf("by a header ours is %s ahead, sure %t", c.Ahead(), sure)
		}
		c.stamped(ours.Add(-11*time.Minute), ours, ours.Add(100*time.Millisecond))
		c.dated(header, ours, ours) // a guess changes nothing any more
		if at, sure := c.At(ours); !sure || at.Sub(ours.Add(-11*time.Minute)).Abs() > time.Second {
			t.Errorf("by a timestamp it is %s, %t", at, sure)
		}
		c.stamped(ours.Add(-12*time.Minute), ours, ours)
		c.stamped(ours.Add(-59*time.Second), ours, ours)
		if c.Ahead() != 0 {
			t.Errorf("less than a minute counts as %s", c.Ahead())
		}
		c.stamped(ours.Add(20*time.Second), ours, ours.Add(25*time.Second)) // a post that took 25 s
		c.stamped(ours.Add(2*time.Minute), ours, ours)
		if c.Ahead() > -2*time.Minute+time.Second {
			t.Errorf("ours is %s ahead, want 2 min behind", c.Ahead())
		}
		if n, over := strings.Count(log.String(), "differs"), strings.Count(log.String(), "agrees"); n != 2 || over != 1 {
			t.Errorf("it was told %d times and over %d times: %s", n, over, &log)
		}
	})
}

func TestATimestampsTime(t *testing.T) {
	for ts, want := range map[string]int64{"1700000000.000100": 1700000000, "1700000000": 1700000000, "": 0, "x": 0, "-5.1": 0,
		"1700000000.x": 1700000000} {
		if got := Time(ts); (want == 0) != got.IsZero() || want != 0 && got.Unix() != want {
			t.Errorf("%q is %s", ts, got)
		}
	}
}
