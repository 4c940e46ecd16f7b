package commands

import (
	"strings"
	"testing"
	"time"

	"c66bot/authz"
)

func TestWhatFormatsALineIsTakenOff(t *testing.T) {
	page := Invocation{Verb: List, Stack: "shop", Options: Options{Page: "2"}}
	list := Invocation{Verb: List, Stack: "shop"}
	allow := Invocation{Verb: Allow, Options: Options{Who: "U1", Actions: "view", Glob: "shop"}}
	because := func(reason string) Invocation {
		return Invocation{Verb: Redeploy, Stack: "shop", Options: Options{Reason: reason}}
	}
	for typed, want := range map[string]Invocation{
		"`/c66 allow U1 view shop`":                         allow,
		"/c66 list shop":                                    list,
		"/C66 /c66 list shop":                               list,
		"/c66\u00a0list shop":                               list,
		"／ｃ６６　list shop":                                    list,
		"\u200b\ufeff/c66\u2003li\u00adst \u200eshop\u200f": list,
		"<@UBOT> /c66 list shop":                            list,
		"“<@UBOT>” list shop":                               list,
		"\"/c66\" list shop":                                list,
		"“*<@UBOT>* list” shop":                             list,
		"c66 list shop":                                     list,
		"<@UBOT> `@c66bot list shop`":                       list,
		"@C66bot: c66bot list shop":                         list,
		"<@UBOT> /c66@c66bot list shop":                     list,
		"/C66@C66bot: list shop":                            list,
		"<@UBOT|c66bot>: <@UBOT>, list shop":                list,
		"*<@UBOT>* list shop":                               list,
		"*<@UBOT> list shop*":                               list,
		"*<@UBOT> list* shop":                               list,
		"_*<@UBOT>*_: list shop":                            list,
		"&gt; <@UBOT> list shop":                            list,
		"<@UBOT> &gt; /c66 list shop":                       list,
		"&gt;&gt;&gt; list shop":                            list,
		"> list\n> shop":                                    list,
		"• list shop":                                       list,
		"1. /c66 list shop":                                 list,
		"– list shop":                                       list,
		"```list shop```":                                   list,
		"```\n/c66 list shop\n```":                          list,
		"```bash\n/c66 list shop\n```":                      list,
		"<@UBOT>\n```sh\r\nlist shop\r\n```\n":              list,
		"```list\nshop```":                                  list,
		"```status\n```":                                    {Verb: Status},
		"*list shop*":                                       list,
		"*list* shop":                                       list,
		"list *shop*":                                       list,
		"list _shop_":                                       list,
		"list ~shop~":                                       list,
		"list *_~shop~_*":                                   list,
		"list `shop`":                                       list,
		"list *`shop`*":                                     list,
		"*_list shop_*":                                     list,
		"**list shop**":                                     list,
		"*list shop* --page 2":                              page,
		"list *shop --page* 2":                              page,
		"list shop *--page* _2_":                            page,
		"list shop --page=*2*":                              page,
		"list shop `--page 2`":                              page,
		`"list shop"`:                                       list,
		"“/c66 list shop”":                                  list,
		"„list shop“":                                       list,
		"«list shop»":                                       list,
		"'list shop'":                                       list,
		"`“list shop”`":                                     list,
		`*"list shop"*`:                                     list,
		`"list" "shop"`:                                     list,
		"*list* *shop*":                                     list,
		`“redeploy shop --reason “two words””`:              because("two words"),
		`"redeploy shop --reason "two words""`:              because("two words"),
		"redeploy shop --reason *urgent*":                   because("urgent"),
		`redeploy shop --reason "*very* urgent"`:            because("*very* urgent"),
		"*allow U1 view shop*":                              allow,
		"allow *U1* _view_ shop":                            allow,
		"allow *<@U1>* view `shop`":                         allow,
		"list *\"awesome app@prod\"*":                       {Verb: List, Stack: "awesome app@prod"},
		"list *shop*@_production_":                          {Verb: List, Stack: "shop@production"},
		"list *_shop_*@production":                          {Verb: List, Stack: "shop@production"},
		"list _a_b@*x*y":                                    {Verb: List, Stack: "_a_b@*x*y"},
		"list a_b@prod_x":                                   {Verb: List, Stack: "a_b@prod_x"},
		"allow U1 *view*,_cancel_ web":                      {Verb: Allow, Options: Options{Who: "U1", Actions: "view,cancel", Glob: "web"}},
		"allow U1 view *web*@prod":                          {Verb: Allow, Options: Options{Who: "U1", Actions: "view", Glob: "*web*@prod"}},
		"list my_web_app":                                   {Verb: List, Stack: "my_web_app"},
		"list _internal":                                    {Verb: List, Stack: "_internal"},
		`list "_shop_"`:                                     {Verb: List, Stack: "_shop_"},
		`list \*shop\*`:                                     {Verb: List, Stack: "*shop*"},
		"subscribe web*@production":                         {Verb: Subscribe, Options: Options{Glob: "web*@production"}},
		"subscribe *":                                       {Verb: Subscribe, Options: Options{Glob: "*"}},
		"subscribe *web*":                                   {Verb: Subscribe, Options: Options{Glob: "*web*"}},
		"subscribe *@*":                                     {Verb: Subscribe, Options: Options{Glob: "*@*"}},
		"subscribe _web*_":                                  {Verb: Subscribe, Options: Options{Glob: "web*"}},
		"*subscribe web**":                                  {Verb: Subscribe, Options: Options{Glob: "web*"}},
		"`subscribe *@production`":                          {Verb: Subscribe, Options: Options{Glob: "*@production"}},
		"stacks *shop*":                                     {Verb: Stacks, Options: Options{Text: "*shop*"}},
		"stacks '*@production'":                             {Verb: Stacks, Options: Options{Text: "*@production"}},
		"":                                                  {Verb: Help},
		"<@UBOT>":                                           {Verb: Help},
		"`/c66`":                                            {Verb: Help},
		"*help*":                                            {Verb: Help},
	} {
		line, _ := Line(typed, "/c66", "UBOT")
		if got, err := Parse(line); err != nil || got != want {
			t.Errorf("%q is the line %q, read as %+v, %v", typed, line, got, err)
		}
		if again, _ := Line(line, "/c66", "UBOT"); again != line {
			t.Errorf("%q is the line %q, and that %q", typed, line, again)
		}
	}
}

