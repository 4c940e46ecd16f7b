package main

import (
	"fmt"
	"strings"
	"time"

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
	{"Not everybody may", refused},
	{"A redeploy, followed to its end", redeployed},
	{"A docker stack, and a name that fits two", docker},
	{"One that fails", failed},
	{"One that is cancelled", cancelled},
	{"One that a git hook began", hooked},
	{"The bot is killed in the middle of one", killed},
}

func help(s *scene) {
	s.asks(lin, deploys, "/c66 help", "What you can do here")
}

func look(s *scene) {
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

func refused(s *scene) {
	s.asks(sam, web, "/c66 redeploy web@production --now", "You may not redeploy")
}

func redeployed(s *scene) {
	s.types(lin, deploys, `/c66 redeploy web@production --ref main --reason "fix the login"`)
	s.shows(s.card(deploys), "is live", "is live")
}

func docker(s *scene) {
	choice := s.asks(ana, web, `/c66 redeploy api --services api:v4.3.0,worker --reason "new search"`, "fits 2 stacks")
	s.clicks(ana, choice, "api@staging")
	s.shows(s.card(web), "is live", "is live")
}

func failed(s *scene) {
	s.cloud.NextOutcome(s.uids["billing@production"], cloud66sim.Next{Fail: true, Duration: 4 * time.Minute})
	s.types(ana, team, "/c66 redeploy billing --ref release-7 --reason \"new invoices\"")
	s.shows(s.card(team), "failed", "failed")
}

func cancelled(s *scene) {
	s.cloud.NextOutcome(s.uids["docs@production"], cloud66sim.Next{Duration: s.really(time.Minute)}) // Long enough to be cancelled.
	question := s.asks(lin, deploys, "/c66 redeploy docs", "redeploy it now?")
	s.clicks(lin, question, "Yes, redeploy")
	card := s.card(deploys)
	s.shows(card, "deploying", "started")
	s.clicks(ana, card, "Cancel")
	s.shows(card, "was cancelled by", "was cancelled by")
}

func hooked(s *scene) {
	s.pause()
	s.out.say("Ben pushes to develop. A git hook deploys web@staging; nobody asked the bot.")
	s.cloud.NextOutcome(s.uids["web@staging"], cloud66sim.Next{Duration: max(5*time.Minute, s.really(2*time.Second))})
	s.cloud.Deploy(s.uids["web@staging"], cloud66sim.Start{Via: "hook", By: "ben@acme.example", Ref: "develop"})
	s.types(ana, web, "/c66 follow web@staging")
	s.shows(s.card(web), "is live", "is live")
}

func killed(s *scene) {
	s.cloud.NextOutcome(s.uids["worker@production"], cloud66sim.Next{Duration: s.really(time.Minute)})
	s.types(lin, deploys, `/c66 redeploy worker --reason "a longer queue"`)
	card := s.card(deploys)
	s.shows(card, "deploying", "started")
	s.kill()
	s.cloud.SetSpeed(30 * s.speed) // What is left of the minute goes by in two seconds.
	s.endsUnseen("worker@production")
	s.cloud.SetSpeed(s.speed)
	s.start("c66bot serve, again")
	s.shows(card, "is live", "is live")
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

// name is what people call a user, channelName a channel.
func name(user string) string { return strings.ToLower(strings.TrimPrefix(user, "U0")) }

func channelName(channel string) string {
	return "#" + strings.ToLower(strings.TrimPrefix(channel, "C0"))
}
