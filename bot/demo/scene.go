package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

// beat is the longest pause before an act of a person, so that a reader can follow.
const beat = 900 * time.Millisecond

// scene is the state of a running story. Its methods run in the goroutine of play.
type scene struct {
	cfg    Config
	slack  *slacksim.Workspace
	cloud  *cloud66sim.Sim
	admins []string
	life   *life             // nil while no bot runs
	lives  sync.WaitGroup    // tracks all bots so far
	uids   map[string]string // stack UIDs by name@environment

	ctx      context.Context // of the story; a field so that steps need no ctx parameter
	fail     context.CancelCauseFunc
	patience time.Duration   // time limit of a step
	shown    int             // number of Slack's events shown so far
	mark     int             // number of Slack's events before the last act
	acks     []time.Duration // delays of all acknowledgements

	message slacksim.Message // result of the last find
	card    slacksim.Message // the last card found
}

// play plays a story and prints the summary. Its error names the failed step.
func (s *scene) play(ctx context.Context, story string) error {
	s.ctx, s.fail = context.WithCancelCause(ctx)
	defer s.fail(nil)
	began, chapter := time.Now(), 0
	for line := range strings.Lines(story) {
		var err error
		parts := strings.Split(strings.TrimSpace(line), " | ")
		if title, ok := strings.CutPrefix(parts[0], "# "); ok {
			chapter++
			err = s.show(Moment{Title: fmt.Sprintf("%d  %s", chapter, title)})
		} else if len(parts) > 1 {
			a := step{subject: parts[0]}
			copy(a.words[:], parts[2:])
			err = verbs[parts[1]](s, a)
		}
		if err != nil {
			return err
		}
	}
	return s.sumUp(began)
}

func (s *scene) show(m Moment) error {
	if m.Time.IsZero() {
		m.Time = time.Now()
	}
	return s.cfg.Show(m)
}

func (s *scene) say(format string, args ...any) error {
	return s.show(Moment{Narration: fmt.Sprintf(format, args...)})
}

// catchUp shows Slack's events since its last call.
func (s *scene) catchUp() error {
	events := s.slack.Log()[s.shown:]
	for _, e := range events {
		s.shown++
		if err := s.show(Moment{Time: e.Time, Event: &e}); err != nil {
			return err
		}
	}
	return nil
}

// wait shows events until holds returns true or ctx ends.
func (s *scene) wait(ctx context.Context, holds func() bool) error {
	var failed error
	err := s.slack.WaitFor(ctx, func() bool {
		failed = s.catchUp()
		return failed != nil || holds()
	})
	failed = cmp.Or(failed, s.catchUp()) // The deciding event may have come after the last catchUp.
	if failed == nil && err != nil {
		failed = cmp.Or(context.Cause(ctx), err)
	}
	return failed
}

// until waits until holds returns true, for s.patience at most. what describes the condition in the error.
func (s *scene) until(what string, holds func() bool) error {
	tooLong := fmt.Errorf("it did not come about within %v", s.patience.Round(time.Millisecond))
	ctx, cancel := context.WithTimeoutCause(s.ctx, s.patience, tooLong)
	defer cancel()
	if err := s.wait(ctx, holds); err != nil {
		return fmt.Errorf("waiting until %s: %w", what, err)
	}
	return nil
}

// pause shows events for a beat.
func (s *scene) pause() error {
	ctx, cancel := context.WithTimeout(s.ctx, min(beat, time.Duration(float64(beat)*Speed/s.cfg.Speed)))
	defer cancel()
	if err := s.wait(ctx, func() bool { return false }); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// act performs an act of a person, shows it and a confirm dialog, and waits for the acknowledgement if there is a delivery.
func (s *scene) act(a step, channel, does, what string, do func(*slacksim.Person) (*slacksim.Delivery, error)) error {
	if err := s.pause(); err != nil {
		return err
	}
	s.mark = len(s.slack.Log())
	delivery, err := do(s.slack.Person(a.user()))
	if err != nil {
		return err
	}
	var shown []Moment
	if does != "" {
		shown = append(shown, Moment{Channel: channel, Label: a.subject + " " + does, Text: []string{what}})
	}
	if delivery != nil && delivery.Confirm != nil {
		c := delivery.Confirm
		shown = append(shown,
			Moment{Channel: channel, Label: "Slack asks " + a.subject, Text: []string{c.Title, c.Text, fmt.Sprintf("[%s] [%s]", c.Confirm, c.Deny)}},
			Moment{Channel: channel, Label: a.subject + " clicks", Text: []string{"[" + c.Confirm + "]"}})
	}
	for _, m := range shown {
		if err := s.show(m); err != nil {
			return err
		}
	}
	if delivery == nil {
		return nil
	}
	info, err := delivery.Wait(s.ctx)
	if err != nil {
		return fmt.Errorf("waiting for the acknowledgement of %s: %w", what, cmp.Or(context.Cause(s.ctx), err))
	}
	s.acks = append(s.acks, info.After)
	return nil
}

// find waits for a matching message since the last act and stores it in s.message.
func (s *scene) find(what string, is func(slacksim.Message) bool) error {
	return s.until(what, func() bool {
		for _, e := range s.slack.Log()[s.mark:] {
			if e.Message != nil && is(*e.Message) {
				s.message = *e.Message
				return true
			}
		}
		return false
	})
}

func isReply(m slacksim.Message) bool { return m.ThreadTS != "" && m.ThreadTS != m.TS }

// sumUp prints the statistics of both simulators. Violations of Slack's protocol are an error.
func (s *scene) sumUp(began time.Time) error {
	deployments, states := 0, map[cloud66sim.State]int{}
	for _, uid := range s.uids {
		for _, d := range s.cloud.Deployments(uid) {
			if !d.CreatedAt.Before(began) {
				deployments++
				states[d.State]++
			}
		}
	}
	kinds := map[string]int{}
	for _, e := range s.slack.Log() {
		kinds[e.Kind]++
	}
	slices.Sort(s.acks)
	p := func(percent int) time.Duration { // percentile of the acknowledgement delays
		return s.acks[max(0, (len(s.acks)*percent+99)/100-1)].Round(10 * time.Microsecond)
	}
	err := errors.Join(
		s.show(Moment{Title: "What the simulators saw"}),
		s.say("Deployments: %d (%d succeeded, %d failed, %d cancelled).",
			deployments, states[cloud66sim.Success], states[cloud66sim.Failed], states[cloud66sim.Cancelled]),
		s.say("Slack: %d messages in channels and threads, %d edits of messages, %d answers that one person alone saw.",
			kinds[slacksim.KindPosted], kinds[slacksim.KindUpdated], kinds[slacksim.KindEphemeral]),
		s.say("Acknowledgements: %d, p50 %v, p99 %v, max %v. Slack waits 3 s.", len(s.acks), p(50), p(99), p(100)),
		s.say("Cloud 66: %d requests in %.0f s.", s.cloud.Count(), time.Since(began).Seconds()),
		s.show(Moment{Title: "What to do next"}),
		s.say("c66bot demo: the same company on a page in your browser, where you type and click yourself."),
		s.say("c66bot manifest --link: makes the bot's app in your own Slack. c66bot init: asks for its tokens and writes the configuration."),
		s.say("README.md: how to set it up, and what it does."),
	)
	if broken := s.slack.Violations(); err == nil && len(broken) > 0 {
		err = fmt.Errorf("the bot broke Slack's protocol: %s", strings.Join(broken, "; "))
	}
	return err
}
