package card

import (
	"slices"
	"strings"
	"testing"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66"
	"c66bot/commands"
	"c66bot/storage"
)

// signs are those of the states: always the same for the same thing.
var signs = map[storage.State]string{
	storage.Asked: "⏳", storage.Queued: "🕓", storage.Started: "🔄", storage.Slow: "⚠️", storage.Lost: "❓", storage.Succeeded: "✅",
	storage.Over: "❓", storage.Failed: "❌", storage.Cancelled: "🚫", storage.Refused: "❌", storage.Unclear: "❓",
	storage.Unposted: "🚫", storage.Vanished: "❓",
	storage.Unhealthy: "🚨", storage.Recovered: "✅",
}

func firstLine(s string) string { line, _, _ := strings.Cut(s, "\n"); return line }

func TestTheFirstLineGivesStateStackEnvironmentAndWhatHappened(t *testing.T) {
	happened := map[string]string{
		"asked":            "redeploy requested",
		"asked-unanswered": "Cloud 66 did not answer; checking whether it started",
		"asked-unlisted":   "Cloud 66 took the redeploy; it is not in its list yet",
		"queued":           "#1042 is queued", "queued-behind-another": "#1042 is queued behind #1041",
		"started": "deploying #1042, 3 min of about 5 min", "started-without-usual-time": "deploying #1042, 3 min so far",
		"slow":                      "#1042 is still deploying after 12 min, usually done in 5 min",
		"lost":                      "Cloud 66 has not answered for 10 min; #1042 was deploying when last seen",
		"succeeded":                 "#1042 went live after 4 min 52 s",
		"failed-another-still-live": "#1042 failed after 2 min 10 s; #1041 is still live",
		"unhealthy":                 "is failing 4 min after #1042 went live",
		"unhealthy-impaired":        "is impaired 4 min after #1042 went live",
		"recovered":                 "is healthy again 4 min after #1042 went live",
		"over":                      "#1042 ended after 1 min, outcome Abandoned",
		"over-without-a-word":       "#1042 ended after 1 min, outcome unknown (7)",
		"over-without-an-outcome":   "#1042 ended after 1 min, outcome unknown",
		"succeeded-and-not-live":    "#1042 succeeded, took 4 min 52 s",
		"succeeded-without-times":   "#1042 went live",
		"started-without-times":     "deploying #1042, usually done in 5 min",
		"cancelled-by-someone":      "#1042 was cancelled by <unknown U0KIM> after 40 s; #1041 is still live",
		"refused":                   "not redeployed: Cloud 66 refused it: Application Protection is on",
		"vanished":                  "#1042 is not there any more: it or its stack was deleted",
	}
	for name, v := range cards() {
		want := signs[v.Follow.State] + " web@production "
		m := Deployment(v)
		for what, line := range map[string]string{"card": firstLine(asRead(t, m).Plain()),
			"broadcast": firstLine(asRead(t, Step(v, v.Follow.State, true)).Plain())} {
			if !strings.HasPrefix(line, want) {
				t.Errorf("%s of %s: %q does not begin with %q", what, name, line, want)
			}
		}
		if said, ok := happened[name]; ok && firstLine(asRead(t, m).Plain()) != want+said {
			t.Errorf("%s:\n got %q\nwant %q", name, firstLine(asRead(t, m).Plain()), want+said)
		}
	}
}

func TestAStepIsOneShortLineWithoutStackAndClock(t *testing.T) {
	for name, v := range cards() {
		text := asRead(t, Step(v, v.Follow.State, false)).Plain()
		if strings.Contains(text, "web@production") || strings.Contains(text, "10:3") || strings.Contains(text, "\n") ||
			!strings.HasPrefix(text, signs[v.Follow.State]+" ") {
			t.Errorf("the step of %s is %q", name, text)
		}
	}
	for name, want := range map[string]string{
		"queued-behind-another": "🕓 #1042 is queued behind #1041", "started": "🔄 #1042 started, usually done in 5 min",
		"succeeded":                 "✅ #1042 went live after 4 min 52 s · <unknown U0LIN>",
		"failed-another-still-live": "❌ #1042 failed after 2 min 10 s; #1041 is still live · <unknown U0LIN>",
	} {
		v := cards()[name]
		if got := asRead(t, Step(v, v.Follow.State, false)).Plain(); got != want {
			t.Errorf("the step of %s is %q, not %q", name, got, want)
		}
	}
}

