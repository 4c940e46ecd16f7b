package commands

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"c66bot/authz"
	"c66bot/bot/card/kit"
	"c66bot/cloud66"
	"c66bot/storage"
)

// put stores a rule of the usual channel under an id of its own.
func (r *rig) put(rules ...storage.Rule) {
	r.t.Helper()
	r.stores(func(tx storage.Tx) error {
		for i, rule := range rules {
			rule.ID, rule.Channel, rule.By, rule.At = fmt.Sprintf("r%d", i), here, lin, time.Now()
			if err := storage.Rules.Put(tx, storage.ChannelKey(here, rule.ID), rule); err != nil {
				return err
			}
		}
		return nil
	})
	r.Authz.Changed()
}

func allow(who, glob string, actions ...authz.Action) storage.Rule {
	rule := storage.Rule{Who: who, Stacks: glob}
	for _, a := range actions {
		rule.Actions = append(rule.Actions, string(a))
	}
	return rule
}

func deny(who, glob string, actions ...authz.Action) storage.Rule {
	rule := allow(who, glob, actions...)
	rule.Deny = true
	return rule
}

// hidden are the stacks that nobody but an admin sees in these tests: api, "awesome app" and web in production.
func hidden(s cloud66.Stack) bool { return s.UID != "web2" }

// standings are what sam may in the usual channel, so that all of the hidden stacks are hidden from him.
func standings() map[string][]storage.Rule {
	every := []authz.Action{authz.View, authz.Redeploy, authz.Cancel, authz.Subscribe, authz.Lock, authz.Approve}
	return map[string][]storage.Rule{
		"nothing":     {},
		"view of one": {allow(sam, "web@staging", authz.View)},
		"all on one":  {allow(sam, "web@staging", every...)},
		"rules without stacks": {
			allow(sam, "gone", every...),
			allow(authz.Everyone, "web@staging", authz.Subscribe),
			allow(kim, "*", every...),
		},
		"all but what is denied": {allow(sam, "*", every...), deny(sam, "*@production", every...)},
		"denied one by one": {
			allow(sam, "*", every...),
			deny(sam, "api", every...),
			deny(sam, "awesome*", every...),
			deny(sam, "web@prod*", every...),
		},
		"the right to rule": {allow(sam, "web@staging", authz.View), allow(sam, "*", authz.Admin)},
	}
}

// heard is all that somebody could notice of what was asked.
type heard struct {
	Reply    string // as it is drawn
	Form     FormReply
	Refs     []storage.StackRef
	Err      error
	Calls    []string
	Readings int
	Lookups  []string
	Audit    []storage.AuditEntry
	Said     []string
}

// byLot is what is drawn by lot in an answer: the key of a question, and the reference of an error.
var byLot = regexp.MustCompile(`\\"k\\":\\"[^"]*\\"|\(error [^)]*\)`)

// hearing is what somebody notices of a reply.
func hearing(t *testing.T, reply Reply) heard {
	t.Helper()
	var h heard
	if form, ok := reply.(FormReply); ok {
		reply, form.Note = form.Note, nil
		h.Form = form
	}
	if reply != nil {
		m := kit.Draw(reply.Document())
		h.Reply = byLot.ReplaceAllString(m.Text()+"\n"+string(m.JSON()), "")
	}
	return h
}

