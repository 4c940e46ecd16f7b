package commands

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"c66bot/authz"
	"c66bot/bot/card/kit"
	"c66bot/bot/slacksim"
	"c66bot/cloud66"
	"c66bot/storage"
)

// The tests of this file run the examples of all commands, so that they judge a new command too.

// deployers is the group of the examples.
const deployers = "S0DEP"

// filled gives every text from outside of the rig: names, people, deployments, services, rules, subscriptions and the bot's own state.
func (r *rig) filled(text string) {
	r.t.Helper()
	now := time.Now()
	var all []cloud66.Deployment
	for id := int64(15); id > 0; id-- {
		d := goldenEnded([]cloud66.Outcome{cloud66.OutcomeSuccess, cloud66.OutcomeFailed}[id%2], time.Minute)
		d.ID, d.IsLive, d.StartedAt, d.FinishedAt = id, id == 14, now.Add(-time.Hour), now.Add(-time.Hour+time.Minute)
		d.TriggeredBy, d.GitHash, d.GitRef, d.DeploySession, d.CommitURL, d.SnapshotUUID, d.RevertedBy = text, text, text, text, text, text, text
		d.Outcome.Meaning, d.DeployType.Meaning, d.TriggeredVia = text, text, cloud66.Value[cloud66.Via]{Raw: text}
		d.Reverted, d.RevertedAt = id%4 == 0, now
		all = append(all, d)
	}
	running := all[0]
	running.ID, running.IsDeploying, running.FinishedAt, running.Outcome.Kind = 16, true, time.Time{}, cloud66.OutcomePending
	r.cloud.deployments["web1"] = slices.Concat([]cloud66.Deployment{running}, all)
	r.cloud.deployments["web2"], r.cloud.deployments["api1"] = all, all
	r.cloud.services = []cloud66.Service{{Name: "api", ImageTag: text}, {Name: "worker"}, {Name: text, ImageTag: text}}
	for i := range r.stacks.stacks {
		s := &r.stacks.stacks[i]
		s.LastActivity, s.Name, s.Environment, s.AccountName, s.GitBranch = now, text, text, text, text
	}
	for id, p := range r.slack.people {
		p.Name = text
		r.slack.people[id] = p
	}
	r.slack.handles[deployers] = authz.Group{ID: deployers}
	for id, g := range r.slack.handles {
		g.Handle = text
		r.slack.handles[id] = g
	}
	r.status = BotStatus{Version: text, Troubles: []string{text}, Since: now}
	r.stores(func(tx storage.Tx) error {
		ref := RefOf(r.stacks.stacks[0])
		f := storage.Follow{ID: "f1", Stack: ref, Deployment: 16, Asker: kim, Said: text, Wish: &storage.Wish{Reason: text, Ref: text}}
		s := storage.Subscription{
			ID: "k3f9", Channel: here, Stacks: text, Events: []string{text}, By: text, Via: []string{text}, Types: []string{text}, Mention: kim,
			Author: lin, At: now,
		}
		rule := storage.Rule{ID: "k3f9", Channel: here, Who: kim, Actions: []string{"view"}, Stacks: text, By: lin, At: now}
		for _, err := range []error{
			storage.PutFollow(tx, f), storage.Wishes.Put(tx, storage.DeploymentKey("web1", 16), storage.WishOf{Follow: f.ID}),
			storage.Channels.Put(tx, here, storage.Channel{Refused: text}), storage.Subscriptions.Put(tx, storage.ChannelKey(here, s.ID), s),
			storage.Rules.Put(tx, storage.ChannelKey(here, rule.ID), rule), decideMuch(tx, ref, text),
		} {
			if err != nil {
				return err
			}
		}
		return nil
	})
	r.Authz.Changed()
}

// decideMuch records a decision a day in the audit, of two people, every other on a stack.
func decideMuch(tx storage.Tx, stack storage.StackRef, text string) (err error) {
	for day := range 15 {
		e := storage.AuditEntry{
			At: time.Now().Add(time.Duration(day-15) * 24 * time.Hour), User: []string{lin, kim, kim}[day%3],
			Channel: here, Action: text, Asked: text,
			Operation: fmt.Sprint("decided", day), Allowed: day%5 > 0, By: storage.Decider{Kind: storage.ByRule, ID: text}, Reason: text,
		}
		if day%2 == 0 {
			e.Stack = stack
		}
		result := storage.Result{Outcome: storage.State(text), Deployment: int64(day), Said: text}
		err = errors.Join(err, storage.PutAudit(tx, e), storage.PutResult(tx, e.Operation, result))
	}
	return err
}

