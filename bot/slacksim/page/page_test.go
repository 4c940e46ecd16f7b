package page_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/bot/slacksim/page"
	"c66bot/bot/slacksim/page/pagetest"
)

const lin, general = "U0LIN", "C0GENERAL"

// newPage serves a workspace with a channel and no app.
func newPage(t *testing.T) (*slacksim.Workspace, string) {
	t.Helper()
	slack := slacksim.New(slacksim.Options{NoRateLimits: true})
	slack.AddUser(slacksim.User{ID: lin, Name: "lin", RealName: "Lin Park"})
	slack.AddUser(slacksim.User{ID: "U0SAM", Name: "sam", RealName: "Sam Okafor"})
	slack.AddChannel(slacksim.Channel{ID: general, Name: "general", Members: []string{lin, "U0SAM"}, BotIsMember: true})
	handler := page.New(page.Config{
		Workspace: slack, Team: "Acme", Home: "general", People: []page.Person{{ID: lin, Role: "admin"}, {ID: "U0SAM", Role: "developer"}},
		Commands: []page.Command{{Name: "/c66", Description: "Deploys", Hint: "help"}},
	})
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		handler.Close()
		slack.Close()
		server.Close()
	})
	return slack, server.URL
}

// headers are headers of a request.
type headers map[string]string

func TestThePageAnswersOnlyToItself(t *testing.T) {
	_, url := newPage(t)
	host := strings.TrimPrefix(url, "http://")
	tests := []struct {
		name, method, path string
		host               string
		header             headers
		want               int
	}{
		{
			name: "a link that is followed", method: "GET", path: "/?as=U0LIN", want: 200,
			header: headers{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
		},
		{name: "nobody in particular", method: "GET", path: "/", want: 302},
		{name: "by localhost", method: "GET", path: "/page.js", host: "localhost:1", want: 200},
		{name: "by IPv6", method: "GET", path: "/page.js", host: "[::1]:1", want: 200},
		{name: "by a name that somebody resolves to loopback", method: "GET", path: "/page.js", host: "evil.example", want: 421},
		{name: "by a name that begins like loopback", method: "GET", path: "/page.js", host: "127.0.0.1.evil.example", want: 421},
		{name: "its events elsewhere", method: "GET", path: "/events?as=U0LIN", header: headers{"Origin": "http://evil.example"}, want: 403},
		{name: "its events at another port", method: "GET", path: "/events?as=U0LIN", header: headers{"Origin": "http://127.0.0.1:1"}, want: 403},
		{name: "its script elsewhere", method: "GET", path: "/page.js", header: headers{"Sec-Fetch-Site": "cross-site"}, want: 403},
		{name: "the events of nobody", method: "GET", path: "/events?as=U0NOBODY", want: 404},
		{name: "an act of a form", method: "POST", path: "/act", header: headers{"Content-Type": "text/plain"}, want: 415},
		{name: "an act of a foreign page", method: "POST", path: "/act", header: headers{"Origin": "null"}, want: 403},
		{name: "an act of its own", method: "POST", path: "/act", header: headers{"Origin": url}, want: 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), tt.method, url+tt.path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			request.Host = host
			if tt.host != "" {
				request.Host = tt.host
			}
			request.Header.Set("Content-Type", "application/json")
			for name, value := range tt.header {
				request.Header.Set(name, value)
			}
			response, err := http.DefaultTransport.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }()
			if response.StatusCode != tt.want {
				t.Errorf("status %d, want %d", response.StatusCode, tt.want)
			}
			policy := response.Header.Get("Content-Security-Policy")
			if !strings.Contains(policy, "script-src 'self';") || strings.Contains(policy, "unsafe") {
				t.Errorf("the content security policy is %q", policy)
			}
		})
	}
}

// ask sends a request of the page's own and returns the body of its answer.
func ask(t *testing.T, method, url, body string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v", url, response.StatusCode, err)
	}
	return answer
}

