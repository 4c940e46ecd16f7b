package commands

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"c66bot/authz"
	"c66bot/commands/typography"
)

// mends lists the ways to change a line.
var mends = []func(m mending, l line) []draft{
	mending.question, mending.verb, mending.askedHelp, mending.optionName, mending.flags, mending.commas, mending.oneValue,
	mending.environment, mending.order, mending.value, mending.times, mending.fillers, mending.surplus, mending.leftOut,
}

// verbsMeant are the commands that people call by other names.
var verbsMeant = map[string]Verb{
	"deploy": Redeploy, "release": Redeploy, "ship": Redeploy, "push": Redeploy, "restart": Redeploy, "build": Redeploy, "run": Redeploy,
	"start": Redeploy, "retry": Redeploy, "stop": Cancel, "abort": Cancel, "kill": Cancel, "log": List, "logs": List, "history": List,
	"deployments": List, "deploys": List, "releases": List, "info": Show, "details": Show, "describe": Show, "inspect": Show, "get": Show,
	"who": Access, "whoami": Access, "health": Status, "version": Status, "ping": Status,
	"status": Show, "watch": Follow, "track": Follow, "tail": Follow, "ls": Stacks, "apps": Stacks, "stack": Stacks, "grant": Allow,
	"permit": Allow, "forbid": Deny, "block": Deny, "rules": Access, "permissions": Access, "rights": Access, "undo": "rollback",
	"revert": "rollback", "freeze": "lock", "thaw": "unlock", "notify": Subscribe, "listen": Subscribe, "?": Help, "commands": Help,
}

// questions are words that a question about stacks begins with.
var questions = strings.Fields("what what's whats which is are was how how's when where why who who's whose did does has may can")

// question answers a question by the stack that is in it, else by the one of the thread, else by all. What somebody may do is in the rules.
func (m mending) question(l line) []draft {
	if first := strings.ToLower(l.words[0].name()); l.spec.Verb != "" || len(l.words) == 1 || !slices.Contains(questions, first) {
		return nil
	}
	asked := func(verb Verb, words ...word) []draft {
		return []draft{{append([]word{bare(string(verb))}, words...), "", true}}
	}
	if slices.ContainsFunc(l.words, func(w word) bool { return slices.Contains([]string{"may", "can"}, strings.ToLower(w.name())) }) {
		return asked(Access)
	}
	name := func(i int) string { return strings.TrimRight(l.words[i].name(), sentenceMarks) }
	for i := 1; i < len(l.words); i++ {
		if i+1 < len(l.words) {
			for _, between := range []string{"@", " "} {
				if two := name(i) + between + name(i+1); !strings.Contains(name(i), "@") && name(i+1) != "" && m.knows(two) {
					return asked(Show, kept(two))
				}
			}
		}
		if name(i) != "" && m.knows(name(i)) {
			return asked(Show, kept(name(i)))
		}
	}
	switch {
	case m.here.UID != "":
		return asked(Show)
	case verbsMeant[strings.ToLower(l.words[0].name())] != "":
		return nil
	}
	return asked(Stacks)
}

// verb mends the first word: another name, a slip, a command that stands further behind, or a stack in front.
func (m mending) verb(l line) (all []draft) {
	first := strings.ToLower(strings.Trim(l.words[0].name(), marks))
	if meant, ok := specOf(string(verbsMeant[first])); ok && (l.spec.Verb == "" || len(l.words) > 1 && m.knows(l.words[1].name())) {
		all = append(all, draft{l.with(0, 1, bare(string(meant.Verb))), "", true})
	}
	if l.spec.Verb != "" {
		return all
	}
	if near := nearestVerb(first); near != "" {
		all = append(all, draft{l.with(0, 1, bare(near)), "", true})
	}
	const order = "The command comes first."
	for i := 1; i < len(l.words); i++ {
		if _, ok := specOf(strings.ToLower(l.words[i].name())); ok {
			all = append(all, draft{slices.Concat(l.words[i:i+1], l.words[:i], l.words[i+1:]), order, true})
		}
	}
	if m.knows(l.words[0].name()) {
		all = append(all, draft{l.with(0, 0, bare(string(Show))), order, true})
	}
	return all
}

// called returns the line with its command and its options called by the names that they have, and times behind --for, as far as it can be
// told.
func (m mending) called(l line) line {
	for _, change := range []func(mending, line) []draft{mending.verb, mending.optionName, mending.times} {
		for range l.words {
			if next := change(m, l); len(next) > 0 {
				l = lineOf(next[0].words)
			}
		}
	}
	return l
}

