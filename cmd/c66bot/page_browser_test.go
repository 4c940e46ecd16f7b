//go:build browser

package main

import (
	"slices"
	"testing"

	"github.com/chromedp/chromedp"

	"c66bot/bot/slacksim/page/pagetest"
)

// The selectors of the page that tests look at.
const (
	channel  = ".conversation"
	thread   = ".thread"
	dialog   = "dialog"
	composer = ".conversation .composer textarea"
	reply    = ".thread .composer textarea"
	side     = ".panel"
)

func furnished(tab *pagetest.Tab) {
	tab.Sees(".channels", "c66bot")
	tab.Sees(channel, "redeploy, cancel on *@staging") // the last rule of the seed in #deploys
}

// TestThePage drives the demonstration as a person would. Each part has a demonstration of its own.
func TestThePage(t *testing.T) {
	t.Parallel()
	browser := pagetest.Open(t)
	for _, part := range []struct {
		name string
		run  func(*testing.T, *pagetest.Browser)
	}{
		{"a redeploy by form, and a cancel by dialog", redeployAndCancel},
		{"a search in the form", searchInForm},
		{"two people: access asked for and granted", askForAccess},
		{"a mention in a thread", mentionInThread},
		{"the bot killed in the middle", killTheBot},
		{"an outage, and a commit pushed", breakAndPush},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, browser.For(t)) })
	}
}

func redeployAndCancel(t *testing.T, browser *pagetest.Browser) {
	t.Helper()
	_, url := demoPageProcess(t)
	tab := browser.Tab(url)
	furnished(tab)

	tab.Type(composer, "/")
	tab.Sees(".choices", "Redeploy a stack")
	tab.Keys("\t")
	tab.Keys("redeploy docs\r")
	tab.Sees(dialog, "Redeploy docs@production")
	tab.Until(`document.activeElement.matches("dialog input")`)
	tab.Type(`dialog input[placeholder="Empty for main"]`, "v2 beta\r")
	tab.Sees(dialog+" .error", "is no branch, tag or commit")
	tab.Type(`dialog input[placeholder="Empty for main"]`, "\b\b\b\b\b-beta\r")
	tab.Until(`!document.querySelector("dialog")`)
	tab.Sees(channel, "docs@production deploying")
	tab.Sees(".tasks .done", "Redeploy a stack")

	tab.Click(channel, "Cancel")
	tab.Sees(dialog, "stops where it is")
	tab.Click(dialog, "No, let it run")
	tab.Until(`!document.querySelector("dialog")`)
	tab.Click(channel, "Cancel")
	tab.Click(dialog, "Yes, cancel it")
	tab.Sees(channel, "was cancelled by @lin")
	tab.Sees(".tasks .done", "Cancel one")

	tab.Do(chromedp.Reload())
	tab.Sees(channel, "was cancelled by @lin")
	tab.Click(channel, "Reply in thread")
	tab.Sees(thread, "was cancelled by @lin")
}

func searchInForm(t *testing.T, browser *pagetest.Browser) {
	t.Helper()
	_, url := demoPageProcess(t)
	tab := browser.Tab(url)
	furnished(tab)
	tab.Type(composer, "/Redep")
	tab.Click(".choices", "Redeploy a stack")
	tab.Choose(dialog+" select", "#deploys")
	tab.Sees(dialog, "Stack")
	tab.Type(`dialog [role="combobox"]`, "billi")
	tab.Until(`document.querySelector("dialog [role=option]")?.getBoundingClientRect().bottom < ` +
		`document.querySelector("dialog footer").getBoundingClientRect().top`)
	tab.Click(dialog+" [role=listbox]", "billing@production")
	tab.Until(`document.querySelector("dialog [role=combobox]").value === "billing@production"`)
	tab.Keys("\x1b")
	tab.Until(`!document.querySelector("dialog")`)
}

func askForAccess(t *testing.T, browser *pagetest.Browser) {
	t.Helper()
	_, url := demoPageProcess(t)
	lin, noor := browser.Tab(url), browser.Tab(url+"?as=U0NOOR#C0BILLING")
	furnished(lin)
	noor.Sees(channel, "subscribed this channel to billing@production")
	noor.Type(composer, "/c66 list billing\r")
	noor.Sees(channel, "Only visible to you")
	noor.Sees(channel, "You may not look at stacks here")
	noor.Click(channel, "Ask for access")
	noor.Sees(channel, "asks to look at")

	lin.Sees(".badge", "")
	lin.Click(".channels", "# billing")
	lin.Sees(channel, "asks to look at")
	lin.Until(`!document.querySelector(".conversation").innerText.includes("You may not look at stacks here")`)
	lin.Click(channel, "Grant 1 h")
	lin.Sees(channel, "granted it")
	lin.Sees(".tasks .done", "Be refused, and ask for access")

	noor.Sees(channel, "granted it")
	noor.Type(composer, "/c66 list billing\r")
	noor.Sees(channel, "deployments 1–10")
	noor.Click(channel, "Older")
	noor.Sees(channel, "deployments 11–20")
}

