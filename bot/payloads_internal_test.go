package bot

import "testing"

func TestTheAuthorOfWhatCannotBeReadIsFound(t *testing.T) {
	for name, c := range map[string]struct{ text, user, channel, url string }{
		"a command": {`{"envelope_id":"e","payload":{"user_id":"U1","channel_id":"C1","response_url":"https:\/\/hooks.example\/1","te`,
			"U1", "C1", "https://hooks.example/1"},
		"a click": {`{"payload":{"user":{"name":"x","id":"W1"},"channel":{"id":"C1","name":"d"},"response_url":"https://hooks.example/1",`,
			"W1", "C1", "https://hooks.example/1"},
		"somebody's text": {`{"payload":{"text":"\"user_id\":\"U9\"","user_id":"U1`, "", "", ""},
		"nobody":          {`{"envelope_id":"e","payload":{}`, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if to := authorOf([]byte(c.text)); to.user != c.user || to.channel != c.channel || to.url.Reveal() != c.url {
				t.Errorf("found %q in %q at %q", to.user, to.channel, to.url.Reveal())
			}
		})
	}
}
