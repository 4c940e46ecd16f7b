package cloud66

import (
	"context"
	"errors"
	"fmt"
)

// Words are what people read about one kind of error. A field is empty where its place has nothing special to say.
type Words struct {
	kind error

	What, Do string // sentences: what went wrong, and what to do about it
	Refused  string // a clause: why a redeploy was not carried out
	Unasked  string // a clause: why a deployment could not be looked at
	Token    string // a clause for the operator: what is wrong with the token
}

const (
	noBudget  = "The hourly number of Cloud 66 requests is used up."
	fewMins   = "Try again in a few minutes."
	oneMinute = "Try again in a minute, or see its status page."
)

// words are in the order in which they are looked up: a special kind stands before the one that it wraps.
var words = []Words{
	{
		kind: ErrUnauthenticated,
		What: "Cloud 66 refuses the bot's token.", Do: "An admin of the bot must give it a new one (C66BOT_CLOUD66_TOKEN).",
		Refused: "Cloud 66 refuses the bot's token", Unasked: "Cloud 66 refuses the bot's token",
		Token: "the Cloud 66 token (C66BOT_CLOUD66_TOKEN) is refused: give the bot a current one",
	},
	{
		kind:    ErrMissingScope,
		What:    "The bot's Cloud 66 token lacks a scope for this.",
		Do:      "It needs the scopes public and redeploy; an admin of the bot can make a new token.",
		Refused: "the bot's Cloud 66 token lacks the scope redeploy", Unasked: "the bot's Cloud 66 token lacks a scope",
		Token: "the Cloud 66 token (C66BOT_CLOUD66_TOKEN) lacks the scope public: make one with public and redeploy",
	},
	{
		kind: ErrTrialExpired,
		What: "Cloud 66 says that the account's trial has ended.", Do: "The account's owner can choose a plan in the Cloud 66 dashboard.",
		Refused: "the account's trial at Cloud 66 has ended",
	},
	{
		kind: ErrNotFound,
		What: "Cloud 66 does not find that.", Do: "It was deleted, or the bot's token may no longer see it.",
		Refused: "Cloud 66 does not find the stack",
	},
	{kind: ErrConflict, What: "Cloud 66 refuses it as things stand.", Do: "See what is deploying, then try again."},
	{
		kind: ErrShare,
		What: "Your share of the hourly number of Cloud 66 requests is used up; the rest is for the others.", Do: fewMins,
		Refused: "the hourly number of Cloud 66 requests is used up", Unasked: "the hourly number of requests is used up",
	},
	{
		kind: ErrBudget, What: noBudget, Do: fewMins,
		Refused: "the hourly number of Cloud 66 requests is used up", Unasked: "the hourly number of requests is used up",
	},
	{
		kind: ErrThrottled, What: noBudget, Do: fewMins,
		Refused: "the hourly number of Cloud 66 requests is used up", Unasked: "the hourly number of requests is used up",
	},
	{kind: ErrRefused, What: "Cloud 66 refused it.", Do: "Mend what it names, then try again."},
	{kind: ErrUnreachable, What: "Cloud 66 cannot be reached.", Do: oneMinute, Refused: "Cloud 66 could not be reached"},
	{kind: ErrServer, What: "Cloud 66 has a fault.", Do: oneMinute},
	{
		kind: ErrTooLarge,
		What: fmt.Sprintf("Cloud 66 lists more than I can work with, which is %d,%03d stacks.", MostStacks/1000, MostStacks%1000),
		Do:   "An admin of the bot can give it a token that reaches fewer, or name one account (C66BOT_CLOUD66_ACCOUNT).",
	},
	{
		kind: ErrRedirected, What: "Cloud 66's address leads to another one, where the bot's token is not sent.",
		Do: "An admin of the bot can put the right address into C66BOT_CLOUD66_URL.",
	},
	{
		kind: ErrUnreadable, What: "Cloud 66 answered with something that is not its API's language.",
		Do: "Try again in a minute; if it stays so, C66BOT_CLOUD66_URL may be wrong.",
	},
	{kind: ErrNoAnswer, What: "Cloud 66 did not answer.", Do: oneMinute},
	{kind: context.DeadlineExceeded, What: "Cloud 66 did not answer.", Do: oneMinute},
}

// WordsFor returns the words for an error. They are empty where it is none of a call of the API.
func WordsFor(err error) Words {
	for _, w := range words {
		if errors.Is(err, w.kind) {
			return w
		}
	}
	return Words{}
}
