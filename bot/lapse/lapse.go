// Package lapse tells a channel once of each deny that lapsed, since the stack that it covers was renamed or removed. It compares the list
// of stacks with the names that the covered stacks had when they were last seen, which the database holds (storage.Denied). The message and
// the new names are one transaction. In memory are only what the last comparison saw, so that an unchanged list costs no transaction, and
// since when a stack is missing: after a restart it is missed for that long again.
package lapse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"c66bot/authz"
	"c66bot/bot/card"
	"c66bot/bot/outbox"
	"c66bot/bot/routine"
	"c66bot/commands"
	"c66bot/storage"
)

// Often is the longest time between two comparisons.
const Often = 30 * time.Second

// missedFor is how long the list must miss a stack before it counts as removed: lists shift while they are paged.
const missedFor = 5 * time.Minute

// Config holds the dependencies of a Watch.
type Config struct {
	Records   storage.DB
	Outbox    *outbox.Outbox
	Rules     *authz.Authorizer
	Directory *commands.Directory
	Every     time.Duration // between two comparisons
	Command   string        // the slash command's name
	Log       *slog.Logger
}

// Watch compares the names of denied stacks. One goroutine uses it.
type Watch struct {
	Config
	changes int64              // of the rules, as of the last comparison; -1 before the first one
	denies  bool               // there are rules that can lapse
	seen    []storage.StackRef // the stacks of the last comparison
	missing map[string]time.Time
}

// New returns a Watch.
func New(cfg Config) *Watch { return &Watch{Config: cfg, changes: -1, missing: map[string]time.Time{}} }

// Run compares until the context ends.
func (w *Watch) Run(ctx context.Context) {
	routine.Repeat(ctx, w.Log, "tell denies that lapsed", nil, func(ctx context.Context) (time.Duration, error) {
		err := w.compare(ctx)
		if err != nil {
			w.changes = -1
		}
		return w.Every, err
	})
}

// compare tells of the denies that lapsed since the last comparison.
func (w *Watch) compare(ctx context.Context) error {
	changes := w.Rules.Changes()
	if !w.denies && changes == w.changes {
		return nil
	}
	var stacks []storage.StackRef
	if w.denies {
		all, complete := w.Directory.Whole(ctx)
		for _, s := range all {
			stacks = append(stacks, commands.RefOf(s))
		}
		if !complete || changes == w.changes && len(w.missing) == 0 && slices.Equal(stacks, w.seen) {
			return nil
		}
	}
	var rules []storage.Rule
	var known map[string]storage.StackRef
	err := w.Records.View(ctx, func(tx storage.Tx) (err error) {
		rules, known, err = read(tx)
		return err
	})
	if err != nil {
		return err
	}
	if read := w.denies; len(rules) > 0 && !read {
		w.denies = true // from now on the list is read
		return nil
	}
	w.denies = len(rules) > 0
	w.miss(known, stacks)
	if _, covered := w.lapsed(rules, known, stacks); !maps.Equal(known, covered) {
		err = w.Outbox.Write(ctx, func(tx storage.Tx) ([]storage.Message, error) {
			rules, known, err := read(tx)
			if err != nil {
				return nil, err
			}
			lapses, covered := w.lapsed(rules, known, stacks)
			return w.write(tx, lapses, known, covered)
		})
	}
	if err == nil {
		w.changes, w.seen = changes, stacks
	}
	return err
}

// read returns the rules that can lapse and the stacks that they covered.
func read(tx storage.Tx) (rules []storage.Rule, known map[string]storage.StackRef, err error) {
	known = map[string]storage.StackRef{}
	at := time.Now()
	err = storage.Rules.Scan(tx, "", func(_ string, r storage.Rule) error {
		if authz.Denies(r, at) {
			rules = append(rules, r)
		}
		return nil
	})
	err = errors.Join(err, storage.Denied.Scan(tx, "", func(uid string, s storage.StackRef) error {
		known[uid] = s
		return nil
	}))
	if err != nil {
		err = fmt.Errorf("read the denies: %w", err)
	}
	return rules, known, err
}

// miss notes since when known stacks are missing.
func (w *Watch) miss(known map[string]storage.StackRef, stacks []storage.StackRef) {
	absent := maps.Clone(known)
	for _, s := range stacks {
		delete(absent, s.UID)
	}
	maps.DeleteFunc(w.missing, func(uid string, _ time.Time) bool { return absent[uid].UID == "" })
	for uid := range absent {
		if w.missing[uid].IsZero() {
			w.missing[uid] = time.Now()
		}
	}
}

func (w *Watch) lapsed(rules []storage.Rule, known map[string]storage.StackRef, stacks []storage.StackRef) (
	[]authz.Lapse, map[string]storage.StackRef,
) {
	return authz.Lapsed(rules, known, stacks, func(uid string) bool {
		since := w.missing[uid]
		return !since.IsZero() && time.Since(since) >= missedFor
	})
}

// write stores the covered stacks and returns one message for each channel.
func (w *Watch) write(tx storage.Tx, lapses []authz.Lapse, known, covered map[string]storage.StackRef) (
	messages []storage.Message, err error,
) {
	for uid := range known {
		if _, still := covered[uid]; !still {
			err = errors.Join(err, storage.Denied.Delete(tx, uid))
		}
	}
	for uid, s := range covered {
		if known[uid] != s {
			err = errors.Join(err, storage.Denied.Put(tx, uid, s))
		}
	}
	of := map[string][]authz.Lapse{}
	for _, l := range lapses {
		of[l.Rule.Channel] = append(of[l.Rule.Channel], l)
	}
	for _, channel := range slices.Sorted(maps.Keys(of)) {
		key := fmt.Sprintf("lapsed/%s/%d", channel, time.Now().UnixNano())
		says := card.Lapsed(w.Command, of[channel])
		messages = append(messages, outbox.Say(storage.Message{Key: key, Channel: channel, Last: true}, says))
	}
	return messages, err
}