func TestBelowACardsFirstLineAreTwoSmallOnesAndWhileItRunsABar(t *testing.T) {
	for name, want := range map[string]string{
		"asked":       "⏳ web@production redeploy requested\n<unknown U0LIN> · “fix the login”\nmain · quick · 4 Mar 2026 10:26 UTC",
		"asked-first": "⏳ web@production redeploy requested\n“fix the login”\nmain · quick · 4 Mar 2026 10:26 UTC",
		"started": "🔄 web@production deploying #1042, 3 min of about 5 min\n▓▓▓▓▓▓░░░░\n<unknown U0LIN> · “fix the login”\n" +
			"main @ 4f2c1d9 · quick · what changed · 4 Mar 2026 10:26 UTC\n[Show] [Cancel]",
		"started-cancel-asked": "🔄 web@production deploying #1042, 3 min of about 5 min\n▓▓▓▓▓▓░░░░ · cancel requested by <unknown U0KIM>\n" +
			"<unknown U0LIN> · “fix the login”\nmain @ 4f2c1d9 · quick · 4 Mar 2026 10:26 UTC\n[Show] [Cancel]",
		"failed-and-why": "❌ web@production #1042 failed after 2 min 10 s; #1041 is still live\nCloud 66 says: The build server is gone\n" +
			"<unknown U0LIN> · “fix the login”\nmain @ 4f2c1d9 · quick · 4 Mar 2026 10:29 UTC\n[Redeploy] [Show] [Open]",
		"followed-asked-elsewhere": "🔄 web@production deploying #1042, 3 min of about 5 min\n▓▓▓▓▓▓░░░░\n" +
			"kim@example.com through a git hook · followed by <unknown U0LIN>\nmain @ 4f2c1d9 · 4 Mar 2026 10:26 UTC\n[Show] [Cancel]",
	} {
		if got := asRead(t, Deployment(cards()[name])).Plain(); got != want {
			t.Errorf("%s:\n%s\nnot\n%s", name, got, want)
		}
	}
	for name, v := range cards() {
		text, _, _ := strings.Cut(asRead(t, Deployment(v)).Plain(), "\n[")
		if most := 4; strings.Count(text, "\n") >= most && len(v.Mentions) == 0 {
			t.Errorf("%s has more than %d lines:\n%s", name, most, text)
		}
	}
}

func TestTheFirstPostOfACardMentionsNobody(t *testing.T) {
	for name, v := range cards() {
		v.First, v.Mentions, v.Cancelled = true, nil, nil
		if pings := asRead(t, Deployment(v)).Pings(); len(pings) > 0 {
			t.Errorf("the first post of %s mentions %v", name, pings)
		}
	}
}

func TestNoCardOffersWhatItCannotLeadTo(t *testing.T) {
	for name, change := range map[string]func(v *View){
		"rolled back since":      func(v *View) { v.Deployment.Reverted = true },
		"no earlier commit":      func(v *View) { v.Earlier = 0 },
		"not live":               func(v *View) { v.Deployment.IsLive = false },
		"nothing known about it": func(v *View) { v.Deployment = nil },
	} {
		for state, without := range map[string][]string{"succeeded": {"Show"}, "recovered": {"Show"}, "unhealthy": {"Show", "Open"}} {
			v := cards()[state]
			v.Dashboard = "https://app.cloud66.com/dashboard"
			if got := asRead(t, Deployment(v)).Buttons(); !slices.Contains(got, "Roll back") {
				t.Errorf("%s offers %v", state, got)
			}
			if change(&v); !slices.Equal(asRead(t, Deployment(v)).Buttons(), without) {
				t.Errorf("%s, %s: it offers %v", state, name, asRead(t, Deployment(v)).Buttons())
			}
		}
	}
	v := cards()["failed-and-why"]
	for _, page := range []string{"", "javascript:alert(1)", "https://lin:secret@cloud66.example", "no page"} {
		if v.Dashboard = page; slices.Contains(asRead(t, Deployment(v)).Buttons(), "Open") {
			t.Errorf("%q is opened", page)
		}
	}
}

