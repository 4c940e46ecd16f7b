package card

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/commands"
	"c66bot/storage"
)

// theAdmins are the bot's admins: a group and a person.
var theAdmins = commands.Admins{Users: []string{"U0ADA"}, Groups: []string{"S0OPS"}}

// given is a rule as it stands in the database.
func given(id, who, stacks string, actions ...string) storage.Rule {
	return storage.Rule{ID: id, Channel: "C1", Who: who, Actions: actions, Stacks: stacks, By: "U0ADA", At: now.Add(-time.Hour)}
}

func denied(r storage.Rule) storage.Rule { r.Deny = true; return r }

func ending(r storage.Rule) storage.Rule { r.Until = now.Add(time.Hour); return r }

// refusals are refusals in every shape, by name.
func refusals() map[string]commands.Reply {
	ask := &commands.Invocation{Verb: commands.Ask, Actions: "redeploy", Glob: "web@production", Nonce: "n", AskedAt: now.Unix()}
	base := commands.RefusalReply{Right: authz.Redeploy, Admins: theAdmins, Command: "/c66", Rule: "allow U0SAM redeploy web@production", Ask: ask}
	with := func(change func(r *commands.RefusalReply)) commands.RefusalReply { r := base; change(&r); return r }
	return map[string]commands.Reply{
		"refusal":                 commands.RefusalReply{Right: authz.Redeploy, Admins: theAdmins},
		"refusal-named":           with(func(r *commands.RefusalReply) { r.Stack, r.Holders = &stack, []string{"S0DEVS", "U0KIM"} }),
		"refusal-named-no-holder": with(func(r *commands.RefusalReply) { r.Stack = &stack }),
		"refusal-many-holders": with(func(r *commands.RefusalReply) {
			r.Stack, r.Holders = &stack, []string{"U1", "U2", "U3", "U4", "U5", "U6", "U7"}
		}),
		"refusal-denied":       with(func(r *commands.RefusalReply) { r.Stack, r.Denied, r.Ask, r.Rule = &stack, "k3f9", nil, "" }),
		"refusal-unknown-near": with(func(r *commands.RefusalReply) { r.Typed, r.Near = "webb", []string{"web@production", "web@staging"} }),
		"refusal-unknown":      with(func(r *commands.RefusalReply) { r.Typed, r.Right = "api", authz.View }),
		"refusal-first-rule":   with(func(r *commands.RefusalReply) { r.NoRules, r.Typed = true, "web@production" }),
		"refusal-direct":       commands.RefusalReply{Right: authz.View, Admins: theAdmins, Direct: true, NoRules: true, Command: "/c66"},
		"refusal-to-make-rules": with(func(r *commands.RefusalReply) {
			r.Right, r.Ask, r.NoRules, r.Rule = authz.Admin, nil, true, "allow U0SAM admin *"
		}),
		"refusal-to-look":          with(func(r *commands.RefusalReply) { r.Right = authz.View }),
		"refusal-cancel-by-button": commands.RefusalReply{Right: authz.Cancel, Stack: &stack, Holders: []string{"everyone"}, Admins: theAdmins},
	}
}

