package inbox

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/bot/socket"
	"c66bot/commands"
	"c66bot/storage"
)

const (
	// gatherExcuses is the time during which one person's rejected commands are collected into one message.
	gatherExcuses = 250 * time.Millisecond
	// maxNames bounds the names in one message, in characters. A sentence of a message holds 1,000.
	maxNames = 800
)

// reason explains why a command is turned away. Its text has a %s for the command.
type reason struct{ text, try string }

var busy = reason{text: "I am busy with too many commands at once: I did not take %s.", try: "Try again in a minute."}

// stoodStill is the reason to turn away what arrived while the process stood still.
func stoodStill(d time.Duration) reason {
	return reason{
		text: fmt.Sprintf("I stood still for %s, which is longer than Slack waits, when %%s came.", wording.Duration(d)),
		try:  "Ask again if it is still wanted.",
	}
}

func (r reason) reply(asked string) commands.ProblemReply {
	return commands.ProblemReply{What: fmt.Sprintf(r.text, asked), State: "Nothing was done.", Do: r.try}
}

// words quotes the request.
func (c *Command) words() string {
	switch {
	case c.What != "":
		return quoted(c.What)
	case c.Words != "":
		return quoted(markup.Shorten(c.Words, 100))
	default:
		return "what you asked for"
	}
}

func quoted(text string) string { return "“" + text + "”" }

type excuseKey struct{ who, why string }

// excuse holds the commands that were turned away for one reason and of which their author has not been told. Notices to one person are
// combined.
type excuse struct {
	last           *Command
	changes, looks []string
}

// excuse queues the notice that a command was turned away.
func (in *Inbox) excuse(c *Command) {
	key := excuseKey{cmp.Or(c.User, c.Key), c.away.text}
	in.mu.Lock()
	defer in.mu.Unlock()
	e := in.excuses[key]
	if e == nil {
		e = &excuse{}
		in.excuses[key] = e
		in.tasks.Go(func() { in.tellExcuses(key) })
	}
	e.last = c
	if c.What != "" {
		e.changes = append(e.changes, c.words())
	} else {
		e.looks = append(e.looks, c.words())
	}
}

// tellExcuses sends one person the collected notices until none is left.
func (in *Inbox) tellExcuses(key excuseKey) {
	for {
		socket.Sleep(in.ctx, gatherExcuses)
		in.mu.Lock()
		told := *in.excuses[key]
		in.excuses[key] = &excuse{}
		if told.last == nil {
			delete(in.excuses, key)
		}
		in.mu.Unlock()
		if told.last == nil {
			return
		}
		for _, names := range told.portions() {
			told.last.Tell(in.ctx, told.last.away.reply(names), true)
		}
	}
}

// portions lists the rejected commands, split by message size. Changes are named, reads are only counted.
func (e excuse) portions() []string {
	names := e.changes
	switch n := len(e.looks); {
	case n == 1:
		names = append(names, e.looks[0])
	case n > 1:
		names = append(names, fmt.Sprintf("%d commands that only look", n))
	}
	var all []string
	for _, some := range portions(counted(names), func(name string) string { return name }) {
		all = append(all, joined(some))
	}
	return all
}

// counted removes duplicates and appends the number of occurrences.
func counted(names []string) []string {
	times := map[string]int{}
	var once []string
	for _, name := range names {
		if times[name]++; times[name] == 1 {
			once = append(once, name)
		}
	}
	for i, name := range once {
		if n := times[name]; n > 1 {
			once[i] = fmt.Sprintf("%s (%d times)", name, n)
		}
	}
	return once
}

// portions splits things so that the names of each part fit into one message.
func portions[T any](things []T, name func(T) string) [][]T {
	var all [][]T
	size := maxNames
	for _, thing := range things {
		n := utf8.RuneCountInString(name(thing)) + 4 // with quotes, comma and space
		if size += n; size > maxNames {
			all, size = append(all, nil), n
		}
		all[len(all)-1] = append(all[len(all)-1], thing)
	}
	return all
}

// joined joins names into an English enumeration.
func joined(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// Unsettled is a message to the author of changes that an earlier process left in the journal.
type Unsettled struct {
	Key, User string
	Reply     commands.Reply
}

// Settle makes the changes that an earlier process left in the journal void. It returns messages to each author that name all of theirs,
// for the same transaction. Done changes have left the journal; their own records carry them on.
func Settle(tx storage.Tx) (messages []Unsettled, err error) {
	left := map[string][]storage.Entry{}
	err = storage.Journal.Scan(tx, "", func(_ string, e storage.Entry) error {
		left[e.User] = append(left[e.User], e)
		return nil
	})
	for _, user := range slices.Sorted(maps.Keys(left)) {
		for _, e := range left[user] {
			err = errors.Join(err, void(tx, e))
		}
		slices.SortFunc(left[user], func(a, b storage.Entry) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Operation, b.Operation)) })
		for _, some := range portions(left[user], func(e storage.Entry) string { return e.What }) {
			var names []string
			for _, e := range some {
				names = append(names, quoted(commands.Spoken(e.What)))
			}
			messages = append(messages, Unsettled{
				Key: "unsettled/" + some[0].Operation + "/" + some[0].Deliveries[0], User: user, Reply: commands.ProblemReply{
					What:  fmt.Sprintf("I was stopped before I began with your %s.", joined(names)),
					State: "Nothing was done.", Do: "Ask again if it is still wanted.",
				},
			})
		}
	}
	return messages, err
}
