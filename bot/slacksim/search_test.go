package slacksim

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestASearchAsksTheAppForOptions(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		l := r.connect()
		view := r.show(l, form(input("Stack", `"type":"external_select","min_query_length":0`, "")))
		p := r.w.Person(lin)
		var got map[string]any
		options, d, err := r.searching(l, "", `{"options":[`+optionJSON("Web")+`,`+optionJSON("Api")+`]}`, &got)
		if diff := cmp.Diff([]string{"Web", "Api"}, options); diff != "" || err != nil {
			t.Fatal(diff, err)
		}
		if got["type"] != "interactive" || got["accepts_response_payload"] != true || got["envelope_id"] != d.EnvelopeID {
			t.Errorf("the envelope is %v", got)
		}
		view["state"] = map[string]any{
			"values": map[string]any{"stack": map[string]any{"stack": map[string]any{"type": "external_select", "selected_option": nil}}},
		}
		want := map[string]any{
			"type": "block_suggestion", "api_app_id": "A0C66", "token": verificationToken, "enterprise": nil, "is_enterprise_install": false,
			"user": map[string]any{"id": lin, "username": "lin", "name": "lin", "team_id": "T0HOME"},
			"team": map[string]any{"id": "T0HOME", "domain": "home"}, "view": view,
			"container": map[string]any{"type": "view", "view_id": view["id"]}, "block_id": "stack", "action_id": "stack", "value": "",
		}
		if diff := cmp.Diff(want, got["payload"]); diff != "" {
			t.Error(diff)
		}
		r.must(p.Choose("Stack", "Api"))
		if _, err := p.Choose("Stack", "Other"); err == nil || r.view().Value("Stack") != "Api" {
			t.Errorf("the field holds %q, %v", r.view().Value("Stack"), err)
		}
		options, _, err = r.searching(l, "x", `{"options":[`+optionJSON("Job")+`]}`, nil)
		if diff := cmp.Diff([]string{"Job"}, options); diff != "" || err != nil {
			t.Error(diff, err)
		}
		if _, err := p.Choose("Stack", "Web"); err == nil {
			t.Error("an option of the search before was chosen")
		}
		if options, _, err = r.searching(l, "x", `{"options":[]}`, nil); len(options) > 0 || err != nil {
			t.Errorf("no options: %v, %v", options, err)
		}
		r.noViolations()
	})
}

// searching types into the field Stack and answers with a payload; the envelope goes to got.
func (r *rig) searching(l *link, typed, payload string, got *map[string]any) ([]string, *Delivery, error) {
	r.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		e, err := l.next()
		if err != nil {
			return
		}
		if got != nil {
			*got = e
		}
		l.ack(e, payload)
	}()
	options, d, err := r.w.Person(lin).Search(soon(r.t), "Stack", typed)
	<-done
	return options, d, err
}

func TestTooFewCharactersAreNotSent(t *testing.T) {
	for name, tt := range map[string]struct {
		field string
		typed string
		sent  bool
	}{
		"2 where the app says nothing": {"", "we", false},
		"3 where the app says nothing": {"", "web", true},
		"3 umlauts":                    {"", "äöü", true},
		"4 where the app wants 5":      {`,"min_query_length":5`, "webs", false},
		"none where the app wants 0":   {`,"min_query_length":0`, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(r *rig) {
				l := r.connect()
				r.show(l, form(input("Stack", `"type":"external_select"`+tt.field, "")))
				if !tt.sent {
					options, d, err := r.w.Person(lin).Search(soon(r.t), "Stack", tt.typed)
					if options != nil || d != nil || err != nil {
						r.t.Errorf("%v, %v, %v", options, d, err)
					}
					return
				}
				if options, d, err := r.searching(l, tt.typed, `{"options":[`+optionJSON("Web")+`]}`, nil); len(options) != 1 || d == nil ||
					err != nil {
					r.t.Errorf("%v, %v, %v", options, d, err)
				}
			})
		})
	}
}

func TestOptionsThatSlackCannotUseShowNothing(t *testing.T) {
	for name, tt := range map[string]struct{ payload, want string }{
		"no payload":   {``, "missing required field: options"},
		"101 options":  {`{"options":` + repeat(101, optionJSON("O")) + `}`, "no more than 100 items allowed"},
		"a text of 76": {`{"options":[` + optionJSON(long(76)) + `]}`, "must be less than 76 characters"},
		"a value of 151": {`{"options":[{"text":{"type":"plain_text","text":"o"},` +
			`"value":"` + long(151) + `"}]}`, "must be less than 151 characters"},
		"a text in mrkdwn":            {`{"options":[{"text":{"type":"mrkdwn","text":"o"},"value":"v"}]}`, "unsupported type: mrkdwn"},
		"options that are no list":    {`{"options":"web"}`, "must be an array"},
		"something of another kind":   {`{"options":[],"text":"x"}`, "invalid additional property: text"},
		"a message instead":           {`{"text":"x"}`, "invalid additional property: text"},
		"an answer as for a dialogue": {`{"response_action":"clear"}`, "invalid additional property"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(r *rig) {
				l := r.connect()
				r.show(l, form(input("Stack", `"type":"external_select"`, "")))
				options, _, err := r.searching(l, "web", tt.payload, nil)
				v := r.w.Violations()
				if len(options) > 0 || err != nil || len(v) != 1 || !strings.Contains(v[0], tt.want) {
					r.t.Errorf("options %q, %v, violations %q", options, err, v)
				}
			})
		})
	}
}

func TestASearchThatNobodyAnswersFails(t *testing.T) {
	inBubble(t, Options{}, func(r *rig) {
		t := r.t
		l := r.connect()
		r.show(l, form(input("Stack", `"type":"external_select"`, ""), textInput("Ref", "", "")))
		p := r.w.Person(lin)
		if _, _, err := r.searching(l, "web", `{"options":[`+optionJSON("Web")+`]}`, nil); err != nil {
			t.Fatal(err)
		}
		options, d, err := p.Search(soon(t), "Stack", "web")
		if options != nil || failureOf(t, err) != "operation_timeout" || d == nil {
			t.Errorf("%v, %v", options, err)
		}
		if _, err := p.Choose("Stack", "Web"); err == nil {
			t.Error("an option of the search before was chosen")
		}
		if _, _, err := p.Search(soon(t), "Ref", "web"); err == nil {
			t.Error("a text field was searched")
		}
		if _, _, err := r.w.Person(sam).Search(soon(t), "Stack", "web"); err == nil {
			t.Error("somebody without a view searched")
		}
		r.w.Drop()
		if _, _, err := p.Search(soon(t), "Stack", "web"); failureOf(t, err) != "dispatch_failed" {
			t.Errorf("without a socket: %v", err)
		}
	})
}
