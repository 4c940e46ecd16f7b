package commands

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"c66bot/authz"
	"c66bot/storage"
)

// lines are the examples of a command as Slack sends them, on a stack that exists and on one that does not.
func lines(spec Spec) []string {
	var all []string
	for _, example := range spec.Examples {
		for _, stack := range []string{"web", "nosuch"} {
			line := strings.NewReplacer(
				"mystack@production",
				stack,
				"mystack@staging",
				stack,
				"my stack@staging",
				stack,
				"1042",
				"3",
			).Replace(
				asSent(example),
			)
			if !slices.Contains(all, line) {
				all = append(all, line)
			}
		}
	}
	return all
}

// press is a click on what only buttons ask for, with everything that such a button may carry.
func press(spec Spec) Invocation {
	inv := Invocation{Verb: spec.Verb, UID: "web1", Deployment: 3, Follow: "f1", Nonce: "n1", AskedAt: time.Now().Unix()}
	values := Options{Who: kim, Actions: "redeploy", Glob: "web", Rule: "k3f9"}
	for _, arg := range spec.Args {
		if arg.take == nil && arg.show == nil {
			inv.Options[arg.opt] = values[arg.opt]
		}
	}
	return inv
}

func TestEverySpecIsComplete(t *testing.T) {
	keys := map[string]bool{}
	for opt, o := range options {
		if o.key == "" || o.check == nil || keys[o.key] || o.Name != "" && o.Summary == "" {
			t.Errorf("option %d is %+v", opt, o)
		}
		keys[o.key] = true
	}
	verbs := map[Verb]bool{}
	for _, spec := range Specs {
		switch {
		case spec.Verb == "" || verbs[spec.Verb]:
			t.Errorf("%q stands there twice, or has no verb", spec.Verb)
		case spec.run == nil && spec.gate == nil:
			t.Errorf("nothing carries %s out", spec.Verb)
		case !spec.Button && (spec.Summary == "" || len(spec.Examples) == 0):
			t.Errorf("%s has no summary, or no example", spec.Verb)
		case spec.Right != "" && !slices.Contains(authz.Actions, spec.Right):
			t.Errorf("%s needs a right that there is not: %s", spec.Verb, spec.Right)
		case spec.Right == "" && spec.gate == nil && spec.Changes:
			t.Errorf("%s changes something, and anyone may", spec.Verb)
		}
		for _, arg := range spec.Args {
			if !spec.Button && !arg.optional() && !strings.Contains(arg.Missing, "%s") {
				t.Errorf("%s does not say what is missing without %s", spec.Verb, arg.Word)
			}
		}
		for _, option := range spec.Options {
			if option.Name == "" {
				t.Errorf("%s has an option without a name: %+v", spec.Verb, option)
			}
		}
		verbs[spec.Verb] = true
	}
}

// attempt has somebody try something in a channel, and reports what they are told.
type attempt struct {
	name string
	spec Spec
	try  func(r *rig, user, channel string) Reply
}

// attempts are every command and every button that there is.
func attempts() []attempt {
	var all []attempt
	for _, spec := range Specs {
		for _, line := range lines(spec) {
			all = append(all, attempt{line, spec, func(r *rig, user, channel string) Reply { return r.sayIn(channel, user, line) }})
		}
		if spec.Button {
			all = append(all, attempt{"the button " + string(spec.Verb), spec, func(r *rig, user, channel string) Reply {
				return r.clickIn(channel, user, press(spec))
			}})
		}
	}
	return all
}

func TestNobodyGetsAnywhereWithoutTheRight(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.lively()
		r.put(allow(kim, "*", authz.View, authz.Redeploy))
		before := len(r.audit())
		for _, a := range attempts() {
			if a.spec.Right == "" { // which anyone may, or is asked for
				continue
			}
			for _, by := range [][2]string{{sam, here}, {sam, there}, {sam, secret}, {sam, direct}, {robot, here}, {guest, here}} {
				time.Sleep(time.Second)
				reply := a.try(r, by[0], by[1])
				if _, refused := said(reply).(RefusalReply); !refused {
					t.Errorf("%s by %s is answered %T: %+v", a.name, by, reply, reply)
				}
				entries := r.audit()[before:]
				if len(entries) != 1 || entries[0].Allowed || entries[0].Action != string(a.spec.Right) {
					t.Errorf("%s by %s is recorded as %+v", a.name, by, entries)
				}
				before += len(entries)
				if told := fmt.Sprintf("%+v", reply); strings.Contains(told, "web1") || strings.Contains(told, "web@production") {
					t.Errorf("%s by %s tells of a stack: %s", a.name, by, told)
				}
			}
		}
		r.nothingDone()
	})
}

func TestWhatAnyoneMayTellsOfNoStack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.lively()
		for _, a := range attempts() {
			if told := fmt.Sprintf("%+v", a.try(r, sam, there)); a.spec.Right == "" &&
				(strings.Contains(told, "web1") || strings.Contains(told, "web@production")) {
				t.Errorf("%s tells of a stack: %s", a.name, told)
			}
		}
	})
}

// TestWhatChangesSomethingSaysSo holds that a command changes something only where it says so, so that it goes through the journal: without
// a record nothing is changed, and with one it stands in the audit.
func TestWhatChangesSomethingSaysSo(t *testing.T) {
	for _, a := range attempts() {
		inBubble(t, func(t *testing.T, r *rig) {
			r.cloud.has("web1", 5)
			r.cloud.runs("web1", true)
			r.put(allow(sam, "gone", authz.View))
			r.stacks.stacks = r.stacks.stacks[:1] // so that web is no choice
			inv := press(a.spec)
			if !a.spec.Button {
				inv, _ = Parse(a.name)
			}
			r.db.full = true
			p, failed := a.try(r, lin, here).(ProblemReply)
			failed = failed && strings.Contains(p.What, "its own records or program failed")
			if !inv.Changes() && !a.spec.Button && failed {
				t.Errorf("%s writes something, which it does not say", a.name)
			}
			r.nothingDone()
			r.db.full = false
			time.Sleep(time.Second)
			a.try(r, lin, here)
			entries := r.audit()
			if recorded := slices.ContainsFunc(entries, func(e storage.AuditEntry) bool { return e.Allowed }); failed != recorded && !a.spec.Button {
				t.Errorf("%s: the record is needed: %t; it is recorded: %+v", a.name, failed, entries)
			}
			if !inv.Changes() {
				r.nothingDone()
			}
		})
	}
}