func TestOnlyAMentionOfTheBotInFrontIsTakenForOne(t *testing.T) {
	for typed, want := range map[string]struct {
		line      string
		mentioned bool
	}{
		"<@UBOT> help":                   {"help", true},
		"\u200b<@UBOT|c66bot>\u00a0help": {"help", true},
		"> _<@UBOT>_ help":               {"help", true},
		"/c66 <@UBOT> help":              {"help", true},
		"thanks to <@UBOT>":              {"thanks to <@UBOT>", false},
		"<@UOTHER> help":                 {"<@UOTHER> help", false},
		"<@UBOT":                         {"<@UBOT", false},
		"c66":                            {"c66", false},
		"c66 is down":                    {"c66 is down", false},
		"/c66bot list":                   {"/c66bot list", false},
		"/c66":                           {"", false},
	} {
		if line, mentioned := Line(typed, "/c66", "UBOT"); line != want.line || mentioned != want.mentioned {
			t.Errorf("%q is %q, %v", typed, line, mentioned)
		}
	}
	if line, mentioned := Line("<@UBOT> help", "", ""); mentioned || line != "<@UBOT> help" {
		t.Errorf("of nobody's name it is %q, %v", line, mentioned)
	}
}

func TestALineOfManyLayersTakesNoLongTime(t *testing.T) {
	for _, layer := range []string{"c66 ", "/c66 ", "<@UBOT> ", "`", "*", "“", "• ", "> ", ":a", "\n>", "\u200b", "1. "} {
		text := strings.Repeat(layer, 40_000/len(layer))
		begun := time.Now()
		line, _ := Line(text+"list", "/c66", "UBOT")
		_, _ = Parse(line)
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("%d times %q takes %s", len(text)/len(layer), layer, took)
		}
	}
}

