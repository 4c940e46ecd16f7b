package bot

import (
	"context"
	"regexp"
	"time"

	"c66bot/bot/inbox"
	"c66bot/bot/routine"
	"c66bot/bot/webapi"
)

const (
	// moveAgain is the delay after which records are moved again that were written under the old id during a channel's change of id.
	moveAgain = time.Minute
	// longestRetry bounds the backoff between tries to record a change of id.
	longestRetry = time.Minute
)

// channelID matches the id of a channel that can have rules and subscriptions.
var channelID = regexp.MustCompile(`^[CG][A-Z0-9]{2,30}$`)

// readMove reads the event for a changed channel id. It is acknowledged after the channel's records are moved or at the deadline of the
// acknowledgement.
func (b *Bot) readMove(e event) *inbox.Command {
	from, to, at := string(e.OldChannel), string(e.NewChannel), webapi.Time(string(e.EventTS))
	if !channelID.MatchString(from) || !channelID.MatchString(to) || from == to {
		b.log.Warn("an event says that a channel's id has changed, and names no two channels", "from", from, "to", to)
		return nil
	}
	if at.IsZero() {
		at = time.Now()
	}
	var err error
	return &inbox.Command{
		Content: func(ctx context.Context) (any, bool) {
			err = b.move(ctx, from, to, at)
			return nil, true
		},
		Do: func(ctx context.Context) *inbox.Step {
			b.moveOn(ctx, err, from, to, at)
			return nil
		},
	}
}

// moveOn retries the move of a channel's records until it succeeds, and later moves the records that were still written under the old id.
func (b *Bot) moveOn(ctx context.Context, err error, from, to string, at time.Time) {
	for pause := time.Second; err != nil; pause = min(2*pause, longestRetry) {
		b.log.ErrorContext(ctx, "what a channel has could not be moved to its new id; it is tried again", "from", from, "to", to, "again_in",
			pause, "error", err)
		if !routine.Sleep(ctx, pause) {
			return
		}
		err = b.move(ctx, from, to, at)
	}
	if !routine.Sleep(b.intake, moveAgain) {
		return
	}
	b.channels.Hint(to) // subscriptions may be suspended and cards outdated; the id may have changed again
	if err := b.move(ctx, from, to, at); err != nil {
		b.log.ErrorContext(ctx, "what was written under an old id of a channel could not be moved; the next start tries again", "from", from,
			"to", to, "error", err)
	}
}

func (b *Bot) move(ctx context.Context, from, to string, at time.Time) error {
	if err := b.progress.MoveChannel(ctx, from, to, at); err != nil {
		return err
	}
	return b.channels.Moved(ctx, from, to)
}
