package card

import (
	"cmp"
	"slices"
	"unicode/utf8"

	"c66bot/bot/card/doc"
	"c66bot/bot/card/kit"
	"c66bot/bot/card/markup"
)

// The lines that one message of ends holds at most, how long one of them is, and all of them together, in characters.
const (
	maxEnds    = 30
	maxEnd     = 1500
	maxAllEnds = 9000
)

// outcomes are the ends by their sign, the one that most needs somebody first.
var outcomes = []struct{ sign, words string }{{"🔴", "failed"}, {"❔", "unclear"}, {"⚪", "cancelled"}, {"🟢", "ended well"}}

// Ended renders deployments that ended while nobody could look: how many, then a line each, by who asked, of whom each is named once. What
// one message cannot hold is in further ones for its thread, and it says so.
func Ended(ends []View) []Message {
	ends = byAsker(ends)
	lines, to := page(ends, 0)
	head := markup.Format("%d deployments ended while I could not look: %s", len(ends), inNumbers(ends))
	pings := concerned(ends)
	var foot markup.Text
	if to < len(ends) {
		foot = markup.Format("… and %d more, in this message's thread", len(ends)-to)
	}
	if slices.ContainsFunc(ends, func(v View) bool { return v.Gap }) {
		foot = markup.Join([]markup.Text{foot, markup.Format("There were more deployments than I could read; the stacks' lists show all of them")}, "\n")
	}
	all := []Message{endsMessage(head, slices.Concat(pings, lines), foot)}
	for to < len(ends) {
		from := to
		lines, to = page(ends, from)
		all = append(all, endsMessage(markup.Format("%d–%d of %d that ended", from+1, to, len(ends)), lines, markup.Text{}))
	}
	return all
}

// concerned pings each once whom a subscription wants to know of one of the failures. Those who asked are named with what they asked for.
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

// page gives the lines of as many ends as one message holds, those who asked between them, and the end that the next message begins with.
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

// inNumbers sums up ends, as in "2 failed, 5 ended well".
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

// byAsker brings together what one person asked for. Whoever has a failure comes first, and so does the failure.
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
		if x != y && (x == "" || y == "") { // what nobody asked for must not stand below a name
			return cmp.Compare(x, y)
		}
		return cmp.Or(cmp.Compare(worst[x], worst[y]), cmp.Compare(x, y), cmp.Compare(rankOf(a), rankOf(b)),
			cmp.Compare(a.Follow.Stack.Name, b.Follow.Stack.Name), cmp.Compare(a.Follow.Deployment, b.Follow.Deployment))
	})
	return ends
}
