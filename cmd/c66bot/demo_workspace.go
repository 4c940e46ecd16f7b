package main

import (
	"strings"

	"c66bot/bot"
	"c66bot/bot/slacksim"
)

// The people and the channels of the story.
const (
	lin, ana, sam, noor, olga = "U0LIN", "U0ANA", "U0SAM", "U0NOOR", "U0OLGA" // Lin and Ana are the bot's admins, Olga is of another organisation.
	deploys, web, billing     = "C0DEPLOYS", "C0WEB", "C0BILLING"
)

// demoWorkspace is the Slack of the story. The app in it is what the bot's manifest declares.
func demoWorkspace() *slacksim.Workspace {
	slack := slacksim.New(slacksim.Options{Manifest: []byte(bot.Manifest("/c66")), TeamName: "Acme", TeamDomain: "acme"})
	for _, id := range []string{lin, ana, sam, noor} {
		slack.AddUser(slacksim.User{ID: id, Name: name(id), RealName: name(id)})
	}
	slack.AddUser(slacksim.User{ID: olga, Name: name(olga), RealName: name(olga), TeamID: "T0PARTNER"})
	slack.AddChannel(slacksim.Channel{ID: deploys, Name: "deploys", Members: []string{lin, ana, sam}, BotIsMember: true})
	slack.AddChannel(slacksim.Channel{ID: web, Name: "web", Members: []string{lin, ana, sam, olga}, BotIsMember: true, Shared: true})
	slack.AddChannel(slacksim.Channel{ID: billing, Name: "billing", Members: []string{lin, ana, noor}, BotIsMember: true})
	return slack
}

// name is what people call a user, channelName a channel.
func name(user string) string { return strings.ToLower(strings.TrimPrefix(user, "U0")) }

func channelName(channel string) string {
	if channel == "" { // What is seen in no channel, such as a window.
		return ""
	}
	return "#" + strings.ToLower(strings.TrimPrefix(channel, "C0"))
}
