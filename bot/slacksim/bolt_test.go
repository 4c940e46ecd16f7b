//go:build bolt

package slacksim_test

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/bot/slacksim"
)

const boltManifest = `
display_information: {name: Bolt}
features:
  bot_user: {display_name: c66bot}
  slash_commands: [{command: /c66, description: Deploys, should_escape: true}]
oauth_config: {scopes: {bot: ["commands", "chat:write", "app_mentions:read"]}}
settings:
  socket_mode_enabled: true
  interactivity: {is_enabled: true}
  event_subscriptions: {bot_events: [app_mention]}
`

// TestBolt proves the workspace with a client that is not ours: an app on
// Slack's own framework, under Node.
func TestBolt(t *testing.T) {
	w := slacksim.New(slacksim.Options{Manifest: []byte(boltManifest)})
	w.AddUser(slacksim.User{ID: "U0LIN", Name: "lin", RealName: "Lin"})
	w.AddChannel(slacksim.Channel{ID: "C0GENERAL", Name: "general", Members: []string{"U0LIN"}, BotIsMember: true})
	server := httptest.NewServer(w)
	t.Cleanup(func() {
		w.Close()
		server.Close()
	})
	b := &boltTest{T: t, w: w, lin: w.Person("U0LIN")}
	b.run(server.URL)
	b.until("the app connects", func() bool { return w.Sockets() == 1 })
	for name, test := range map[string]func(*boltTest){
		"a command and a button": (*boltTest).commandAndButton,
		"a form":                 (*boltTest).form,
		"a form that is closed":  (*boltTest).closedForm,
		"a mention":              (*boltTest).mention,
	} {
		t.Run(name, func(t *testing.T) { test(&boltTest{T: t, w: w, lin: b.lin}) })
	}
	if v := w.Violations(); len(v) > 0 {
		t.Errorf("violations: %q", v)
	}
	for _, c := range w.Calls("") {
		if c.Error != "" {
			t.Errorf("%s answered %s", c.Method, c.Error)
		}
	}
}

type boltTest struct {
	*testing.T

	w   *slacksim.Workspace
	lin *slacksim.Person
}

// run starts the app and ends it with the test.
func (b *boltTest) run(server string) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.Context()))
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, "node", "app.js")
	cmd.Dir = "testdata/bolt"
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "SLACK_API_URL=" + server + "/api/",
		"SLACK_BOT_TOKEN=xoxb-c66-demo", "SLACK_APP_TOKEN=xapp-1-A0C66-demo",
	}
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cancel()
		err := cmd.Wait()
		if b.Failed() {
			b.Logf("the app ended with %v and wrote:\n%s", err, output.String())
		}
	})
}

func (b *boltTest) until(what string, cond func() bool) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 20*time.Second)
	defer cancel()
	if err := b.w.WaitFor(ctx, cond); err != nil {
		b.Fatalf("%s: %v", what, err)
	}
}

// taken waits until the app has acknowledged in time.
func (b *boltTest) taken(d *slacksim.Delivery, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	if _, err := d.Wait(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// reads waits until Lin reads a message with a text in the channel and returns it.
func (b *boltTest) reads(text string) slacksim.Message {
	b.Helper()
	var found slacksim.Message
	b.until("somebody reads "+text, func() bool {
		seen := b.lin.Sees("C0GENERAL")
		at := slices.IndexFunc(seen, func(m slacksim.Message) bool { return strings.Contains(m.Plain(), text) })
		if at >= 0 {
			found = seen[at]
		}
		return at >= 0
	})
	return found
}

func (b *boltTest) commandAndButton() {
	b.taken(b.lin.Command("C0GENERAL", "/c66 hello"), nil)
	if m := b.reads("got hello"); !m.Ephemeral {
		b.Errorf("the answer is %+v", m)
	}
	b.taken(b.lin.Click("C0GENERAL", b.reads("A card"), "Press"))
	b.reads("pressed by @lin")
}

func (b *boltTest) form() {
	b.openForm()
	options, _, err := b.lin.Search(b.Context(), "Stack", "web")
	if diff := cmp.Diff([]string{"web@production", "web@staging"}, options); diff != "" || err != nil {
		b.Fatal(diff, err)
	}
	if _, err := b.lin.Choose("Stack", "web@staging"); err != nil {
		b.Fatal(err)
	}
	b.submit("a b")
	if v, _ := b.lin.View(); !strings.Contains(v.Plain(), "Ref: a b ! A ref has no spaces.") {
		b.Fatalf("the form shows %q", v.Plain())
	}
	b.submit("v1.2")
	if v, open := b.lin.View(); open {
		b.Errorf("the form is still open: %q", v.Plain())
	}
	b.reads("deploys web@staging at v1.2")
}

func (b *boltTest) submit(ref string) {
	b.Helper()
	if err := b.lin.Fill("Ref", ref); err != nil {
		b.Fatal(err)
	}
	b.taken(b.lin.Submit())
}

func (b *boltTest) openForm() {
	b.Helper()
	b.taken(b.lin.Command("C0GENERAL", "/c66 form"), nil)
	b.until("the form is open", func() bool {
		v, open := b.lin.View()
		return open && v.Title == "Deploy a stack"
	})
}

func (b *boltTest) closedForm() {
	b.openForm()
	b.taken(b.lin.CloseView(), nil)
	b.reads("no deployment")
}

func (b *boltTest) mention() {
	m, d, err := b.lin.Mention("C0GENERAL", "", "@c66bot status & more")
	b.taken(d, err)
	b.until("the app answers in the thread", func() bool {
		thread := b.lin.Thread("C0GENERAL", m.TS)
		return len(thread) == 2 && thread[1].Plain() == "mentioned with: @c66bot status & more"
	})
}
