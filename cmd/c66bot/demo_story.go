package main

import (
	"fmt"
	"strings"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

// story is what the demonstration plays.
var story = []struct {
	title string
	play  func(*scene)
}{
	{"What can I do here?", help},
	{"A look at what is deployed", look},
	{"A slip of the finger", typos},
	{"A redeploy, followed to its end", redeployed},
	{"A docker stack, and a name that fits two", docker},
	{"Sam may not yet, and then may", allowed},
	{"Noor asks for access", granted},
	{"Olga is of another organisation", stranger},
	{"Who may what, and why", access},
	{"A form", form},
	{"A word in a card's thread", mentioned},
	{"One that fails", failed},
	{"One that a git hook began", hooked},
	{"A channel that hears of every deployment", subscribed},
	{"The bot is killed in the middle of one", killed},
}

func help(s *scene) {
	s.asks(lin, deploys, "/c66 help", "What you can do here")
}

func look(s *scene) {
	s.asks(lin, deploys, "/c66 stacks web", "1–2 of 2")
	list := s.asks(lin, deploys, "/c66 list web@production", "deployments 1–10")
	s.clicks(lin, list, "Older")
	s.told(lin, "deployments 11–20")
	s.asks(lin, deploys, "/c66 show web@prod live", "Commit")
}

func typos(s *scene) {
	s.asks(ana, deploys, "/c66 redploy web@production", "Did you mean redeploy")
	s.asks(ana, deploys, "/c66 redeploy web@production --raeson hurry", "Did you mean --reason")
	s.asks(ana, deploys, "/c66 list wroker", "worker@production")
}

func redeployed(s *scene) {
	s.types(lin, deploys, `/c66 redeploy web@production --ref main --reason "fix the login"`)
	s.shows(s.card(deploys), "is live", "is live")
}

func docker(s *scene) {
	s.lasting("api@staging", 2*time.Minute)
	choice := s.asks(ana, web, `/c66 redeploy api --services api:v4.3.0,worker --reason "new search"`, "fits 2 stacks")
	s.clicks(ana, choice, "api@staging")
	s.shows(s.card(web), "is live", "is live")
}

func form(s *scene) {
	s.out.say("Without an option, as from a button, a redeploy begins with a form: a window that Lin alone sees.")
	s.lasting("docs@production", s.really(time.Minute)) // Long enough to be cancelled.
	s.types(lin, deploys, "/c66 redeploy docs")
	s.window(lin, "Deployment profile")
	s.fills(lin, "Branch, tag or commit", "v2 beta")
	s.chooses(lin, "Deployment profile", "canary")
	s.sends(lin)
	s.window(lin, "is no branch")
	s.fills(lin, "Branch, tag or commit", "v2-beta")
	s.sends(lin)
	s.docs = s.card(deploys)
	s.shows(s.docs, "deploying", "started")
}

func mentioned(s *scene) {
	s.out.say("Slack has no slash commands in threads. There a mention does the same, and means what the thread's card shows.")
	s.writes(ana, s.docs, "@c66bot cancel")
	s.clicks(ana, s.told(ana, "cancel #"), "Yes, cancel it")
	s.shows(s.docs, "was cancelled by", "was cancelled by")
}

func failed(s *scene) {
	s.cloud.NextOutcome(s.uids["billing@production"], cloud66sim.Next{Fail: true, Duration: 3 * time.Minute})
	s.types(ana, billing, "/c66 redeploy billing --ref release-7 --reason \"new invoices\"")
	s.shows(s.card(billing), "failed", "failed")
}

func hooked(s *scene) {
	s.out.say("Ben pushes to develop. A git hook deploys web@staging; nobody asked the bot.")
	s.lasting("web@staging", max(3*time.Minute, s.really(2*time.Second)))
	s.cloud.Deploy(s.uids["web@staging"], cloud66sim.Start{Via: "hook", By: "ben@acme.example", Ref: "develop"})
	s.types(ana, web, "/c66 follow web@staging")
	s.shows(s.card(web), "is live", "is live")
}

func subscribed(s *scene) {
	s.types(ana, billing, "/c66 subscribe billing@production --mention @lin")
	s.appears("#billing is told of the subscription", func(m slacksim.Message) bool { return strings.Contains(m.Plain(), "In the last 7 days") })
	s.out.say("Kim deploys billing@production in Cloud 66's dashboard. Nobody asks the bot.")
	s.mark = len(s.slack.Log())
	s.cloud.NextOutcome(s.uids["billing@production"], cloud66sim.Next{Fail: true, Duration: max(2*time.Minute, s.really(2*time.Second))})
	s.cloud.Deploy(s.uids["billing@production"], cloud66sim.Start{Via: "web", By: "kim@acme.example", Ref: "release-8"})
	s.shows(s.card(billing), "failed", "@lin")
}

func killed(s *scene) {
	s.lasting("worker@production", s.really(time.Minute))
	s.types(lin, deploys, `/c66 redeploy worker --reason "a longer queue"`)
	card := s.card(deploys)
	s.shows(card, "deploying", "started")
	s.kill()
	s.cloud.SetSpeed(30 * s.speed) // What is left of the minute goes by in two seconds.
	s.endsUnseen("worker@production")
	s.cloud.SetSpeed(s.speed)
	s.start("c66bot serve, again")
	s.shows(card, "is live", "is live")
	s.asks(lin, deploys, "/c66 status", "I am well")
}

// lasting has the next deployment of a stack take so long, in simulated time.
func (s *scene) lasting(stack string, d time.Duration) {
	s.cloud.NextOutcome(s.uids[stack], cloud66sim.Next{Duration: d})
}

// really is the simulated time that takes this long in reality.
func (s *scene) really(d time.Duration) time.Duration { return time.Duration(float64(d) * s.speed) }

// start starts the bot and waits until Slack has said hello to it.
func (s *scene) start(command string) {
	if s.err != nil {
		return
	}
	if s.err = s.bot.start(s.ctx, func(err error) { s.fail(err) }); s.err != nil {
		return
	}
	s.out.say(fmt.Sprintf("%s: process %d.", command, s.bot.cmd.Process.Pid))
	s.until("the bot is connected to Slack", func() bool { return s.slack.Sockets() == 1 })
}

// kill kills the bot and waits until Slack has seen its connection go.
func (s *scene) kill() {
	s.pause()
	if s.err != nil {
		return
	}
	s.out.say(fmt.Sprintf("kill -9 %d: the bot is gone, and nobody answers.", s.bot.cmd.Process.Pid))
	if s.err = s.bot.kill(); s.err == nil {
		s.until("Slack sees the connection go", func() bool { return s.slack.Sockets() == 0 })
	}
}

// endsUnseen waits until the newest deployment of a stack has ended while there is no bot to see it.
func (s *scene) endsUnseen(stack string) {
	tick := time.NewTicker(20 * time.Millisecond) // The simulated Cloud 66 tells nobody of its changes.
	defer tick.Stop()
	for s.err == nil {
		s.catchUp()
		deployments := s.cloud.Deployments(s.uids[stack])
		last := deployments[len(deployments)-1]
		if !last.FinishedAt.IsZero() {
			s.out.say(fmt.Sprintf("Meanwhile #%d of %s ended at Cloud 66, at %s.", last.ID, stack, last.FinishedAt.Local().Format(time.TimeOnly)))
			return
		}
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			s.gaveUp(s.ctx, "waiting until "+stack+" is deployed", s.ctx.Err())
		}
	}
}
