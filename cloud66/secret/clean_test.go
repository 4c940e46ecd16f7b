package secret

import (
	"strings"
	"testing"
)

func TestWhatIsShownHasNoSecretAndSteersNothing(t *testing.T) {
	c := NewCleaner(New("c66-demo-token"), New(""), New("a+b/c="))
	for name, tt := range map[string]struct{ text, want string }{
		"plain text": {"Slack refuses it (invalid_auth)\n\tnaïve 日本 🚀 – “x”",
			"Slack refuses it (invalid_auth)\n\tnaïve 日本 🚀 – “x”"},
		"what people are told of tokens": {"an app-level token begins with xapp-, a bot token with xoxb-…",
			"an app-level token begins with xapp-, a bot token with xoxb-…"},
		"colours":                         {"\x1b[31mred\x1b[0m", "[31mred[0m"},
		"a title, a bell and a backspace": {"\x1b]0;title\aa\bb\x7f", "]0;titleab"},
		"one byte of control":             {"a\u009b31mb\u0085c", "a31mb c"},
		"a return over the line":          {"bad\rgood", "badgood"},
		"text the wrong way round":        {"a\u202eb\u2066c\u200f", "abc"},
		"separators":                      {"a\u2028b\u2029c", "a b c"},
		"what is no text":                 {"a\xffb\x1b", "a\ufffdb"},
		"a bot token":                     {"got xoxb-12-ab_C now", "got *** now"},
		"an app token":                    {`"xapp-1-A0-b"`, `"***"`},
		"other tokens":                    {"xoxp-1 xoxe-2 xoxa-2-3 xoxs-4 xwfp-5", "*** *** *** *** ***"},
		"a token that rotates":            {"xoxe.xoxb-1-abc", "***"},
		"a token in a URL":                {"https://h/?token=xoxb%2D1%2D2&x", "https://h/?token=***&x"},
		"capitals":                        {"XOXB-1-2", "***"},
		"zero-width space":                {"xo\u200bxb-1\u200b2-\u200babc", "***"},
		"joiners and a soft hyphen":       {"xoxb\u200d-\u20601\u00ad2\ufeff3", "***"},
		"fillers and selectors":           {"xoxb-\u31641\ufe0f2\u034f3\U000e0041", "***"},
		"a blank of Braille":              {"xoxb-1\u28002", "***"},
		"an escape within":                {"xoxb-1\x1b2\x003", "***"},
		"strokes through it":              {"xoxb-1\u0336\u0332-2\u0336", "***"},
		"a configured one":                {"Bearer c66-demo-token!", "Bearer ***!"},
		"a configured one, invisibly":     {"c\u200b66-de\u2060mo-tok\u00aden", "***"},
		"a configured one over two lines": {"c66-demo-\n token", "***"},
		"a configured one in capitals":    {"C66-Demo-TOKEN", "***"},
		"a configured one twice":          {"c66-demo-tokenC66-DEMO-TOKEN, c66-demo-token", "******, ***"},
		"a part of a configured one":      {"c66-demo-toke", "c66-demo-toke"},
		"a letter that folds to another":  {"c66-demo-to\u212aen", "***"},
		"a mark behind it":                {"c66-demo-token\u0301 x", "***\u0301 x"},
		"a configured one with marks":     {"a+b/c= a+b/c", "*** a+b/c"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.Clean(tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if found := c.Finds(tt.text); found != strings.Contains(tt.want, Redacted) {
				t.Errorf("a secret is found: %v", found)
			}
		})
	}
}
