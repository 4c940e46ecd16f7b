package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"c66bot/bot/webapi"
	"c66bot/storage"
)

// Reasons for giving up a message, in place of a Slack code.
const (
	tooOld  = "c66bot_too_old"
	tooMany = "c66bot_too_many"
)

// meaning returns the fault for which a message was given up.
func meaning(why string) webapi.Fault {
	switch why {
	case tooOld:
		return webapi.Fault{Kind: webapi.Trouble, Say: "Slack took nothing for a week"}
	case tooMany:
		return webapi.Fault{Kind: webapi.Trouble, Say: "too much waited for Slack"}
	default:
		return webapi.Meaning(why, "")
	}
}

// limits bounds how much may wait for Slack and for how long. Above a limit, messages are given up down to 90 % of it.
type limits struct {
	ofChannel, ofAll int
	age              time.Duration // since the last change
}

// usual covers a long weekend without Slack, and a thousand deployments.
var usual = limits{ofChannel: 1000, ofAll: 10_000, age: 7 * 24 * time.Hour}

// givenUp is a message to give up, as recorded before, with the reason.
type givenUp struct {
	message storage.Message
	why     string
}

// giveUp drops the messages that find selects.
func (o *Outbox) giveUp(ctx context.Context, find func(tx storage.Tx) ([]givenUp, error)) error {
	ctx = context.WithoutCancel(ctx)
	var over []givenUp
	read := func(tx storage.Tx) (err error) {
		over, err = find(tx)
		return err
	}
	if err := o.Records.View(ctx, read); err != nil || len(over) == 0 {
		return err
	}
	err := o.Write(ctx, func(tx storage.Tx) ([]storage.Message, error) {
		if err := read(tx); err != nil {
			return nil, err
		}
		return abandon(tx, over)
	})
	if err != nil {
		return fmt.Errorf("give up messages: %w", err)
	}
	o.gone(over)
	return nil
}

// abandon records messages as given up, and returns the direct messages to the users who were promised them.
func abandon(tx storage.Tx, over []givenUp) (directs []storage.Message, err error) {
	for _, g := range over {
		if g.message.TS != "" { // the next change makes up for it
			g.message.Sent = g.message.Revision
		} else {
			g.message.Refused = g.why
		}
		err = errors.Join(err, storage.Messages.Put(tx, g.message.Key, g.message))
	}
	return apologies(over), err
}

// gone removes given-up messages from their queues and wakes the callers of Posted.
func (o *Outbox) gone(over []givenUp) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, g := range over {
		for _, lane := range []lane{posts, edits} {
			if q := o.queues[place{g.message.Channel, lane}]; q != nil {
				q.remove(q.find(g.message.Key))
			}
		}
	}
	o.spread()
	o.drop(len(over))
	o.Log.Error("messages are given up", "messages", len(over), "why", reasons(over))
}

// giveUpOne gives up a message unless it has been delivered.
func (o *Outbox) giveUpOne(ctx context.Context, m storage.Message, why string) error {
	return o.giveUp(ctx, func(tx storage.Tx) ([]givenUp, error) {
		now, err := storage.Messages.Get(tx, m.Key)
		if err != nil || now.Delivered() {
			return nil, err
		}
		return []givenUp{{now, why}}, nil
	})
}