func TestTheFallbackTextSaysWhatTheBlocksSayInOneOrTwoLines(t *testing.T) {
	for name, m := range written(t) {
		if lines := strings.Count(m.Text, "\n") + 1; lines > 2 {
			t.Errorf("%s: a fallback text of %d lines:\n%s", name, lines, m.Text)
		}
		withoutBlocks := strings.Join(strings.Fields(slacksim.Message{Text: m.Text}.Plain()), " ")
		seen := m.Plain()
		if i := strings.LastIndex(seen, "\n["); i >= 0 {
			seen = seen[:i] // what the buttons offer is no news
		}
		for word := range strings.FieldsSeq(seen) {
			if strings.Trim(word, "▓░·|") != "" && !strings.Contains(withoutBlocks, strings.Trim(word, ".,;:")) {
				t.Errorf("%s: the fallback text lacks %q:\n%s\nof\n%s", name, word, withoutBlocks, seen)
			}
		}
	}
}

func TestTheFallbackTextKeepsTheSignsOfANameAsTheyAre(t *testing.T) {
	v := cards()["started"]
	v.Follow.Stack.Name = "a*b *c*"
	if text := strings.ReplaceAll(Deployment(v).Text(), "\u2060", ""); !strings.Contains(text, "🔄 a*b *c*@production deploying") {
		t.Errorf("the text is %q", text)
	}
}

func TestACardHasAtMostThreeButtonsInTheDefaultStyle(t *testing.T) {
	for name, v := range cards() {
		buttons := buttonsOf(t, Deployment(v))
		if len(buttons) > 3 {
			t.Errorf("%s: %d buttons", name, len(buttons))
		}
		cancels := false
		for _, b := range buttons {
			if b["style"] != nil {
				t.Errorf("%s: %s has the style %v", name, label(b), b["style"])
			}
			cancels = cancels || label(b) == "Cancel"
		}
		if open := !v.Follow.State.End() && v.Follow.Deployment != 0; open != cancels {
			t.Errorf("%s: a deployment that can be cancelled, or none: %v", name, open)
		}
	}
}

func TestTheButtonsFitTheState(t *testing.T) {
	for name, want := range map[string]string{
		"asked": "", "started": "Show Cancel", "queued": "Show Cancel", "slow": "Show Cancel", "lost": "Show Cancel Open",
		"lost-before-it-was-found": "Open", "succeeded": "Show Roll back", "succeeded-and-not-live": "Show",
		"failed-another-still-live": "Redeploy Show Open", "over": "Redeploy Show Open", "cancelled-by-someone": "Redeploy Show",
		"refused": "Redeploy Open", "unclear": "Open Redeploy", "unposted": "Redeploy Open", "vanished": "",
	} {
		v := cards()[name]
		v.Dashboard = "https://app.cloud66.com/dashboard"
		var labels []string
		for _, b := range buttonsOf(t, Deployment(v)) {
			labels = append(labels, label(b))
		}
		if got := strings.Join(labels, " "); got != want {
			t.Errorf("%s offers %q, want %q", name, got, want)
		}
	}
}

func TestAnActionIDBeginsWithTheButtonsWord(t *testing.T) {
	for name, m := range written(t) {
		if strings.HasPrefix(name, "reply-choice") {
			continue // whose buttons are names
		}
		for _, b := range buttonsIn(m.Blocks) {
			word, _, _ := strings.Cut(strings.ToLower(label(b)), " ")
			if id, _ := b["action_id"].(string); !strings.HasPrefix(id, strings.Trim(word, ",")) {
				t.Errorf("%s: the button %q has the action id %q", name, label(b), id)
			}
		}
	}
}

