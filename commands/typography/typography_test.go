package typography

import (
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestANameHasOneForm(t *testing.T) {
	for in, want := range map[string]string{
		"web": "web", "cafe\u0301": "café", "ｗｅｂ＠ｐｒｏｄ": "web@prod", "ｶﾞ": "ガ", "한": "한", "a\u00a0b\u2003c\u3000d": "a b c d",
		"we\u200bb\ufeff\u00ad\u2060\u200e\u202e\u061c\u180e\u3164\u034f": "web", "my‑app−x－y": "my-app-x-y", "a–b": "a–b", "“a”": "“a”",
		":rocket:": "🚀", ":Rocket: x": "🚀 x", "：rocket：": "🚀", "Ä": "Ä", "api:1.4.2": "api:1.4.2",
	} {
		if got := Normal(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func TestWhatIsComparedHasOneForm(t *testing.T) {
	for in, want := range map[string]string{
		"“It’s”": `"it's"`, "„a‟ ‚b‛ ＂c＂": `"a" 'b' "c"`, "a–b—c―d‒e⸺f": "a-b-c-d-e-f",
		"❤️": "❤", "👩\u200d💻": "👩💻", "می\u200cخواهم": "میخواهم", "aˋb": "a`b",
		":heart:": "❤", ":wave::skin-tone-3:": "👋🏼", ":handshake::skin-tone-2-5:": "🫱🏻🫲🏾", ":Handshake::skin-tone-4:": "🤝🏽",
		"CAFE\u0301": "café", "α\u200d\u0301": "ά", "Straße": "strasse", "ΣΟΦΟς": "σοφοσ", "İ": "i\u0307", "Ꮿ": "ꮿ", "ꮿ": "ꮿ", " Web ": "web",
		"w\u115f\u1160e\u17b4\u17b5\u180b\u180fb\u2064\u2065\uffa0\ufff0\U0001bca0\U0001d173\U000e0001\U000e0fff": "web",
	} {
		if got := Key(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func TestWhatMakesALetterOrAnEmojiIsVisible(t *testing.T) {
	for in, want := range map[string]string{
		"👩\u200d💻": "👩\u200d💻", "❤️": "❤️", "🏴\U000E0067\U000E007F": "🏴\U000E0067\U000E007F", "می\u200cخواهم": "می\u200cخواهم",
		"\u200d👩\u200d": "👩", "li\u200dst": "list", "ä\u00adö": "äö", "a\ufe0f": "a", "a \u200c b": "a  b", "\xff\u200b": "\xff",
	} {
		if got := Visible(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func TestAnEmojiAndItsNameAreOne(t *testing.T) {
	for in, want := range map[string]string{
		":rocket:": "🚀", ":+1::skin-tone-3:": "👍🏼", ":thumbsup:": "👍", ":female-technologist::skin-tone-5:": "👩🏾‍💻", ":v::skin-tone-4:": "✌🏽",
		":rocket::skin-tone-3:": "🚀🏼", ":runner:": "🏃", ":man-running:": "🏃‍♂️", ":mermaid:": "🧜‍♀️",
		":flag-de::flag-england:": "🇩🇪🏴\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F",
		"web:rocket:x:tada:":      "web🚀x🎉", ":acme:rocket:": ":acme🚀", ":acme:": ":acme:", ":handshake::skin-tone-6-2:": "🫱🏿\u200d🫲🏻",
		":handshake::skin-tone-2-2:": "🤝🏻", ":wave::skin-tone-2-3:": "👋:skin-tone-2-3:", ":flag-us::us:": "🇺🇸🇺🇸",
		":keycap_star:": "*️⃣", "10:30:45": "10:30:45", "::": "::", ":": ":",
		"a:b c:d": "a:b c:d", ":pencil:": "📝",
	} {
		if got := Pictures(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func TestEveryMarkAndDashOfUnicodesIsKnown(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		quote := unicode.In(r, unicode.Quotation_Mark, unicode.Pi, unicode.Pf)
		if quote && !IsQuote(r) {
			t.Errorf("%q (%U) is no quotation mark", r, r)
		}
		if IsQuote(r) && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsSpace(r)) {
			t.Errorf("%q is a quotation mark", r)
		}
		if unicode.Is(unicode.Pd, r) && !Dash(r) {
			t.Errorf("%q is no dash", r)
		}
		if r%64 != 0 &&
			(unicode.In(r, unicode.Lo, unicode.Co) || !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.C)) {
			continue // of those that are much alike a few are enough
		}
		if once := Key("x" + string(r) + "x"); Key(once) != once {
			t.Errorf("%q is %q, then %q", r, once, Key(once))
		}
	}
}

func TestAQuotationIsClosedByItsMark(t *testing.T) {
	for in, opened := range map[string]rune{
		"a”": '“', "a“": '„', "a»": '«', "a«": '»', "a" + `"`: '"', "a’": '‘', "a」": '「', "a›": '‹', "say “go” now\"": '"', "two words”": '"',
		"a‘": '‚', "‛a›": '‹', "a》": '《', "a〉": '〈', "a〟": '〝', "a』": '『', "a﹀": '︿', "a\u232a": '\u2329',
	} {
		end := -1
		for i, r := range in {
			if Closes(opened, r, in[i+utf8.RuneLen(r):]) {
				end = i + utf8.RuneLen(r)
				break
			}
		}
		if end != len(in) {
			t.Errorf("%c%s is closed at %d", opened, in, end)
		}
	}
}
