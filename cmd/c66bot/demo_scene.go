package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

// beat is the pause before people do something, so that a reader can follow.
const beat = 900 * time.Millisecond

// scene is what the story is played with. The first thing that goes wrong is kept; what would follow then does nothing.
type scene struct {
	slack *slacksim.Workspace
	cloud *cloud66sim.Sim
	bot   *child
	out   *printer
	uids  map[string]string // The stacks' UIDs by name@environment.
	speed float64

	ctx      context.Context // The story's own life: the steps read as a script without it.
	fail     context.CancelCauseFunc
	err      error
	patience time.Duration // How long a step may take.
	printed  int           // The number of Slack's events that were printed.
	mark     int           // The number of Slack's events before the last thing that a person did.
	began    time.Time
	asked    int // The requests to Cloud 66 before the story.
	acks     []time.Duration

	samsRule string           // The id of a rule that one chapter makes and another takes back.
	docs     slacksim.Message // The card of one chapter, in whose thread the next one goes on.
}

func newScene(slack *slacksim.Workspace, cloud *cloud66sim.Sim, bot *child, out *printer, speed float64) *scene {
	return &scene{
		slack: slack, cloud: cloud, bot: bot, out: out, speed: speed, uids: map[string]string{},
		patience: 20*time.Second + time.Duration(float64(16*time.Minute)/speed),
	}
}

// play plays every chapter and sums up. Its error says what was waited for in vain.
func (s *scene) play(ctx context.Context) error {
	s.ctx, s.fail = context.WithCancelCause(ctx)
	defer s.fail(nil)
	s.began, s.asked = time.Now(), s.cloud.Count()
	s.out.say("Acme has a Slack with #deploys, #web and #billing, and a dozen stacks at Cloud 66; both are simulated. " +
		"Lin and Ana are the bot's admins, Sam is a developer, Noor is from support. #web is shared with another organisation, Olga's.")
	s.start("c66bot serve")
	for i, chapter := range story {
		if s.err != nil {
			break
		}
		s.out.title(fmt.Sprintf("%d  %s", i+1, chapter.title))
		chapter.play(s)
	}
	if s.err == nil {
		s.sumUp()
	} else if ctx.Err() != nil {
		s.out.say("Stopped.")
	}
	return s.err
}

// until prints what happens until something holds. It gives up when that takes too long.
func (s *scene) until(what string, holds func() bool) {
	if s.err != nil {
		return
	}
	ctx, cancel := context.WithTimeoutCause(s.ctx, s.patience, fmt.Errorf("it did not come about within %v", s.patience.Round(time.Millisecond)))
	defer cancel()
	err := s.slack.WaitFor(ctx, func() bool { s.catchUp(); return s.err != nil || holds() })
	s.catchUp() // What made it hold may have come just before it was asked for.
	s.gaveUp(ctx, "waiting until "+what, err)
}

// gaveUp keeps the error of something that was waited for, with the reason why the wait was ended.
func (s *scene) gaveUp(ctx context.Context, what string, err error) {
	if err == nil {
		return
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	s.err = fmt.Errorf("%s: %w", what, err)
}

// catchUp prints what happened in Slack since it was last called.
func (s *scene) catchUp() {
	events := s.slack.Log()
	for _, e := range events[s.printed:] {
		s.out.event(e)
	}
	s.printed = len(events)
	if s.err == nil {
		s.err = s.out.err
	}
}

// tells says something to the reader in the middle of a chapter.
func (s *scene) tells(text string) {
	s.pause()
	if s.err == nil {
		s.out.say(text)
	}
}

// pause lets the reader follow, and prints what happens meanwhile.
func (s *scene) pause() {
	if s.err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, min(beat, time.Duration(float64(beat)*demoSpeed/s.speed)))
	defer cancel()
	_ = s.slack.WaitFor(ctx, func() bool { s.catchUp(); return s.err != nil }) // That the time is over is what is waited for.
	if s.err == nil {
		s.err = context.Cause(s.ctx)
	}
}

// told waits for an answer to the last thing done that this person alone sees, and returns it.
func (s *scene) told(who, words string) slacksim.Message {
	return s.appears(fmt.Sprintf("%s alone sees %q", name(who), words), func(m slacksim.Message) bool {
		return m.For == who && strings.Contains(m.Plain(), words)
	})
}

// asks is a command and its answer.
func (s *scene) asks(who, channel, text, answer string) slacksim.Message {
	s.types(who, channel, text)
	return s.told(who, answer)
}

// card waits for the card that came of the last thing done.
func (s *scene) card(channel string) slacksim.Message {
	return s.appears("a card stands in "+channelName(channel), func(m slacksim.Message) bool {
		return m.Channel == channel && m.BotID != "" && !m.Ephemeral && !isReply(m)
	})
}

// says waits for what the last thing done had the bot say to everybody in a channel, and returns it.
func (s *scene) says(channel, words string) slacksim.Message {
	return s.appears(fmt.Sprintf("%s is told %q", channelName(channel), words), func(m slacksim.Message) bool {
		return m.Channel == channel && !m.Ephemeral && strings.Contains(m.Plain(), words)
	})
}

func (s *scene) appears(what string, fits func(slacksim.Message) bool) (found slacksim.Message) {
	s.until(what, func() bool {
		for _, e := range s.slack.Log()[s.mark:] {
			if e.Message != nil && fits(*e.Message) {
				found = *e.Message
				return true
			}
		}
		return false
	})
	return found
}

// shows waits until the card and the last reply in its thread say something.
func (s *scene) shows(card slacksim.Message, inCard, inThread string) {
	what := fmt.Sprintf("the card in %s says %q and its thread %q", channelName(card.Channel), inCard, inThread)
	s.until(what, func() bool {
		thread := s.slack.Person(lin).Thread(card.Channel, card.TS)
		return len(thread) > 1 && strings.Contains(thread[0].Plain(), inCard) && strings.Contains(thread[len(thread)-1].Plain(), inThread)
	})
}

func isReply(m slacksim.Message) bool { return m.ThreadTS != "" && m.ThreadTS != m.TS }
