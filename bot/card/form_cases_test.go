package card

import (
	"fmt"

	"github.com/slack-go/slack"

	"c66bot/authz"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/commands"
)

// typed is what was typed into a form that was sent in vain.
var typed = commands.Invocation{
	Verb:    commands.Redeploy,
	UID:     "abc123",
	Options: commands.Options{commands.Ref: "main", commands.Reason: "fix the login"},
	Yes:     true,
	Form:    true,
}

// gitForm is the form of a stack that takes a ref.
func gitForm() commands.FormReply {
	return commands.FormReply{
		Channel: "C1", Stack: &stack, Branch: "main", Facts: []string{"Live now is #1041, commit 4f2c1d9.", "It usually takes 5 min."},
		Fill: commands.Invocation{Verb: commands.Redeploy, UID: "abc123", Newest: 1041, AskedAt: now.Unix()},
	}
}

// dockerForm is the form of a stack that takes services.
func dockerForm() commands.FormReply {
	r := gitForm()
	r.Branch, r.Docker = "", true
	r.Services = []cloud66.Service{{Name: "api", ImageTag: "1.4.2"}, {Name: "worker"}}
	return r
}

// forms are forms of every kind, by name.
func forms() map[string]commands.FormReply {
	profiles, filled, version, again := gitForm(), gitForm(), gitForm(), gitForm()
	profiles.Profiles = []string{"quick", "full"}
	filled.Profiles, filled.Fill.Options[commands.Profile] = []string{"quick", "full"}, "canary"
	filled.Fill.Options[commands.Ref], filled.Fill.Options[commands.Reason], filled.Fill.Fill = "feature/x", "fix the login", true
	d := ended(cloud66.OutcomeSuccess, 0)
	version.Version, again.Version = &d, &d
	page := wording.Compare("https://github.com/acme/web", "9ab0c1d2ee", d.GitHash)
	version.Ships = markup.Format("%s · %s", markup.Code(wording.ShortHash(d.GitHash)), wording.WhatChanges(page))
	again.Fill.Options[commands.Ref] = d.GitHash
	unclear := gitForm()
	unclear.Branch, unclear.Facts = "", nil
	services, none := dockerForm(), dockerForm()
	services.Fill.Options[commands.Services], none.Services = "api:1.5.0,worker", nil
	chosen := gitForm()
	chosen.Choose = true
	empty := commands.Invocation{Verb: commands.Redeploy}
	return map[string]commands.FormReply{
		"git": gitForm(), "git-profiles": profiles, "git-filled": filled, "git-version": version, "git-version-chosen": again,
		"git-branch-unknown": unclear,
		"docker":             dockerForm(), "docker-filled": services, "docker-without-services": none, "channel-chosen": chosen,
		"channel-to-choose": {Choose: true, Fill: empty}, "stack-to-choose": {Channel: "C1", Fill: empty, Profiles: []string{"quick"}},
		"stack-to-choose-after-the-channel": {Channel: "C1", Choose: true, Fill: empty},
	}
}

// views are all that a form's window shows, by name.
func views() map[string]slack.ModalViewRequest {
	ask := &commands.Invocation{
		Verb:    commands.Ask,
		Options: commands.Options{commands.Actions: "redeploy", commands.Glob: "web@production"},
		Nonce:   "n",
		AskedAt: now.Unix(),
	}
	refusal := commands.RefusalReply{
		Right: authz.Redeploy, Admins: commands.Admins{Users: []string{"U0ADA"}, Groups: []string{"S0OPS"}},
		Ask: ask,
	}
	named, near := refusal, refusal
	named.Stack, named.Holders = &stack, []string{"S0DEVS", "U0KIM"}
	near.Typed, near.Near = "webb", []string{"web@production", "web@staging"}
	refused := Reply(named)
	choice := doc.Say("choice", markup.Format("“web” matches 2 stacks. Which one?")).With(doc.Buttons(
		commands.Button("web@production", commands.Invocation{Verb: commands.Show, UID: "a"}, "choose-0"),
		commands.Button("web@staging", commands.Invocation{Verb: commands.Show, UID: "b"}, "choose-1"),
	))
	all := map[string]slack.ModalViewRequest{
		"view-loading":        Loading(),
		"view-refused":        Inside(refused, FormState{Channel: "C1"}),
		"view-refused-choose": Inside(refused, FormState{Channel: "C1", Choose: true}),
		"view-form-unknown":   Form(commands.FormReply{Channel: "C1", Note: near}),
		"view-refused-typed":  Inside(WithTyped(refused, typed), FormState{Channel: "C1"}),
		"view-ambiguous":      Inside(Reply(choice), FormState{Channel: "C1"}),
	}
	for name, r := range forms() {
		all["view-form-"+name] = Form(r)
	}
	return all
}

// few gives a hostile text to the first of many, so that it does not take long.
func few(bad string, i int) string {
	if i < 3 {
		return bad
	}
	return "x"
}

// spoiledViews are the views with a hostile text wherever text comes from outside, and as much of everything as there can be.
func spoiledViews(bad string) map[string]slack.ModalViewRequest {
	all := map[string]slack.ModalViewRequest{}
	for name, r := range forms() {
		if r.Stack != nil {
			ref := *r.Stack
			ref.Name, ref.Environment = bad, bad
			if name == "git-filled" {
				ref.UID = bad
			}
			r.Stack = &ref
		}
		if r.Version != nil {
			d := *r.Version
			d.GitHash = bad
			r.Version, r.Ships = &d, markup.Format("%s", bad)
		}
		r.Branch, r.Profiles, r.Services = bad, nil, nil
		for i := range 110 {
			r.Profiles = append(r.Profiles, few(bad, i)+fmt.Sprint(i))
		}
		for i := range 120 {
			r.Services = append(r.Services, cloud66.Service{Name: few(bad, i) + fmt.Sprint(i), ImageTag: few(bad, i)})
		}
		for range 20 {
			r.Facts = append(r.Facts, bad)
		}
		r.Fill.Options[commands.Ref], r.Fill.Options[commands.Services], r.Fill.Options[commands.Profile], r.Fill.Options[commands.Reason] = bad,
			bad, bad, bad
		all["view-form-"+name] = Form(r)
		r.Fill.Options[commands.Services] = ""
		all["view-form-"+name+"-not-filled"] = Form(r)
	}
	for name, m := range spoiled(bad) {
		if name == "reply-rows" {
			continue // no form is answered by as much
		}
		all["view-"+name] = Inside(
			WithTyped(m, commands.Invocation{UID: bad, Options: commands.Options{commands.Ref: bad, commands.Services: bad, commands.Reason: bad}}),
			FormState{Channel: "C1", Choose: true},
		)
	}
	return all
}
