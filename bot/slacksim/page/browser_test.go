//go:build browser

package page_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/bot/slacksim/page/pagetest"
)

// post calls chat.postMessage as the app, and returns the message's ts.
func post(tb testing.TB, slack *slacksim.Workspace, body string) (ts string) {
	tb.Helper()
	return call(tb, slack, "chat.postMessage", body)
}

// call calls a method that answers with a ts.
func call(tb testing.TB, slack *slacksim.Workspace, method, body string) (ts string) {
	tb.Helper()
	request := httptest.NewRequestWithContext(tb.Context(), http.MethodPost, "/api/"+method, strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("Authorization", "Bearer xoxb-c66-demo")
	recorder := httptest.NewRecorder()
	slack.ServeHTTP(recorder, request)
	if !strings.Contains(recorder.Body.String(), `"ok":true`) {
		tb.Fatalf("%s: %s", method, recorder.Body)
	}
	var answer struct{ TS string }
	if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil {
		tb.Fatal(err)
	}
	return answer.TS
}

func TestWhatIsEscapedOrInCodeIsShownAsItIs(t *testing.T) {
	slack, url := newPage(t)
	texts := [][2]string{
		{"`*@staging` and `/c66 lock '*'` of *both*", "*@staging and /c66 lock '*' of both"},
		{"`/c66 list &lt;stack&gt; [ID]`", "/c66 list <stack> [ID]"},
		{"a &lt;https://example.com|link&gt; is none", "a <https://example.com|link> is none"},
		{"\u2060*\u2060 is every stack, \u2060*\u2060 is all; ~old~", "\u2060*\u2060 is every stack, \u2060*\u2060 is all; old"},
		{"<https://example.com|`a*b*c`>, `snake_case_name`", "a*b*c, snake_case_name"},
	}
	for _, text := range texts {
		post(t, slack, fmt.Sprintf(`{"channel": %q, "text": "x", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": %q}}]}`,
			general, text[0]))
	}
	tab := pagetest.Open(t).Tab(url + "/?as=U0LIN#" + general)
	tab.Until(fmt.Sprintf(`document.querySelectorAll(".message").length === %d`, len(texts)))
	got := pagetest.Value[[]string](tab, `[...document.querySelectorAll(".message .blocks")].map(e => e.innerText)`)
	for i, text := range texts {
		if got[i] != text[1] {
			t.Errorf("%q is shown as %q, want %q", text[0], got[i], text[1])
		}
	}
}

// cancellable is a message with a button that asks before it acts.
const cancellable = `"channel": "C0GENERAL", "text": "x", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "%d s of 30"}},
	{"type": "actions", "elements": [{"type": "button", "action_id": "cancel", "text": {"type": "plain_text", "text": "Cancel"}, "confirm": {
		"title": {"type": "plain_text", "text": "Cancel it?"}, "text": {"type": "plain_text", "text": "It stops."},
		"confirm": {"type": "plain_text", "text": "Yes"}, "deny": {"type": "plain_text", "text": "No"}}}]}]`

func TestAQuestionStaysOpenWhileItsMessageIsEdited(t *testing.T) {
	slack, url := newPage(t)
	ts := post(t, slack, fmt.Sprintf(`{`+cancellable+`}`, 0))
	tab := pagetest.Open(t).Tab(url + "/?as=U0LIN#" + general)
	tab.Click(".conversation", "Cancel")
	tab.Sees("dialog", "Cancel it?")
	call(t, slack, "chat.update", fmt.Sprintf(`{"ts": %q, `+cancellable+`}`, ts, 10))
	tab.Sees(".conversation", "10 s of 30")
	if !pagetest.Value[bool](tab, `document.querySelector("dialog")?.open === true`) {
		t.Error("the question is gone")
	}
}

func TestWhoWritesIsLedToTheEnd(t *testing.T) {
	slack, url := newPage(t)
	for i := range 40 {
		post(t, slack, fmt.Sprintf(`{"channel": %q, "text": "message %d"}`, general, i))
	}
	tab := pagetest.Open(t).Tab(url + "/?as=U0LIN#" + general)
	const list = `document.querySelector(".conversation .list")`
	tab.Until(list + `?.scrollTop > 100`)
	pagetest.Value[int](tab, list+`.scrollTop = 0`)
	tab.Until(`new Promise(done => requestAnimationFrame(() => done(` + list + `.scrollTop === 0)))`)
	tab.Type(".conversation textarea", "hello\r")
	tab.Sees(".conversation", "hello")
	tab.Until(`(e => e.scrollHeight - e.scrollTop - e.clientHeight < 2)(` + list + `)`)
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

// aThousand fills a channel and returns a tab that shows another one.
func aThousand(tb testing.TB) *pagetest.Tab {
	tb.Helper()
	slack, url := newPage(tb)
	slack.AddChannel(slacksim.Channel{ID: "C0EMPTY", Name: "aaa", Members: []string{lin}})
	for i := range 1000 {
		post(tb, slack, fmt.Sprintf(`{"channel": %q, "text": "x", "blocks": [
			{"type": "section", "text": {"type": "mrkdwn", "text": "✅ *web@production* #%d went live, <@U0LIN>"}},
			{"type": "context", "elements": [{"type": "mrkdwn", "text": "`+"`main`"+` commit abc"}]},
			{"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Show"}}]}]}`, general, i))
	}
	tab := pagetest.Open(tb).Tab(url + "/?as=U0LIN#C0EMPTY")
	tab.Sees(".channels", "general")
	tab.Until(`document.querySelector("h1").innerText === "# aaa"`)
	return tab
}

// openGeneral opens the channel and evaluates to the milliseconds until its messages are drawn.
const openGeneral = `new Promise(done => {
	const begin = performance.now();
	[...document.querySelectorAll(".row")].find(e => e.innerText.includes("general")).click();
	const end = () => done(performance.now() - begin);
	const look = () => requestAnimationFrame(document.querySelector(".message") ? end : look);
	look();
})`

func TestAChannelOfAThousandMessagesShowsTheNewestAndThenMore(t *testing.T) {
	tab := aThousand(t)
	pagetest.Value[float64](tab, openGeneral)
	tab.Sees(".conversation", "#999 went live")
	tab.Click(".conversation", "Show earlier messages")
	tab.Until(`document.querySelectorAll(".message").length > 200`)
}

// BenchmarkAChannelOfAThousandMessages measures how long it takes to open. It opens once: what comes after is drawn already.
//
//	go test -tags browser -run '^$' -bench . -benchtime 1x ./bot/slacksim/page
func BenchmarkAChannelOfAThousandMessages(b *testing.B) {
	var took float64
	for b.Loop() {
		b.StopTimer()
		tab := aThousand(b)
		b.StartTimer()
		took += pagetest.Value[float64](tab, openGeneral)
	}
	b.ReportMetric(took/float64(b.N), "ms-to-open")
}

// BenchmarkAMessageOnAnotherScreen measures the time from a message to its words on a screen, with the test's own way of looking.
func BenchmarkAMessageOnAnotherScreen(b *testing.B) {
	slack, url := newPage(b)
	tab := pagetest.Open(b).Tab(url + "/?as=U0LIN")
	tab.Sees(".channels", "general")
	var took []time.Duration
	for b.Loop() {
		for i := range 20 {
			begin := time.Now()
			text := fmt.Sprintf("message %d of %d.", i, len(took))
			if _, err := slack.Person("U0SAM").Say(general, "", text); err != nil {
				b.Fatal(err)
			}
			tab.Sees(".conversation", text)
			took = append(took, time.Since(begin))
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
}
