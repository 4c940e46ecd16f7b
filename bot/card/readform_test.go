package card

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"c66bot/cloud66"
	"c66bot/commands"
	"c66bot/storage"
)

// filled is the state of a form's fields as Slack sends it: an element of each block holds a text, or what was chosen. What is not given
// is as it was.
func filled(values map[string]string, state FormState) Fields {
	all := map[string]string{}
	for _, block := range state.blocks() {
		all[block] = ""
	}
	all[stackBlock(state.UID)] = state.UID
	if _, asked := all[blockOf(blockVersion, state.UID)]; asked {
		all[blockOf(blockVersion, state.UID)] = newestVersion
	}
	maps.Copy(all, values)
	f := Fields{}
	for block, value := range all {
		var field Field
		switch {
		case strings.HasPrefix(block, "stack"), strings.HasPrefix(block, "version"), strings.HasPrefix(block, "profile"):
			field.SelectedOption.Value = value
		default:
			field.Value = value
		}
		f[block] = map[string]Field{"field": field}
	}
	return f
}

// answered is the request of a form that was sent.
func answered(change func(inv *commands.Invocation)) commands.Invocation {
	inv := commands.Invocation{
		Verb:    commands.Redeploy,
		UID:     "abc123",
		Shown:   "web@production",
		Yes:     true,
		Form:    true,
		Newest:  1041,
		AskedAt: now.Unix(),
	}
	if change != nil {
		change(&inv)
	}
	return inv
}

// stateIn is what a form remembers, through Slack and back.
func stateIn(r commands.FormReply) FormState { return ParseFormState(Form(r).PrivateMetadata) }

func TestAFormOfAGitStackIsReadAs(t *testing.T) {
	r := forms()["git-version"]
	r.Profiles = []string{"quick", "full"}
	for name, test := range map[string]struct {
		values map[string]string
		want   commands.Invocation
	}{
		"nothing filled in": {nil, answered(nil)},
		"the stack as it was": {map[string]string{"stack/abc123": "abc123", "ref/abc123": "", "reason": "", "profile": ""},
			answered(nil)},
		"a stack that Slack does not say": {map[string]string{"stack/abc123": ""}, answered(nil)},
		"a branch": {map[string]string{"ref/abc123": "main"},
			answered(func(inv *commands.Invocation) { inv.Options[commands.Ref] = "main" })},
		"a branch with space around it": {map[string]string{"ref/abc123": " feature/x\u00a0"},
			answered(func(inv *commands.Invocation) { inv.Options[commands.Ref] = "feature/x" })},
		"a branch as it was copied": {map[string]string{"ref/abc123": "\ufeff`“ｆeature‑x”`\u200b"},
			answered(func(inv *commands.Invocation) { inv.Options[commands.Ref] = "feature-x" })},
		"blanks for a branch": {map[string]string{"ref/abc123": "  "}, answered(nil)},
		"this version": {map[string]string{"version/abc123": "this", "ref/abc123": ""},
			answered(func(inv *commands.Invocation) { inv.Options[commands.Ref] = "4f2c1d90aa" })},
		"this version, named too": {map[string]string{"version/abc123": "this", "ref/abc123": "4f2c1d90aa"},
			answered(func(inv *commands.Invocation) { inv.Options[commands.Ref] = "4f2c1d90aa" })},
		"the newest version": {map[string]string{"version/abc123": "newest"}, answered(nil)},
		"the newest version of a branch": {map[string]string{"version/abc123": "newest", "ref/abc123": "v1"},
			answered(func(inv *commands.Invocation) { inv.Options[commands.Ref] = "v1" })},
		"the second profile": {map[string]string{"profile": "1"},
			answered(func(inv *commands.Invocation) { inv.Options[commands.Profile] = "full" })},
		"a reason": {map[string]string{"reason": " fix\r\nthe   login "},
			answered(func(inv *commands.Invocation) { inv.Options[commands.Reason] = "fix the login" })},
		"a reason with what looks odd": {map[string]string{"reason": "<@U1> *now* & “then”"},
			answered(func(inv *commands.Invocation) { inv.Options[commands.Reason] = "<@U1> *now* & “then”" })},
		"everything": {
			map[string]string{"ref/abc123": "v1", "profile": "0", "reason": "why"},
			answered(func(inv *commands.Invocation) {
				inv.Options[commands.Ref], inv.Options[commands.Profile], inv.Options[commands.Reason] = "v1", "quick", "why"
			}),
		},
		"fields of another stack, which are not of this form": {map[string]string{"services/other": ""}, answered(nil)},
	} {
		t.Run(name, func(t *testing.T) {
			got, wrong := ReadForm(stateIn(r), filled(test.values, stateIn(r)))
			if diff := cmp.Diff(test.want, got); diff != "" || len(wrong) > 0 {
				t.Errorf("%v (-want +got):\n%s", wrong, diff)
			}
		})
	}
}

