package commands

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"c66bot/authz"
	"c66bot/storage"
)

// The times of a request for a right: how often the same one reaches the admins at most, and for how long one click gives it.
const (
	askEvery = time.Hour
	grantFor = time.Hour
)

// errAsked says that the admins were asked for the same just before.
var errAsked = errors.New("the admins were asked for that already")

// prepareAsk asks the channel's admins for a right. Whoever is of the house may ask; nothing of what is asked for is looked up, so that
// asking shows nothing.
func (h *Handler) prepareAsk(ctx context.Context, req Request) (run, Reply, error) {
	may, err := h.mayAsk(ctx, req)
	if err != nil {
		return nil, nil, h.unknown(ctx, req, err)
	}
	if !may {
		reply, err := h.refuse(ctx, req, "only people of the workspace may ask, in a channel that they are in")
		return nil, reply, err
	}
	if req.Invocation.olderThan(requestAge) {
		return nil, tooOld(requestAge), nil
	}
	err = h.Authz.Permit(ctx, req.asked(storage.StackRef{}), "whoever is of the workspace may ask")
	return func(ctx context.Context) (Reply, error) { return h.ask(ctx, req) }, nil, err
}

func (h *Handler) ask(ctx context.Context, req Request) (Reply, error) {
	if err := h.member(ctx, req); err != nil {
		return nil, err
	}
	rules, err := h.Authz.Rules(ctx, req.Channel)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	grant := grantOf(req, now)
	err = h.Channels.Announce(ctx, req, func(tx storage.Tx) ([]Announcement, error) {
		if err := askedLately(tx, req, now); err != nil {
			return nil, err
		}
		reply := RequestReply{User: req.User, Right: grant.Actions, Glob: grant.Glob, Admins: h.adminsBy(rules), Grant: grant}
		return []Announcement{{Key: requestKey(grant), Reply: reply}}, nil
	})
	if errors.Is(err, errAsked) {
		return NoticeReply{Text: "The admins were asked for that within the last hour: see the message in the channel."}, nil
	}
	if err != nil {
		return nil, err
	}
	return NoticeReply{Text: "I have asked the admins in the channel."}, nil
}

// askedLately fails with errAsked where the same was asked for within the last hour.
func askedLately(tx storage.Tx, req Request, now time.Time) error {
	for _, at := range []time.Time{now, now.Add(-askEvery)} {
		m, err := storage.Messages.Get(tx, requestKey(grantOf(req, at)))
		switch {
		case errors.Is(err, storage.ErrNotFound):
		case err != nil:
			return err
		case now.Sub(m.CreatedAt) < askEvery:
			return errAsked
		}
	}
	return nil
}

// grantOf is what an admin's click does. The same request within the same hour of the day has the same nonce.
func grantOf(req Request, now time.Time) Invocation {
	inv := req.Invocation
	hour := now.Truncate(askEvery).Unix()
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%s\n%d", req.Channel, req.User, inv.Actions, inv.Glob, hour))
	return Invocation{Verb: Grant, Who: req.User, Actions: inv.Actions, Glob: inv.Glob, Nonce: hex.EncodeToString(sum[:10]), AskedAt: now.Unix()}
}

// requestKey names the message of a request, which the grant edits.
func requestKey(grant Invocation) string { return "request/" + grant.Nonce }

// grant gives, for an hour, the right that somebody asked for.
func (h *Handler) grant(ctx context.Context, req Request, standing authz.Standing) (Reply, error) {
	inv := req.Invocation
	if inv.olderThan(requestAge) {
		return tooOld(requestAge), nil
	}
	who, reply, err := h.who(ctx, inv.Who)
	if err != nil || reply != nil {
		return reply, err
	}
	if err := h.member(ctx, req); err != nil {
		return nil, err
	}
	now := time.Now()
	rule := storage.Rule{
		Channel: req.Channel, Who: inv.Who, Actions: strings.Split(inv.Actions, ","), Stacks: inv.Glob, By: req.User, At: now, Until: now.Add(grantFor),
	}
	err = h.Channels.Announce(ctx, req, func(tx storage.Tx) ([]Announcement, error) {
		made, err := authz.AddRule(tx, rule)
		key := requestKey(inv)
		return []Announcement{
			{Key: key, Reply: RequestReply{User: inv.Who, Right: inv.Actions, Glob: inv.Glob, Given: &made}},
			{Key: key + "/given", Parent: key, Reply: RuleReply{Rule: made, By: req.User}},
		}, err
	})
	h.Authz.Changed(req.Channel)
	if reply := ruleProblem(err); reply != nil {
		return reply, nil
	}
	if err != nil {
		return nil, err
	}
	return h.hints(ctx, req, who, standing)
}
