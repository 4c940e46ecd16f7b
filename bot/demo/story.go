package demo

import (
	_ "embed"
	"fmt"
	"strings"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

// story is the script: chapter titles after "# ", and one step per line as subject | verb | up to three words.
//
//go:embed story.txt
var story string

// step is a line of the story: the subject and the words after the verb.
type step struct {
	subject string
	words   [3]string
}

// user returns the Slack id of the subject, channel that of a channel's name.
func (a step) user() string { return "U0" + strings.ToUpper(a.subject) }

func channel(name string) string { return "C0" + strings.ToUpper(strings.TrimPrefix(name, "#")) }

// verbs implements the verbs of steps: acts and waits.
var verbs = map[string]func(*scene, step) error{
	"says":   func(s *scene, a step) error { return s.say("%s", a.words[0]) },
	"pauses": func(s *scene, _ step) error { return s.pause() },

	// Acts of people.
	"types in": func(s *scene, a step) error {
		where, text := channel(a.words[0]), a.words[1]
		return s.act(a, where, "types", text, func(p *slacksim.Person) (*slacksim.Delivery, error) { return p.Command(where, text), nil })
	},
	"clicks": func(s *scene, a step) error { // a button of s.message
		return s.act(a, s.message.Channel, "clicks", "["+a.words[0]+"]", func(p *slacksim.Person) (*slacksim.Delivery, error) {
			return p.Click(s.message.Channel, s.message, a.words[0])
		})
	},
	"writes below the card": func(s *scene, a step) error {
		return s.act(a, "", "", a.words[0], func(p *slacksim.Person) (*slacksim.Delivery, error) { // The message is shown as an event.
			_, delivery, err := p.Mention(s.card.Channel, s.card.TS, a.words[0])
			return delivery, err
		})
	},
	"submits": func(s *scene, a step) error {
		return s.act(a, "", "clicks", "["+a.words[0]+"]", (*slacksim.Person).Submit)
	},

	// Waits.
	"sees": func(s *scene, a step) error {
		return s.find(fmt.Sprintf("%s alone sees %q", a.subject, a.words[0]), func(m slacksim.Message) bool {
			return m.For == a.user() && strings.Contains(m.Plain(), a.words[0])
		})
	},
	"is told": func(s *scene, a step) error { return s.told(a.subject, a.words[0]) },
	"gets a card": func(s *scene, a step) error {
		err := s.find("a card stands in "+a.subject, func(m slacksim.Message) bool {
			return m.Channel == channel(a.subject) && m.BotID != "" && !m.Ephemeral && !isReply(m)
		})
		s.card = s.message
		return err
	},
	"shows": func(s *scene, a step) error { // the first word in the card, the second in the last reply of its thread
		what := fmt.Sprintf("the card in %s says %q and its thread %q", channelName(s.card.Channel), a.words[0], a.words[1])
		return s.until(what, func() bool {
			thread := s.slack.Person(lin).Thread(s.card.Channel, s.card.TS)
			return len(thread) > 1 && strings.Contains(thread[0].Plain(), a.words[0]) && strings.Contains(thread[len(thread)-1].Plain(), a.words[1])
		})
	},
	"has a window": func(s *scene, a step) error {
		return s.until(fmt.Sprintf("the window of %s says %q", a.subject, a.words[0]), func() bool {
			view, open := s.slack.Person(a.user()).View()
			return open && strings.Contains(view.Plain(), a.words[0])
		})
	},

	// Cloud 66 and the bot itself.
	"next takes":       func(s *scene, a step) error { return s.next(a, false) },
	"next fails after": func(s *scene, a step) error { return s.next(a, true) },
	"is deployed by": func(s *scene, a step) error {
		s.mark = len(s.slack.Log())
		s.cloud.Deploy(s.uids[a.subject], cloud66sim.Start{By: a.words[0], Via: a.words[1], Ref: a.words[2]})
		return nil
	},
	"ends unseen": (*scene).endsUnseen,
	"starts": func(s *scene, a step) error {
		if err := s.startBot(); err != nil {
			return fmt.Errorf("starting the bot: %w", err)
		}
		if err := s.say("%s", a.words[0]); err != nil {
			return err
		}
		return s.until("the bot is connected to Slack", func() bool { return s.slack.Sockets() == 1 })
	},
	"is killed": func(s *scene, _ step) error {
		if err := s.pause(); err != nil {
			return err
		}
		if err := s.say("The bot is killed: it is gone, and nobody answers."); err != nil {
			return err
		}
		s.killBot()
		return s.until("Slack sees the connection go", func() bool { return s.slack.Sockets() == 0 })
	},
}

// told waits for a message to the whole channel since the last act that contains words.
func (s *scene) told(name, words string) error {
	return s.find(fmt.Sprintf("%s is told %q", name, words), func(m slacksim.Message) bool {
		return m.Channel == channel(name) && !m.Ephemeral && strings.Contains(m.Plain(), words)
	})
}

// next sets the outcome and duration of the next deployment of a stack: the longer of a simulated and a real duration.
func (s *scene) next(a step, fails bool) error {
	simulated, err := time.ParseDuration(a.words[0])
	if err != nil {
		return err
	}
	inReality, err := time.ParseDuration(a.words[1])
	if err != nil {
		return err
	}
	takes := max(simulated, time.Duration(float64(inReality)*s.cfg.Speed))
	s.cloud.NextOutcome(s.uids[a.subject], cloud66sim.Next{Fail: fails, Duration: takes})
	return nil
}

// endsUnseen waits, without a bot, until the newest deployment of a stack has ended. It multiplies the speed by 30 meanwhile.
func (s *scene) endsUnseen(a step) error {
	s.cloud.SetSpeed(30 * s.cfg.Speed)
	defer s.cloud.SetSpeed(s.cfg.Speed)
	tick := time.NewTicker(20 * time.Millisecond) // cloud66sim has no notification of changes.
	defer tick.Stop()
	for {
		deployments := s.cloud.Deployments(s.uids[a.subject])
		if last := deployments[len(deployments)-1]; !last.FinishedAt.IsZero() {
			return s.say("Meanwhile #%d of %s ended at Cloud 66, at %s.", last.ID, a.subject, last.FinishedAt.Local().Format(time.TimeOnly))
		}
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			return fmt.Errorf("waiting until %s is deployed: %w", a.subject, s.ctx.Err())
		}
	}
}
