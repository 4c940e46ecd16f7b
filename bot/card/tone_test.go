package card

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"c66bot/bot/slacksim"
)

// shownViews are the views as messages: what a reader sees of them beside their fields.
func shownViews(t *testing.T) map[string]slacksim.Message {
	t.Helper()
	all := map[string]slacksim.Message{}
	for name, v := range views() {
		all[name] = viewed(decodedView(t, v))
	}
	return all
}

// allShown are all renderings as readers see them.
func allShown(t *testing.T) map[string]slacksim.Message {
	t.Helper()
	all := shownViews(t)
	maps.Copy(all, written(t))
	return all
}

// offered are the buttons of all renderings, by the rendering.
func offered(t *testing.T) map[string][]map[string]any {
	t.Helper()
	all := map[string][]map[string]any{}
	for name, m := range written(t) {
		all[name] = buttonsIn(m.Blocks)
	}
	for name, v := range views() {
		for _, b := range items(decodedView(t, v)["blocks"]) {
			for _, e := range append(items(object(b)["elements"]), object(b)["accessory"]) {
				if object(e)["type"] == "button" {
					all[name] = append(all[name], object(e))
				}
			}
		}
	}
	return all
}

func TestNothingShouts(t *testing.T) {
	for name, m := range allShown(t) {
		if seen := m.Plain(); strings.Contains(seen, "!") {
			t.Errorf("%s shouts:\n%s", name, seen)
		}
	}
	for name, v := range views() {
		for _, b := range items(decodedView(t, v)["blocks"]) {
			for _, part := range []string{"label", "hint"} {
				if text, _ := object(object(b)[part])["text"].(string); strings.Contains(text, "!") {
					t.Errorf("%s shouts: %s", name, text)
				}
			}
		}
	}
}

func TestALineHasOneEmojiAtMost(t *testing.T) {
	for name, m := range allShown(t) {
		for line := range strings.Lines(m.Plain()) {
			signs := 0
			for _, r := range line {
				if unicode.Is(unicode.So, r) && !strings.ContainsRune("▓░", r) {
					signs++
				}
			}
			if signs > 1 {
				t.Errorf("%s has %d emoji in one line: %s", name, signs, line)
			}
		}
	}
}

func TestAButtonSaysInOneOrTwoWordsWhatItDoes(t *testing.T) {
	for name, buttons := range offered(t) {
		for _, b := range buttons {
			words := strings.Fields(label(b))
			longer := []string{"Ask for access", "Ask to unlock", "Tell me when it is free", "Grant 1 h"}
			known := slices.Contains(longer, label(b)) || words[0] == "Yes,"
			if len(words) > 2 && !known {
				t.Errorf("%s: the button %q", name, label(b))
			}
		}
	}
}

func TestAFormsButtonsHaveIDsThatBeginWithTheirWord(t *testing.T) {
	for name, buttons := range offered(t) {
		for _, b := range buttons {
			id, _ := b["action_id"].(string)
			word, _, _ := strings.Cut(strings.ToLower(label(b)), " ")
			if !strings.HasPrefix(id, strings.Trim(word, ",")) && !strings.HasPrefix(id, "choose-") {
				t.Errorf("%s: the button %q has the action id %q", name, label(b), id)
			}
		}
	}
}

func TestARefusalSaysWhatWasMissingWhoCanHelpAndOffersToAsk(t *testing.T) {
	all := written(t)
	for name, says := range map[string][]string{
		"refusal-named": {"You may not redeploy web@production here.", "In this channel that is for <unknown S0DEVS>, <unknown " +
			"U0KIM>.", "An admin can allow it: <unknown S0OPS>, <unknown U0ADA>.", "[Ask for access]"},
		"refusal-denied": {"You may not redeploy web@production here.", "The rule k3f9 of this channel denies it."},
		"refusal-unknown-near": {"I know no stack “webb” that you may redeploy here.", "Did you mean web@production, " +
			"web@staging?", "[Ask for access]"},
		"refusal-elsewhere": {"I am not a member of the channel. Invite me with /invite @c66bot, or ask in a channel that I am in.\n",
			"You may not redeploy here."},
		"request-first-rule":       {"This channel has no rules yet. To make one that stays: /c66 allow U0SAM view *"},
		"refusal-direct":           {"You may not look at stacks here.", "ask in a channel"},
		"refusal-many-holders":     {"<unknown U5> and 2 more."},
		"refusal-cancel-by-button": {"You may not cancel deployments of web@production here.", "for every full member of this workspace."},
		"refusal-to-make-rules":    {"You may not make rules here."},
	} {
		seen := all["reply-"+name].Plain()
		for _, s := range says {
			if !strings.Contains(seen, s) {
				t.Errorf("%s lacks %q:\n%s", name, s, seen)
			}
		}
	}
	for name, m := range all {
		name, refusal := strings.CutPrefix(name, "reply-")
		if !refusal || !strings.HasPrefix(name, "refusal") {
			continue
		}
		asks := strings.Contains(m.Plain(), "[Ask for access]")
		if want := slices.Contains([]string{"refusal", "refusal-denied", "refusal-direct", "refusal-to-make-rules", "refusal-cancel-by-button"},
			name); asks == want {
			t.Errorf("%s offers to ask: %v", name, asks)
		}
	}
}

