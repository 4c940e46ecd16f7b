package card

import (
	"slices"
	"strings"
	"testing"

	"c66bot/bot/slacksim"
	"c66bot/commands"
)

func TestHostileTextBreaksNoMessageAndPingsNobodyAndLinksNowhere(t *testing.T) {
	for name, bad := range hostile() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for where, m := range spoiled(bad) {
				for _, fault := range broken(t, m) {
					t.Errorf("%s: %s", where, fault)
				}
				seen, fallback := asRead(t, m), slacksim.Message{Text: m.Text(), Parse: "none"}
				if pings := seen.Pings(); len(pings) > 0 {
					t.Errorf("%s pings %v:\n%s", where, pings, seen.Plain())
				}
				if links := append(seen.Links(), fallback.Links()...); len(links) > 0 {
					t.Errorf("%s links to %v:\n%s", where, links, seen.Plain())
				}
				if strings.ContainsAny(m.Text(), "\u202e\u2066\u200f\r\x00") {
					t.Errorf("%s turns the writing or breaks the line", where)
				}
			}
		})
	}
}

func TestOnlyAnAddressOfTheWebIsALink(t *testing.T) {
	for url, follows := range map[string]bool{
		"https://git.example/c/4f2c1d90aa": true, "http://git.example/c/4F2C1D9": true, "https://git.example/?p=web&id=4f2c1d90aa": true,
		"javascript:alert(1)": false, "data:text/html,x": false, "": false,
		"https://git.example/c/4f2c1d90aa|<!channel>": false, "https://git.example/4f2c1d90aa x": false,
		"https://lin:key@git.example/c/4f2c1d90aa": false,
		"https://git.example/c/1":                  false, "https://git.example/c/4f2c1d91": false, "https://git.example/c/4f2c1d": false,
		"https://4f2c1d90aa.example/": false, "//git.example": false, "slack://open": false,
		"https://git.example/4f2c1d90aa/" + strings.Repeat("x", 3000): false, "https://": false, "http://?": false,
	} {
		d := running()
		d.CommitURL = url
		m := Deployment(view(asked("started"), d))
		if got := len(asRead(t, m).Links()) > 0; got != follows {
			t.Errorf("commit URL %q: linked is %v", url, got)
		}
		if !strings.Contains(asRead(t, m).Plain(), "4f2c1d9") {
			t.Errorf("commit URL %q: the commit is not shown", url)
		}
	}
}

func TestWhatIsNoHashIsNoLinkToACommit(t *testing.T) {
	for _, hash := range []string{"verified-by-ops", "4f2c1d90zz", "4f2c1d", "4f2c1d9 is safe", "４ｆ２ｃ１ｄ９", strings.Repeat("a", 65),
		"evil.example/4f2c1d9"} {
		d := running()
		d.GitHash, d.CommitURL = hash, "https://git.example/c/"+hash+"/4f2c1d90aa"
		list := commands.ListReply{Stack: stack, Page: 1, Total: 1, At: now, Entries: []commands.Entry{{Deployment: d}}}
		detail := commands.DetailReply{Stack: stack, Entry: commands.Entry{Deployment: d}, At: now}
		for name, m := range map[string]Message{"card": Deployment(view(asked("started"), d)), "list": Reply(list), "detail": Reply(detail)} {
			button := slices.ContainsFunc(buttonsOf(t, m), func(b map[string]any) bool { return b["url"] != nil })
			if links := asRead(t, m).Links(); len(links) > 0 || button {
				t.Errorf("the %s of the hash %q links to %v, button %v", name, hash, links, button)
			}
		}
	}
}

func TestALongNameHidesNeitherTheStateNorTheEnvironment(t *testing.T) {
	v := cards()["failed-another-still-live"]
	v.Follow.Stack.Name = strings.Repeat("n", 3000)
	first, _, _ := strings.Cut(asRead(t, Deployment(v)).Plain(), "\n")
	for _, part := range []string{"❌", "…", "production", "#1042 failed after 2 min 10 s", "#1041 is still live"} {
		if !strings.Contains(first, part) {
			t.Errorf("the first line lacks %q: %s", part, first)
		}
	}
}

func TestAQuoteSignAtTheBeginningQuotesNothing(t *testing.T) {
	for _, m := range []Message{Reply(commands.Notice("> x")), Reply(commands.UsageReply{What: ">>> x", Command: "/c66"})} {
		for _, b := range decoded(t, m) {
			text, _ := b["text"].(map[string]any)
			if s, _ := text["text"].(string); strings.HasPrefix(s, "&gt;") {
				t.Errorf("Slack would quote %q", s)
			}
		}
	}
}
