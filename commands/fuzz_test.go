package commands

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzParse holds that no text panics, that every error is one for people, and that whatever is understood fits through a button.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "help redeploy", "list \"awesome app@staging\" --page 2", "redeploy web —ref=main --reason ‘don’t’", `show 'a'\''b' #1042`, "redeploy api --services a:1,b",
		"list <mailto:a@b|a@b> &amp;lt;", "--", "\xff\xfe", "redeploy web --reason \"" + strings.Repeat("<", 500) + "\"", "redeploy w --ref \x00", `\`, `"`, "list — –x",
		"redeploy w --reason \u2028\u202e", "show w 99999999999999999999",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		inv, err := Parse(text)
		if err != nil {
			usage, ok := errors.AsType[*UsageError](err)
			if !ok || usage.What == "" || usage.Example == "" {
				t.Fatalf("Parse(%q) failed with %#v", text, err)
			}
			if _, err := Parse(usage.Example); err != nil {
				t.Fatalf("the example %q does not work: %v", usage.Example, err)
			}
			return
		}
		value, err := inv.Value()
		if err != nil {
			return // too long for a button, as its test says
		}
		back, err := FromValue(value)
		if err != nil {
			t.Fatalf("Parse(%q) gave %+v, which a button cannot carry: %v", text, inv, err)
		}
		if diff := cmp.Diff(inv, back); diff != "" {
			t.Fatalf("through a button (-sent +got):\n%s", diff)
		}
	})
}

// FuzzFromValue holds that nothing gets through a button that would break a limit of what can be typed.
func FuzzFromValue(f *testing.F) {
	for _, seed := range []string{
		"", "null", "{}", "[]", `{"v":"redeploy","u":"abc","n":true}`, `{"v":"list","s":"web","g":2}`, `{"v":"cancel","u":"x","d":1,"a":true}`,
		`{"v":"show","u":"x","d":-1}`, `{"v":"refresh","f":"id"}`, `{"v":"redeploy","u":"x","r":"a b"}`, `{"v":"show","u":"x","d":1e400}`, "{\"v\":\"list\",\"s\":\"\xff\"}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		inv, err := FromValue(value)
		if err != nil {
			if inv != (Invocation{}) {
				t.Fatalf("refused and given all the same: %+v", inv)
			}
			return
		}
		if inv.Deployment < 0 || inv.Page < 0 || inv.Page > maxPage {
			t.Fatalf("numbers out of range: %+v", inv)
		}
		for _, text := range []string{inv.Stack, inv.UID, inv.Ref, inv.Services, inv.Profile, inv.Reason, inv.Nonce, inv.Follow, inv.Topic} {
			if strings.ContainsFunc(text, unicode.IsControl) || utf8.RuneCountInString(text) > maxServices {
				t.Fatalf("text that cannot be typed: %q", text)
			}
		}
		again, err := json.Marshal(inv)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := FromValue(string(again)); err != nil || back != inv {
			t.Fatalf("%+v came back as %+v, %v", inv, back, err)
		}
	})
}

func TestAHostileButtonIsRefused(t *testing.T) {
	long := strings.Repeat("x", 201)
	for name, value := range map[string]string{
		"nothing":                                "",
		"no JSON":                                "redeploy web",
		"null":                                   "null",
		"a list":                                 `["redeploy"]`,
		"no verb":                                `{"u":"abc"}`,
		"an unknown verb":                        `{"v":"delete","u":"abc"}`,
		"a verb in another case":                 `{"v":"List","u":"abc"}`,
		"no stack":                               `{"v":"list"}`,
		"an empty stack":                         `{"v":"list","s":" "}`,
		"an over-long UID":                       `{"v":"list","u":"` + long + `"}`,
		"a UID with control characters":          `{"v":"list","u":"a\u0000b"}`,
		"an over-long stack":                     `{"v":"list","s":"` + long + `"}`,
		"a stack with a line break":              `{"v":"list","s":"a\nb"}`,
		"a number for text":                      `{"v":"list","u":5}`,
		"a negative id":                          `{"v":"show","u":"a","d":-1}`,
		"an id above 64 bits":                    `{"v":"show","u":"a","d":9223372036854775808}`,
		"an id with a fraction":                  `{"v":"show","u":"a","d":1.5}`,
		"a negative page":                        `{"v":"list","u":"a","g":-1}`,
		"a page above all reason":                `{"v":"list","u":"a","g":100001}`,
		"a negative newest deployment":           `{"v":"redeploy","u":"a","a":true,"l":-1}`,
		"an unknown which":                       `{"v":"show","u":"a","w":"oldest"}`,
		"an unknown topic":                       `{"v":"help","t":"delete"}`,
		"a ref with spaces":                      `{"v":"redeploy","u":"a","r":"a b"}`,
		"a ref with control characters":          `{"v":"redeploy","u":"a","r":"a\u0007"}`,
		"an over-long ref":                       `{"v":"redeploy","u":"a","r":"` + strings.Repeat("x", 256) + `"}`,
		"services that are none":                 `{"v":"redeploy","u":"a","i":"a::1"}`,
		"over-long services":                     `{"v":"redeploy","u":"a","i":"` + strings.Repeat("x", 1001) + `"}`,
		"an over-long profile":                   `{"v":"redeploy","u":"a","p":"` + strings.Repeat("x", 101) + `"}`,
		"a profile with control characters":      `{"v":"redeploy","u":"a","p":"a\u001b"}`,
		"an over-long reason":                    `{"v":"redeploy","u":"a","y":"` + strings.Repeat("x", 501) + `"}`,
		"a reason with line breaks":              `{"v":"redeploy","u":"a","y":"a\nb"}`,
		"an over-long key":                       `{"v":"redeploy","u":"a","k":"` + long + `"}`,
		"a card with control characters":         `{"v":"refresh","f":"a\u0000"}`,
		"a yes to cancel that does not say what": `{"v":"cancel","u":"a","a":true}`,
	} {
		if inv, err := FromValue(value); err == nil {
			t.Errorf("%s: %.100s was taken as %+v", name, value, inv)
		}
	}
}

func TestAButtonsValueThatSlackWouldNotTakeIsNotMade(t *testing.T) {
	fits := Invocation{Verb: Redeploy, Stack: "web", Reason: strings.Repeat("x", 500), Services: strings.Repeat("y", 1000)}
	if value, err := fits.Value(); err != nil || len(value) > 2000 {
		t.Errorf("%d bytes, %v", len(value), err)
	}
	long := Invocation{Verb: Redeploy, Stack: "web", Reason: strings.Repeat("é", 500), Services: strings.Repeat("y", 1000)}
	if value, err := long.Value(); err == nil {
		t.Errorf("a value of %d bytes was made", len(value))
	}
}