func reasons(over []givenUp) string {
	var words []string
	for _, g := range over {
		if w := meaning(g.why).Words(); !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	return strings.Join(words, "; ")
}

// over returns the messages that have waited too long. If a limit is exceeded it adds progress first, then thread lines, then ends and
// replies, each oldest first.
func (l limits) over(tx storage.Tx, now time.Time) ([]givenUp, error) {
	var over []givenUp
	channels := map[string][]storage.Message{}
	err := storage.Messages.Scan(tx, "", func(_ string, m storage.Message) error {
		switch {
		case m.Delivered():
		case !m.Since.IsZero() && now.Sub(m.Since) > keepTrying:
			over = append(over, givenUp{m, m.Refusing})
		case now.Sub(m.UpdatedAt) > storage.KeepEdits, m.TS == "" && now.Sub(m.UpdatedAt) > l.age:
			over = append(over, givenUp{m, tooOld})
		default:
			channels[m.Channel] = append(channels[m.Channel], m)
		}
		return nil
	})
	// shorten moves the least important messages above a limit to over, and returns the rest.
	shorten := func(waiting []storage.Message, most int) (rest []storage.Message) {
		if len(waiting) <= most {
			return waiting
		}
		slices.SortFunc(waiting, func(a, b storage.Message) int {
			return cmp.Or(cmp.Compare(worth(a), worth(b)), cmp.Compare(a.Order, b.Order))
		})
		n := len(waiting) - most*9/10
		for _, m := range waiting[:n] {
			over = append(over, givenUp{m, tooMany})
		}
		return waiting[n:]
	}
	var all []storage.Message
	for _, channel := range slices.Sorted(maps.Keys(channels)) {
		all = append(all, shorten(channels[channel], l.ofChannel)...)
	}
	shorten(all, l.ofAll)
	return over, err
}

// worth ranks a message: progress, which a later look repeats, then thread lines, then messages that users wait for.
func worth(m storage.Message) int {
	switch {
	case m.TS != "" && !m.Urgent && !m.Last:
		return 0
	case m.Parent != "" && len(m.Tell) == 0:
		return 1
	default:
		return 2
	}
}

// apologies builds one direct message for each user who was promised a given-up message.
func apologies(over []givenUp) []storage.Message {
	promised := map[string][]givenUp{}
	for _, g := range over {
		if g.message.TS != "" {
			continue
		}
		for _, user := range g.message.Tell {
			promised[user] = append(promised[user], g)
		}
	}
	all := make([]storage.Message, 0, len(promised))
	for _, user := range slices.Sorted(maps.Keys(promised)) {
		of := promised[user]
		all = append(all, storage.Message{
			Key: of[0].message.Key + "/direct/" + user, Channel: Direct(user), Urgent: true, Last: true, Text: apology(of),
		})
	}
	return all
}

// apology lists the given-up messages: a single one in full, the first lines of several.
func apology(of []givenUp) string {
	const most = 10
	if len(of) == 1 {
		m := of[0].message
		return fmt.Sprintf("I could not post this in <#%s>: %s.\n%s", m.Channel, meaning(of[0].why).Words(), m.Text)
	}
	lines := []string{fmt.Sprintf("I could not post this: %s.", reasons(of))}
	for _, g := range of[:min(len(of), most)] {
		first, _, _ := strings.Cut(g.message.Text, "\n")
		lines = append(lines, fmt.Sprintf("<#%s> %s", g.message.Channel, first))
	}
	if len(of) > most {
		lines = append(lines, fmt.Sprintf("… and %d more; the stacks' lists show what became of them", len(of)-most))
	}
	return strings.Join(lines, "\n")
}

// droppedFor is how long messages that were given up count, after the last of them.
const droppedFor = 30 * time.Minute

// drop counts posts and edits that are given up. The caller holds o.mu.
func (o *Outbox) drop(n int) {
	now := time.Now()
	if now.Sub(o.droppedAt) >= droppedFor {
		o.lately = 0
	}
	o.dropped, o.lately, o.droppedAt = o.dropped+n, o.lately+n, now
}

// Dropped returns the number of posts and edits given up since the start.
func (o *Outbox) Dropped() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dropped
}

// DroppedLately returns the number of posts and edits given up until now, with no break of droppedFor in between. That it is 0 is known
// once such a break has gone by since the start.
func (o *Outbox) DroppedLately() (n int, known bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if time.Since(o.droppedAt) >= droppedFor {
		return 0, true
	}
	return o.lately, o.lately > 0
}
