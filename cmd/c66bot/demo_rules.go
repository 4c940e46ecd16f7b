package main

import (
	"strings"
	"time"

	"c66bot/bot/slacksim"
)

// allowed makes a rule for Sam and shows how far it goes.
func allowed(s *scene) {
	s.out.say("Whoever is no admin may do what a rule of the channel allows, and #web has no rule yet.")
	s.asks(sam, web, "/c66 redeploy web@staging --now", "You may not redeploy")
	s.types(lin, web, "/c66 allow @sam view,redeploy web@staging")
	s.samsRule = ruleID(s.says(web, "made a rule"))
	s.lasting("web@staging", max(2*time.Minute, s.really(3*time.Second)))
	s.types(sam, web, "/c66 redeploy web@staging --now")
	card := s.card(web)
	s.shows(card, "deploying", "started")
	s.tells("The rule allows what it names and no more: to cancel is another right, and production another stack.")
	s.clicks(sam, card, "Cancel")
	s.told(sam, "You may not cancel")
	s.shows(card, "is live", "is live")
	s.asks(sam, web, "/c66 redeploy web@production --now", "I know no stack")
}

// granted has an admin grant somebody for an hour what they asked for.
func granted(s *scene) {
	s.out.say("Customers miss their invoices, and Noor wants to know whether a deployment failed.")
	refusal := s.asks(noor, billing, "/c66 list billing --outcome failed", "You may not look at stacks here")
	s.clicks(noor, refusal, "Ask for access")
	request := s.says(billing, "asks to look at")
	s.clicks(ana, request, "Grant 1 h")
	s.says(billing, "granted it")
	s.asks(noor, billing, "/c66 list billing --outcome failed", "failed deployments")
}

// stranger shows that a guest from another organisation learns of nothing.
func stranger(s *scene) {
	s.types(lin, web, "/c66 allow everyone view web*")
	s.says(web, "made a rule")
	s.tells("Everyone is everyone of Acme. Olga is told of no stack: for one that exists she gets the same answer as for one that does not.")
	s.asks(olga, web, "/c66 show web@production", "You may not")
	s.asks(olga, web, "/c66 show nonsense", "You may not")
}

// access shows where a channel's rules are seen, which one decides, and how one is taken back.
func access(s *scene) {
	s.asks(lin, web, "/c66 access", "Who may do what")
	s.asks(lin, web, "/c66 access why redeploy web@staging @sam", "may redeploy")
	s.types(lin, web, "/c66 revoke "+s.samsRule)
	s.says(web, "took back a rule")
}

// ruleID finds the id of a rule in what the channel was told of it: the last word in its last parentheses.
func ruleID(said slacksim.Message) string {
	text := said.Plain()
	words := strings.Fields(text[strings.LastIndex(text, "(")+1:])
	if len(words) == 0 {
		return ""
	}
	return strings.TrimSuffix(words[len(words)-1], ")")
}
