package card

import (
	"fmt"
	"strings"
	"testing"
)

func TestAListOfEndsShowsEachOnceAndNamesEachWhoAskedOnce(t *testing.T) {
	for _, n := range []int{6, 30, 31, 200} {
		var seen []string
		pings := map[string]int{}
		for _, m := range Ended(manyEnds(n)) {
			seen = append(seen, asRead(t, m).Plain())
			for _, p := range asRead(t, m).Pings() {
				pings[p]++
			}
		}
		all := strings.Join(seen, "\n")
		for i := range n {
			if c := strings.Count(all, fmt.Sprintf("production #%d ", 1001+i)); c != 1 {
				t.Errorf("of %d ends #%d is shown %d times", n, 1001+i, c)
			}
		}
		if len(pings) != 3 {
			t.Errorf("%d ends name %v", n, pings)
		}
		for _, who := range []string{"U0LIN", "U0SAM", "U0KIM"} {
			if c := strings.Count(all, "for <unknown "+who+">"); c != 1 {
				t.Errorf("%d ends name %s %d times", n, who, c)
			}
		}
	}
}

func TestAListOfEndsBeginsWithHowManyAndWithWhatFailed(t *testing.T) {
	seen := strings.Split(asRead(t, Ended(manyEnds(7))[0]).Plain(), "\n")
	want := []string{
		"❌ 7 deployments ended while I could not look: 1 failed, 2 unclear, 1 cancelled, 3 ended well",
		"❓ web@production #1005 is not there any more: it or its stack was deleted",
		"for <unknown U0SAM>", "❌ web@production #1002 failed after 2 min 10 s; #1041 is still live",
	}
	for i, line := range want {
		if seen[i] != line {
			t.Errorf("line %d is %q, want %q", i, seen[i], line)
		}
	}
}

func TestWhatAListOfEndsCannotHoldIsInItsThreadAndItSaysSo(t *testing.T) {
	all := Ended(manyEnds(70))
	if len(all) != 3 {
		t.Fatalf("%d messages", len(all))
	}
	for i, says := range []string{"… and 40 more, in this message's thread", "31–60 of 70 that ended", "61–70 of 70 that ended"} {
		if seen := asRead(t, all[i]).Plain(); !strings.Contains(seen, says) {
			t.Errorf("message %d does not say %q:\n%s", i, says, seen)
		}
	}
}

func TestAListOfEndsMentionsOnceEachWhoIsToKnowOfAFailure(t *testing.T) {
	ends := manyEnds(7)
	asker := ends[0].Follow.Asker
	for i := range ends {
		ends[i].Mentions = []string{"S0DEVS", asker}
	}
	if pings := asRead(t, Ended(ends)[0]).Pings(); len(pings) != 4 || strings.Count(strings.Join(pings, " "), "S0DEVS") != 1 {
		t.Errorf("it pings %q", pings)
	}
	seen := asRead(t, Ended(ends)[0]).Plain()
	if strings.Count(seen, "<unknown "+asker+">") != 1 || strings.Count(seen, "S0DEVS") != 1 {
		t.Errorf("somebody is named more than once:\n%s", seen)
	}
}