// ruled are the answers about rules and requests, by name.
func ruled() map[string]commands.Reply {
	byUser, byGroup := given("k3f9", "U0SAM", "web@production", "view", "redeploy"), given("p7qx", "S0DEVS", "web*", "redeploy")
	all := denied(given("b2cd", "everyone", "*@production", "redeploy", "cancel"))
	hour := ending(given("h4jk", "U0KIM", "awesome app@production", "cancel"))
	grant := commands.Invocation{Verb: commands.Grant, Who: "U0SAM", Actions: "redeploy", Glob: "web@production", Nonce: "n", AskedAt: now.Unix()}
	why := func(right authz.Action, allowed bool, rule *storage.Rule, reason string) commands.WhyReply {
		return commands.WhyReply{Right: right, Stack: stack, User: "U0SAM", Decision: authz.Decision{Allowed: allowed, Rule: rule, Reason: reason}}
	}
	granted := ending(given("h4jk", "U0SAM", "web@production", "redeploy"))
	return map[string]commands.Reply{
		"access-empty":     commands.AccessReply{Page: 1, Admins: theAdmins},
		"access":           commands.AccessReply{Rules: []storage.Rule{byUser, byGroup, all, hour}, Page: 1, Total: 4, Admins: theAdmins},
		"access-in-middle": commands.AccessReply{Rules: []storage.Rule{byUser, all}, Page: 2, Offset: 15, Total: 35, Admins: theAdmins},
		"why-allowed":      why(authz.Redeploy, true, &byUser, "rule k3f9 allows it"),
		"why-denied":       why(authz.Redeploy, false, &all, "rule b2cd denies it"),
		"why-for-an-hour":  why(authz.Redeploy, true, &granted, "rule h4jk allows it"),
		"why-no-rule":      why(authz.Cancel, false, nil, "no rule allows it"),
		"why-admin":        why(authz.View, true, nil, "in the admins' group S0OPS"),
		"why-rules":        why(authz.Admin, false, nil, "no rule allows it"),
		"rule-user":        commands.RuleReply{Rule: byUser, By: "U0ADA"},
		"rule-group":       commands.RuleReply{Rule: byGroup, Handle: "devs", By: "U0ADA"},
		"rule-everyone":    commands.RuleReply{Rule: all, By: "U0ADA"},
		"rule-for-an-hour": commands.RuleReply{Rule: granted, By: "U0ADA"},
		"rule-revoked":     commands.RuleReply{Rule: byUser, By: "U0ADA", Revoked: true},
		"rule-of-a-group-that-slack-does-not-tell": commands.RuleReply{Rule: byGroup, By: "U0ADA", Revoked: true},
		"request": commands.RequestReply{User: "U0SAM", Admins: theAdmins,
			Wishes: []commands.Wished{{Right: "redeploy", Glob: "web@production", Grant: grant}}},
		"request-to-look": commands.RequestReply{User: "U0SAM", Admins: theAdmins,
			Wishes: []commands.Wished{{Right: "view", Glob: "*", Grant: grant}}},
		"request-granted": commands.RequestReply{User: "U0SAM",
			Wishes: []commands.Wished{{Right: "redeploy", Glob: "web@production", Given: &granted}}},
		"request-of-two": commands.RequestReply{User: "U0SAM", Admins: theAdmins, Wishes: []commands.Wished{
			{Right: "redeploy", Glob: "web@production", Given: &granted}, {Right: "view", Glob: "api*", Grant: grant},
		}},
		"open": commands.OpenReply{Stack: stack, Form: commands.Invocation{Verb: commands.Redeploy, UID: "abc123"}},
	}
}

// statuses are answers about the bot itself, by name.
func statuses() map[string]commands.Reply {
	base := commands.StatusReply{
		BotStatus: commands.BotStatus{Version: "1.2.3", Since: now.Add(-49 * time.Hour),
			Budget: cloud66.BudgetState{PerHour: 3000, Used: 260, Rest: 2740, ReadingRest: 2440, BackgroundRest: 2140}},
		Follows: []storage.Follow{asked(storage.Started), unknown(asked(storage.Asked), "")}, At: now,
	}
	with := func(change func(r *commands.StatusReply)) commands.StatusReply { r := base; change(&r); return r }
	rest := 12
	return map[string]commands.Reply{
		"status":                commands.Reply(base),
		"status-nothing":        with(func(r *commands.StatusReply) { r.Follows = nil }),
		"status-unknown-person": with(func(r *commands.StatusReply) { r.Follows, r.Unknown = nil, true }),
		"status-not-ready": with(func(r *commands.StatusReply) {
			r.Ready = errors.Join(errors.New("Slack's connection has not said hello"), errors.New("Cloud 66 refuses the token"))
		}),
		"status-low": with(func(r *commands.StatusReply) {
			r.Budget.Rest, r.Budget.BackgroundRest, r.Budget.ServerRest = 12, 0, &rest
		}),
		"status-kept-for-changes": with(func(r *commands.StatusReply) {
			r.Budget.Rest, r.Budget.ReadingRest, r.Budget.BackgroundRest = 300, 0, 0
		}),
		"status-too-many-stacks": with(func(r *commands.StatusReply) { r.List = cloud66.ErrTooLarge }),
		"status-throttled": with(func(r *commands.StatusReply) {
			r.Budget = cloud66.BudgetState{PerHour: 3000, Blocked: true, NextTry: now.Add(time.Minute)}
		}),
		"status-watching": with(func(r *commands.StatusReply) {
			r.Watch = commands.WatchStatus{Stacks: []storage.StackRef{stack, stack}, Interval: 90 * time.Second, LastSweep: now.Add(-time.Minute), Unreadable: []storage.StackRef{stack}}
		}),
		"status-watching-fast": with(func(r *commands.StatusReply) {
			r.Watch = commands.WatchStatus{Stacks: []storage.StackRef{stack}, Interval: 200 * time.Millisecond, LastSweep: now}
		}),
		"status-watching-since-now": with(func(r *commands.StatusReply) { r.Watch.Stacks = []storage.StackRef{stack} }),
		"status-many-unreadable": with(func(r *commands.StatusReply) {
			r.Watch.Stacks, r.Watch.Unreadable = slices.Repeat([]storage.StackRef{stack}, 12), slices.Repeat([]storage.StackRef{stack}, 12)
		}),
		"status-silent": with(func(r *commands.StatusReply) { r.Silent = now.Add(-20 * time.Minute) }),
		"status-others": with(func(r *commands.StatusReply) { r.Others = 1 }),
		"status-many": with(func(r *commands.StatusReply) {
			r.Others, r.Follows = 3, nil
			for i := range 12 {
				f := asked(storage.Started)
				f.Stack.Name, f.Deployment = fmt.Sprintf("web%d", i), int64(1000+i)
				r.Follows = append(r.Follows, f)
			}
		}),
	}
}