// nearestVerb returns the most similar command that can be typed, "" if none is similar.
func nearestVerb(word string) string {
	var names []string
	for _, s := range Specs {
		if !s.Button {
			names = append(names, string(s.Verb))
		}
	}
	return typography.Nearest(strings.ToLower(word), names)
}

// askedHelp mends "redeploy --help", and a topic that is a slip or another name.
func (mending) askedHelp(l line) (all []draft) {
	for i, w := range l.words {
		said := strings.TrimLeft(strings.ToLower(w.name()), "-")
		switch {
		case i == 0 || l.spec.Verb == "":
		case l.spec.Verb != Help && (said == "help" || said == "h" || said == "?"):
			all = append(all, draft{[]word{bare(string(Help)), bare(string(l.spec.Verb))}, "", true})
		case l.spec.Verb == Help && i == 1:
			for _, topic := range []string{string(verbsMeant[said]), nearestVerb(said)} {
				if _, ok := specOf(topic); ok {
					all = append(all, draft{l.with(1, 2, bare(topic)), "", true})
				}
			}
		}
	}
	return all
}

// optionName mends the name of an option: a slip, another name, hyphens that are missing.
func (mending) optionName(l line) (all []draft) {
	for i := 1; i < len(l.words); i++ {
		name, value, joined := optionParts(l.words[i])
		hyphens := strings.HasPrefix(l.words[i].plain(), "-")
		near := ""
		switch {
		case name == "" || l.roles[i] == aValue:
			continue
		case l.roles[i] == anOption && l.options[i].Name != "":
			if at := strings.IndexAny(l.words[i].plain(), "=:"); at >= 0 && l.words[i].plain()[at] == ':' {
				near = name
			}
		case hyphens:
			if near = l.spec.nearestOption(name); slices.ContainsFunc(l.options, func(o Option) bool { return o.Name == near && !o.many }) {
				near = "" // it is there already
			}
		default: // a bare word, which has to be the very name, with something behind it
			at := slices.IndexFunc(l.spec.Options, func(o Option) bool { return o.Name == name || slices.Contains(o.also, name) })
			if at >= 0 && (joined || l.spec.Options[at].kind == aFlag || i+1 < len(l.words) && l.roles[i+1] == anArg) {
				near = l.spec.Options[at].Name
			}
		}
		switch {
		case near == "":
		case joined:
			all = append(all, draft{l.with(i, i+1, bare("--"+near), kept(value)), "", true})
		default:
			all = append(all, draft{l.with(i, i+1, bare("--"+near)), "", true})
		}
	}
	return all
}

// flags mends a flag with a value.
func (mending) flags(l line) (all []draft) {
	for i := 1; i < len(l.words); i++ {
		if l.roles[i] != anOption || l.options[i].Name == "" || l.options[i].kind != aFlag {
			continue
		}
		name, value, joined := optionParts(l.words[i])
		end := i + 1
		if !joined && end < len(l.words) && l.roles[end] == anArg {
			value = l.words[end].name()
			end++
		}
		switch strings.ToLower(value) {
		case "yes", "y", "true", "1", "on":
			all = append(all, draft{l.with(i, end, bare("--"+name)), "", true})
		case "no", "n", "false", "0", "off":
			all = append(all, draft{l.with(i, end), "", true})
		}
	}
	return all
}

// commas mends a list whose parts are words.
func (mending) commas(l line) (all []draft) {
	for i := 2; i < len(l.words); i++ {
		before, after := l.words[i-1], l.words[i]
		if l.roles[i-1] != anOption && l.roles[i] != anOption &&
			(strings.HasSuffix(before.text, ",") || strings.HasPrefix(after.text, ",")) {
			all = append(all, draft{l.with(i-1, i+1, bare(before.text+after.text)), "What has commas in it is one word.", true})
		}
	}
	return all
}