func TestAFormOfADockerStackIsReadAs(t *testing.T) {
	for name, test := range map[string]struct{ form, lines, want string }{
		"left as it was":                        {"docker", "api:1.4.2\nworker", ""},
		"left as it was, with other line ends":  {"docker", "api:1.4.2\r\nworker\r\n", ""},
		"left as it was, with space around":     {"docker", "  api:1.4.2 \n\n worker", ""},
		"left as it was, in one line":           {"docker", "api:1.4.2, worker", ""},
		"another tag":                           {"docker", "api:1.5.0\nworker", "api:1.5.0,worker"},
		"a line taken out":                      {"docker", "api:1.4.2", "api:1.4.2"},
		"another order":                         {"docker", "worker\napi:1.4.2", "worker,api:1.4.2"},
		"filled in before, and left so":         {"docker-filled", "api:1.5.0\nworker", "api:1.5.0,worker"},
		"filled in before, and made as it is":   {"docker-filled", "api:1.4.2\nworker", "api:1.4.2,worker"},
		"filled in before, and emptied":         {"docker-filled", "", ""},
		"nothing known, and left empty":         {"docker-without-services", " \r\n ", ""},
		"nothing known, and filled in":          {"docker-without-services", "api:1", "api:1"},
		"a block of code":                       {"docker", "```\napi：1.5.0\n`“worker”`\n```", "api:1.5.0,worker"},
		"left as it was, but as code":           {"docker", "`api:1.4.2`\n`worker`", ""},
		"lines that say nothing between others": {"docker", ",\n api:2 ,\n,worker,\n", "api:2,worker"},
	} {
		t.Run(name, func(t *testing.T) {
			got, wrong := ReadForm(
				stateIn(forms()[test.form]),
				filled(map[string]string{"services/abc123": test.lines}, stateIn(forms()[test.form])),
			)
			want := answered(func(inv *commands.Invocation) { inv.Options[commands.Services] = test.want })
			if diff := cmp.Diff(want, got); diff != "" || len(wrong) > 0 {
				t.Errorf("%v (-want +got):\n%s", wrong, diff)
			}
		})
	}
}

func TestWhatIsWrongInAFormIsSaidAtItsField(t *testing.T) {
	git, docker := forms()["git-version"], forms()["docker"]
	git.Profiles = []string{"quick", "bad\x01one"}
	for name, test := range map[string]struct {
		form        commands.FormReply
		values      map[string]string
		block, says string
	}{
		"another stack chosen": {git, map[string]string{"stack/abc123": "other"}, "stack/abc123", "I am still looking at this " +
			"stack: send it again in a moment."},
		"a stack chosen, and none shown": {forms()["stack-to-choose"], map[string]string{"stack": "abc123"}, "stack",
			"I am still looking at this stack"},
		"no stack chosen": {forms()["stack-to-choose"], map[string]string{"stack": ""}, "stack",
			"I am still looking at this stack"},
		"marks around nothing": {docker, map[string]string{"services/abc123": "``` ```"}, "services/abc123",
			"Name at least one service"},
		"a branch that is none": {git, map[string]string{"ref/abc123": "a b"}, "ref/abc123", "“a b” is no branch, tag or commit"},
		"a branch that is too long": {git, map[string]string{"ref/abc123": strings.Repeat("x", 256)}, "ref/abc123",
			"The ref has 256 characters"},
		"a branch with control characters": {git, map[string]string{"ref/abc123": "a\x01"}, "ref/abc123", "control characters"},
		"a branch and this version": {git, map[string]string{"ref/abc123": "main", "version/abc123": "this"}, "ref/abc123",
			"Choose one: this version, or a branch, tag or commit."},
		"a profile of another form":    {git, map[string]string{"profile": "2"}, "profile", "I do not know this profile any more"},
		"a profile that is no number":  {git, map[string]string{"profile": "quick"}, "profile", "I do not know this profile any more"},
		"a negative profile":           {git, map[string]string{"profile": "-1"}, "profile", "I do not know this profile any more"},
		"a profile with control signs": {git, map[string]string{"profile": "1"}, "profile", "control characters"},
		"a reason that is too long": {git, map[string]string{"reason": strings.Repeat("é", 501)}, "reason",
			"The reason has 501 characters"},
		"services emptied": {docker, map[string]string{"services/abc123": " \n"}, "services/abc123",
			"Name at least one service, or leave the list as it was: then all are redeployed."},
		"a service named twice": {docker, map[string]string{"services/abc123": "api:1\nworker\napi:2"}, "services/abc123",
			"“api” is named twice"},
		"a service that is none": {docker, map[string]string{"services/abc123": "api::1"}, "services/abc123", "“api::1” is no service"},
		"services that are too many": {docker,
			map[string]string{"services/abc123": strings.Repeat("x", 600) + "\n" + strings.Repeat("y", 600)}, "services/abc123", "1201 characters"},
		"services with control characters": {docker, map[string]string{"services/abc123": "api\x01"}, "services/abc123", "control characters"},
	} {
		t.Run(name, func(t *testing.T) {
			inv, wrong := ReadForm(stateIn(test.form), filled(test.values, stateIn(test.form)))
			if len(wrong) != 1 || !strings.Contains(wrong[test.block], test.says) {
				t.Errorf("%+v, wrong is %q", inv, wrong)
			}
		})
	}
}

