package authz

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"c66bot/storage"
)

const (
	maxRules = 10_000 // a channel
	// idAlphabet has no vowels, so that no id is a word, and of what looks alike only one.
	idAlphabet = "2346789bcdfghjkmpqrtvwxy"
	idLength   = 4
	// keepEnded is how long a rule that has ended is kept.
	keepEnded = 24 * time.Hour
)

// ErrTooMany says that a channel has as many rules as it may have.
var ErrTooMany = fmt.Errorf("the channel has %d rules: revoke some that are not needed any more", maxRules)

// ErrAdminEverywhere says that the right to make rules was given or denied on some stacks only.
var ErrAdminEverywhere = errors.New("admin is the right to make rules, not on some stacks: it can be given and denied on * only")

// ExistsError says that a rule is there already.
type ExistsError struct{ ID string }

// Error names the rule.
func (e *ExistsError) Error() string { return "rule " + e.ID + " says so already" }

// whoForm is how a rule names whom it concerns.
var whoForm = regexp.MustCompile(`^([UWS][A-Z0-9]+|` + Everyone + `)$`)

// Rules gives the rules of a channel that hold, oldest first.
func (a *Authorizer) Rules(ctx context.Context, channel string) ([]storage.Rule, error) {
	ix, err := a.rulebook.of(ctx, channel)
	if err != nil {
		return nil, err
	}
	at := now()
	var rules []storage.Rule
	for _, c := range ix.rules {
		if at < c.until {
			rules = append(rules, *c.rule)
		}
	}
	return rules, nil
}

// Changed has the rules of a channel read anew. It is called after a transaction that changed them, whatever the transaction gave.
func (a *Authorizer) Changed(channel string) { a.rulebook.forget(channel) }

// AddRule adds a rule to its channel as part of the caller's transaction, and gives it its id. Of rules that say the same of the same people only
// one is kept, the one that lasts longest: where there is one that lasts as long as the new one, the error is *ExistsError; one that ends sooner
// keeps its id and becomes the new one in all else.
func AddRule(tx storage.Tx, r storage.Rule) (storage.Rule, error) {
	if err := checkRule(&r); err != nil {
		return storage.Rule{}, err
	}
	r.ID = ""
	at, count := now(), 0
	err := storage.Rules.Scan(tx, storage.RulesOf(r.Channel), func(_ string, old storage.Rule) error {
		if untilOf(&old) <= at {
			return nil
		}
		count++
		if !sameRule(&old, &r) {
			return nil
		}
		if untilOf(&old) >= untilOf(&r) {
			return &ExistsError{ID: old.ID}
		}
		r.ID = old.ID
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
	return r, storage.Rules.Put(tx, storage.RuleKey(r.Channel, r.ID), r)
}

// checkRule holds that a rule can be understood, and puts its actions in order.
func checkRule(r *storage.Rule) error {
	if r.Channel == "" || strings.Contains(r.Channel, "/") || !whoForm.MatchString(r.Who) {
		return fmt.Errorf("a rule needs a channel and whom it concerns: “%s” in “%s” is neither a user, a user group nor everyone", r.Who, r.Channel)
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

// sameRule reports whether two rules of a channel say the same of the same people.
func sameRule(a, b *storage.Rule) bool {
	return a.Who == b.Who && a.Deny == b.Deny && slices.Equal(a.Actions, b.Actions) && samePattern(a.Stacks, b.Stacks)
}

// newRuleID gives an id that no rule of any channel has. Where the short ids become rare it is longer.
func newRuleID(tx storage.Tx) (string, error) {
	const tries = 20
	taken := map[string]bool{}
	err := tx.Scan(storage.Rules.Name, "", func(key string, _ []byte) error {
		taken[key[strings.LastIndexByte(key, '/')+1:]] = true
		return nil
	})
	if err != nil {
		return "", err
	}
	for n := 0; ; n++ {
		if id := randomID(idLength + n/tries); !taken[id] {
			return id, nil
		}
	}
}

// randomID gives random characters of the alphabet. A byte beyond the largest multiple of its length is drawn again: each is as likely as another.
func randomID(length int) string {
	const fair = 256 / len(idAlphabet) * len(idAlphabet)
	id := make([]byte, 0, length)
	for b := []byte{0}; len(id) < length; {
		_, _ = rand.Read(b) // it never fails
		if int(b[0]) < fair {
			id = append(id, idAlphabet[int(b[0])%len(idAlphabet)])
		}
	}
	return string(id)
}

// RemoveRule removes a rule of a channel as part of the caller's transaction and gives what it was; storage.ErrNotFound where the channel has none
// of that id. Upper and lower case are the same.
func RemoveRule(tx storage.Tx, channel, id string) (storage.Rule, error) {
	id = strings.ToLower(strings.TrimSpace(id))
	if id == "" || strings.Contains(id, "/") {
		return storage.Rule{}, fmt.Errorf("rule %q: %w", id, storage.ErrNotFound)
	}
	key := storage.RuleKey(channel, id)
	r, err := storage.Rules.Get(tx, key)
	if err != nil {
		return storage.Rule{}, fmt.Errorf("rule %q: %w", id, err)
	}
	return r, storage.Rules.Delete(tx, key)
}

// ForgetRules removes the rules of all channels that ended more than a day ago.
func ForgetRules(tx storage.Tx, now time.Time) error {
	var ended []string
	err := storage.Rules.Scan(tx, "", func(key string, r storage.Rule) error {
		if !r.Until.IsZero() && now.Sub(r.Until) > keepEnded {
			ended = append(ended, key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range ended {
		if err := storage.Rules.Delete(tx, key); err != nil {
			return err
		}
	}
	return nil
}