// asking are requests that name a hidden stack in every way, by what they do.
func asking() map[string]func(r *rig) heard {
	say := func(text string) func(*rig) heard {
		return func(r *rig) heard { return hearing(r.t, r.say(sam, text)) }
	}
	click := func(inv Invocation) func(*rig) heard {
		return func(r *rig) heard { return hearing(r.t, r.click(sam, inv)) }
	}
	form := func(inv Invocation) func(*rig) heard {
		return func(r *rig) heard { return hearing(r.t, r.form(sam, inv)) }
	}
	search := func(typed string) func(*rig) heard {
		return func(r *rig) heard {
			refs, err := r.Suggest(r.t.Context(), sam, here, typed)
			return heard{Refs: refs, Err: err}
		}
	}
	all := map[string]func(r *rig) heard{}
	for i, stack := range []string{
		"api", "API@Production", "api@prod", "api1", "apu", `"awesome app"`, `"awesome ap"`, "web@production", "web@p", "web1", "web", "webb",
		"'a*'", "'*'", "api@staging",
	} {
		for j, command := range []string{
			"list %s", "list %s --outcome failed --by lin", "show %s", "show %s live", "show %s 3", "redeploy %s", "redeploy %s --now",
			"redeploy %s --ref main",
			"redeploy %s --services api:1", "cancel %s", "cancel %s 3", "follow %s", "access why view %s", "access why redeploy %s " +
				"<@U0KIM>", "stacks %s",
		} {
			if text := fmt.Sprintf(command, stack); (i+j)%3 == 0 { // each name with five commands, each command with five names
				all[text] = say(text)
			}
		}
	}
	for _, uid := range []string{"api1", "web1", "app1"} {
		now := time.Date(2000, 1, 1, 12, 0, 0, 0, time.UTC).Unix() // a test's clock begins at midnight
		for _, inv := range []Invocation{
			{Verb: List, UID: uid}, {Verb: List, UID: uid, Options: Options{By: "lin", Trail: "10,20"}}, {Verb: Show, UID: uid, Deployment: 3},
			{Verb: Follow, UID: uid, Deployment: 3},
			{Verb: Cancel, UID: uid, Deployment: 3, Yes: true}, {Verb: Redeploy, UID: uid, Options: Options{Now: "true"}, AskedAt: now},
			{Verb: Redeploy, UID: uid},
			{Verb: Refresh, UID: uid, Deployment: 3, Follow: "f-" + uid}, {Verb: Refresh, Follow: "f-" + uid},
			{Verb: Access, Options: Options{Actions: "view"}, UID: uid},
			{Verb: Ask, Options: Options{Actions: "view", Glob: uid}},
		} {
			all[fmt.Sprintf("a click on %+v", inv)] = click(inv)
		}
		all["a form of "+uid] = form(Invocation{Verb: Redeploy, UID: uid})
	}
	all["nothing"], all["help list"] = say(""), say("help list")
	hide := strings.NewReplacer(
		"mystack@production", "api@production", "mystack@staging", "api@staging", "my stack@staging", "awesome app", " @lin", " <@U0LIN|lin>",
	)
	for _, spec := range Specs {
		for _, example := range spec.Examples { // a command that nobody thought of here is asked for all the same
			if line := hide.Replace(example); !spec.Changes {
				all[line] = say(line)
			}
		}
	}
	for _, typed := range []string{"", "a", "web", "api1", "*"} {
		all["search "+typed] = search(typed)
	}
	all["a form of a name"], all["a form of no stack"] = form(Invocation{Verb: Redeploy, Stack: "api"}), form(Invocation{Verb: Redeploy})
	return all
}

// hear has everything be asked, one after the other, in a world with the hidden stacks or without them.
func hear(t *testing.T, rules []storage.Rule, exist bool) map[string]heard {
	t.Helper()
	all := map[string]heard{}
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(rules...)
		r.lively()
		if exist {
			r.cloud.runs("web1", true)
			r.followHidden()
		} else {
			r.stacks.stacks = slices.DeleteFunc(r.stacks.stacks, hidden)
		}
		asks := asking()
		for _, what := range slices.Sorted(maps.Keys(asks)) {
			time.Sleep(20 * time.Second)
			r.cloud.calls, r.slack.asked, r.channels.said = nil, nil, nil
			readings := r.stacks.asked()
			h := asks[what](r)
			synctest.Wait() // for a reading that goes on beside
			h.Calls, h.Readings, h.Audit, h.Lookups = r.cloud.calls, r.stacks.asked()-readings, r.audit(), r.slack.asked
			for _, a := range r.channels.said {
				h.Said = append(h.Said, a.Parent+" "+hearing(t, a.Reply).Reply)
			}
			slices.Sort(h.Calls)
			r.stores(func(tx storage.Tx) error { // so that the next reading is short
				var keys []string
				err := storage.Audit.Scan(tx, "", func(key string, _ storage.AuditEntry) error {
					keys = append(keys, key)
					return nil
				})
				for _, key := range keys {
					err = errors.Join(err, storage.Audit.Delete(tx, key))
				}
				return err
			})
			all[what] = h
		}
	})
	return all
}

// followHidden has the hidden stacks be followed.
func (r *rig) followHidden() {
	r.stores(func(tx storage.Tx) error {
		var err error
		for _, s := range r.stacks.stacks {
			if f := (storage.Follow{ID: "f-" + s.UID, Stack: RefOf(s), Deployment: 3, Phase: storage.PhaseFollowing}); hidden(s) {
				err = errors.Join(err, storage.Follows.Put(tx, f.ID, f))
			}
		}
		return err
	})
}

func TestAStackThatIsNotForSomebodyIsAnsweredLikeOneThatThereIsNot(t *testing.T) {
	same := []cmp.Option{ // all but what is drawn by lot
		texts, cmpopts.IgnoreFields(storage.AuditEntry{}, "Operation"),
	}
	for standing, rules := range standings() {
		t.Run(standing, func(t *testing.T) {
			with, without := hear(t, rules, true), hear(t, rules, false)
			for what := range with {
				if diff := cmp.Diff(without[what], with[what], same...); diff != "" {
					t.Errorf("%s shows that there is more (-where there is none +where there is):\n%s", what, diff)
				}
			}
		})
	}
}

