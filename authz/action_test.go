package authz_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"c66bot/authz"
)

func TestRightsAreReadAsPeopleWriteThem(t *testing.T) {
	all := []authz.Action{authz.View, authz.Redeploy, authz.Cancel, authz.Subscribe, authz.Lock, authz.Approve}
	for text, want := range map[string][]authz.Action{
		"view":                  {authz.View},
		"redeploy,view":         {authz.View, authz.Redeploy},
		"Redeploy , VIEW ,view": {authz.View, authz.Redeploy},
		"admin":                 {authz.Admin},
		"all":                   all,
		"All,lock":              all,
		"all,admin":             authz.Actions,
		"admin,all":             authz.Actions,
	} {
		got, err := authz.ParseActions(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", text, err, diff)
		}
	}
}

func TestAWrongRightIsAnsweredWithTheNearestAndTheList(t *testing.T) {
	for text, want := range map[string]string{
		"":              "a right is missing",
		"view,":         "a right is missing in “view,”",
		"deploy":        "there is no right “deploy” (did you mean “redeploy”?)",
		"view,redpeloy": "“redpeloy” (did you mean “redeploy”?)",
		"cancle":        "did you mean “cancel”?",
		"a11":           "there is no right “a11”: ",
		"view;redeploy": "did you mean “redeploy”?",
		"qqqqqqqqqqqqqq": "there is no right “qqqqqqqqqqqqqq”: the rights are view, redeploy, cancel, subscribe, lock, approve, admin, and all " +
			"for everything",
	} {
		got, err := authz.ParseActions(text)
		if err == nil || got != nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "subscribe") {
			t.Errorf("%q gives %v, %v", text, got, err)
		}
	}
}