// overviews are lists of stacks, and lists of deployments that are narrowed, by name.
func overviews() map[string]commands.Reply {
	in := func(name string, status cloud66.StackStatus, health cloud66.StackHealth) cloud66.Stack {
		return cloud66.Stack{UID: name, Name: name, Environment: "production", Status: status, Health: health, LastActivity: now.Add(-3 * time.Hour)}
	}
	live, failed, deploying := ended(cloud66.OutcomeSuccess, time.Minute), ended(cloud66.OutcomeFailed, time.Minute), running()
	live.StartedAt, failed.StartedAt = now.Add(-26*time.Hour), now.Add(-2*time.Hour)
	page := []commands.StackEntry{
		{Stack: in("api", cloud66.StatusDeployed, cloud66.HealthHealthy), Newest: &live}, {Stack: in("web", cloud66.StatusDeploying, cloud66.HealthHealthy), Newest: &deploying},
		{Stack: in("shop", cloud66.StatusFailed, cloud66.HealthUnknown), Newest: &failed}, {Stack: in("old", cloud66.StatusAbsent, cloud66.HealthUnknown)},
		{Stack: in("new", cloud66.StatusQueued, cloud66.HealthBuilding), Never: true}, {Stack: in("slow", cloud66.StatusDeployed, cloud66.HealthImpaired)},
	}
	failures := []commands.Entry{{Deployment: failed}, {Deployment: failed, AskedBy: "U0LIN"}}
	filter := commands.Invocation{Outcome: "failed"}
	return map[string]commands.Reply{
		"stacks":                  commands.StacksReply{Stacks: page, Page: 1, Total: 6, At: now},
		"stacks-in-middle":        commands.StacksReply{Text: "web", Stacks: page[:2], Page: 2, Offset: 10, Total: 25, At: now},
		"stacks-none":             commands.StacksReply{Page: 1, At: now},
		"stacks-none-with-text":   commands.StacksReply{Text: "web*@staging", Page: 1, At: now},
		"narrowed":                commands.ListReply{Stack: stack, Entries: failures, Total: 95, Looked: 95, Filter: filter, At: now},
		"narrowed-by-a-person":    commands.ListReply{Stack: stack, Entries: failures[1:], Total: 95, Looked: 95, Filter: commands.Invocation{By: "U0LIN", Outcome: "failed"}, At: now},
		"narrowed-by-a-name":      commands.ListReply{Stack: stack, Entries: failures, Total: 950, Looked: 300, Filter: commands.Invocation{By: "kim"}, Older: "300", At: now},
		"narrowed-in-middle":      commands.ListReply{Stack: stack, Entries: failures, Total: 950, Offset: 300, Looked: 240, Filter: filter, Trail: "120,300", Older: "120,300,540", At: now},
		"narrowed-second-page":    commands.ListReply{Stack: stack, Entries: failures, Total: 95, Looked: 95, Filter: commands.Invocation{Outcome: "failed", Page: 2}, At: now},
		"narrowed-nothing-so-far": commands.ListReply{Stack: stack, Total: 950, Looked: 300, Filter: filter, Older: "300", At: now},
		"narrowed-never-deployed": commands.ListReply{Stack: stack, Filter: filter, At: now},
	}
}