// onStack puts a stack into an example.
func onStack(example, stack string) string {
	put := strings.NewReplacer("mystack@production", stack, "mystack@staging", stack, "my stack@staging", stack, "1042", "3")
	return put.Replace(asSent(example))
}

// shown returns what a user and the channel read of a request.
func (r *rig) shown(reply Reply) []kit.Message {
	var all []kit.Message
	if form, ok := reply.(FormReply); ok {
		reply = form.Note
	}
	if reply != nil {
		all = append(all, kit.Draw(reply.Document()))
	}
	for _, said := range slices.Concat(r.channels.said, r.channels.amended) {
		all = append(all, kit.Draw(said.Reply.Document()))
	}
	return all
}

// asked parses a command and executes it. A command that cannot be parsed is answered too.
func (r *rig) asked(user, channel, text string) Reply {
	inv, err := Parse(text)
	if u, ok := err.(*UsageError); ok { //nolint:errorlint // the parser's own
		return r.Unread(r.t.Context(), request(Invocation{}, user, channel), text, Here{}, u)
	}
	return r.Do(r.t.Context(), request(inv, user, channel))
}

func TestHostileTextInAnExampleBreaksNothingPingsNobodyAndLinksNowhere(t *testing.T) {
	texts := goldenHostile()
	for i, name := range slices.Sorted(maps.Keys(texts)) {
		bad := texts[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, r *rig) {
				r.filled(bad)
				r.put(allow(sam, "*", authz.View), deny(sam, "web", authz.View))
				n := i
				typed := `"` + escaped.Replace(strings.ReplaceAll(bad, `"`, "")) + `"`
				for _, spec := range Specs {
					for _, example := range spec.Examples {
						for _, a := range [][2]string{{lin, "web1"}, {sam, "api1"}, {lin, typed}, {sam, typed}} {
							if n++; n%sparse != 0 {
								continue
							}
							time.Sleep(time.Minute)
							r.channels.said, r.channels.amended = nil, nil
							user, line := a[0], onStack(example, a[1])
							for _, m := range r.shown(r.asked(user, here, line)) {
								if fault := broken(t, m); fault != "" {
									t.Errorf("%s by %s %s", line, user, fault)
								}
							}
						}
					}
				}
			})
		})
	}
}

// broken reports how a hostile text got the better of a message, "" if it did not.
func broken(t *testing.T, m kit.Message) string {
	t.Helper()
	seen := slacksim.Message{Text: m.Text(), Blocks: blocksOf(t, m)}
	for _, id := range seen.Pings() {
		if !slices.ContainsFunc([]string{lin, sam, kim, robot, gone, guest, ops, devs, retired, deployers}, func(our string) bool {
			return strings.Contains(id, our)
		}) {
			return fmt.Sprintf("pings %s:\n%s", id, seen.Plain())
		}
	}
	links := append(seen.Links(), slacksim.Message{Text: m.Text(), Parse: "none"}.Links()...)
	switch {
	case len(links) > 0:
		return fmt.Sprintf("links to %v:\n%s", links, seen.Plain())
	case strings.ContainsAny(m.Text(), "\u202e\u2066\u200f\r\x00"):
		return "turns the writing or breaks the line:\n" + seen.Plain()
	default:
		return ""
	}
}

// byChance matches the ids in a text, which are random.
var byChance = regexp.MustCompile(`((?:subscription|rule|lock|protection) )\S+`)

