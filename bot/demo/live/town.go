package live

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"c66bot/bot"
	"c66bot/bot/slacksim"
	"c66bot/bot/slacksim/page"
)

const (
	team = "Acme"
	lin  = "U0LIN"
	ana  = "U0ANA"
)

// admins are the bot's admins.
var admins = []string{lin, ana}

// people are those whose eyes one can look through.
var people = []page.Person{
	{ID: lin, Role: "admin"}, {ID: "U0SAM", Role: "developer"}, {ID: "U0NOOR", Role: "support"}, {ID: "U0GUS", Role: "guest"},
	{ID: "U0OLGA", Role: "another organisation"},
}

var users = []slacksim.User{
	{ID: lin, Name: "lin", RealName: "Lin Park"}, {ID: ana, Name: "ana", RealName: "Ana Duarte"},
	{ID: "U0BEN", Name: "ben", RealName: "Ben Adeyemi"},
	{ID: "U0SAM", Name: "sam", RealName: "Sam Okafor"}, {ID: "U0NOOR", Name: "noor", RealName: "Noor Haddad"},
	{ID: "U0GUS", Name: "gus", RealName: "Gus Lindqvist", Restricted: true},
	{ID: "U0OLGA", Name: "olga", RealName: "Olga Novak", TeamID: "T0PARTNER"},
}

var channels = []slacksim.Channel{
	{ID: "C0DEPLOYS", Name: "deploys", Members: []string{lin, ana, "U0BEN", "U0SAM", "U0NOOR"}, BotIsMember: true},
	{ID: "C0WEB", Name: "web", Members: []string{lin, ana, "U0BEN", "U0SAM", "U0OLGA", "U0GUS"}, BotIsMember: true, Shared: true},
	{ID: "C0BILLING", Name: "billing", Members: []string{lin, ana, "U0NOOR"}, BotIsMember: true},
	{ID: "C0PLATFORM", Name: "platform", Members: []string{lin, ana, "U0BEN", "U0SAM"}, BotIsMember: true, Private: true},
	{ID: "D0LIN", IM: true, Members: []string{lin}, BotIsMember: true}, {ID: "D0SAM", IM: true, Members: []string{"U0SAM"}, BotIsMember: true},
	{ID: "D0NOOR", IM: true, Members: []string{"U0NOOR"}, BotIsMember: true},
	{ID: "D0GUS", IM: true, Members: []string{"U0GUS"}, BotIsMember: true},
	{ID: "D0OLGA", IM: true, Members: []string{"U0OLGA"}, BotIsMember: true},
}

// talk is what people said before the page was opened.
var talk = []struct {
	ago                 time.Duration
	channel, user, text string
}{
	{26 * time.Hour, "C0WEB", "U0BEN", "The new header is on `develop`. @sam could you look at it on staging before the demo?"},
	{25 * time.Hour, "C0WEB", "U0SAM", "Looks good on my phone, and the menu closes now. :+1:"},
	{24 * time.Hour, "C0BILLING", "U0NOOR", "Two customers say that their invoices of Friday have not come. Was there a deployment?"},
	{23 * time.Hour, "C0BILLING", ana, "There was, on Friday evening. I look into it."},
	{5 * time.Hour, "C0PLATFORM", "U0BEN", "`api` 4.3 needs the new queue. *worker* goes first, please."},
	{
		4 * time.Hour, "C0DEPLOYS", ana,
		"I have invited @c66bot. `/c66 help` says what it can do here; whoever is no admin may do what a rule of the channel allows.",
	},
	{3 * time.Hour, "C0DEPLOYS", "U0SAM", "So I need not ask you for the staging stacks any more? :tada:"},
}

// typed is what Ana tells the bot at first.
var typed = []struct{ channel, text string }{
	{"C0DEPLOYS", "/c66 allow everyone view *"},
	{"C0DEPLOYS", "/c66 allow @sam redeploy,cancel *@staging"},
	{"C0WEB", "/c66 allow @sam view,redeploy web@staging"},
	{"C0WEB", "/c66 subscribe web@production"},
	{"C0PLATFORM", "/c66 allow @sam view,redeploy,cancel api@staging"},
	{"C0PLATFORM", "/c66 subscribe api@production --events failed,reverted --mention @ana"},
	{"C0BILLING", "/c66 subscribe billing@production --mention @lin"},
}

// settle adds the people, the channels and what was said there.
func settle(slack *slacksim.Workspace) {
	for _, u := range users {
		slack.AddUser(u)
	}
	for _, c := range channels {
		slack.AddChannel(c)
	}
	for _, t := range talk {
		slack.SetClock(-t.ago)
		if _, err := slack.Person(t.user).Say(t.channel, "", t.text); err != nil {
			panic(fmt.Sprintf("live: %v", err)) // The list above names somebody who is not in the channel.
		}
	}
	slack.SetClock(0)
}

// furnish lets the bot make the first rules and subscriptions.
func furnish(ctx context.Context, slack *slacksim.Workspace) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := slack.WaitFor(ctx, func() bool { return slack.Sockets() > 0 }); err != nil {
		return fmt.Errorf("waiting for the bot: %w", err)
	}
	for _, t := range typed {
		said := len(slack.Person(ana).All(t.channel))
		if _, err := slack.Person(ana).Command(t.channel, t.text).Wait(ctx); err != nil {
			return fmt.Errorf("%s: %w", t.text, err)
		}
		if err := slack.WaitFor(ctx, func() bool { return len(slack.Person(ana).All(t.channel)) > said }); err != nil {
			return fmt.Errorf("%s: %w", t.text, err)
		}
	}
	return nil
}

// commands and shortcuts are those of the app's manifest.
var commands, shortcuts = declared()

func declared() (commands []page.Command, shortcuts []page.Shortcut) {
	var manifest struct {
		Features struct {
			SlashCommands []struct {
				Command, Description string
				UsageHint            string `yaml:"usage_hint"`
			} `yaml:"slash_commands"`
			Shortcuts []struct {
				Name, Description string
				CallbackID        string `yaml:"callback_id"`
			}
		}
	}
	if err := yaml.Unmarshal([]byte(bot.Manifest("/c66")), &manifest); err != nil {
		panic(fmt.Sprintf("live: the bot's manifest: %v", err)) // It is embedded.
	}
	for _, c := range manifest.Features.SlashCommands {
		commands = append(commands, page.Command{Name: c.Command, Description: c.Description, Hint: c.UsageHint})
	}
	for _, s := range manifest.Features.Shortcuts {
		shortcuts = append(shortcuts, page.Shortcut{Name: s.Name, Description: s.Description, ID: s.CallbackID})
	}
	return commands, shortcuts
}

// by returns the address of a person at Cloud 66.
func by(name string) string { return strings.ToLower(name) + "@acme.example" }
