package bot_test

import (
	"strings"
	"testing"
	"time"

	"c66bot/storage"
)

func TestAFormsWindowComesToItsContentOrToAWord(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault  func(r *rig)
		says   string // the window
		direct string // or an answer beside it
	}{
		"three faults":             {func(r *rig) { r.slack.BreakCall("views.update", 500, 3) }, "Live now is", ""},
		"faults for half a minute": {func(r *rig) { r.slack.FailCall("views.update", "internal_error", 10, false) }, "Live now is", ""},
		"a limit":                  {func(r *rig) { r.slack.Throttle("views.update", 20*time.Second, 1) }, "Live now is", ""},
		"faults without an end": {func(r *rig) { r.slack.FailCall("views.update", "internal_error", 1000, false) }, "",
			"Slack did not take the content of the form"},
		"a limit of hours": {func(r *rig) { r.slack.Throttle("views.update", time.Hour, 1000) }, "",
			"Slack did not take the content of the form"},
		"a refused form": {func(r *rig) { r.slack.FailCall("views.update", "view_too_large", 1, false) },
			"Slack did not take the content of the form", ""},
		"an answer that is lost":   {func(r *rig) { r.slack.FailCall("views.update", "internal_error", 1, true) }, "Live now is", ""},
		"no answer for a while":    {func(r *rig) { r.slack.SlowCall("views.update", time.Hour, 2) }, "Live now is", ""},
		"not opened at first":      {func(r *rig) { r.slack.BreakCall("views.open", 500, 2) }, "Live now is", ""},
		"an empty answer":          {func(r *rig) { r.slack.AnswerCall("views.update", `{}`, 1) }, "Live now is", ""},
		"an answer of null":        {func(r *rig) { r.slack.AnswerCall("views.update", `null`, 2) }, "Live now is", ""},
		"opened without an answer": {func(r *rig) { r.slack.FailCall("views.open", "internal_error", 1, true) }, "Live now is", ""},
		"opened with an empty one": {func(r *rig) { r.slack.AnswerCall("views.open", `{"ok":true}`, 1) }, "Live now is", ""},
		"a limit on opening":       {func(r *rig) { r.slack.Throttle("views.open", 2*time.Second, 1) }, "Live now is", ""},
		"never opened":             {func(r *rig) { r.slack.FailCall("views.open", "internal_error", 100, false) }, "", "web@production"},
		"too late to open":         {func(r *rig) { r.slack.FailCall("views.open", "expired_trigger_id", 1, false) }, "", "web@production"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, settings{}, func(t *testing.T, r *rig) {
				test.fault(r)
				r.command(lin, deploys, "/c66 redeploy web")
				if test.says != "" {
					r.form(lin, test.says)
					return
				}
				r.says(lin, deploys, test.direct)
			})
		})
	}
}

func TestWhoWaitsForAFormHearsOfItsTroubleWithinTenSecondsAndOnce(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(r *rig){
		"faults":        func(r *rig) { r.slack.BreakCall("views.update", 500, 1000) },
		"empty answers": func(r *rig) { r.slack.AnswerCall("views.update", `{}`, 1000) },
		"no answer":     func(r *rig) { r.slack.SlowCall("views.update", time.Hour, 1000) },
		"a limit":       func(r *rig) { r.slack.Throttle("views.update", 20*time.Second, 1000) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, settings{}, func(t *testing.T, r *rig) {
				fault(r)
				r.command(lin, deploys, "/c66 redeploy web")
				pass(10 * time.Second)
				for range 2 {
					said := r.sees(lin, deploys)
					if n := strings.Count(said, "Slack did not take the content of the form yet"); n != 1 ||
						strings.Count(said, "the content of the form") != 1 {
						t.Errorf("it was said %d times: %s", n, said)
					}
					pass(2 * time.Minute)
				}
			})
		})
	}
}

func TestAMentionInACardsThreadMeansTheCardWhateverSlackAnswers(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(r *rig){
		"a limit":      func(r *rig) { r.slack.Throttle("conversations.replies", 2*time.Second, 1) },
		"a long limit": func(r *rig) { r.slack.Throttle("conversations.replies", time.Hour, 1000) },
		"faults":       func(r *rig) { r.slack.FailCall("conversations.replies", "internal_error", 1000, false) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, settings{}, func(t *testing.T, r *rig) {
				r.command(lin, deploys, "/c66 redeploy web --now")
				card := r.card("deploying #1036")
				fault(r)
				r.mention(lin, deploys, card.TS, "@c66bot cancel")
				r.inThread(lin, card, "cancel #1036?")
			})
		})
	}
}

// TestTheCardOfAForgottenMessageIsLookedForInSlack has the database forget the message of a card, as it does a day after its end.
func TestTheCardOfAForgottenMessageIsLookedForInSlack(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault func(r *rig)
		says  string
	}{
		"no fault":        {func(*rig) {}, "cancel #1036?"},
		"a limit":         {func(r *rig) { r.slack.Throttle("conversations.replies", 2*time.Second, 1) }, "cancel #1036?"},
		"faults":          {func(r *rig) { r.slack.FailCall("conversations.replies", "internal_error", 3, false) }, "cancel #1036?"},
		"no end of them":  {func(r *rig) { r.slack.FailCall("conversations.replies", "internal_error", 1000, false) }, "Slack did not answer"},
		"a long limit":    {func(r *rig) { r.slack.Throttle("conversations.replies", time.Hour, 1000) }, "Slack did not answer"},
		"a missing scope": {func(r *rig) { r.slack.FailCall("conversations.replies", "missing_scope", 1000, false) }, "stack"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, settings{}, func(t *testing.T, r *rig) {
				r.command(lin, deploys, "/c66 redeploy web --now")
				card := r.card("deploying #1036")
				r.terminate()
				r.stores(func(tx storage.Tx) error {
					var keys []string
					err := storage.Messages.Scan(tx, "", func(key string, _ storage.Message) error { keys = append(keys, key); return nil })
					for _, key := range keys {
						if err == nil {
							err = storage.Messages.Delete(tx, key)
						}
					}
					return err
				})
				r.start()
				pass(5 * time.Second)
				test.fault(r)
				r.mention(lin, deploys, card.TS, "@c66bot cancel")
				said := r.inThread(lin, card, test.says).Plain()
				if strings.Contains(test.says, "Slack") {
					hold(t, "the answer", said, "Nothing was done")
					lack(t, "the answer", said, "Which stack")
				}
			})
		})
	}
}