// effect is what anyone notices of a request except for the audit and for buttons, which carry the options.
func effect(t *testing.T, inv Invocation, opt Opt) string {
	t.Helper()
	var all []string
	inBubble(t, func(t *testing.T, r *rig) {
		r.filled("lin")
		switch opt {
		case Wait:
			r.cloud.runs("web1", true)
			r.cloud.runs("api1", true)
		case Override:
			r.stores(func(tx storage.Tx) error {
				return storage.Locks.Put(tx, "k3f9", storage.Lock{ID: "k3f9", Stacks: "*", Holder: lin})
			})
		}
		r.stacks.stacks = append(r.stacks.stacks, cloud66.Stack{UID: "web3", Name: "lin", Environment: "production", Framework: "rails"})
		for _, all := range r.cloud.deployments {
			for i := range all {
				all[i].GitHash = commit(int(all[i].ID))
			}
		}
		r.stacks.stacks = slices.DeleteFunc(r.stacks.stacks, func(s cloud66.Stack) bool { return s.UID == "web2" })
		for _, m := range r.shown(r.Do(t.Context(), request(inv, lin, there))) {
			all = append(all, byChance.ReplaceAllString(m.Text()+(slacksim.Message{Blocks: blocksOf(t, m)}).Plain(), "$1"))
		}
		all = append(all, fmt.Sprintf("%q %q %+v", r.progress.done, r.cloud.calls, r.progress.follow.Wish))
	})
	return strings.Join(all, "\n")
}

func TestEveryOptionAndArgumentOfACommandHasAnEffect(t *testing.T) {
	for _, spec := range Specs {
		opts := map[string]Opt{}
		for _, option := range spec.Options {
			opts["--"+option.Name] = option.Opt
		}
		for _, arg := range spec.Args {
			if arg.optional() && (arg.take == nil || arg.opt != 0) {
				opts[arg.Word] = arg.opt
			}
		}
		for name, opt := range opts {
			if !spec.Button && !slices.ContainsFunc(spec.Examples, func(example string) bool { return matters(t, example, opt) }) {
				t.Errorf("%s of %s is without effect in every example", name, spec.Verb)
			}
		}
	}
}

// matters reports whether an option in an example changes the effect, beside the other options or alone.
func matters(t *testing.T, example string, opt Opt) bool {
	t.Helper()
	for _, stack := range []string{"web1", "api1"} {
		inv, err := Parse(strings.ReplaceAll(onStack(example, stack), lin, kim)) // lin asks
		if err != nil {
			t.Fatalf("%s: %v", example, err)
		}
		if inv.Options[opt] == "" {
			return false
		}
		if again := effect(t, inv, opt); again != effect(t, inv, opt) {
			t.Errorf("%s does not do the same twice:\n%s", example, again)
		}
		others, alone, none := inv, inv, inv
		others.Options[opt], none.Options = "", Options{Glob: inv.Options[Glob]}
		alone.Options = none.Options
		alone.Options[opt] = inv.Options[opt]
		if effect(t, inv, opt) != effect(t, others, opt) || effect(t, alone, opt) != effect(t, none, opt) {
			return true
		}
	}
	return false
}

func TestNoCommandCostsMuchWhereThereAreManyStacksAndDeployments(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.crowd(func(i int) string { return fmt.Sprintf("app-%d@production", i) })
		r.cloud.has("uid10", 1000)
		for i := range r.stacks.stacks {
			r.stacks.stacks[i].LastActivity = time.Now()
			r.cloud.deployments[r.stacks.stacks[i].UID] = r.cloud.deployments["uid10"]
		}
		r.slack.handles[deployers] = authz.Group{ID: deployers, Handle: "deployers"}
		cost := func(what string, ask func() Reply) {
			time.Sleep(time.Minute)
			r.cloud.calls = nil
			if ask(); len(r.cloud.calls) > previewStacks {
				t.Errorf("%s sends %d requests to Cloud 66: %q …", what, len(r.cloud.calls), r.cloud.calls[:previewStacks])
			}
		}
		for _, spec := range Specs {
			for _, user := range []string{lin, sam} {
				for _, example := range spec.Examples {
					line := onStack(example, "app-10@production")
					cost(line+" by "+user, func() Reply { return r.asked(user, there, line) })
				}
				if inv := press(spec); spec.Button {
					inv.UID, inv.AskedAt = "uid10", time.Now().Unix()
					cost("the button "+string(spec.Verb), func() Reply { return r.clickIn(there, user, inv) })
				}
			}
		}
	})
}