func TestAMessageAboutARulePingsThoseWhomItNamesButNoGroup(t *testing.T) {
	id := regexp.MustCompile(`[US]0[A-Z]+`)
	for name, want := range map[string][]string{
		"rule-user": {"U0ADA", "U0SAM"}, "rule-group": {"U0ADA"}, "rule-everyone": {"U0ADA"}, "rule-revoked": {"U0ADA", "U0SAM"},
		"rule-of-a-group-that-slack-does-not-tell": {"U0ADA"}, "request": {"S0OPS", "U0ADA", "U0SAM"},
	} {
		pings := id.FindAllString(strings.Join(written(t)["reply-"+name].Pings(), " "), -1)
		slices.Sort(pings)
		if !slices.Equal(slices.Compact(pings), want) {
			t.Errorf("%s pings %v", name, pings)
		}
	}
}

func TestTheStateOfTheBotIsInTheFirstLine(t *testing.T) {
	for name, want := range map[string]string{
		"status": "✅ Connected to Slack, and Cloud 66 accepts the token", "status-not-ready": "🚨 I cannot do my work: Slack's " +
			"connection has not said hello; Cloud 66 refuses the token",
		"status-low": "⚠️ Connected, but Cloud 66 requests run low", "status-throttled": "⚠️ Connected, but this hour's Cloud 66 " +
			"requests are used up",
		"status-troubles": "⚠️ Connected, but not all of my work succeeds",
		"status-others":   "⚠️ Connected, but another instance of me takes part of the commands",
	} {
		if got := firstLine(written(t)["reply-"+name].Plain()); got != want {
			t.Errorf("%s begins with %q", name, got)
		}
	}
}

func TestANarrowedListSaysWhatItIsOfAndWhereOneIs(t *testing.T) {
	for name, want := range map[string]string{
		"narrowed": "2 failed deployments among all 95", "narrowed-by-a-person": "1 failed deployment by <unknown U0LIN> among all 95",
		"narrowed-by-a-name": "2 deployments by “kim” among 1–300 of 950", "narrowed-in-middle": "2 failed deployments among 301–540 of 950",
		"narrowed-nothing-so-far": "no failed deployments among 1–300 of 950", "narrowed-never-deployed": "this stack has never been deployed",
	} {
		if got := firstLine(written(t)["reply-"+name].Plain()); got != "web@production: "+want {
			t.Errorf("%s begins with %q", name, got)
		}
	}
}

func TestTheFallbackTextKeepsTheStarsOfWhatCanBeTyped(t *testing.T) {
	for name, want := range map[string]string{"request-first-rule": "`/c66 allow U0SAM view *`", "rule-everyone": "`*@production`",
		"why-denied": "`*@production`"} {
		if text := written(t)["reply-"+name].Text; !strings.Contains(text, want) {
			t.Errorf("%s lacks %s: %s", name, want, text)
		}
	}
}

func TestWhatIsSaidOfASubscriptionPingsNobodyButWhoGaveIt(t *testing.T) {
	for name, m := range written(t) {
		for _, ping := range m.Pings() {
			if strings.HasPrefix(name, "reply-subscri") && strings.Contains(ping, "S0DEVS") {
				t.Errorf("%s pings %s", name, ping)
			}
		}
	}
}