func TestAllThatIsWrongInAFormIsSaidAtOnce(t *testing.T) {
	_, wrong := ReadForm(
		stateIn(forms()["git-profiles"]),
		filled(map[string]string{"ref/abc123": "a b", "profile": "7", "reason": strings.Repeat("x", 501)}, stateIn(forms()["git-profiles"])),
	)
	if len(wrong) != 3 {
		t.Errorf("wrong is %q", wrong)
	}
}

func TestAFieldOfAnotherKindSaysNothing(t *testing.T) {
	var fields Fields
	sent := `{"ref/abc123":{"field":{"type":"static_select","selected_option":{"value":"main"}}},
	"profile":{"field":{"type":"plain_text_input","value":"1"}},
		"version/abc123":{"field":{"selected_option":null}},"reason":{"field":{"value":null}},"services/abc123":{},
		"stack/abc123":{"stack":{"selected_option":{"value":"abc123"}}}}`
	if err := json.Unmarshal([]byte(sent), &fields); err != nil {
		t.Fatal(err)
	}
	got, wrong := ReadForm(stateIn(forms()["git-profiles"]), fields)
	if diff := cmp.Diff(answered(nil), got); diff != "" || len(wrong) > 0 {
		t.Errorf("%v (-want +got):\n%s", wrong, diff)
	}
}

func TestAFormWhoseMemoryWasForgedDoesNothing(t *testing.T) {
	for name, metadata := range map[string]string{
		"empty": "", "null": "null", "no JSON": "{", "a list": "[]", "of another type": `{"u":5}`, "without a stack": `{"c":"C1","l":3}`,
		"with a negative deployment": `{"u":"abc123","l":-1}`, "with profiles that are none": `{"u":"abc123","p":"quick"}`, "huge": `{"c":"` +
			strings.Repeat("x", 100_000) + `"}`,
	} {
		if inv, wrong := ReadForm(ParseFormState(metadata), filled(map[string]string{"stack/abc123": "abc123"}, ParseFormState(metadata))); len(
			wrong,
		) == 0 {
			t.Errorf("%s: it is taken as %+v", name, inv)
		}
	}
	state := ParseFormState(`{"u":"abc123","v":"a b","m":1,"s":"x","a":"sv"}`)
	if _, wrong := ReadForm(state, filled(map[string]string{"version/abc123": "this", "services/abc123": "api"}, state)); len(wrong) != 1 {
		t.Errorf("a version that is no commit: wrong is %q", wrong)
	}
}

