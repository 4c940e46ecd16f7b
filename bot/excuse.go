package bot

import (
	"cmp"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"c66bot/bot/card"
	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/bot/socket"
	"c66bot/commands"
)

const (
	// maxExcuses is the number of people informed concurrently about rejected tasks.
	maxExcuses = 64
	// gatherExcuses is the time during which one person's rejected tasks are collected into one message.
	gatherExcuses = 250 * time.Millisecond
	// maxNames bounds the names in one message, in characters. A sentence of a message holds 1,000.
	maxNames = 800
)

// reason explains why tasks are rejected.
type reason struct {
	text, try string // text has a %s for the rejected request
	late      bool   // Slack has already given up, so nobody sees the content of an acknowledgement
}

var busy = reason{text: "I am busy with too many commands at once: I did not take %s.", try: "Try again in a minute."}

// stoodStill is the reason to reject tasks that arrived while the process stood still.
func stoodStill(d time.Duration) reason {
	return reason{
		text: fmt.Sprintf("I stood still for %s, which is longer than Slack waits, when %%s came.", wording.Duration(d)),
		try:  "Ask again if it is still wanted.", late: true,
	}
}

func (r reason) reply(asked string) commands.ProblemReply {
	return commands.ProblemReply{What: fmt.Sprintf(r.text, asked), State: "Nothing was done.", Do: r.try}
}

// words quotes the request of a task.
func (t *task) words() string {
	switch {
	case t.change != nil:
		return quoted(t.change.entry.What)
	case t.text != nil && *t.text != "":
		return quoted(markup.Shorten(*t.text, 100))
	case t.invocation != nil:
		return quoted(t.invocation.Typed())
	default:
		return "what you asked for"
	}
}

func quoted(text string) string { return "“" + text + "”" }

// excuses collects rejected tasks per person and reason. Its slots and open must be initialised.
type excuses struct {
	slots chan struct{}
	mu    sync.Mutex
	open  map[excuseKey]*excuse
}

type excuseKey struct{ who, why string }

// excuse holds the rejected tasks that one person has not been told about.
type excuse struct {
	to      answer
	changes []string
	looks   []string
}

// excuse queues the notice that a task was rejected. Notices to one person are combined.
func (b *Bot) excuse(t *task) {
	key := excuseKey{cmp.Or(t.answer.user, t.answer.url.Reveal()), t.away.text}
	b.excuses.mu.Lock()
	defer b.excuses.mu.Unlock()
	e := b.excuses.open[key]
	if e == nil {
		e = &excuse{}
		b.excuses.open[key] = e
		b.tasks.Go(func() { b.tellExcuses(key, *t.away) })
	}
	e.to = t.answer
	e.to.replace, e.to.view = false, ""
	if t.change != nil {
		e.changes = append(e.changes, t.words())
	} else {
		e.looks = append(e.looks, t.words())
	}
}

// tellExcuses sends one person the collected notices until none is left.
func (b *Bot) tellExcuses(key excuseKey, why reason) {
	for {
		socket.Sleep(b.work, gatherExcuses)
		b.excuses.slots <- struct{}{}
		b.excuses.mu.Lock()
		e := b.excuses.open[key]
		told := *e
		e.changes, e.looks = nil, nil
		nothing := len(told.changes)+len(told.looks) == 0
		if nothing {
			delete(b.excuses.open, key)
		}
		b.excuses.mu.Unlock()
		for _, names := range told.portions() {
			b.say(b.work, told.to, card.Reply(why.reply(names)))
		}
		<-b.excuses.slots
		if nothing {
			return
		}
	}
}

// portions lists the rejected tasks, split by message size. Changes are named, reads are only counted.
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
