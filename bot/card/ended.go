package card

import (
	"cmp"
	"slices"
	"unicode/utf8"

	"c66bot/bot/card/doc"
	"c66bot/bot/card/kit"
	"c66bot/bot/card/markup"
)

// Limits of one message of ends: number of lines, characters in a line, characters in all lines.
const (
	maxEnds    = 30
	maxEnd     = 1500
	maxAllEnds = 9000
)

// outcomes lists the kinds of ends by sign, most urgent first.
var outcomes = []struct{ sign, words string }{{"❌", "failed"}, {"❓", "unclear"}, {"🚫", "cancelled"}, {"✅", "ended well"}}

// Ended renders deployments that ended while the bot could not poll: a summary, then one line each, grouped by asker. Each asker is
// mentioned once. The first message is for the channel; the overflow follows in further messages for its thread.
func Ended(ends []View) []Message {
	ends = byAsker(ends)
	lines, to := page(ends, 0)
	head := markup.Format("%s %d deployments ended while I could not look: %s", worst(ends), len(ends), inNumbers(ends))
	pings := concerned(ends)
	var foot markup.Text
	if to < len(ends) {
		foot = markup.Format("… and %d more, in this message's thread", len(ends)-to)
	}
	if slices.ContainsFunc(ends, func(v View) bool { return v.Gap }) {
		gap := markup.Format("There were more deployments than I could read; the stacks' lists show all of them")
		foot = markup.Join([]markup.Text{foot, gap}, "\n")
	}
	all := []Message{endsMessage(head, slices.Concat(pings, lines), foot)}
	for to < len(ends) {
		from := to
		lines, to = page(ends, from)
		all = append(all, endsMessage(markup.Format("%d–%d of %d that ended", from+1, to, len(ends)), lines, markup.Text{}))
	}
	return all
}

// worst returns the sign of the most urgent end.
func worst(ends []View) string {
	urgent := slices.MinFunc(ends, func(a, b View) int { return cmp.Compare(rankOf(a), rankOf(b)) })
	return urgent.sign()
}

// concerned mentions the users and groups of v.Mentions once each, except those who are mentioned as askers.
func concerned(ends []View) []markup.Text {
	var mentions []string
	for _, v := range ends {
		mentions = append(mentions, v.Mentions...)
	}
	mentions = slices.DeleteFunc(mentions, func(id string) bool {
		return slices.ContainsFunc(ends, func(v View) bool { return v.Follow.Asker == id })
	})
	slices.Sort(mentions)
	return pings(slices.Compact(mentions))
}

func endsMessage(head markup.Text, lines []markup.Text, foot markup.Text) Message {
	brief := markup.Brief(head, markup.Join(append(slices.Clone(lines), foot), "; "))
	all := doc.Lines(append([]markup.Text{head}, lines...)...)
	return kit.Draw(doc.Document{Brief: brief, Blocks: []doc.Block{all, doc.Small(foot)}})
}

// page returns the lines of one message, starting at index from and including the askers' headings, and the index of the next end.
func page(ends []View, from int) (lines []markup.Text, to int) {
	size, asker := 0, ""
	if from > 0 {
		asker = ends[from-1].Follow.Asker
	}
	for to = from; to < len(ends) && to-from < maxEnds; to++ {
		v := ends[to]
		line := v.head().Cut(maxEnd)
		if size += utf8.RuneCountInString(line.String()); size > maxAllEnds {
			break
		}
		if v.Follow.Asker != asker {
			asker = v.Follow.Asker
			lines = append(lines, markup.Format("for %s", markup.User(asker)))
		}
		lines = append(lines, line)
	}
	return lines, to
}

// inNumbers counts ends by outcome, as in "2 failed, 5 ended well".
func inNumbers(ends []View) markup.Text {
	var parts []markup.Text
	for rank, o := range outcomes {
		n := 0
		for _, v := range ends {
			if rankOf(v) == rank {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, markup.Format("%d %s", n, o.words))
		}
	}
	return markup.Join(parts, ", ")
}

func rankOf(v View) int {
	for rank, o := range outcomes {
		if o.sign == v.sign() {
			return rank
		}
	}
	return len(outcomes)
}

// byAsker groups ends by asker. Askers with a failure come first, and failures come first within a group.
func byAsker(ends []View) []View {
	worst := map[string]int{}
	for _, v := range ends {
		rank, ok := worst[v.Follow.Asker]
		if !ok || rankOf(v) < rank {
			worst[v.Follow.Asker] = rankOf(v)
		}
	}
	ends = slices.Clone(ends)
	slices.SortStableFunc(ends, func(a, b View) int {
		x, y := a.Follow.Asker, b.Follow.Asker
		if x != y && (x == "" || y == "") { // ends without an asker must not follow an asker's heading
			return cmp.Compare(x, y)
		}
		return cmp.Or(cmp.Compare(worst[x], worst[y]), cmp.Compare(x, y), cmp.Compare(rankOf(a), rankOf(b)),
			cmp.Compare(a.Follow.Stack.Name, b.Follow.Stack.Name), cmp.Compare(a.Follow.Deployment, b.Follow.Deployment))
	})
	return ends
}
