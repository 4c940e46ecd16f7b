package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"c66bot/authz"
	"c66bot/bot/card"
	"c66bot/bot/routine"
	"c66bot/bot/trouble"
	"c66bot/bot/webapi"
	"c66bot/cloud66"
)

const (
	adminsEvery = time.Hour        // between two checks of the configured admins
	adminsAgain = time.Minute      // after a failed one
	adminsFirst = 20 * time.Second // after the start: what people ask for then goes first
)

func isRefusal(err error) bool {
	_, slack := errors.AsType[*webapi.TokenError](err)
	_, cloud := errors.AsType[refusal](err)
	return slack || cloud
}

// troublesNow returns what may keep the bot from its work, for the admins.
func (b *Bot) troublesNow(context.Context) []trouble.Trouble {
	all := append(b.hidden(), b.slackTroubles()...)
	cloud := errorIn(&b.ready.cloud)
	token := trouble.Trouble{
		Name: "cloud66-token", Wait: trouble.Soon, Over: "Cloud 66 accepts my token again.", Unknown: cloud != nil && !isRefusal(cloud),
		Do: "Until then I can neither deploy nor follow.",
	}
	if isRefusal(cloud) {
		token.What = fmt.Sprintf("I cannot work with Cloud 66: %v.", cloud)
	}
	silent := trouble.Trouble{
		Name: "cloud66-silent", Wait: trouble.Outage, Over: "Cloud 66 answers again.", Unknown: errors.Is(cloud, errUnchecked),
		Do: "Its status page may say more, or the network of my machine is at fault.",
	}
	if !b.ready.silentSince().IsZero() {
		silent.What = "Cloud 66 does not answer me: I can neither deploy nor follow."
	}
	disk := trouble.Trouble{
		Name: "database", Wait: trouble.Soon, Over: "My database can be written again.", Do: "Until then I take no change.",
	}
	if err := b.records.Fault(); err != nil {
		disk.What = fmt.Sprintf("My database cannot be written: %s.", b.cleaner.Clean(err.Error()))
	}
	return append(all, token, silent, disk)
}

// slackTroubles returns the troubles with Slack itself. What cannot be posted meanwhile is told when it can.
func (b *Bot) slackTroubles() []trouble.Trouble {
	bot := errorIn(&b.ready.bot)
	token := trouble.Trouble{
		Name: "slack-token", Wait: trouble.Soon, Over: "Slack accepts my bot token again.",
		Unknown: bot != nil && !isRefusal(bot) || bot == nil && b.self.Load() == nil, Do: "Until then I can post nothing.",
	}
	if isRefusal(bot) {
		token.What = fmt.Sprintf("%v.", bot)
	}
	connection := trouble.Trouble{
		Name: "slack-connection", Wait: trouble.Outage, Over: "I am connected to Slack again.",
		Do: "What runs is followed all the same.",
	}
	if err := b.socket.Err(); err != nil {
		const words = "I am not connected to Slack, so that no command and no click reaches me: %s."
		connection.What = fmt.Sprintf(words, b.cleaner.Clean(err.Error()))
		if isRefusal(err) {
			connection.Wait = trouble.Soon
		}
	}
	scopes := trouble.Trouble{
		Name: "slack-scopes", Wait: trouble.Soon, Over: "The app has the scopes that it lacked.", Unknown: b.lacks.Load() == nil,
	}
	if lacks := b.lacks.Load(); lacks != nil && len(*lacks) > 0 {
		scopes.What = (*lacks)[0] + "."
		if more := len(*lacks) - 1; more > 0 {
			scopes.Do = fmt.Sprintf("It lacks %d more, which %s status names.", more, b.command)
		}
	}
	return []trouble.Trouble{token, connection, scopes}
}

// hidden returns the troubles that neither /readyz nor the scopes tell of.
func (b *Bot) hidden() []trouble.Trouble {
	given := trouble.Trouble{Name: "messages", Wait: trouble.Soon, Over: "No message was given up for half an hour."}
	n, known := b.outbox.DroppedLately()
	if given.Unknown = !known; n > 0 {
		given.What = fmt.Sprintf("Slack did not take messages and edits of mine (%d) for so long that I gave them up.", n)
		given.Do = "Who waited for one was told; the log says why."
	}
	forbids, known := b.cloud.Forbids()
	scope := trouble.Trouble{Name: "cloud66-scope", Wait: trouble.Soon, Over: "Cloud 66 carries my changes out again.", Unknown: !known}
	if forbids {
		scope.What = "Cloud 66 refused the last redeploy or cancel, since my token lacks the scope redeploy or the right on that stack."
		scope.Do = newToken
	}
	all := []trouble.Trouble{given, scope, b.listTrouble()}
	nobody := b.nobody.Load()
	users, groups := b.authorizer.Admins()
	for _, id := range slices.Concat(users, groups) {
		t := trouble.Trouble{Name: "admin/" + id, Wait: trouble.Soon, Unknown: nobody == nil, Over: fmt.Sprintf("Slack knows the admin %s.", id)}
		if nobody != nil && (*nobody)[id] != "" {
			t.What = fmt.Sprintf("%s is among my admins, and %s.", id, (*nobody)[id])
			t.Do = "Correct C66BOT_ADMINS (admins), and start me again."
		}
		all = append(all, t)
	}
	return all
}