func TestATextOfAnyKeyboardIsRead(t *testing.T) {
	because := func(reason string) Invocation {
		return Invocation{Verb: Redeploy, Stack: "web", Options: Options{Reason: reason}}
	}
	now := Invocation{Verb: Redeploy, Stack: "web", Options: Options{Now: "true"}}
	for typed, want := range map[string]Invocation{
		"redeploy web --reason «two words»":         because("two words"),
		"redeploy web --reason »two words«":         because("two words"),
		"redeploy web --reason „two words”":         because("two words"),
		"redeploy web --reason ”two words”":         because("two words"),
		"redeploy web --reason ＂two words＂":         because("two words"),
		"redeploy web --reason 《two words》":         because("two words"),
		"redeploy web --reason 〈two words〉":         because("two words"),
		"redeploy web --reason 〝two words〟":         because("two words"),
		"redeploy web --reason 「two words」":         because("two words"),
		"redeploy web --reason 『two words』":         because("two words"),
		"redeploy web --reason ｢two words｣":         because("two words"),
		"redeploy web --reason ‹two words›":         because("two words"),
		"redeploy web --reason ‚two words’":         because("two words"),
		"redeploy web --reason ‛two words’":         because("two words"),
		"redeploy web --reason 〝two words〞":         because("two words"),
		"redeploy web --reason ❝two words❞":         because("two words"),
		"redeploy web --reason ＇two words＇":         because("two words"),
		"redeploy web --reason=«two words»":         because("two words"),
		"redeploy web --reason=a＝b":                 because("a＝b"),
		"redeploy web --reason＝「two words」":         because("two words"),
		`redeploy web --reason "two words”`:         because("two words"),
		"redeploy web --reason ‘don’t break it’":    because("don't break it"),
		"redeploy web --reason ‘don't break it’":    because("don't break it"),
		`redeploy web --reason "say «go» and 「go」"`: because("say «go» and 「go」"),
		"redeploy web --reason «say \"go\"»":        because(`say "go"`),
		"redeploy web --reason “修正！１２” --now":       {Verb: Redeploy, Stack: "web", Options: Options{Reason: "修正！１２", Now: "true"}},
		"redeploy web −−now":                        now,
		"redeploy web ‑‑now":                        now,
		"redeploy web ――now":                        now,
		"redeploy web ――now ":                       now,
		"redeploy web ——now":                        now,
		"redeploy web ―now":                         now,
		"redeploy web ⸺now":                         now,
		"redeploy web －－now":                        now,
		"redeploy web ‐‐now":                        now,
		"redeploy web –-now":                        now,
		"redeploy web －－ｎｏｗ":                        now,
		"ｒｅｄｅｐｌｏｙ　ｗｅｂ　--now":                        now,
		"redeploy web --ref ｍａｉｎ":                   {Verb: Redeploy, Stack: "web", Options: Options{Ref: "main"}},
		"redeploy web --ref release‑1.2":            {Verb: Redeploy, Stack: "web", Options: Options{Ref: "release-1.2"}},
		"redeploy web --ref cafe\u0301":             {Verb: Redeploy, Stack: "web", Options: Options{Ref: "café"}},
		"redeploy web --ref fix/:bug:":              {Verb: Redeploy, Stack: "web", Options: Options{Ref: "fix/🐛"}},
		"redeploy web --services api：1.4.2，worker":  {Verb: Redeploy, Stack: "web", Options: Options{Services: "api:1.4.2,worker"}},
		"show web １０４２":                             {Verb: Show, Stack: "web", Deployment: 1042},
		"show web ＃1042":                            {Verb: Show, Stack: "web", Deployment: 1042},
		"list cafe\u0301＠prod":                      {Verb: List, Stack: "café@prod"},
		"list :rocket:-app":                         {Verb: List, Stack: "🚀-app"},
		"allow <@U1> view，cancel web＊":              {Verb: Allow, Options: Options{Who: "U1", Actions: "view,cancel", Glob: "web*"}},
	} {
		if got, err := Parse(typed); err != nil || got != want {
			t.Errorf("%q is read as %+v, %v", typed, got, err)
		}
	}
	for typed, what := range map[string]string{
		"redeploy web ‑now": "I don't know the option “-now” of redeploy.", "redeploy web −now": "“-now”",
		"redeploy web --reason «oh": "never closed",
	} {
		if _, err := Parse(typed); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%q: %v", typed, err)
		}
	}
}

func TestALineThatIsShownWorksHoweverItIsPasted(t *testing.T) {
	for _, name := range []string{
		"web@production", "awesome app", "_web_", "*web", "web*", "*", "`x`", "a`b", "~x~", "«x»", "bob's", "it’s", "—now", "‑x",
		":rocket: app", "cafe\u0301", "ｗｅｂ",
		"_a b_", `"quoted"`, "list", "/c66", "> x", "1. x",
	} {
		line := "list " + shellWord(name)
		for _, around := range []string{"%", "`%`", "```%```", "```\n%\n```", "*%*", "_%_", "“%”", "&gt; %", "/c66 %", "`/c66 %`",
			"<@UBOT> `/c66 %`", "• `/c66 %`"} {
			shown := line
			if strings.Contains(around, "`") { // in which the bot shows another sign, since Slack has none there
				shown = strings.ReplaceAll(line, "`", "ˋ")
			}
			cleaned, _ := Line(strings.ReplaceAll(around, "%", typedEscapes.Replace(shown)), "/c66", "UBOT")
			inv, err := Parse(cleaned)
			if err != nil || inv.Verb != List || authz.Fold(inv.Stack) != authz.Fold(name) {
				t.Errorf("%q, pasted as %q, is %+v, %v", line, around, inv, err)
			}
		}
	}
}
