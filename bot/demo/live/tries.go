package live

import (
	"slices"
	"strings"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

// task is one of the things to try.
type task struct {
	Text    string `json:"text"`
	How     string `json:"how"`
	As      string `json:"as"`      // the person to do it as
	Channel string `json:"channel"` // where
	Type    string `json:"type"`    // what to begin with, for the composer; may be empty
	Done    bool   `json:"done"`
}

// tries records which of the things to try were done.
type tries struct {
	begin time.Time // of the demonstration
	log   int       // number of Slack's events looked at

	redeployed, cancelled, asked, subscribed, heard, killed, carriedOn bool
}

func (t *tries) tasks() []task {
	return []task{
		{"Redeploy a stack", "As Lin in #deploys. The card follows it to its end.", lin, "C0DEPLOYS", "/c66 redeploy docs", t.redeployed},
		{"Cancel one", "Redeploy again and press Cancel on the card.", lin, "C0DEPLOYS", "/c66 redeploy worker --now", t.cancelled},
		{"Be refused, and ask for access", "As Noor in #billing. Then grant it as Lin.", "U0NOOR", "C0BILLING", "/c66 list billing", t.asked},
		{
			"Subscribe, and hear of a git hook", "Then push a commit to web@staging in the Cloud 66 panel.", lin, "C0WEB",
			"/c66 subscribe web@staging", t.heard,
		},
		{
			"Kill the bot in the middle", "While a deployment runs, kill the bot in the Cloud 66 panel and start it again.", lin, "C0DEPLOYS",
			"/c66 redeploy search --now", t.carriedOn,
		},
	}
}

// look notes what was done since the last look.
func (t *tries) look(p *panel) {
	events := p.slack.Log()
	for _, e := range events[t.log:] {
		switch {
		case e.User == ana: // The seed is hers, and nobody looks through her eyes.
		case e.Kind == slacksim.KindClick && strings.HasPrefix(e.Text, "Ask for access"):
			t.asked = true
		case (e.Kind == "command" || e.Kind == slacksim.KindSaid) && strings.Contains(e.Text, " subscribe "):
			t.subscribed = true
		case e.Kind == slacksim.KindPosted && t.subscribed && p.pushed(t.begin):
			t.heard = true
		}
	}
	t.log = len(events)
	for _, uid := range p.uids {
		for _, d := range p.cloud.Deployments(uid) {
			if d.CreatedAt.After(t.begin) {
				t.redeployed = t.redeployed || d.Via == "api"
				t.cancelled = t.cancelled || !d.CancelRequestedAt.IsZero()
			}
		}
	}
	t.carriedOn = t.carriedOn || t.killed && p.slack.Sockets() > 0 && !p.deploying()
}

// pushed reports whether a git hook deployed anything since a time.
func (p *panel) pushed(since time.Time) bool {
	for _, uid := range p.uids {
		if slices.ContainsFunc(p.cloud.Deployments(uid), func(d cloud66sim.View) bool { return d.Via == "hook" && d.CreatedAt.After(since) }) {
			return true
		}
	}
	return false
}