func TestCancelAsksWithTheStackTheEnvironmentAndTheConsequence(t *testing.T) {
	long := cards()["started"]
	long.Follow.Stack.Name = strings.Repeat("n", 3000)
	for name, v := range map[string]View{"a card": cards()["started"], "a card with a long name": long} {
		buttons := buttonsOf(t, Deployment(v))
		confirm, _ := buttons[1]["confirm"].(map[string]any)
		text, _ := confirm["text"].(map[string]any)
		said, _ := text["text"].(string)
		for _, part := range []string{v.Follow.Stack.Name[:3], "production", "#1042", "stops where it is", "may need another deployment."} {
			if !strings.Contains(said, part) {
				t.Errorf("%s: the question lacks %q: %q", name, part, said)
			}
		}
		if confirm["style"] != "danger" {
			t.Errorf("%s: the question's button is not red", name)
		}
	}
}

func TestEveryButtonsValueIsReadBack(t *testing.T) {
	for name, m := range written(t) {
		for _, b := range buttonsIn(m.Blocks) {
			value, given := b["value"].(string)
			if !given {
				continue
			}
			if _, err := commands.FromValue(value); err != nil {
				t.Errorf("%s: the button %s carries %q: %v", name, label(b), value, err)
			}
		}
	}
}

func TestOnlyTheLastStepNamesTheOneWhoAsked(t *testing.T) {
	for name, v := range cards() {
		pings := asRead(t, Step(v, v.Follow.State, false)).Pings()
		named := strings.Contains(strings.Join(pings, " "), "U0LIN")
		if named != (v.Follow.State.End() && !v.Follow.Subscribed) {
			t.Errorf("the step of %s names the one who asked: %v", name, named)
		}
	}
}

func TestAClockAheadOfOursBreaksNoCard(t *testing.T) {
	f := asked(storage.Started)
	f.StartedAt = now.Add(2 * time.Minute)
	d := running()
	d.StartedAt = f.StartedAt
	line := firstLine(asRead(t, Deployment(view(f, d))).Plain())
	if !strings.HasSuffix(line, "deploying #1042, 0 s of about 5 min") {
		t.Errorf("the card says %q", line)
	}
}

func TestAnEndWithoutTimesIsTold(t *testing.T) {
	f := asked(storage.Failed)
	f.StartedAt = time.Time{}
	d := ended(cloud66.OutcomeFailed, 0)
	d.StartedAt, d.FinishedAt = time.Time{}, time.Time{}
	if line := firstLine(asRead(t, Deployment(view(f, d))).Plain()); !strings.HasSuffix(line, "#1042 failed") {
		t.Errorf("the card says %q", line)
	}
}

func TestTheBarHasTenBlocksAndAgreesWithTheMinutesBesideIt(t *testing.T) {
	for _, c := range []struct {
		elapsed, usual time.Duration
		want           string
	}{
		{0, 5 * time.Minute, "0 s of about 5 min\n░░░░░░░░░░"},
		{time.Minute, 5 * time.Minute, "1 min of about 5 min\n▓▓░░░░░░░░"},
		{3*time.Minute + 59*time.Second, 292 * time.Second, "3 min of about 5 min\n▓▓▓▓▓▓░░░░"}, // 239 of 292 s would be eight
		{5 * time.Minute, 5 * time.Minute, "5 min of about 5 min\n▓▓▓▓▓▓▓▓▓▓"},
		{time.Hour, 5 * time.Minute, "1 h of about 5 min\n▓▓▓▓▓▓▓▓▓▓"},
		{30 * time.Second, time.Minute, "30 s of about 1 min\n▓▓▓▓▓░░░░░"},
		{0, time.Second, "0 s of about 1 s\n░░░░░░░░░░"},
	} {
		f := asked(storage.Started)
		f.StartedAt, f.Usual = now.Add(-c.elapsed), int64(c.usual.Seconds())
		if got := asRead(t, Deployment(view(f, running()))).Plain(); !strings.Contains(got, c.want+"\n") {
			t.Errorf("after %s of %s the card shows\n%s", c.elapsed, c.usual, got)
		}
	}
}
