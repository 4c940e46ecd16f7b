package commands

import (
	"context"
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"

	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/cloud66"
	"c66bot/commands/versions"
	"c66bot/storage"
)

// plan is a rollback or a promotion: a version that is brought to a stack after a question.
type plan struct {
	by       *bringing
	question func(yes Invocation) doc.Document
	sight    string               // of what the question shows
	yes      Invocation           // which does it
	wish     storage.Wish         // names the version
	listed   []cloud66.Deployment // of the stack, newest first
	moved    error                // the answer to a yes if something has changed since the question
	begun    Reply                // the answer once it has begun
}

// bring asks whether to do what is planned. A yes does it in the turn of the stack, if everything is as its question showed it.
func (h *Handler) bring(ctx context.Context, c *call, planned func(context.Context, *call) (plan, error)) (Reply, error) {
	inv := c.Invocation
	if inv.stale() {
		return nil, tooOld(inv.lasts())
	}
	if err := h.cardless(ctx, c.Request); err != nil {
		return nil, err
	}
	if !inv.asks() {
		return c.then(QueueOf(Redeploy, c.stack.UID), func(ctx context.Context) (Reply, error) { return h.bringNow(ctx, c, planned) })
	}
	p, err := planned(ctx, c)
	if err != nil {
		return nil, err
	}
	yes := p.yes.once()
	yes.Verb, yes.Yes, yes.Sight = inv.Verb, true, p.sight
	yes.Options[Reason], yes.Options[Override] = inv.Options[Reason], inv.Options[Override]
	if _, err := yes.Value(); err != nil {
		return nil, notDone("The reason is too long for a button.", "Shorten it.")
	}
	held, err := h.heldFacts(ctx, RefOf(c.stack), c.overrides()) // behind once: the yes overrides no lock that is not shown
	p.by.notes = append(p.by.notes, asTexts(held)...)
	return p.question(yes), err
}

func (h *Handler) bringNow(ctx context.Context, c *call, planned func(context.Context, *call) (plan, error)) (Reply, error) {
	if err := h.Records.View(ctx, func(tx storage.Tx) error { return Untaken(tx, c.Operation) }); err != nil {
		return nil, err
	}
	p, err := planned(ctx, c)
	if err != nil {
		return nil, err
	}
	if p.sight != c.Invocation.Sight {
		return nil, p.moved
	}
	p.wish.Ref, p.wish.Services, p.wish.Reason = p.by.ref, p.by.services, c.Invocation.Options[Reason]
	decided, begun := c.decided, false
	c.decided = func(tx storage.Tx) error { // it is not called where the change waits for approval
		begun = true
		return decided(tx)
	}
	if err := h.deploy(ctx, c, p.listed, p.wish); err != nil || !begun {
		return nil, err
	}
	return p.begun, nil
}

var fullHash = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// bringing is what brings a version to a stack: a ref, or services, with what to know about it.
type bringing struct {
	ref, services string
	notes         []markup.Text
}

// bringingOf returns what brings a version to a stack. Where that is not known, the error says why.
func (h *Handler) bringingOf(ctx context.Context, stack cloud66.Stack, v versions.Version) (b bringing, err error) {
	if stack.Docker() {
		return h.bringServices(ctx, stack, v)
	}
	if b.ref = strings.ToLower(v.Commit); fullHash.MatchString(b.ref) {
		return b, nil
	}
	what := fmt.Sprintf("Cloud 66 tells no full commit of #%d, so exactly that cannot be deployed.", v.ID())
	return bringing{}, h.notDoneOn(stack, what, "Name a branch, tag or commit yourself.", "redeploy %s --ref main")
}

func (h *Handler) bringServices(ctx context.Context, stack cloud66.Stack, v versions.Version) (b bringing, err error) {
	now, err := h.services(ctx, stack)
	if err != nil {
		return b, err
	}
	kept, err := ParseServices(v.Services)
	if err != nil {
		return b, err
	}
	of := map[string]cloud66.ServiceImage{}
	for _, s := range kept {
		of[s.Name] = s
	}
	var words []string
	var still, moving, gone []markup.Text
	for _, s := range now {
		image, known := of[s.Name]
		switch {
		case !known:
			still = append(still, markup.Code(s.Name))
			continue
		case moves(s, image):
			moving = append(moving, markup.Code(image.String()))
		}
		words = append(words, image.String())
		delete(of, s.Name)
	}
	for _, s := range kept {
		if _, left := of[s.Name]; left {
			gone = append(gone, markup.Code(s.String()))
		}
	}
	if len(words) == 0 {
		what := fmt.Sprintf("the bot has recorded neither image tags nor git references of #%d, and Cloud 66 tells only what runs now.", v.ID())
		example := "list %s"
		if len(now) > 0 {
			example = "redeploy %s --services " + now[0].Name
		}
		return b, h.notDoneOn(stack, what, "Name the services and their tags yourself.", example)
	}
	if len(still) > 0 {
		b.notes = append(b.notes, markup.Format("Nothing is recorded of %s, which stays as it is.", wording.Some(still, maxNamed)))
	}
	if len(gone) > 0 {
		b.notes = append(b.notes, markup.Format("This stack has no service for %s.", wording.Some(gone, maxNamed)))
	}
	if len(moving) > 0 {
		b.notes = append(b.notes, markup.Format("%s may stand for something else by now: a branch or tag can be moved.",
			wording.Some(moving, maxNamed)))
	}
	b.services = strings.Join(words, ",")
	return b, nil
}

// latest is the tag that always means the newest image.
const latest = "latest"

// moves reports whether what a service is deployed from may stand for something else later: a branch, or the tag of the newest image.
func moves(s cloud66.Service, image cloud66.ServiceImage) bool {
	return image.Digest == "" && (image.Tag == latest || s.GitRef != "" && !fullHash.MatchString(image.Tag))
}

// sight is a digest of what a question showed, so that its Yes can tell whether that has changed.
func sight(shown ...any) string {
	words := each(shown, func(v any) string { return fmt.Sprint(v) })
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%q", words)))[:16]
}

func because(inv Invocation) markup.Text {
	if inv.Options[Reason] == "" {
		return markup.Text{}
	}
	return markup.Format("Reason: “%s”", inv.Options[Reason])
}