// oneValue mends an option whose value is several words. A stack may stand behind them.
func (m mending) oneValue(l line) (all []draft) {
	for i := 1; i < len(l.words); i++ {
		o := l.options[i]
		if l.roles[i] != anOption || o.Name == "" || o.kind == aFlag {
			continue
		}
		var value []string
		if _, first, joined := strings.Cut(l.words[i].plain(), "="); joined {
			value = append(value, first)
		}
		end := i + 1
		for ; end < len(l.words) && l.roles[end] != anOption; end++ {
			value = append(value, spoken(l.words[end].text))
		}
		says := fmt.Sprintf("--%s takes one value; several words go in quotes.", o.Name)
		for left := range min(3, max(0, len(value)-1)) {
			a := draft{l.with(i, end-left, bare("--"+o.Name), kept(strings.Join(value[:len(value)-left], " "))), says, true}
			if left == 1 && l.args()[0] > i && m.knows(value[len(value)-1]) {
				all = append([]draft{a}, all...)
			} else {
				all = append(all, a)
			}
		}
	}
	return all
}

// surroundings are the names of environments that people make, for stacks that the user does not see.
var surroundings = []string{"production", "staging", "development", "testing", "qa", "uat", "preview", "sandbox", "demo"}

func environmentLike(word string) bool {
	return len(word) > 1 && slices.ContainsFunc(surroundings, func(s string) bool { return strings.HasPrefix(s, strings.ToLower(word)) })
}

// environment mends a stack that is typed as two words.
func (m mending) environment(l line) (all []draft) {
	for i := 2; i < len(l.words); i++ {
		a, b := l.words[i-1].name(), l.words[i].name()
		if l.roles[i-1] != anArg || l.roles[i] != anArg || slices.Contains(fillers, strings.ToLower(a)) {
			continue
		}
		one := func(name, says string) {
			all = append(all, draft{l.with(i-1, i+1, kept(name)), says, true})
		}
		const at, spaces = "A stack and its environment are one word, with an @ between them.", "A name with spaces goes in quotes."
		switch joined := strings.TrimSuffix(a, "@") + "@" + strings.TrimPrefix(b, "@"); {
		case strings.HasSuffix(a, "@") || strings.HasPrefix(b, "@") && UserOf(b) == "" && l.spec.OnStack():
			one(joined, at)
		case !strings.Contains(a, "@") && m.knows(joined):
			one(joined, at)
		case m.knows(a + " " + b):
			one(a+" "+b, spaces)
		case m.knows(a + "-" + b):
			one(a+"-"+b, "")
		case !strings.ContainsAny(a, "@,") && l.spec.OnStack() && environmentLike(b):
			one(joined, at)
		case len(l.spec.Args) > 0 && l.spec.Args[0].opt == Text:
			one(a+" "+b, "What holds spaces goes in quotes.")
		}
	}
	return all
}

// order mends arguments in another order.
func (m mending) order(l line) (all []draft) {
	at := l.args()
	moved := func(says string, order ...int) {
		words := slices.Clone(l.words)
		for i, from := range order {
			words[at[i]] = l.words[at[from]]
		}
		all = append(all, draft{words, says, true})
	}
	switch {
	case len(at) == 3 && len(l.spec.Args) == 3 && l.spec.Args[0].opt == Who:
		for _, order := range [][]int{{1, 0, 2}, {0, 2, 1}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}} {
			var i Invocation
			who, actions := l.words[at[order[0]]], l.words[at[order[1]]]
			if l.spec.Args[0].read(&i, who) == nil && l.spec.Args[1].read(&i, actions) == nil { // no word is changed as well
				moved("The words stand in another order: WHO, ACTIONS, <stacks>.", order...)
			}
		}
	case len(at) == 4 && l.spec.Verb == Access && UserOf(l.words[at[1]].name()) != "":
		moved("The user comes last.", 0, 2, 3, 1)
	case len(at) > 1 && l.spec.OnStack() && !m.knows(l.words[at[0]].name()):
		number := strings.Trim(l.words[at[0]].name(), "#0123456789") == ""
		if i := slices.IndexFunc(at, func(i int) bool { return m.knows(l.words[i].name()) }); i > 0 || number {
			i = max(i, 1)
			order := []int{i}
			for n := range at {
				if n != i {
					order = append(order, n)
				}
			}
			moved("The stack comes first.", order...)
		}
	}
	return all
}

// vocabularies hold all the values of an option.
var vocabularies = map[Opt][]string{Outcome: outcomes, Events: events, Via: vias, Types: deployTypes}