func TestWhatIsForSomebodyIsNotHiddenByWhatIsNot(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(allow(sam, "web@staging", authz.View, authz.Redeploy))
		r.cloud.has("web2", 3)
		if got := as[ListReply](t, r.say(sam, "list web")); got.Stack.Environment != "staging" {
			t.Errorf("the ambiguity of what is hidden counts: %+v", got)
		}
		silent(t, r.say(sam, "redeploy web --now"))
		if diff := cmp.Diff([]string{"web@staging"}, refusalOf(t, r.say(sam, "list webb"), authz.View).Near); diff != "" {
			t.Errorf("what is near (-want +got):\n%s", diff)
		}
		if got := as[StacksReply](t, r.say(sam, "stacks")); got.total != 1 {
			t.Errorf("%d stacks are counted", got.total)
		}
	})
}

func TestASmallerRightThanTheOneNeededIsRefusedByName(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(allow(sam, "web*", authz.View), allow(devs, "*@production", authz.Redeploy, authz.Cancel), allow(kim, "web", authz.Redeploy),
			deny(guest, "web", authz.Redeploy), allow(authz.Everyone, "api", authz.Redeploy), allow(devs, "web", authz.Redeploy))
		refusal := refusalOf(t, r.say(sam, "redeploy web@production --now"), authz.Redeploy)
		want := RefusalReply{
			Right: authz.Redeploy, Stack: &storage.StackRef{UID: "web1", Name: "web", Environment: "production"}, Holders: []string{devs, kim},
			Admins: Admins{
				Users:  []string{lin},
				Groups: []string{ops},
			}, Ask: refusal.Ask,
		}
		if diff := cmp.Diff(want, refusal); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		ask := Invocation{
			Verb:    Ask,
			UID:     "web1",
			Shown:   "web@production",
			Options: Options{Actions: "redeploy", Glob: "web@production"},
			Nonce:   refusal.Ask.Nonce,
			AskedAt: time.Now().Unix(),
			Then:    `{"v":"redeploy","s":"web@production","n":true}`,
		}
		if diff := cmp.Diff(&ask, refusal.Ask); diff != "" || ask.Nonce == "" {
			t.Errorf("what is asked for (-want +got):\n%s", diff)
		}
		r.nothingDone()
	})
}

func TestADenyNamesItsRuleAndOffersNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.put(allow(sam, "*", authz.View, authz.Redeploy), deny(authz.Everyone, "*@production", authz.Redeploy))
		refusal := refusalOf(t, r.say(sam, "redeploy web@production --now"), authz.Redeploy)
		if refusal.Denied != "r1" || refusal.Ask != nil {
			t.Errorf("the refusal is %+v", refusal)
		}
		if entry := r.lastAudit(); entry.By.String() != "rule r1" || entry.Allowed {
			t.Errorf("recorded is %+v", entry)
		}
		r.nothingDone()
	})
}

// escaped is how Slack sends what somebody typed.
var escaped = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func TestTheRuleThatARefusalOffersGivesTheRightAndNoMore(t *testing.T) {
	for _, name := range []string{
		"web", "awesome app", "bob's", "bob’s app", `say "hi"`, `back\slash`, "star*", "[set]", "wh?t", "a@b", "größe", "🚀", "—dash", "a`b",
		"<b>&amp;", "$HOME", "web@home@production",
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.stacks.stacks = []cloud66.Stack{
				stack("u1", name, "production", ""),
				stack("u2", name+"2", "production", ""),
				stack("u3", "other", "production", ""),
			}
			for _, typed := range []string{"list " + shellWord(name+"@production"), "list " + shellWord(name+"@prod")} {
				refusal := refusalOf(t, r.say(sam, escaped.Replace(typed)), authz.View)
				if refusal.Ask == nil {
					t.Fatalf("%s: nothing is offered: %+v", typed, refusal)
				}
				throughSlack(t, *refusal.Ask)
				asks := refusal.Ask
				line := RequestReply{Request: storage.Request{User: sam}}.rule(storage.Asking{
					Action: asks.Options[Actions], Stacks: asks.Options[Glob], UID: asks.UID, Shown: asks.Shown,
				})
				id := r.rule(escaped.Replace(line))
				var seen []string
				for _, e := range as[StacksReply](t, r.say(sam, "stacks")).Stacks {
					seen = append(seen, e.Stack.UID)
				}
				if diff := cmp.Diff([]string{"u1"}, seen); diff != "" {
					t.Errorf("%s lets them see (-want +got):\n%s", line, diff)
				}
				r.rule("revoke " + id)
			}
		})
	}
}
