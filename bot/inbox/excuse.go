package inbox

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"c66bot/bot/card/markup"
	"c66bot/bot/card/wording"
	"c66bot/bot/routine"
	"c66bot/commands"
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

func stoodStill(d time.Duration) reason {
	return reason{
		text: fmt.Sprintf("I stood still for %s, which is longer than Slack waits, when %%s came.", wording.Duration(d)),
		try:  "Ask again if it is still wanted.",
	}
}

func (r reason) reply(asked string) commands.ProblemReply {
	return commands.ProblemReply{What: fmt.Sprintf(r.text, asked), State: "Nothing was done.", Do: r.try}
}

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
	last  *Command
	names []string
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
	e.last, e.names = c, append(e.names, c.words())
}

// tellExcuses sends one person the collected notices until none is left.
func (in *Inbox) tellExcuses(key excuseKey) {
	for {
		routine.Sleep(in.ctx, gatherExcuses)
		in.mu.Lock()
		told := *in.excuses[key]
		if *in.excuses[key] = (excuse{}); told.last == nil {
			delete(in.excuses, key)
			in.mu.Unlock()
			return
		}
		in.mu.Unlock()
		for _, names := range portions(counted(told.names)) {
			told.last.Tell(in.ctx, told.last.away.reply(names), true)
		}
	}
}

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

// portions joins names into English enumerations, each of which fits into one message.
func portions(names []string) []string {
	var all [][]string
	size := maxNames
	for _, name := range names {
		n := utf8.RuneCountInString(name) + 2 // with comma and space
		if size += n; size > maxNames {
			all, size = append(all, nil), n
		}
		all[len(all)-1] = append(all[len(all)-1], name)
	}
	texts := make([]string, len(all))
	for i, some := range all {
		texts[i] = some[0]
		if last := len(some) - 1; last > 0 {
			texts[i] = strings.Join(some[:last], ", ") + " and " + some[last]
		}
	}
	return texts
}
