package authz_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/authz"
	"c66bot/storage"
)

func request(user string, action authz.Action, s storage.StackRef, changes bool) authz.Request {
	return authz.Request{
		Subject: authz.Subject{User: user, Channel: channel}, Action: action, Stack: s,
		Asked: string(action) + " " + s.String(), Operation: "op1", Changes: changes,
	}
}

func TestWhatIsDecidedIsRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		r.put(t, numbered(t, []string{"U0SAM allow view,redeploy web", "U0SAM deny redeploy web@staging"})...)
		for _, step := range []struct {
			request authz.Request
			allowed bool
		}{
			{request(sam, authz.View, web, false), true}, // only reads: not recorded
			{request(sam, authz.Redeploy, web, true), true},
			{request(sam, authz.Redeploy, staging, true), false},
			{request(sam, authz.View, shop, false), false},
			{request(lin, authz.Admin, storage.StackRef{}, true), true},
			{request("", authz.View, web, false), false},
		} {
			got, err := r.authorize(t.Context(), step.request)
			if err != nil || got.Allowed != step.allowed {
				t.Errorf("%+v: %+v, %v", step.request, got, err)
			}
			time.Sleep(time.Second)
		}
		if err := r.Refuse(t.Context(), request(sam, authz.View, storage.StackRef{}, false), "no stack is called that"); err != nil {
			t.Fatal(err)
		}
		begin := time.Now().Add(-6 * time.Second)
		entry := func(second int, user string, action authz.Action, s storage.StackRef, allowed bool, rule, reason string) storage.AuditEntry {
			e := storage.AuditEntry{
				At: begin.Add(time.Duration(second) * time.Second), User: user, Channel: channel, Action: string(action), Stack: s,
				Asked: string(action) + " " + s.String(), Operation: "op1", Allowed: allowed, Reason: reason,
			}
			if rule != "" {
				e.By = storage.Decider{Kind: storage.ByRule, ID: rule}
			}
			return e
		}
		want := []storage.AuditEntry{
			entry(1, sam, authz.Redeploy, web, true, "r0", "rule r0 allows it"),
			entry(2, sam, authz.Redeploy, staging, false, "r1", "rule r1 denies it"),
			entry(3, sam, authz.View, shop, false, "", "no rule allows it"),
			entry(4, lin, authz.Admin, storage.StackRef{}, true, "", "an admin by the configuration"),
			entry(5, "", authz.View, web, false, "", "nobody is named as the one who asks"),
			entry(6, sam, authz.View, storage.StackRef{}, false, "", "no stack is called that"),
		}
		if diff := cmp.Diff(want, r.audit(t)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestWithoutARecordNothingIsAllowed(t *testing.T) {
	full := errors.New("no space left on device")
	r := newRig()
	r.add(t, rule(t, "U0SAM allow all *"))
	r.db.broken = full
	for _, user := range []string{sam, lin, ana} {
		got, err := r.authorize(t.Context(), request(user, authz.Redeploy, web, true))
		if !errors.Is(err, full) || got.Allowed || got.Rule != nil {
			t.Errorf("%s: %+v, %v", user, got, err)
		}
	}
	if got, err := r.authorize(t.Context(), request(sam, authz.View, web, false)); err != nil || !got.Allowed {
		t.Errorf("what only reads needs no record: %+v, %v", got, err)
	}
	if got, err := r.authorize(t.Context(), request(ana, authz.View, web, false)); !errors.Is(err, full) || got.Allowed {
		t.Errorf("a refusal of reading: %+v, %v", got, err)
	}
	if err := r.Refuse(t.Context(), request(ana, authz.View, web, false), "x"); !errors.Is(err, full) {
		t.Errorf("a refusal: %v", err)
	}
}

func TestRulesThatCannotBeReadAllowNothing(t *testing.T) {
	fault := errors.New("input/output error")
	r := newRig()
	r.add(t, rule(t, "U0SAM allow all *"))
	r.db.failing = fault
	if s, err := r.Standing(t.Context(), authz.Subject{User: sam, Channel: channel}); !errors.Is(err, fault) ||
		s.Decide(authz.View, web).Allowed {
		t.Errorf("%v", err)
	}
	if got, err := r.authorize(t.Context(), request(sam, authz.View, web, false)); !errors.Is(err, fault) || got.Allowed {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := r.Rules(t.Context(), channel); !errors.Is(err, fault) {
		t.Errorf("the rules: %v", err)
	}
	r.db.failing = nil
	if got := r.decide(t, sam, authz.View, web); !got.Allowed {
		t.Errorf("when they can be read again: %+v", got)
	}
	r.put(t, storage.Rule{ID: "zzzz", Channel: channel})
	err := r.db.Update(t.Context(), func(tx storage.Tx) error {
		return tx.Put(storage.Rules.Name, storage.ChannelKey(channel, "zzzz"), []byte("damaged"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Standing(t.Context(), authz.Subject{User: sam, Channel: channel}); !errors.Is(err, storage.ErrDamaged) {
		t.Errorf("a damaged rule: %v", err)
	}
	if got := r.decide(t, lin, authz.Admin, web); !got.Allowed {
		t.Errorf("a configured admin, to mend it: %+v", got)
	}
}

func TestAnAskerWhoLeavesGetsNoDecision(t *testing.T) {
	r := newRig()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := r.authorize(ctx, request(sam, authz.View, web, false)); !errors.Is(err, context.Canceled) || got.Allowed {
		t.Errorf("%+v, %v", got, err)
	}
}
