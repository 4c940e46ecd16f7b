package commands

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/commands/versions"
	"c66bot/storage"
)

// past is what is and was live on a stack.
type past struct {
	listed []cloud66.Deployment // by Cloud 66, newest first
	kept   []storage.Deployed   // in the history
	sought []storage.Follow     // redeploys of this bot whose deployment Cloud 66 does not list yet
	live   versions.Version     // zero if Cloud 66 tells of nothing
	before []versions.Version
}

// pastOf reads what was live on a stack, from the history and page by page from Cloud 66 until that is enough.
func (h *Handler) pastOf(ctx context.Context, stack cloud66.Stack, enough func(past) bool) (p past, err error) {
	if p.kept, err = h.history(ctx, stack.UID); err != nil {
		return p, err
	}
	if p.sought, err = h.sought(ctx, stack.UID); err != nil {
		return p, err
	}
	for offset := 0; offset < searchPages*apiPage; offset += apiPage {
		got, err := h.Cloud.DeploymentRange(ctx, stack.UID, offset, apiPage)
		if err != nil {
			return p, err
		}
		p.listed = append(p.listed, got.Deployments...)
		p.live, p.before = versions.Of(p.listed, p.kept)
		if enough(p) || offset+apiPage >= got.Total {
			break
		}
	}
	if p.live.Services != "" || p.live.ID() == 0 || !stack.Docker() || p.open() != nil || len(p.sought) > 0 {
		return p, nil
	}
	now, err := h.services(ctx, stack)
	if err != nil {
		return p, err
	}
	p.kept = append(p.kept, p.running(stack.UID, now))
	p.live, p.before = versions.Of(p.listed, p.kept)
	return p, nil
}

// history returns what is remembered of a stack's deployments. What follows a damaged record is left out.
func (h *Handler) history(ctx context.Context, uid string) ([]storage.Deployed, error) {
	kept, err := storage.Read(ctx, h.Records, func(tx storage.Tx) ([]storage.Deployed, error) { return storage.History.All(tx, uid+"/") })
	if errors.Is(err, storage.ErrDamaged) {
		h.Log.WarnContext(ctx, "the history of a stack is damaged: what it holds of later deployments is not used", "stack", uid, "error", err)
		return kept, nil
	}
	return kept, err
}

// sought returns the redeploys of this bot on a stack whose deployment Cloud 66 does not list yet.
func (h *Handler) sought(ctx context.Context, uid string) ([]storage.Follow, error) {
	return storage.Read(ctx, h.Records, func(tx storage.Tx) ([]storage.Follow, error) { return storage.Sought(tx, uid) })
}

// open returns the newest deployment that has not ended, nil if there is none.
func (p past) open() *cloud66.Deployment {
	if i := slices.IndexFunc(p.listed, func(d cloud66.Deployment) bool { return !d.Ended() }); i >= 0 {
		return &p.listed[i]
	}
	return nil
}

// waits says what a rollback or a promotion would wait behind.
func (p past) waits() []markup.Text { return asTexts(behind(unended(p.listed), p.sought)) }

// newest identifies the newest deployments of a stack, those that Cloud 66 does not list yet included.
func (p past) newest() (ids []any) {
	ids = append(ids, newestID(p.listed))
	for _, f := range p.sought {
		ids = append(ids, f.ID)
	}
	return ids
}

// running is the memory of what is live, with what its services are deployed from now.
func (p past) running(uid string, now []cloud66.Service) storage.Deployed {
	var kept storage.Deployed
	if at := slices.IndexFunc(p.kept, func(k storage.Deployed) bool { return k.Number == p.live.ID() }); at >= 0 {
		kept = p.kept[at]
	} else if at := slices.IndexFunc(p.listed, func(d cloud66.Deployment) bool { return d.ID == p.live.ID() }); at >= 0 {
		kept = versions.Ended(uid, p.listed[at])
		kept.SeenAt = time.Now()
	}
	kept.Services = versions.Services(now)
	return kept
}

// keepRunning returns a write that remembers what a docker stack runs before something else is deployed: Cloud 66 tells only what runs now.
// It is nil where nothing is to be remembered.
func (h *Handler) keepRunning(ctx context.Context, stack cloud66.Stack, newest []cloud66.Deployment) func(storage.Tx) error {
	p := past{listed: newest}
	if p.live, _ = versions.Of(newest, nil); !stack.Docker() || p.live.ID() == 0 || p.open() != nil {
		return nil
	}
	now, err := h.services(ctx, stack)
	if err != nil {
		h.Log.WarnContext(ctx, "what a docker stack runs could not be read; a return to it knows only what was requested here",
			"stack", stack.UID, "error", err)
		return nil
	}
	return func(tx storage.Tx) error {
		key := storage.DeploymentKey(stack.UID, p.live.ID())
		kept, found, err := storage.History.Find(tx, key)
		if err != nil || kept.Services != "" {
			return err
		}
		if found {
			p.kept = []storage.Deployed{kept}
		}
		return storage.History.Put(tx, key, p.running(stack.UID, now))
	}
}

// lived shows a version: its deployment, its commit, what its services are deployed from, and when it was live and fell ill.
func lived(v versions.Version, live bool) markup.Text {
	d := cloud66.Deployment{GitHash: v.Commit, CommitURL: v.Page}
	parts := []markup.Text{markup.Format("#%d", v.ID()), wording.Commit(d, wording.ShortHash(v.Commit)), tags(v.Services)}
	switch {
	case v.From.IsZero():
	case live:
		parts = append(parts, markup.Format("since %s", markup.When(v.From)))
	case v.Until.IsZero():
		parts = append(parts, markup.Format("went live %s", markup.When(v.From)))
	default:
		parts = append(parts, markup.Format("live for %s until %s", wording.Duration(v.Lasted()), markup.When(v.Until)))
	}
	if v.IllAfter > 0 {
		parts = append(parts, markup.Format("fell ill after %s", wording.Roughly(v.IllAfter)))
	}
	return markup.Join(parts, " · ")
}

// describe is lived with who brought the version.
func describe(v versions.Version, live bool) markup.Text {
	switch {
	case v.Asker != "":
		return markup.Format("%s · by %s", lived(v, live), markup.User(v.Asker))
	case v.By != "":
		return markup.Format("%s · by %s", lived(v, live), markup.Shorten(v.By, wording.MaxName))
	default:
		return lived(v, live)
	}
}

// tags shows what services are deployed from.
func tags(services string) markup.Text {
	return markup.Code(markup.Shorten(strings.ReplaceAll(services, ",", ", "), maxTags))
}

// maxTags is how many characters of all services of a version are shown.
const maxTags = 200
