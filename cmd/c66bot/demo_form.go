package main

import (
	"fmt"
	"strings"

	"c66bot/bot/slacksim"
)

// window waits until the window that a person looks at says something.
func (s *scene) window(who, words string) {
	s.until(fmt.Sprintf("the window of %s says %q", name(who), words), func() bool {
		view, open := s.slack.Person(who).View()
		return open && strings.Contains(view.Plain(), words)
	})
}

// fills has a person type into a field of their window.
func (s *scene) fills(who, field, text string) {
	s.inForm(who, "types", field+": "+text, func(p *slacksim.Person) (*slacksim.Delivery, error) { return nil, p.Fill(field, text) })
}

// chooses has a person choose something in a menu of their window.
func (s *scene) chooses(who, field, option string) {
	s.inForm(who, "chooses", field+": "+option, func(p *slacksim.Person) (*slacksim.Delivery, error) { return p.Choose(field, option) })
}

// sends has a person send the form in their window.
func (s *scene) sends(who string) {
	view, _ := s.slack.Person(who).View()
	s.inForm(who, "clicks", "["+view.Submit+"]", (*slacksim.Person).Submit)
}

// inForm has a person do something in their window. Where that is sent to the bot, its acknowledgement is waited for.
func (s *scene) inForm(who, verb, what string, do func(*slacksim.Person) (*slacksim.Delivery, error)) {
	s.pause()
	if s.err != nil {
		return
	}
	s.catchUp()
	s.mark = len(s.slack.Log())
	s.out.line("", name(who)+" "+verb, what)
	delivery, err := do(s.slack.Person(who))
	switch {
	case err != nil:
		s.err = err
	case delivery != nil:
		s.acked(what, delivery)
	}
}
