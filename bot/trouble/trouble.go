// Package trouble tells the admins by a direct message when something begins to keep the bot from its work, and by another when it is over.
//
// The parts of the bot report their present state (Config.Now); the Watch compares it with what was told, which the database holds
// (storage.Troubles) in the transaction of the messages, so that a restart tells nothing twice. A trouble is told once it has lasted for
// its Wait, is over once it was absent for steady, and is told anew only quiet after that. If the database cannot be written, which is
// itself a trouble, the messages are posted without it.
package trouble

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"c66bot/bot/card"
	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/bot/outbox"
	"c66bot/bot/routine"
	"c66bot/commands"
	"c66bot/storage"
)

const (
	look   = 5 * time.Second  // between two looks at the state
	steady = time.Minute      // of absence until a trouble is over
	quiet  = 15 * time.Minute // between the end of a trouble and the next message about it
)

// The usual Trouble.Wait.
const (
	Soon   = 10 * time.Second // of what is sure
	Outage = 5 * time.Minute  // of what often passes by itself
)

// Trouble is one cause that may keep the bot from its work, as of now.
type Trouble struct {
	Name    string        // stable and unique
	What    string        // one sentence about it while it lasts; "" if it does not
	Do      string        // sentences: the remedy
	Over    string        // one sentence about its end
	Wait    time.Duration // how long it lasts before it is told
	Unknown bool          // whether it lasts is not known now
}

// Config holds the dependencies of a Watch.
type Config struct {
	Records storage.DB
	Outbox  *outbox.Outbox
	// Now returns all troubles that the bot knows. One that is not among them does not last.
	Now func(ctx context.Context) []Trouble
	// Admins returns the users to tell.
	Admins func(ctx context.Context) []string
	// Post posts a direct message without the database.
	Post func(ctx context.Context, user string, says card.Message) error
	Log  *slog.Logger
}

// Watch watches for troubles. One goroutine uses it.
type Watch struct {
	Config
	told  map[string]storage.Trouble // as the database has it, or is to have it
	since map[string]time.Time       // since when an untold one lasts
	gone  map[string]time.Time       // since when a told one is absent
	known map[string]Trouble         // the last report of each
	dirty map[string]bool            // not in the database, since it could not be written
}

// New returns a Watch.
func New(cfg Config) *Watch {
	return &Watch{
		Config: cfg, told: map[string]storage.Trouble{}, since: map[string]time.Time{}, gone: map[string]time.Time{},
		known: map[string]Trouble{}, dirty: map[string]bool{},
	}
}

// Run watches until the context ends.
func (w *Watch) Run(ctx context.Context) {
	if told, err := storage.Troubles.ByKey(ctx, w.Records); err == nil {
		w.told = told
	} else {
		w.Log.Error("what the admins were told of troubles could not be read; they may be told again", "error", err)
	}
	routine.Repeat(ctx, w.Log, "tell the admins of troubles", nil, func(ctx context.Context) (time.Duration, error) {
		w.look(ctx, time.Now())
		return look, nil
	})
}

// look compares the present state with what was told, and tells what is due.
func (w *Watch) look(ctx context.Context, at time.Time) {
	now := map[string]Trouble{}
	for _, t := range w.Now(ctx) {
		now[t.Name], w.known[t.Name] = t, t
	}
	for _, name := range slices.Sorted(maps.Keys(w.told)) {
		if _, reported := now[name]; !reported { // one of an earlier configuration, say
			gone := w.known[name]
			gone.What = ""
			now[name] = gone
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		t, told := now[name], w.told[name]
		lasts, open := t.What != "", !told.Told.IsZero() && told.Over.IsZero()
		if t.Unknown {
			continue
		}
		begin(w.since, name, lasts, at)
		begin(w.gone, name, !lasts, at)
		switch {
		case w.dirty[name]:
			w.keep(ctx, name)
		case lasts && !open && at.Sub(w.since[name]) >= t.Wait && at.Sub(told.Over) >= quiet:
			w.tell(ctx, name, storage.Trouble{Since: w.since[name], Told: at}, began(t, w.since[name]))
		case open && !lasts && at.Sub(w.gone[name]) >= steady:
			told.Over = at
			w.tell(ctx, name, told, over(t, w.gone[name].Sub(told.Since)))
		case !open && !lasts && !told.Over.IsZero() && at.Sub(told.Over) >= quiet:
			delete(w.told, name)
			w.keep(ctx, name)
		}
	}
}

func begin(since map[string]time.Time, name string, holds bool, at time.Time) {
	if _, noted := since[name]; holds && !noted {
		since[name] = at
	} else if !holds {
		delete(since, name)
	}
}

// tell tells the admins, and records that in the same transaction. If that fails, it posts the messages now and records it later.
func (w *Watch) tell(ctx context.Context, name string, record storage.Trouble, says doc.Document) {
	admins, m := w.Admins(ctx), card.Reply(says)
	if ctx.Err() != nil {
		return
	}
	w.Log.WarnContext(ctx, "the admins are told", "trouble", name, "text", m.Text(), "admins", len(admins))
	w.told[name] = record
	err := w.Outbox.Write(ctx, func(tx storage.Tx) (messages []storage.Message, err error) {
		for _, user := range admins {
			key := fmt.Sprintf("trouble/%s/%s/%d/%t", name, user, record.Told.UnixNano(), record.Over.IsZero())
			messages = append(messages, outbox.ToUser(user, key, m))
		}
		return messages, storage.Troubles.Put(tx, name, record)
	})
	if err == nil {
		return
	}
	w.dirty[name] = true
	for _, user := range admins {
		err = errors.Join(err, w.Post(ctx, user, m))
	}
	w.Log.ErrorContext(ctx, "that an admin is told of a trouble could not be recorded; it was posted at once", "trouble", name, "error", err)
}

func (w *Watch) keep(ctx context.Context, name string) {
	err := w.Records.Update(ctx, func(tx storage.Tx) error {
		if record, there := w.told[name]; there {
			return storage.Troubles.Put(tx, name, record)
		}
		return storage.Troubles.Delete(tx, name)
	})
	w.dirty[name] = err != nil
}

func began(t Trouble, since time.Time) doc.Document {
	return doc.Say(commands.KindProblem, markup.Format("⚠️ %s", t.What), markup.Format("%s Since %s.", t.Do, markup.When(since)))
}

func over(t Trouble, lasted time.Duration) doc.Document {
	what := t.Over
	if what == "" {
		what = "What I told you of is over."
	}
	return doc.Say("notice", markup.Format("✅ %s It lasted %s.", what, wording.Duration(max(lasted, time.Second))))
}