// newToken is the remedy where a scope of Cloud 66 is missing.
const newToken = "Give me a token with the scopes public and redeploy (C66BOT_CLOUD66_TOKEN)."

// listTrouble returns the trouble with Cloud 66's list of stacks. Another failure of reading it than those told here is none of the list.
func (b *Bot) listTrouble() trouble.Trouble {
	t := trouble.Trouble{Name: "cloud66-list", Wait: trouble.Soon, Over: "I can use Cloud 66's list of stacks again."}
	switch err := b.directory.Trouble(); {
	case errors.Is(err, cloud66.ErrTooLarge):
		words := cloud66.WordsFor(err)
		t.What, t.Do = words.What, words.Do
	case errors.Is(err, cloud66.ErrMissingScope):
		t.What, t.Do = "Cloud 66 refuses me its list of stacks, since my token lacks the scope public.", newToken
	default:
		t.Unknown = err != nil
	}
	return t
}

// checkAdmins looks the configured admins up, at the start and hourly, until the context ends.
func (b *Bot) checkAdmins(ctx context.Context) {
	routine.Repeat(ctx, b.log, "look the admins up", nil, func(ctx context.Context) (time.Duration, error) {
		if b.self.Load() == nil { // Slack accepted no token yet
			return adminsFirst, nil
		}
		nobody, err := b.strangers(ctx)
		if err != nil {
			return adminsAgain, err
		}
		before := b.nobody.Swap(&nobody)
		for id, why := range nobody {
			if before == nil || (*before)[id] == "" {
				b.log.WarnContext(ctx, "an admin of the configuration is nobody's: correct C66BOT_ADMINS (admins)", "admin", id, "why", why)
			}
		}
		return adminsEvery, nil
	})
}

// strangers returns the configured admins that are nobody's, each with the reason.
func (b *Bot) strangers(ctx context.Context) (map[string]string, error) {
	nobody := map[string]string{}
	users, groups := b.authorizer.Admins()
	for _, id := range users {
		switch person, err := b.people.Person(ctx, id); {
		case errors.Is(err, authz.ErrNoPerson):
			nobody[id] = "Slack knows no such person"
		case err != nil:
			return nil, err
		case person.Deactivated:
			nobody[id] = "that account is deactivated"
		}
	}
	for _, id := range groups {
		switch group, err := b.people.Group(ctx, id); {
		case errors.Is(err, authz.ErrNoGroup):
			nobody[id] = "Slack knows no such group"
		case errors.Is(err, authz.ErrNoGroups):
			nobody[id] = "this workspace's plan has no user groups"
		case err != nil:
			return nil, err
		case group.Disabled:
			nobody[id] = "that group is disabled"
		}
	}
	return nobody, nil
}

// reachable returns the users who are told of troubles: the configured admins, and the members of their groups.
func (b *Bot) reachable(ctx context.Context) []string {
	users, groups := b.authorizer.Admins()
	members, err := b.people.Members(ctx, groups)
	if err != nil && ctx.Err() == nil {
		b.log.Warn("who is in the admins' groups could not be looked up: only those who are named are told", "error", err)
	}
	users = slices.Compact(slices.Sorted(slices.Values(slices.Concat(users, members))))
	nobody := b.nobody.Load()
	return slices.DeleteFunc(users, func(id string) bool { return nobody != nil && (*nobody)[id] != "" })
}

func (b *Bot) postDirect(ctx context.Context, user string, says card.Message) error {
	return b.byDirect(ctx, answer{user: user}, says, false)
}

// inWords returns the troubles that last, for the status.
func inWords(all []trouble.Trouble) (words []string) {
	for _, t := range all {
		if t.What != "" && !t.Unknown {
			words = append(words, strings.TrimSuffix(strings.TrimSpace(t.What+" "+t.Do), "."))
		}
	}
	return words
}
