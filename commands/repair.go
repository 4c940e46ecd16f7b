package commands

import (
	"slices"
	"strings"
	"unicode/utf8"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/commands/typography"
)

// repaired is what a line that cannot be parsed probably means.
type repaired struct {
	Invocation

	says string // what was wrong, as a sentence; "" for the parser's own
	sure bool   // it does what was typed, only quoted or spelled right: nothing is left out
}

// mending is the search for what a line means. It changes the words until they parse; the fewest changes win.
type mending struct {
	here     Here
	knows    func(stack string) bool // whether the user sees a stack of that name
	profiles []string
}

type draft struct {
	words []word
	says  string
	sure  bool
}

// Limits of the search.
const (
	maxChanges  = 4
	maxAttempts = 300
	maxMended   = 40 // words
)

// mend returns what a text means that ParseHere rejects, as far as that can be told.
func (m mending) mend(text string) (best repaired, ok bool) {
	var level []draft
	for _, words := range splits(text) {
		level = append(level, draft{words: words, sure: true})
	}
	seen, late := map[string]bool{}, false
	for range maxChanges + 1 {
		var next []draft
		for _, a := range level {
			key := keyOf(a.words)
			if seen[key] || len(seen) > maxAttempts || len(a.words) == 0 || len(a.words) > maxMended {
				continue
			}
			seen[key] = true
			inv, err := parseWords(a.words, m.here)
			switch {
			case err != nil:
				next = append(next, m.changed(a)...)
			case a.sure && (inv.Stack == "" || m.knows(inv.Stack)):
				return repaired{inv, a.says, true}, true
			case !ok || a.sure && !best.sure:
				best, ok = repaired{inv, a.says, a.sure}, true
			}
		}
		if late { // no more changes for the sake of a stack that the user sees
			break
		}
		level, late = next, ok && best.sure
	}
	return best, ok
}

// changed returns the lines that one change leads to, the likely ones first.
func (m mending) changed(a draft) (next []draft) {
	l := lineOf(a.words)
	for _, change := range mends {
		for _, b := range change(m, l) {
			if a.says != "" {
				b.says = a.says
			}
			b.sure = b.sure && a.sure
			next = append(next, b)
		}
	}
	return next
}

func keyOf(words []word) string {
	var key strings.Builder
	for _, w := range words {
		key.WriteString(w.text + "\x00")
	}
	return key.String()
}

// splits returns the words of a text. Of one with an open quote it returns those with the quote closed before the next option, closed at
// the end, and left out.
func splits(text string) (all [][]word) {
	line, _ := Line(text, "", "")
	line = asTyped(line)
	candidates := []string{line}
	if _, err := splitWords(line); err != nil {
		at := openQuote(line)
		quote, size := utf8.DecodeRuneInString(line[at:])
		mark := string(typography.Straight(quote))
		if option := strings.Index(line[at:], " --"); option > 0 {
			candidates = append(candidates, line[:at]+mark+line[at+size:at+option]+mark+line[at+option:])
		}
		candidates = append(candidates, line[:at]+mark+line[at+size:]+mark, line[:at]+line[at+size:])
	}
	for _, c := range candidates {
		if words, err := splitWords(c); err == nil {
			all = append(all, words)
		}
	}
	return all
}

// openQuote returns the position of the last quote before which the line still splits.
func openQuote(line string) (at int) {
	for i, r := range line {
		if _, err := splitWords(line[:i]); err == nil && typography.IsQuote(r) {
			at = i
		}
	}
	return at
}

// role is what a word of a line is.
type role int

const (
	anArg role = iota
	anOption
	aValue // of the option before it
)

// line is a line with the roles of its words, as far as they can be told.
type line struct {
	words   []word
	spec    Spec // zero if the verb is unknown
	roles   []role
	options []Option // of options that the command knows, and of their values
}

