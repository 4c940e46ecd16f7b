package main

import (
	"fmt"

	"c66bot/bot/slacksim"
)

// types has a person send a command. Slack's acknowledgement is waited for.
func (s *scene) types(who, channel, text string) {
	s.pause()
	if s.err != nil {
		return
	}
	s.catchUp()
	s.out.line(channel, name(who)+" types", text)
	s.mark = len(s.slack.Log())
	s.acked(text, s.slack.Person(who).Command(channel, text))
}

// clicks has a person click a button, and say yes where Slack asks first.
func (s *scene) clicks(who string, m slacksim.Message, label string) {
	s.pause()
	if s.err != nil {
		return
	}
	s.catchUp()
	s.mark = len(s.slack.Log())
	delivery, err := s.slack.Person(who).Click(m.Channel, m, label)
	if err != nil {
		s.err = err
		return
	}
	s.out.line(m.Channel, name(who)+" clicks", "["+label+"]")
	if c := delivery.Confirm; c != nil {
		s.out.line(m.Channel, "Slack asks "+name(who), c.Title, c.Text, fmt.Sprintf("[%s] [%s]", c.Confirm, c.Deny))
		s.out.line(m.Channel, name(who)+" clicks", "["+c.Confirm+"]")
	}
	s.acked("the click on "+label, delivery)
}

func (s *scene) acked(what string, delivery *slacksim.Delivery) {
	info, err := delivery.Wait(s.ctx)
	if err != nil {
		s.gaveUp(s.ctx, "waiting for the acknowledgement of "+what, err)
		return
	}
	s.acks = append(s.acks, info.After)
}

// writes has a person mention the bot in the thread of a card. What they write is printed as what everybody sees.
func (s *scene) writes(who string, card slacksim.Message, text string) {
	s.pause()
	if s.err != nil {
		return
	}
	s.catchUp()
	s.mark = len(s.slack.Log())
	_, delivery, err := s.slack.Person(who).Mention(card.Channel, card.TS, text)
	if err != nil {
		s.err = err
		return
	}
	s.acked(text, delivery)
}