var numbers = []string{"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}

// value mends a value: a slip in one of a few words, a number in words, signs around one.
func (mending) value(l line) (all []draft) {
	at := l.args()
	for i := 1; i < len(l.words); i++ {
		o := l.options[i]
		text := l.words[i].name()
		switch n := slices.Index(at, i); {
		case l.roles[i] == anOption:
			_, value, joined := optionParts(l.words[i])
			if better := meant(o, value); joined && better != "" {
				all = append(all, draft{l.with(i, i+1, bare("--"+o.Name), kept(better)), "", true})
			}
			continue
		case n >= 0 && n < len(l.spec.Args):
			arg := l.spec.Args[n]
			o = pick(arg.opt)[0]
			if arg.Word == argID.Word || strings.HasPrefix(arg.Word, "[ID|") {
				o.Opt, o.kind = Which, aNumber
			} else if arg.take != nil {
				continue
			}
		case l.roles[i] == anArg:
			continue
		}
		if better := meant(o, text); better != "" && better != text {
			all = append(all, draft{l.with(i, i+1, kept(better)), "", true})
		}
	}
	return all
}

// times mends a time that stands in the reason or is two words: --for takes it.
func (mending) times(l line) (all []draft) {
	for i := 1; i+1 < len(l.words); i++ {
		unit := unitOf(l.words[i+1].plain())
		if l.options[i].Opt != For || l.roles[i] != aValue || unit == "" || forTime(l.words[i].plain()+unit) == 0 {
			continue
		}
		all = append(all, draft{l.with(i, i+2, kept(l.words[i].plain()+unit)), "--for takes one word.", true})
	}
	n, at := len(l.spec.Args), l.args()
	if n == 0 || !l.spec.Args[n-1].rest || len(at) < n || slices.ContainsFunc(l.options, func(o Option) bool { return o.Opt == For }) {
		return all
	}
	at = at[n-1:]
	from, to, value := timeIn(each(at, func(i int) word { return l.words[i] }))
	if value == "" {
		return all
	}
	words := l.words[:at[from]:at[from]]
	words = append(words, bare("--for"), kept(value))
	for i := at[from]; i < len(l.words); i++ {
		if !slices.Contains(at[from:to], i) {
			words = append(words, l.words[i])
		}
	}
	return append(all, draft{words, "", true})
}

// meant returns what a value of an option probably means, "" if nothing is near.
func meant(o Option, value string) string {
	lower := strings.ToLower(strings.TrimSpace(value))
	switch all := vocabularies[o.Opt]; {
	case value == "":
		return ""
	case o.Opt == Actions:
		return nearestOf(lower, map[string]string{"deploy": "redeploy", "read": "view", "see": "view", "look": "view", "stop": "cancel"},
			append([]string{"all"}, actionWords()...))
	case all != nil:
		return nearestOf(lower, synonyms, all)
	case o.kind == aNumber:
		if n := slices.Index(numbers, lower); n >= 0 && o.Opt == Page {
			return strconv.Itoa(n + 1)
		}
		digits := strings.TrimFunc(lower, func(r rune) bool { return !unicode.IsDigit(r) })
		if n, err := strconv.ParseInt(digits, 10, 64); err == nil && n > 0 {
			return digits
		}
		if o.Opt == Which {
			return nearestOf(lower, map[string]string{"last": "latest", "newest": "latest", "current": "live"}, []string{"latest", "live", "head"})
		}
	}
	return ""
}

func actionWords() []string { return strings.Split(joinActions(authz.Actions, ","), ",") }

// nearestOf replaces each word of a list by the one that is meant, "" if one is like none.
func nearestOf(list string, other map[string]string, all []string) string {
	words := strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(",;+/&|", r) || unicode.IsSpace(r) })
	known := slices.Clone(all)
	for name, meant := range other {
		if slices.Contains(all, meant) {
			known = append(known, name)
		}
	}
	slices.Sort(known[len(all):])
	for i, w := range words {
		near := typography.Nearest(w, known)
		if words[i] = near; !slices.Contains(all, near) {
			words[i] = other[near]
		}
		if words[i] == "" {
			return ""
		}
	}
	return strings.Join(words, ",")
}

// fillers are words of a sentence.
var fillers = strings.Fields("to on onto for of in into at the a my me please stack environment env from with by is deployment deployments")

// fillers leaves out words that only make a sentence of it.
func (mending) fillers(l line) []draft {
	words := l.words[:1:1]
	var without []string
	for i := 1; i < len(l.words); i++ {
		if name := l.words[i].name(); l.roles[i] == anArg && slices.Contains(fillers, strings.ToLower(name)) {
			without = append(without, name)
		} else {
			words = append(words, l.words[i])
		}
	}
	if len(without) == 0 {
		return nil
	}
	return []draft{{words, "I read that without " + joinQuoted(without) + ".", true}}
}