func TestASubscriptionIsToldInWords(t *testing.T) {
	all := written(t)
	for name, says := range map[string][]string{
		"subscribed": {
			"subscribed this channel to web*@production (subscription k3f9)", "deployments that fail, are cancelled or take longer than usual, of " +
				"the type build or redeploy, by “kim”",
			"started in the dashboard or through a git hook", "a failure mentions @devs", "3 stacks match now", "[Unsubscribe]",
		},
		"subscribed-to-nothing": {"every deployment", "no stack matches yet"},
		"subscribed-with-last": {"7 messages, from 20 of the 45 stacks that have moved", "The last of them: web@production #1042 failed " +
			"after 2 min 10 s"},
		"subscribed-partly":    {"at least 31 messages, from 2 of the 3 stacks that have moved; Cloud 66 did not tell of 1 in time"},
		"subscribed-quiet":     {"no message"},
		"subscribed-no-answer": {"Cloud 66 does not answer. The subscription stands."},
		"subscriptions": {"suspended: the channel is archived", "its author may not subscribe to stacks here any more",
			"1 stack that you may see matches", "3 stacks that you may see match"},
		"suspended-archived": {"the channel is archived", "web@production, every stack", "goes on by itself"},
	} {
		seen := all["reply-"+name].Plain()
		for _, s := range says {
			if !strings.Contains(seen, s) {
				t.Errorf("%s lacks %q:\n%s", name, s, seen)
			}
		}
	}
}

// lists are the messages with a sign in each of their lines.
var lists = regexp.MustCompile(`^(reply-(stacks|list|narrowed|access|audit|lock)|ended|stack)`)

// begins are the signs that messages of a kind begin with; other replies begin with one or none.
var begins = []struct{ names, signs string }{
	{"reply-refusal", "⛔"}, {"reply-problem", "⚠️"}, {"reply-status", "✅⚠️🚨"}, {"reply-why", "✅⛔"},
	{"reply-rule", "🔑"}, {"reply-request", "🔑"}, {"reply-subscribed", "🔔"}, {"reply-unsubscribed", "🔕"},
}

func isSign(r rune) bool { return unicode.Is(unicode.So, r) && !strings.ContainsRune("▓░│", r) }

func TestAMessageBeginsWithItsSignAndHasNoOther(t *testing.T) {
	for name, m := range written(t) {
		seen := m.Plain()
		first, _ := utf8.DecodeRuneInString(seen)
		for _, kind := range begins {
			if strings.HasPrefix(name, kind.names) && (!isSign(first) || !strings.ContainsRune(kind.signs, first)) {
				t.Errorf("%s does not begin with one of %s: %s", name, kind.signs, firstLine(seen))
			}
		}
		signs := 0
		for _, r := range seen {
			if isSign(r) {
				signs++
			}
		}
		if at := strings.IndexFunc(seen, isSign); at > 0 && !lists.MatchString(name) || signs > 1 && !lists.MatchString(name) {
			t.Errorf("%s has %d signs, the first at %d:\n%s", name, signs, at, seen)
		}
	}
}

func TestTheFallbackTextBeginsWithTheHeadline(t *testing.T) {
	for name, m := range written(t) {
		text := strings.Join(strings.Fields(slacksim.Message{Text: m.Text}.Plain()), " ")
		if head := strings.Join(strings.Fields(firstLine(m.Plain())), " "); !strings.HasPrefix(text, strings.TrimSuffix(head, ":")) {
			t.Errorf("%s: the text %q does not begin with %q", name, text, head)
		}
	}
}

func TestNoMessageSaysWhatSaysNothing(t *testing.T) {
	bad := regexp.MustCompile(`(?i)something went wrong|asked by|\bfits?\b|I am well|oops|sorry|please|an error occurred|unexpected error`)
	for name, m := range allShown(t) {
		if found := bad.FindString(m.Plain() + m.Text); found != "" && strings.HasPrefix(name, "reply-") {
			t.Errorf("%s says %q:\n%s", name, found, m.Plain())
		}
	}
}

func TestACardHasThreeButtonsAndTwoSmallLinesAtMost(t *testing.T) {
	cards := 0
	for name, m := range written(t) {
		if !strings.HasPrefix(name, "card-") {
			continue
		}
		cards++
		small := 0
		for _, b := range m.Blocks {
			for _, e := range items(object(b)["elements"]) {
				if text, _ := object(e)["text"].(string); object(b)["type"] == "context" {
					small += 1 + strings.Count(text, "\n")
				}
			}
		}
		if n := len(buttonsIn(m.Blocks)); n > 3 || small == 0 || small > 2 {
			t.Errorf("%s has %d buttons and %d small lines", name, n, small)
		}
	}
	if cards < 40 {
		t.Errorf("only %d cards were looked at", cards)
	}
}