func TestAnActIsOfSomebodyAndSomething(t *testing.T) {
	_, url := newPage(t)
	for given, want := range map[string]string{
		`{"as":"U0LIN","do":"fly"}`:                                       "nothing that one can do",
		`{"as":"U0C66BOT","do":"say","channel":"C0GENERAL","text":"hi"}`:  "nobody here",
		`{"as":"U0LIN","do":"say","channel":"C0NONE","text":"hi"}`:        "cannot post in C0NONE",
		`{"as":"U0LIN","do":"command","channel":"C0GENERAL","text":"/x"}`: "/x is not a valid command.",
		`{"as":"U0LIN","do":"say","colour":"red"}`:                        "unknown field",
		`{"as":"U0LIN","do":"say","channel":"C0GENERAL","text":"hi"}`:     `"result":null`,
	} {
		if body := ask(t, http.MethodPost, url+"/act", given); !strings.Contains(string(body), want) {
			t.Errorf("%s: %s, want %q", given, body, want)
		}
	}
}

func TestThePageIsSmall(t *testing.T) {
	_, url := newPage(t)
	total := 0
	for _, name := range []string{"/?as=U0LIN", "/page.js", "/page.css"} {
		var compressed bytes.Buffer
		writer, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		_, err = writer.Write(ask(t, http.MethodGet, url+name, ""))
		if err := errors.Join(err, writer.Close()); err != nil {
			t.Fatal(err)
		}
		total += compressed.Len()
	}
	if total > 400_000 {
		t.Errorf("it is %d bytes, compressed", total)
	}
}

// post calls chat.postMessage as the app.
func post(t *testing.T, slack *slacksim.Workspace, body string) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/chat.postMessage", strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("Authorization", "Bearer xoxb-c66-demo")
	recorder := httptest.NewRecorder()
	slack.ServeHTTP(recorder, request)
	if !strings.Contains(recorder.Body.String(), `"ok":true`) {
		t.Fatalf("chat.postMessage: %s", recorder.Body)
	}
}

// hostile are texts from outside that a page must only show.
var hostile = []string{
	`<script>document.title = "executed"</script><img src=x onerror="document.title = 'executed'">`,
	`<javascript:document.title='executed'|click> <https://example.com/"onclick="x|link> <!date^1^{date}^javascript:x|then>`,
	strings.Repeat("W", 2900),
	"\u202egnp.exe \u2066abc\u2069 \u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u05e9\u05dc\u05d5\u05dd",
	"`" + strings.Repeat("x", 1000) + "` ```" + strings.Repeat("y", 1000) + "```",
	strings.Repeat("> ", 200) + strings.Repeat("*_~", 200) + strings.Repeat("• ", 100) + strings.Repeat("\u0301", 50),
	"<@U0NOBODY> <#C0NOWHERE> <!subteam^S0NONE> <!unknown> :nonsense: &lt;b&gt; &amp;amp; {{7*7}} ${x}",
}

func TestHostileContentIsOnlyShown(t *testing.T) {
	slack, url := newPage(t)
	for i, text := range hostile {
		if _, err := slack.Person("U0SAM").Say(general, "", text); err != nil {
			t.Fatal(err)
		}
		post(t, slack, fmt.Sprintf(`{"channel": %q, "text": "x", "blocks": [
			{"type": "section", "text": {"type": "mrkdwn", "text": %q},
				"accessory": {"type": "button", "text": {"type": "plain_text", "text": %[3]q}}},
			{"type": "header", "text": {"type": "plain_text", "text": %[3]q}},
			{"type": "context", "elements": [{"type": "mrkdwn", "text": %[3]q}, {"type": "plain_text", "text": %[3]q}]},
			{"type": "section", "fields": [{"type": "mrkdwn", "text": %[3]q}, {"type": "plain_text", "text": %[3]q}]},
			{"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": %[3]q}, "action_id": "a%[4]d"}]}]}`,
			general, text, string([]rune(text)[:min(len([]rune(text)), 70)]), i))
	}
	block := `{"type": "section", "text": {"type": "mrkdwn", "text": "one of fifty <script>document.title = 'executed'</script>"}}`
	post(t, slack, fmt.Sprintf(`{"channel": %q, "text": "x", "blocks": [%s]}`, general, strings.Join(slices.Repeat([]string{block}, 50), ",")))
	slack.AddUser(slacksim.User{ID: "U0EVIL", Name: "<img src=x>", RealName: hostile[0] + strings.Repeat("N", 500)})
	slack.AddChannel(slacksim.Channel{ID: "C0EVIL", Name: "<img src=x>" + strings.Repeat("c", 300), Members: []string{lin, "U0EVIL"}})
	if _, err := slack.Person("U0EVIL").Say("C0EVIL", "", hostile[0]); err != nil {
		t.Fatal(err)
	}

	browser := pagetest.Open(t)
	for _, width := range []int64{1280, 390} {
		for _, where := range []string{general, "C0EVIL"} {
			tab := browser.Tab(url + "/?as=U0LIN#" + where)
			tab.Size(width, 800)
			tab.Until(`document.querySelectorAll(".message").length > 0`)
			for _, check := range []string{
				`document.title !== "executed"`,
				`document.documentElement.scrollWidth <= innerWidth`,
				`[...document.querySelectorAll(".list")].every(e => e.scrollWidth <= e.clientWidth)`,
				`[...document.querySelectorAll(".message *")].every(e => e.closest("pre") || e.getBoundingClientRect().right <= innerWidth + 1)`,
				`document.querySelectorAll(".message script, .message img, .message [onclick], .channels img").length === 0`,
				`[...document.querySelectorAll("a")].every(a => /^(https?|mailto):/.test(a.href))`,
			} {
				if !pagetest.Value[bool](tab, check) {
					t.Errorf("at a width of %d, %s does not hold: %s", width, where, check)
				}
			}
		}
	}
}

