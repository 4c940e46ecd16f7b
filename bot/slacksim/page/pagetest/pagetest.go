//go:build browser

// Package pagetest drives the page in a headless Chromium as a person would: it clicks what is visible and types into what has the focus.
//
// A message on the browser's console fails the test, and so does a machine without one: these tests are built with the tag browser only.
package pagetest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// patience bounds each step.
const patience = 20 * time.Second

// Browser is a running browser.
type Browser struct {
	t   testing.TB
	ctx context.Context
}

// Open starts a browser, which ends with the test.
func Open(tb testing.TB) *Browser {
	tb.Helper()
	path := find()
	if path == "" {
		tb.Fatal("no Chromium is installed")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.WindowSize(1280, 800), chromedp.UserDataDir(tb.TempDir()),
		chromedp.NoSandbox) // It shows loopback only, and root has no sandbox.
	allocator, stop := chromedp.NewExecAllocator(context.WithoutCancel(tb.Context()), options...)
	ctx, end := chromedp.NewContext(allocator)
	tb.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			tb.Errorf("ending the browser: %v", err)
		}
		end()
		stop()
	})
	if err := chromedp.Do(ctx); err != nil {
		tb.Fatalf("starting %s: %v", path, err)
	}
	return &Browser{t: tb, ctx: ctx}
}

// For returns the browser for a part of the test.
func (b *Browser) For(tb testing.TB) *Browser {
	tb.Helper()
	return &Browser{t: tb, ctx: b.ctx}
}

func find() string {
	for _, name := range []string{
		"chromium", "chromium-browser", "google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// Tab is a tab of the browser. Its methods fail the test if a step does not come about in time.
type Tab struct {
	t   testing.TB
	ctx context.Context
}

// Tab opens a page in a window of its own, so that no tab hides another.
func (b *Browser) Tab(url string) *Tab {
	b.t.Helper()
	ctx, end := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithNewWindow(true))
	if err := chromedp.Do(ctx); err != nil { // The tab's life is bound to the context of its first step.
		b.t.Fatalf("opening a tab: %v", err)
	}
	listening, deafen := context.WithCancel(ctx)
	messages := chromedp.Console(listening)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for message, err := range messages {
			if err != nil {
				return // the tab is closed
			}
			b.t.Errorf("the console of %s says: %s %s", url, message.Type, message.Text)
		}
	}()
	b.t.Cleanup(func() {
		deafen() // before the page's server ends, which the page complains of
		<-done
		end()
	})
	tab := &Tab{t: b.t, ctx: ctx}
	tab.Do(chromedp.Navigate(url))
	return tab
}

// Do carries out steps.
func (t *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	t.t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.fail(err)
	}
}

// fail fails the test with what the tab shows.
func (t *Tab) fail(err error) {
	t.t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
	if dir := os.Getenv("PAGETEST_SHOTS"); dir != "" {
		shot, _ := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		_ = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(t.t.Name(), "/", "_")+".png"), shot, 0o600) // It is for the one who looks.
	}
	t.t.Fatalf("%v; the page shows:\n%s", err, text)
}

// Size sets the size of the window.
func (t *Tab) Size(width, height int64) {
	t.t.Helper()
	t.Do(chromedp.EmulateViewport(width, height))
}

// Dark sets whether the person prefers dark colours.
func (t *Tab) Dark(dark bool) {
	t.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	if err != nil {
		t.fail(err)
	}
}

// Shot returns the tab as a PNG.
func (t *Tab) Shot() []byte {
	t.t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	shot, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.fail(err)
	}
	return shot
}

// Value evaluates an expression. It may be a promise.
func Value[T any](t *Tab, expression string) T {
	t.t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.fail(fmt.Errorf("evaluating %s: %w", expression, err))
	}
	return value
}

// Until waits until an expression holds.
func (t *Tab) Until(expression string) {
	t.t.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingTimeout(patience))); err != nil {
		t.fail(fmt.Errorf("waiting for %s: %w", expression, err))
	}
}

// Sees waits until the visible text of an element contains words.
func (t *Tab) Sees(selector, words string) {
	t.t.Helper()
	t.Until(fmt.Sprintf(`[...document.querySelectorAll(%s)].some(e => e.innerText.replace(/[\u00a0\u2060\s]+/g, " ").includes(%s))`,
		quoted(selector), quoted(words)))
}

// Click clicks the last visible button, link or other control under an element that has a name or whose text begins with some words.
func (t *Tab) Click(selector, text string) {
	t.t.Helper()
	t.Until(fmt.Sprintf(`(() => {
		const found = [...document.querySelectorAll(%s)]
			.flatMap(e => [...e.querySelectorAll("button, a, summary, label, [role=option]")])
			.filter(e => e.checkVisibility() && !e.disabled)
			.filter(e => (e.innerText.trim().replace(/\s+/g, " ") + " ").startsWith(%[2]s + " ") || e.getAttribute("aria-label") === %[2]s);
		document.querySelector("[data-aim]")?.removeAttribute("data-aim");
		found.at(-1)?.setAttribute("data-aim", "");
		return found.length > 0;
	})()`, quoted(selector), quoted(text)))
	t.Do(chromedp.Click(chromedp.CSS("[data-aim]"), chromedp.NodeVisible))
}

// Choose chooses an option of the native menus by its text.
func (t *Tab) Choose(selector, option string) {
	t.t.Helper()
	t.Until(fmt.Sprintf(`(() => {
		for (const menu of document.querySelectorAll(%s)) {
			const option = [...menu.options].find(o => o.text === %s);
			if (option === undefined) continue;
			menu.value = option.value;
			return menu.dispatchEvent(new Event("change", {bubbles: true}));
		}
	})()`, quoted(selector), quoted(option)))
}

// Type types into an element. A return is the Enter key.
func (t *Tab) Type(selector, text string) {
	t.t.Helper()
	t.Do(chromedp.Focus(chromedp.CSS(selector), chromedp.NodeVisible), chromedp.KeyEvent(text))
}

// Keys types into what has the focus.
func (t *Tab) Keys(text string) {
	t.t.Helper()
	t.Do(chromedp.KeyEvent(text))
}

func quoted(text string) string {
	data, _ := json.Marshal(text) // A string always works.
	return string(data)
}
