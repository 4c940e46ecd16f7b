// Package versions tells which versions were live on a stack, and when, from the deployments that Cloud 66 lists and those that the bot
// remembers. Its functions are pure.
package versions

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"c66bot/cloud66"
	"c66bot/storage"
)

// Version is what was live on a stack, the last time that it was.
type Version struct {
	Deployments []int64 // that brought it, newest first
	Commit      string  // "" if unknown
	Page        string  // web page of the commit, "" if unknown
	Services    string  // what its services were deployed from, as in storage.Deployed
	By, Asker   string  // who started the newest of its deployments, as in storage.Deployed
	From        time.Time
	Until       time.Time     // zero while it is live
	IllAfter    time.Duration // how long after it went live its stack fell ill, 0 if it is not known to
}

// ID returns the newest deployment of the version, 0 for none.
func (v Version) ID() int64 {
	if len(v.Deployments) == 0 {
		return 0
	}
	return v.Deployments[0]
}

// Same reports whether two versions of a stack cannot be told apart.
func (v Version) Same(o Version) bool {
	switch {
	case v.Services != "" || o.Services != "":
		return v.Services == o.Services
	case v.Commit != "" || o.Commit != "":
		return strings.EqualFold(v.Commit, o.Commit)
	default:
		return v.ID() == o.ID()
	}
}

// Lasted returns how long the version was live, 0 if unknown.
func (v Version) Lasted() time.Duration {
	if v.From.IsZero() || v.Until.IsZero() {
		return 0
	}
	return max(v.Until.Sub(v.From), 0)
}

// Ended returns what is remembered of a deployment that has ended, without what only the bot knows.
func Ended(stack string, d cloud66.Deployment) storage.Deployed {
	return storage.Deployed{
		Stack: stack, Number: d.ID, Type: d.DeployType.String(), Outcome: d.Outcome.String(), Via: d.TriggeredVia.String(), By: d.TriggeredBy,
		Ref: d.GitRef, Commit: d.GitHash, StartedAt: d.StartedAt.UTC(), EndedAt: d.FinishedAt.UTC(),
	}
}

// run is a deployment that went live.
type run struct {
	storage.Deployed

	live       bool
	illAfter   time.Duration
	page       string
	revertedAt time.Time
}

// Of returns what is live on a stack, zero if Cloud 66 tells of nothing, and what was live before, each version once, newest first. Listed
// are deployments from Cloud 66, kept those that the bot remembers; one may be in both.
func Of(listed []cloud66.Deployment, kept []storage.Deployed) (live Version, before []Version) {
	var all []Version
	liveAt := -1
	for _, r := range runs(listed, kept) {
		v := r.version()
		last := len(all) - 1
		if last >= 0 && (all[last].Until.IsZero() || v.From.Before(all[last].Until)) {
			all[last].Until = v.From
		}
		if last >= 0 && all[last].Same(v) {
			v.Deployments, v.From = append(v.Deployments, all[last].Deployments...), all[last].From
			v.IllAfter = cmp.Or(v.IllAfter, all[last].IllAfter)
			all = all[:last]
		}
		if all = append(all, v); r.live {
			liveAt = len(all) - 1
		}
	}
	if liveAt >= 0 {
		live = all[liveAt]
		for _, later := range all[liveAt+1:] { // taken back, so that it is live again
			if later.Until.After(live.From) {
				live.From = later.Until
			}
		}
		live.Until = time.Time{}
	}
	for i, v := range slices.Backward(all) {
		again := slices.IndexFunc(before, v.Same)
		switch {
		case i == liveAt:
		case v.Same(live):
			live.Deployments = append(live.Deployments, v.Deployments...)
		case again >= 0:
			before[again].Deployments = append(before[again].Deployments, v.Deployments...)
		default:
			before = append(before, v)
		}
	}
	return live, before
}

// WasLive reports whether a commit, by its full hash, is or was live.
func WasLive(listed []cloud66.Deployment, kept []storage.Deployed, hash string) bool {
	return hash != "" && slices.ContainsFunc(runs(listed, kept), func(r run) bool { return strings.EqualFold(r.Commit, hash) })
}

// runs returns the deployments that went live, in the order in which they did.
func runs(listed []cloud66.Deployment, kept []storage.Deployed) []run {
	all := map[int64]run{}
	for _, d := range kept {
		all[d.Number] = run{Deployed: d, illAfter: illAfter(d)}
	}
	for _, d := range listed {
		if !d.Ended() {
			continue
		}
		before := all[d.ID].Deployed
		now := Ended(before.Stack, d)
		now.Services, now.Asker = before.Services, before.Asker
		all[d.ID] = run{Deployed: now, illAfter: all[d.ID].illAfter, live: d.IsLive && !d.Reverted, page: d.CommitURL, revertedAt: d.RevertedAt}
	}
	var went []run
	for _, r := range all {
		if r.live || r.Outcome == string(cloud66.OutcomeSuccess) && r.Type != string(cloud66.TypeScale) {
			went = append(went, r)
		}
	}
	slices.SortFunc(went, func(a, b run) int { return cmp.Or(a.Over().Compare(b.Over()), cmp.Compare(a.Number, b.Number)) })
	return went
}

// illAfter returns how long after the end of a deployment, as the bot saw it, its stack fell ill; 0 if it did not.
func illAfter(d storage.Deployed) time.Duration {
	if d.UnhealthyAt.IsZero() || d.SeenAt.IsZero() {
		return 0
	}
	return max(d.UnhealthyAt.Sub(d.SeenAt), time.Second)
}

func (r run) version() Version {
	return Version{
		Deployments: []int64{r.Number}, Commit: r.Commit, Page: r.page, Services: r.Services, By: r.By, Asker: r.Asker, From: r.Over(),
		Until: r.revertedAt, IllAfter: r.illAfter,
	}
}

// Services returns what the services of a docker stack were deployed from, in the form of storage.Deployed. It leaves out those of which
// that is not known or cannot be written in this form.
func Services(services []cloud66.Service) string {
	var words []string
	for _, s := range services {
		if s.Reference() != "" && !strings.ContainsAny(s.Name, ",:@ ") && !strings.ContainsAny(s.Reference(), ",: ") {
			words = append(words, s.Name+":"+s.Reference())
		}
	}
	slices.Sort(words)
	return strings.Join(words, ",")
}

// Sent returns those of the requested services, in the form of storage.Wish, that were requested with what to deploy them from.
func Sent(services string) string {
	words := slices.DeleteFunc(strings.Split(services, ","), func(word string) bool { return !strings.ContainsAny(word, ":@") })
	slices.Sort(words)
	return strings.Join(words, ",")
}

// Holds reports whether services include all of some.
func Holds(services, some string) bool {
	all := strings.Split(services, ",")
	return some == "" || !slices.ContainsFunc(strings.Split(some, ","), func(word string) bool { return !slices.Contains(all, word) })
}