func mentionInThread(t *testing.T, browser *pagetest.Browser) {
	t.Helper()
	_, url := demoPageProcess(t)
	tab := browser.Tab(url)
	furnished(tab)
	tab.Type(composer, "/c66 redeploy search --now\r")
	tab.Sees(channel, "search@production deploying")
	tab.Click(channel, "Reply in thread")
	tab.Sees(thread, "started")
	tab.Type(reply, "/c66 show\r")
	tab.Sees(thread+" .notice", "is not supported in threads")
	tab.Click(thread+" .notice", "Send “@c66bot show” instead")
	tab.Sees(thread, "@c66bot show")
	tab.Sees(thread, "Only visible to you")
}

func killTheBot(t *testing.T, browser *pagetest.Browser) {
	t.Helper()
	_, url := demoPageProcess(t, "--speed", "1")
	tab := browser.Tab(url)
	furnished(tab)
	tab.Click("header", "☁ Cloud 66")
	tab.Sees(side, "Runs and is connected")
	tab.Type(composer, "/c66 redeploy worker --now\r")
	tab.Sees(channel, "worker@production deploying")
	tab.Click(side, "Kill it")
	tab.Sees(side, "Does not run")
	tab.Type(composer, "/c66 status\r")
	tab.Sees(".notice", "/c66")
	tab.Click(side, "Start it again")
	tab.Sees(side, "Runs and is connected")
	tab.Click(side, "60×")
	tab.Sees(channel, "worker@production #")
	tab.Sees(channel, "went live")
	tab.Sees(".tasks .done", "Kill the bot in the middle")
}

func breakAndPush(t *testing.T, browser *pagetest.Browser) {
	t.Helper()
	_, url := demoPageProcess(t, "--speed", "60")
	tab := browser.Tab(url + "?as=U0LIN#C0WEB")
	tab.Sees(channel, "subscribed this channel to web@production")
	tab.Click("header", "☁ Cloud 66")
	tab.Type(composer, "/c66 subscribe web@staging\r")
	tab.Sees(channel, "subscribed this channel to web@staging")
	tab.Click(side, "web@staging")
	tab.Click(side, "Push a commit")
	tab.Sees(channel, "web@staging")
	tab.Sees(".tasks .done", "Subscribe, and hear of a git hook")
	tab.Click(side, "Goes live, then falls ill")
	tab.Click(side, "Push a commit")
	tab.Sees(side, "web@staging ill #")

	tab.Choose(side+" select", "Down (503)")
	tab.Until(`document.querySelector(".panel select").value === "down"`)
	tab.Type(composer, "/c66 list web@production\r")
	tab.Sees(channel, "Cloud 66 ")
	tab.Choose(side+" select", "Well")
	tab.Until(`document.querySelector(".panel select").value === ""`)
	tab.Click(side, "Cut its connection to Slack")
	tab.Sees(side, "Runs and is connected")
	tab.Type(composer, "/c66 list web@production\r")
	tab.Sees(channel, "deployments 1–10")
}

// watchClick clicks the pager of a list and evaluates to the milliseconds until the click is on its way to the server, and until the screen
// shows its effect, which is the bot's answer.
const watchClick = `new Promise(done => {
	const button = [...document.querySelectorAll(".conversation button")].findLast(e => /^(Older|Newer)$/.test(e.innerText));
	const list = button.closest(".message"), before = list.innerText, begin = performance.now();
	let sent = 0;
	const original = window.fetch;
	window.fetch = (...args) => { sent ||= performance.now() - begin; return original(...args); };
	new MutationObserver((_, observer) => {
		const now = document.querySelectorAll(".message");
		if (now[now.length - 1].innerText === before || !/deployments/.test(now[now.length - 1].innerText)) return;
		observer.disconnect();
		window.fetch = original;
		requestAnimationFrame(() => done([sent, performance.now() - begin]));
	}).observe(document.body, { subtree: true, childList: true, characterData: true });
	button.click();
})`

// BenchmarkAClick measures clicks on the page, 20 each time.
//
//	go test -tags browser -run '^$' -bench AClick -benchtime 1x ./cmd/c66bot
func BenchmarkAClick(b *testing.B) {
	_, url := demoPageProcess(b)
	tab := pagetest.Open(b).Tab(url)
	furnished(tab)
	tab.Type(composer, "/c66 list web@production\r")
	tab.Sees(channel, "deployments 1–10")
	var sent, shown []float64
	for b.Loop() {
		for range 20 {
			took := pagetest.Value[[]float64](tab, watchClick)
			sent, shown = append(sent, took[0]), append(shown, took[1])
		}
	}
	slices.Sort(sent)
	slices.Sort(shown)
	b.ReportMetric(sent[len(sent)/2], "ms-to-send")
	b.ReportMetric(shown[len(shown)/2], "ms-to-show")
}