// surplus mends a word too many by the option that it is the value of.
func (m mending) surplus(l line) (all []draft) {
	at := l.args()
	if len(l.spec.Args) == 0 || len(at) <= len(l.spec.Args) {
		return nil
	}
	at = at[len(l.spec.Args):]
	first, last := at[0], at[len(at)-1]+1
	one := l.words[first].name()
	apart := slices.ContainsFunc(at, func(i int) bool { return strings.Contains(l.words[i].text, " ") }) // who quotes means each by itself
	for _, o := range l.spec.Options {
		if slices.ContainsFunc(l.options, func(used Option) bool { return used.Name == o.Name }) {
			continue
		}
		value, said, end := one, one, first+1
		var fits bool
		switch o.Opt {
		case Profile:
			fits = slices.Contains(m.profiles, one)
		case Services:
			fits = strings.ContainsAny(one, ":,")
		case Ref:
			fits = (len(at) == 1 || apart) && !environmentLike(one)
		case Reason:
			if value, fits = spoken(l.words[first].text), strings.Contains(one, " "); !apart {
				value, end = spoken(joined(l.words[first:last]).text), last
				fits = len(at) > 1 && last-first == len(at) && !slices.Contains(fillers, strings.ToLower(one)) && !environmentLike(one)
			}
			said, fits = value, fits && !strings.HasPrefix(one, "-")
		case By:
			_, err := strconv.Atoi(one)
			fits = len(at) == 1 && err != nil && mentioned(one) == "" && !strings.HasPrefix(one, "#") && !strings.HasPrefix(one, "@")
		case Page, To, Mention:
			fits = len(at) == 1
		default:
			fits = vocabularies[o.Opt] != nil
			lower := strings.ToLower(one)
			if better := meant(o, one); len(lower) > 3 && strings.HasPrefix(better, lower[:4]) { // "failures" is "failed"
				value = better
			}
		}
		if _, err := o.read(value); !fits || err != nil {
			continue
		}
		says := fmt.Sprintf("%s needs an option in front of it.", quoted(said))
		all = append(all, draft{l.with(first, end, bare("--"+o.Name), kept(value)), says, true})
		if o.Opt == Profile { // which is one of a few, and any word can be a ref
			all = all[len(all)-1:]
		}
	}
	return all
}

// leftOut leaves out what cannot stand there: an option that is given twice or unknown, a value that is none, a word too many.
func (mending) leftOut(l line) (all []draft) {
	for i := 1; i < len(l.words); i++ {
		o, end := l.options[i], i+1
		if l.roles[i] == anOption && end < len(l.words) && l.roles[end] == aValue {
			end++
		}
		same := -1
		for j := i + 1; j < len(l.words) && same < 0; j++ {
			if l.roles[i] == anOption && l.roles[j] == anOption && o.Name != "" && l.options[j].Name == o.Name {
				same = j
			}
		}
		stray := !strings.ContainsFunc(l.words[i].text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '*' })
		switch {
		case stray && l.roles[i] != aValue && l.words[i].text != "":
			all = append(all, draft{l.with(i, i+1), "", true})
		case same >= 0:
			equal := keyOf(l.words[i:end]) == keyOf(l.words[same:min(len(l.words), same+end-i)])
			all = append(all, draft{l.with(i, end), "", equal})
		case l.roles[i] == anOption && o.Name == "":
			all = append(all, draft{l.with(i, end), "", false}, draft{l.with(i, i+1), "", false})
		case l.roles[i] == anOption:
			if _, err := o.read(optionValue(l, i, end)); err != nil {
				all = append(all, draft{l.with(i, end), "", false})
			}
		}
	}
	if at := l.args(); len(at) > len(l.spec.Args) && l.spec.Verb != "" {
		all = append(all, draft{l.with(at[len(at)-1], at[len(at)-1]+1), "", false})
	}
	return all
}

// optionValue returns the value of the option at i, whose words end before end.
func optionValue(l line, i, end int) string {
	if _, value, joined := strings.Cut(l.words[i].plain(), "="); joined || end == i+1 {
		return value
	}
	return l.words[i+1].plain()
}