func TestAFormRemembersItselfThroughSlack(t *testing.T) {
	for name, r := range forms() {
		got := stateIn(r)
		want := FormState{Channel: r.Channel, Choose: r.Choose}
		if r.Stack != nil {
			want.UID, want.Shown, want.Newest, want.AskedAt = r.Stack.UID, r.Stack.String(), 1041, now.Unix()
		}
		if r.Version != nil {
			want.Version = "4f2c1d90aa"
		}
		got.Services, got.Profiles, got.Asked, got.Typed = "", nil, "", commands.Invocation{}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAsManyProfilesAreOfferedAsFitAndTheChosenOneIsMeant(t *testing.T) {
	r := gitForm()
	for i := range 200 {
		r.Profiles = append(r.Profiles, fmt.Sprintf("profile-%03d-%s", i, strings.Repeat("x", 40)))
	}
	short := gitForm()
	for i := range 200 {
		short.Profiles = append(short.Profiles, fmt.Sprint("p", i))
	}
	for name, test := range map[string]struct {
		form  commands.FormReply
		least int
	}{"long names": {r, 40}, "short names": {short, 100}} {
		view := Form(test.form)
		state := ParseFormState(view.PrivateMetadata)
		if n := utf8.RuneCountInString(view.PrivateMetadata); n > 3000 || len(state.Profiles) < test.least || len(state.Profiles) > 100 {
			t.Errorf("%s: %d profiles in %d characters", name, len(state.Profiles), n)
		}
		for i := range state.Profiles {
			if inv, wrong := ReadForm(state,
				filled(map[string]string{"profile": fmt.Sprint(i)}, state)); inv.Options[commands.Profile] != test.form.Profiles[i] ||
				len(wrong) > 0 {
				t.Fatalf("%s: choice %d is %q, %v", name, i, inv.Options[commands.Profile], wrong)
			}
		}
	}
}

func TestManyServicesAreNotListedHalf(t *testing.T) {
	r := dockerForm()
	r.Services = nil
	for i := range 500 {
		r.Services = append(r.Services, cloud66.Service{Name: fmt.Sprint("service-", i), ImageTag: "1.0"})
	}
	view := Form(r)
	if value := firstField(&view, "services/abc123").InitialValue; value != "" {
		t.Errorf("the field begins with %d characters", len(value))
	}
	got, wrong := ReadForm(
		ParseFormState(view.PrivateMetadata),
		filled(map[string]string{"services/abc123": ""}, ParseFormState(view.PrivateMetadata)),
	)
	if diff := cmp.Diff(answered(nil), got); diff != "" || len(wrong) > 0 {
		t.Errorf("left empty: %v (-want +got):\n%s", wrong, diff)
	}
}

func TestAStackWhoseIDIsNoValueIsNotOffered(t *testing.T) {
	for uid, offered := range map[string]bool{"": false, "abc123": true, strings.Repeat("x", 150): true, strings.Repeat("x", 151): false} {
		if o := StackOption(storage.StackRef{UID: uid, Name: "web@production"}).Object(); (o != nil) != offered {
			t.Errorf("a UID of %d characters: %+v", len(uid), o)
		}
	}
	if o := StackOption(storage.StackRef{UID: "abc123"}).Object(); o.Text.Text != "abc123" {
		t.Errorf("a stack without a name is offered as %q", o.Text.Text)
	}
}

func TestEachStackHasFieldsOfItsOwn(t *testing.T) {
	other := gitForm()
	other.Stack = &storage.StackRef{UID: "other", Name: "web", Environment: "staging"}
	seen := map[string]bool{}
	for _, r := range []commands.FormReply{gitForm(), other, dockerForm()} {
		for _, b := range items(decodedView(t, Form(r))["blocks"]) {
			if id, _ := object(b)["block_id"].(string); strings.Contains(id, "/") {
				seen[id] = true
			}
		}
	}
	for _, id := range []string{"stack/abc123", "stack/other", "ref/abc123", "ref/other", "services/abc123"} {
		if !seen[id] {
			t.Errorf("no block %q: %v", id, seen)
		}
	}
}

func FuzzParseFormState(f *testing.F) {
	for _, seed := range []string{"", "{}", "null", `{"c":"C1","w":true,"u":"abc123","l":1041,"m":1,"v":"4f2c","s":"x","p":["a","b"]}`,
		`{"l":-1}`, `{"p":[1]}`, "{\"c\":\"\xff\"}"} {
		f.Add(seed, "0", "this", "main", "api:1\nworker", "why")
	}
	f.Add(`{"u":"abc123","v":"a b","p":["a\u0000"]}`, "0", "this", "", "a,a", "\x00")
	f.Fuzz(func(t *testing.T, metadata, profile, version, ref, services, reason string) {
		state := ParseFormState(metadata)
		inv, wrong := ReadForm(
			state,
			filled(map[string]string{"profile": profile, "version/x": version, "ref/x": ref, "services/x": services, "reason": reason}, state),
		)
		for block, says := range wrong {
			if says == "" || utf8.RuneCountInString(says) > 2000 {
				t.Errorf("%s is said to be wrong by %q", block, says)
			}
		}
		if len(wrong) > 0 {
			return
		}
		if inv.Verb != commands.Redeploy || !inv.Form || !inv.Yes || inv.UID == "" || inv.Newest < 0 || inv.UID != state.UID {
			t.Fatalf("it is read as %+v", inv)
		}
		for _, option := range []commands.Opt{commands.Ref, commands.Services, commands.Profile, commands.Reason} {
			value := inv.Options[option]
			again := inv
			if err := again.Set(option, value); err != nil || again != inv {
				t.Fatalf("option %d as %q could not be typed: %v", option, value, err)
			}
		}
	})
}