func lineOf(words []word) line {
	l := line{words: words, roles: make([]role, len(words)), options: make([]Option, len(words))}
	if spec, typed := specOf(strings.ToLower(strings.Trim(words[0].name(), marks))); typed {
		l.spec = spec
	}
	for i := 1; i < len(words); i++ {
		if !words[i].isOption() {
			continue
		}
		name, _, joined := optionParts(words[i])
		l.roles[i] = anOption
		if at := slices.IndexFunc(l.spec.Options, func(o Option) bool { return o.Name == name }); at >= 0 {
			l.options[i] = l.spec.Options[at]
		}
		flag := l.options[i].Name != "" && l.options[i].kind == aFlag
		if !flag && !joined && i+1 < len(words) && !words[i+1].isOption() {
			i++
			l.roles[i], l.options[i] = aValue, l.options[i-1]
		}
	}
	return l
}

// optionParts splits an option into its name in lower case, without hyphens, and the value behind an equals sign or a colon.
func optionParts(w word) (name, value string, joined bool) {
	text := w.plain()
	if at := strings.IndexAny(text, "=:"); at >= 0 {
		text, value, joined = text[:at], text[at+1:], true
	}
	return strings.ToLower(typography.Normal(strings.TrimLeft(text, "-"))), value, joined
}

func (l line) args() (at []int) {
	for i := 1; i < len(l.words); i++ {
		if l.roles[i] == anArg {
			at = append(at, i)
		}
	}
	return at
}

// with returns the line with words in place of those from i to before j.
func (l line) with(i, j int, words ...word) []word {
	return slices.Concat(l.words[:i], words, l.words[j:])
}

// bare returns a word without quotes, and kept one that is quoted.
func bare(text string) word { return word{text, true, true} }
func kept(text string) word { return word{text: text} }

// shape returns the words as a line, with what is missing or illegal in it as the help writes it; "" if nothing is.
func (l line) shape() string {
	args, typed, missing := l.args(), make([]string, 0, len(l.words)), false
	for i, w := range l.words {
		o, end := l.options[i], i+1
		if l.roles[i] != anOption || o.Name == "" || o.kind == aFlag {
			said := shellWord(spoken(w.name()))
			if n := slices.Index(args, i); n >= 0 && n < len(l.spec.Args) && l.spec.Args[n].read(&Invocation{Verb: l.spec.Verb}, w) != nil {
				said, missing = strings.Replace(l.spec.Args[n].Word, "]]", "]", 1), true // the other bracket is not here
				if !strings.HasSuffix(said, "]") {
					said = strings.TrimPrefix(said, "[")
				}
			}
			if l.roles[i] != aValue || o.Name == "" {
				typed = append(typed, said)
			}
			continue
		}
		if end < len(l.words) && l.roles[end] == aValue {
			end++
		}
		value := optionValue(l, i, end)
		if _, err := o.read(value); err != nil || value == "" {
			value, missing = o.Value, true
		} else {
			value = shellWord(spoken(value))
		}
		typed = append(typed, "--"+o.Name+" "+value)
	}
	for n, arg := range l.spec.Args {
		if n >= len(args) && !arg.optional() {
			typed, missing = append(typed, arg.Word), true
		}
	}
	if !missing {
		return ""
	}
	return strings.Join(typed, " ")
}

// knowing returns a function that reports whether a typed name is that of one of the stacks.
func knowing(stacks []cloud66.Stack) func(typed string) bool {
	environments, uids := map[string][]string{}, map[string]bool{}
	for _, s := range stacks {
		name := authz.Fold(s.Name)
		environments[name], uids[authz.Fold(s.UID)] = append(environments[name], authz.Fold(s.Environment)), true
	}
	return func(typed string) bool {
		typed = authz.Fold(typed)
		if uids[typed] || environments[typed] != nil {
			return true
		}
		at := strings.LastIndexByte(typed, '@')
		return at > 0 && slices.ContainsFunc(environments[strings.TrimSpace(typed[:at])], func(environment string) bool {
			return strings.HasPrefix(environment, strings.TrimSpace(typed[at+1:]))
		})
	}
}