func TestAChannelOfAThousandMessagesOpensAtOnce(t *testing.T) {
	slack, url := newPage(t)
	slack.AddChannel(slacksim.Channel{ID: "C0EMPTY", Name: "aaa", Members: []string{lin}})
	for i := range 1000 {
		post(t, slack, fmt.Sprintf(`{"channel": %q, "text": "x", "blocks": [
			{"type": "section", "text": {"type": "mrkdwn", "text": "*web* · production: #%d is live, <@U0LIN>"}},
			{"type": "context", "elements": [{"type": "mrkdwn", "text": "`+"`main`"+` commit abc"}]},
			{"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Show"}}]}]}`, general, i))
	}
	tab := pagetest.Open(t).Tab(url + "/?as=U0LIN#C0EMPTY")
	tab.Sees(".channels", "general")
	tab.Until(`document.querySelector("h1").innerText === "# aaa"`)
	took := pagetest.Value[float64](tab, `new Promise(done => {
		const begin = performance.now();
		[...document.querySelectorAll(".row")].find(e => e.innerText.includes("general")).click();
		const end = () => done(performance.now() - begin);
		const look = () => requestAnimationFrame(document.querySelector(".message") ? end : look);
		look();
	})`)
	t.Logf("1,000 messages open in %.0f ms", took)
	if limit := patient(1000); took > limit {
		t.Errorf("1,000 messages open in %.0f ms, not within %.0f", took, limit)
	}
	tab.Click(".conversation", "Show earlier messages")
	tab.Until(`document.querySelectorAll(".message").length > 200`)
}

// patient allows for a machine that runs other tests at the same time.
func patient(milliseconds float64) float64 { return 4 * milliseconds }

func TestAMessageIsOnTheOtherScreenAtOnce(t *testing.T) {
	slack, url := newPage(t)
	tab := pagetest.Open(t).Tab(url + "/?as=U0LIN")
	tab.Sees(".channels", "general")
	var took []time.Duration
	for i := range 20 {
		begin := time.Now()
		text := fmt.Sprintf("message %d.", i)
		if _, err := slack.Person("U0SAM").Say(general, "", text); err != nil {
			t.Fatal(err)
		}
		tab.Sees(".conversation", text)
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	t.Logf("the median is %v", took[10])
	if limit := time.Duration(patient(200)) * time.Millisecond; took[10] > limit {
		t.Errorf("the median is %v, not within %v", took[10], limit)
	}
}

func TestClosingEndsTheEvents(t *testing.T) {
	slack := slacksim.New(slacksim.Options{})
	defer slack.Close()
	slack.AddUser(slacksim.User{ID: lin, Name: "lin"})
	handler := page.New(page.Config{Workspace: slack, People: []page.Person{{ID: lin}}})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		request := httptest.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, "http://127.0.0.1/events?as=U0LIN", nil)
		handler.ServeHTTP(httptest.NewRecorder(), request)
	}()
	handler.Close()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the events go on")
	}
}
