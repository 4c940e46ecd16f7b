package authz

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"c66bot/storage"
)

// maxRules is the maximum number of rules in a channel.
const maxRules = 10_000

// ErrTooMany means that the channel already has maxRules rules.
var ErrTooMany = fmt.Errorf("the channel has %d rules: revoke some that are not needed any more", maxRules)

// ErrAdminEverywhere means that a rule would allow or deny admin on some stacks only.
var ErrAdminEverywhere = errors.New("admin is the right to make rules, not on some stacks: it can be given and denied on * only")

// ExistsError means that the channel already has an equal rule that lasts as long.
type ExistsError struct{ ID string }

// Error implements error.
func (e *ExistsError) Error() string { return "rule " + e.ID + " says so already" }

// whoForm matches the subject of a rule.
var whoForm = regexp.MustCompile(`^([UWS][A-Z0-9]+|` + Everyone + `)$`)

// Rules returns the channel's unexpired rules, oldest first.
func (a *Authorizer) Rules(ctx context.Context, channel string) ([]storage.Rule, error) {
	set, err := a.rulebook.of(ctx, channel)
	if err != nil {
		return nil, err
	}
	at := time.Now()
	return slices.DeleteFunc(slices.Clone(set.rules), func(r storage.Rule) bool { return !holds(&r, at) }), nil
}

// Changed invalidates the cached rules. Call it after every transaction that changes rules, even if it failed.
func (a *Authorizer) Changed() {
	a.rulebook.changes.Add(1)
	a.rulebook.forget()
}

// Changes returns a number that is another one after every change of a rule.
func (a *Authorizer) Changes() int64 { return a.rulebook.changes.Load() }

// AddRule stores a rule and returns it with its id. Of equal rules it keeps only the one that expires last: if an existing one
// lasts at least as long, it returns *ExistsError; otherwise the new rule replaces it under the same id.
func AddRule(tx storage.Tx, r storage.Rule) (storage.Rule, error) {
	if err := checkRule(&r); err != nil {
		return storage.Rule{}, err
	}
	r.ID = ""
	at, count := time.Now(), 0
	err := storage.Rules.Scan(tx, storage.ChannelKey(r.Channel, ""), func(_ string, old storage.Rule) error {
		if !holds(&old, at) {
			return nil
		}
		count++
		same := old.Who == r.Who && old.Deny == r.Deny && slices.Equal(old.Actions, r.Actions) && SamePattern(old.Stacks, r.Stacks)
		switch {
		case !same || old.UID != "" && old.UID != r.UID:
			return nil
		case old.Until.IsZero() || !r.Until.IsZero() && !old.Until.Before(r.Until): // also by the name, of one stack of it
			return &ExistsError{ID: old.ID}
		case old.UID == r.UID:
			r.ID = old.ID
		}
		return nil
	})
	if err == nil && r.ID == "" {
		if count >= maxRules {
			return storage.Rule{}, ErrTooMany
		}
		r.ID, err = newRuleID(tx)
	}
	if err != nil {
		return storage.Rule{}, err
	}
	return r, storage.Rules.Put(tx, storage.ChannelKey(r.Channel, r.ID), r)
}

// checkRule validates and normalizes a rule. It sets At if that is zero.
func checkRule(r *storage.Rule) error {
	if r.Channel == "" || strings.Contains(r.Channel, "/") || !whoForm.MatchString(r.Who) {
		return fmt.Errorf("a rule needs a channel and whom it concerns: “%s” in “%s” is neither a user, a user group nor everyone",
			r.Who, r.Channel)
	}
	actions, err := ParseActions(strings.Join(r.Actions, ","))
	if err != nil {
		return err
	}
	pattern, err := ParsePattern(r.Stacks)
	if err != nil {
		return err
	}
	if slices.Contains(actions, Admin) && !pattern.Everything() {
		return ErrAdminEverywhere
	}
	r.Actions = nil
	for _, a := range actions {
		r.Actions = append(r.Actions, string(a))
	}
	r.Stacks = pattern.String()
	if r.At.IsZero() {
		r.At = time.Now()
	}
	return nil
}

// newRuleID returns an id that is unique among the rules of all channels.
func newRuleID(tx storage.Tx) (string, error) {
	taken := map[string]bool{}
	err := tx.Scan(storage.Rules.Name, "", func(key string, _ []byte) error {
		taken[key[strings.LastIndexByte(key, '/')+1:]] = true
		return nil
	})
	return storage.ShortID(func(id string) bool { return taken[id] }), err
}

// RemoveRule deletes a rule and returns it, or storage.ErrNotFound. The id is case-insensitive.
func RemoveRule(tx storage.Tx, channel, id string) (storage.Rule, error) {
	id = strings.ToLower(strings.TrimSpace(id))
	if id == "" || strings.Contains(id, "/") {
		return storage.Rule{}, fmt.Errorf("rule %q: %w", id, storage.ErrNotFound)
	}
	key := storage.ChannelKey(channel, id)
	r, err := storage.Rules.Get(tx, key)
	if err != nil {
		return storage.Rule{}, fmt.Errorf("rule %q: %w", id, err)
	}
	return r, storage.Rules.Delete(tx, key)
}
