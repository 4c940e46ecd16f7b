package commands

import (
	"slices"
	"strings"
	"time"

	"c66bot/bot/card/markup"
	"c66bot/cloud66"
	"c66bot/commands/versions"
)

// goldenVersion is a version that was live for some hours until some hours ago; until 0 it is live.
func goldenVersion(id int64, digit, page string, hours, until int) versions.Version {
	v := versions.Version{
		Deployments: []int64{id}, Commit: strings.Repeat(digit, 40), By: "kim@example.com",
		From: goldenNow.Add(-time.Duration(hours+until) * time.Hour),
	}
	if page != "" {
		v.Page = page + "/commit/" + v.Commit
	}
	if until > 0 {
		v.Until = goldenNow.Add(-time.Duration(until) * time.Hour)
	}
	return v
}

// goldenBack is a rollback of a stack on which these versions were live.
func goldenBack(live versions.Version, before ...versions.Version) *back {
	return &back{
		past:  past{live: live, before: before, listed: []cloud66.Deployment{goldenEnded(cloud66.OutcomeSuccess, time.Minute)}},
		stack: cloud66.Stack{UID: "abc123", Name: "web", Environment: "production"}, to: before[0], by: bringing{ref: before[0].Commit},
	}
}

// goldenVersions are the questions about rollbacks and promotions, by name.
func goldenVersions() map[string]Reply {
	const page = "https://github.com/acme/web"
	live := goldenVersion(1042, "4", page, 3, 0)
	live.Asker = "U0LIN"
	before := []versions.Version{
		goldenVersion(1041, "9", page, 50, 3), goldenVersion(1038, "c", page, 5, 53), goldenVersion(1037, "0", page, 120, 58),
	}
	before[1].IllAfter = 4*time.Minute + 20*time.Second
	busy, docker := goldenBack(live, before[0]), goldenBack(live, before[0])
	busy.listed = []cloud66.Deployment{goldenRunning()}
	docker.live.Services, docker.to.Services, docker.live.Commit, docker.to.Commit = "api:v2,job:main", "api:v1,job:main", "", ""
	docker.by = bringing{services: "api:v1,job:main", notes: []markup.Text{
		markup.Format("%s may stand for something else by now: a branch or tag can be moved.", markup.Code("job:main")),
	}}
	unknown := goldenBack(versions.Version{}, before...)
	staged := goldenVersion(210, "a", page, 1, 0)
	promotion := forth{
		source: past{live: staged}, onto: past{live: live}, from: cloud66.Stack{UID: "def456", Name: "web", Environment: "staging"},
		to: unknown.stack, by: bringing{ref: staged.Commit},
	}
	first, deploying := promotion, promotion
	first.onto = past{}
	deploying.source.listed, deploying.onto.listed = []cloud66.Deployment{goldenRunning()}, []cloud66.Deployment{goldenRunning()}
	deploying.by.notes = docker.by.notes
	yes := Invocation{
		Verb: Rollback, UID: "abc123", Options: Options{To: "1041", Reason: "the login fails"}, Yes: true, Nonce: "n", Sight: "5",
	}
	return map[string]Reply{
		"rollback":              goldenBack(live, before...).question(yes),
		"rollback-only-one":     busy.question(yes),
		"rollback-docker":       docker.question(yes),
		"rollback-nothing-live": unknown.question(yes),
		"promote":               promotion.question(yes),
		"promote-first":         first.question(yes),
		"promote-busy":          deploying.question(yes),
	}
}

// hostileVersions are the questions about rollbacks and promotions with a hostile text wherever text comes from outside.
func hostileVersions(bad string) map[string]Reply {
	v := versions.Version{
		Deployments: []int64{1}, Commit: bad, Page: bad, Services: bad, By: bad, Asker: bad, From: goldenNow, IllAfter: time.Second,
	}
	other := v
	other.Deployments, other.By, other.Asker, other.Services = []int64{2}, bad, "", ""
	b := goldenBack(v, slices.Repeat([]versions.Version{other}, 9)...)
	b.stack = cloud66.Stack{UID: bad, Name: bad, Environment: bad, Tag: bad}
	b.by.notes = slices.Repeat([]markup.Text{markup.Format("%s", bad), markup.Code(bad)}, 3)
	f := forth{source: b.past, onto: b.past, from: b.stack, to: b.stack, by: b.by}
	yes := Invocation{Verb: Rollback, UID: bad, Options: Options{Reason: bad}}
	return map[string]Reply{"rollback": b.question(yes), "promote": f.question(yes)}
}
