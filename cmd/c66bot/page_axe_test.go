//go:build browser && axe

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"c66bot/bot/slacksim/page/pagetest"
)

// TestThePageIsAccessible asks axe-core, which npm installs, in each state of the page.
func TestThePageIsAccessible(t *testing.T) {
	axe, err := os.ReadFile(filepath.Join("..", "..", "bot", "slacksim", "page", "app", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	_, url := demoPageProcess(t)
	tab := pagetest.Open(t).Tab(url)
	furnished(tab)
	check := func(state string) {
		t.Helper()
		for _, dark := range []bool{false, true} {
			for _, width := range []int64{1280, 390} {
				tab.Dark(dark)
				tab.Size(width, 800)
				tab.Do(chromedp.Sleep(300e6)) // for what moves
				found := pagetest.Value[[]string](tab, `axe.run({resultTypes: ["violations"]}).then(r => r.violations.flatMap(v =>
					v.nodes.map(n => v.id + ": " + n.target.join(" ") + " " + (n.failureSummary ?? "").replace(/\s+/g, " ").slice(0, 300))))`)
				for _, violation := range found {
					t.Errorf("%s, dark %v, %d wide: %s", state, dark, width, violation)
				}
			}
		}
		tab.Size(1280, 800)
	}
	pagetest.Value[any](tab, string(axe)+"; 1")
	check("a channel")
	tab.Type(composer, "/")
	tab.Sees(".choices", "Redeploy a stack")
	check("a completion")
	tab.Keys("\t")
	tab.Keys("redeploy docs\r")
	tab.Sees(dialog, "Redeploy docs@production")
	tab.Type(`dialog input[placeholder="Empty for main"]`, "v2 beta\r")
	tab.Sees(dialog+" .error", "is no branch, tag or commit")
	check("a form with a fault")
	tab.Type(`dialog input[placeholder="Empty for main"]`, "\b\b\b\b\b-beta\r")
	tab.Sees(channel, "docs@production deploying")
	tab.Click(channel, "Cancel")
	tab.Sees(dialog, "stops where it is")
	check("a confirm dialog")
	tab.Click(dialog, "No, let it run")
	tab.Click(channel, "Reply in thread")
	tab.Sees(thread, "started")
	check("a thread")
	tab.Click("header", "☁ Cloud 66")
	tab.Click(side, "web@staging")
	check("the panel")
	tab.Click(".switch", "LP")
	check("the switch")
}
