package webapi

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/slack-go/slack"
)

// Kind says what a failed call means for what is done next.
type Kind int

// The kinds of faults.
const (
	Unknown    Kind = iota // a code that stands in no table: it may pass, so that the call is tried again with growing pauses
	NoAnswer               // the answer is lost, no JSON, or an HTTP status without one: the call may have been carried out
	NotSent                // no connection was made
	Limited                // a rate limit of the method, for After
	Trouble                // Slack's own trouble, which passes; whether the call was carried out, Untouched says
	Token                  // the token is refused
	WrongToken             // the token is of another kind
	NoScope                // the token lacks a scope
	Setting                // a setting of the app or the workspace, keeps the bot out: a person must change it
	NoChannel              // the bot cannot post in the channel. One such answer is no proof: conversations.info tells
	Restricted             // the channel's or the workspace's rules keep the bot from posting or editing there
	TooMuch                // the form of what was sent: less of it may pass
	NoMessage              // the message is not there
	NoEdit                 // the message can never be changed, though it is there
	NoThread               // the message that a reply belongs to is not there, or takes no replies
	NoPerson               // the user is not there, or takes no messages
	NoView                 // the form's window is not there any more
	NoURL                  // the response_url is used up
	NoTrigger              // the trigger is used up, so that no window opens
	NoGroup                // the user group is not there
	NoGroups               // the workspace's plan has no user groups
	NoMethod               // the method cannot be used for that, however often it is tried
)

// Fault is what a failed call means. A nil error has the zero Fault with an empty Code, so judge errors alone.
type Fault struct {
	Kind      Kind
	Code      string        // Slack's, "" where it gave none
	Scope     string        // the missing one, where Slack named it
	After     time.Duration // for Limited, how long nothing is taken
	Untouched bool          // certainly nothing was carried out
	Passes    bool          // the same call may succeed later without anybody changing something
	Say       string        // the words, where they are others than the code's
}

const (
	shortestLimit = time.Second
	unsaidLimit   = 2 * time.Second // where a limit does not say how long it holds: so short that somebody who waits is served yet
)

// final is an error of ours that no other try mends.
type final string

func (e final) Error() string { return string(e) }

// Final makes the error of a call that is not made, since it could not succeed.
func Final(text string) error { return final(text) }

// Judge says what an error of a call to Slack means.
func Judge(err error) Fault {
	var (
		limited *slack.RateLimitedError
		said    slack.SlackErrorResponse
		status  slack.StatusCodeError
		dial    *net.OpError
	)
	switch {
	case errors.As(err, new(final)):
		return Fault{Kind: NoMethod, Untouched: true}
	case errors.As(err, &limited):
		return Fault{Kind: Limited, After: max(limited.RetryAfter, shortestLimit), Untouched: true, Passes: true}
	case errors.As(err, &said):
		return Meaning(said.Err, said.Needed)
	case errors.As(err, &status) && status.Code == http.StatusTooManyRequests: // without a Retry-After
		return Fault{Kind: Limited, After: unsaidLimit, Untouched: true, Passes: true}
	case errors.As(err, &status) && status.Code/100 == 4 && status.Code != http.StatusRequestTimeout: // of a proxy, for a person to mend
		return Fault{Kind: NoAnswer, Untouched: true}
	case errors.As(err, &dial) && dial.Op == "dial":
		return Fault{Kind: NotSent, Untouched: true, Passes: true}
	default:
		return Fault{Kind: NoAnswer, Passes: true}
	}
}

// Meaning says what one of Slack's error codes means. Scope is what Slack names as missing, or "".
func Meaning(code, scope string) Fault {
	c, known := codes[code]
	f := Fault{Kind: c.kind, Code: code, Scope: scope, Untouched: !c.unclear, Passes: !known || c.kind == Trouble || c.kind == Limited}
	if c.kind == Limited {
		f.After = unsaidLimit
	}
	return f
}

// Is reports whether an error of a call is of one of these kinds.
func Is(err error, kinds ...Kind) bool {
	return err != nil && slices.Contains(kinds, Judge(err).Kind)
}

// Forbids reports whether an error of a look-up says that the bot may not make it at all, which tells nothing of what was looked up.
func Forbids(err error) bool { return Is(err, NoScope, Setting, NoMethod) }

// NotMember and Archived are the codes by which the bot says of itself what conversations.info says in other words.
const (
	NotMember = "not_in_channel"
	Archived  = "is_archived"
	// NotShown is the code for a channel that is not there, or is private without the bot in it.
	NotShown = "channel_not_found"
	// WrongChannel is the code for a conversation of a kind in which the bot is nobody's to talk to: a direct message of other people.
	WrongChannel = "method_not_supported_for_channel_type"
)

// Words says to people what a code means, as a main clause without its full stop. A code that stands in no table is named, with what it is.
func Words(code string) string {
	if c, ok := codes[code]; ok && c.words != "" {
		return c.words
	}
	return "Slack refused it with the code " + code + ", which I do not know"
}

// Words says to people what a fault is, as a main clause without its full stop.
func (f Fault) Words() string {
	switch {
	case f.Say != "":
		return f.Say
	case f.Kind == NoScope && f.Scope != "":
		return "the app lacks the scope " + f.Scope
	case f.Code != "":
		return Words(f.Code)
	case f.Kind == Limited:
		return limitWords
	case f.Kind == NotSent:
		return "Slack cannot be reached"
	default:
		return "Slack does not answer"
	}
}

// Do says to people what they can do where a fault keeps the bot from posting in a channel.
func (f Fault) Do() string {
	switch {
	case codes[f.Code].words == notMember:
		return "Invite me with /invite @c66bot, or ask in a channel that I am in."
	case f.Kind == NoChannel, f.Kind == Restricted, f.Kind == NoMethod:
		return "Ask in another channel."
	case f.Kind == Token, f.Kind == WrongToken, f.Kind == NoScope, f.Kind == Setting:
		return "An admin of the bot must change that: its log says more."
	default:
		return "Try again in a minute."
	}
}

// Parting says to people why Slack ends a connection of the socket, by the reason that it gives. An unknown one is given as it is.
func Parting(reason string) string {
	if words, ok := partings[reason]; ok {
		return words
	}
	return reason
}

// partings are the reasons that need an explanation (Socket Mode).
var partings = map[string]string{
	"link_disabled":       "Socket Mode is turned off in the app's settings",
	"too_many_websockets": "the app has too many connections; other instances use its token",
}

// code is what is known of an error code.
type code struct {
	kind    Kind
	unclear bool // the call may have been carried out all the same
	words   string
}

const (
	notMember  = "I am not a member of the channel"
	tokenWords = "Slack refuses my token"
	setWords   = "a setting of the app or the workspace does not allow it"
	formWords  = "Slack does not take the message's form"
	slackWords = "Slack has trouble of its own"
	limitWords = "Slack's limit on calls was reached"
)

// codes are the codes that Slack documents for the methods that the bot calls, and those that were seen in the field.
var codes = map[string]code{
	"internal_error":             {Trouble, true, slackWords},
	"fatal_error":                {Trouble, true, slackWords},
	"service_unavailable":        {Trouble, true, slackWords},
	"request_timeout":            {Trouble, true, slackWords},
	"server_error":               {Trouble, true, slackWords},
	"update_failed":              {Trouble, true, slackWords},
	"team_added_to_org":          {Trouble, false, "the workspace is being moved to another organisation"},
	"external_channel_migrating": {Trouble, false, "the channel is being moved"},
	"ratelimited":                {Limited, false, limitWords},
	"rate_limited":               {Limited, false, limitWords},
	"message_limit_exceeded":     {Trouble, false, "Slack's limit on messages was reached"},
	"accesslimited":              {Trouble, false, "Slack limits the access at present"},

	"invalid_auth":              {Token, false, tokenWords},
	"not_authed":                {Token, false, tokenWords},
	"account_inactive":          {Token, false, tokenWords},
	"token_revoked":             {Token, false, tokenWords},
	"token_expired":             {Token, false, tokenWords},
	"not_allowed_token_type":    {WrongToken, false, tokenWords},
	"missing_scope":             {NoScope, false, "the app lacks a scope"},
	"no_permission":             {Setting, false, setWords},
	"access_denied":             {Setting, false, setWords},
	"ekm_access_denied":         {Setting, false, "the organisation's key management keeps me out"},
	"org_login_required":        {Setting, false, setWords},
	"team_access_not_granted":   {Setting, false, setWords},
	"enterprise_is_restricted":  {Setting, false, setWords},
	"two_factor_setup_required": {Setting, false, setWords},
	"messages_tab_disabled":     {Setting, false, "direct messages to me are turned off in the app's settings (App Home, Messages Tab)"},

	NotShown:                    {NoChannel, false, notMember},
	NotMember:                   {NoChannel, false, notMember},
	Archived:                    {NoChannel, false, "the channel is archived"},
	"is_inactive":               {NoChannel, false, "the channel takes no messages"},
	"channel_is_limited_access": {NoChannel, false, "access to the channel is limited"},
	"team_not_found":            {NoChannel, false, notMember},
	"restricted_action":         {Restricted, false, "not everyone may post in the channel, and I may not"},
	"cant_update_message":       {NoEdit, false, "Slack does not let me change the message"},
	"cant_delete_message":       {NoEdit, false, "Slack does not let me delete the message"},
	"edit_window_closed":        {NoEdit, false, "the workspace does not let messages be changed so late"},
	"block_mismatch":            {TooMuch, false, formWords},
	"cannot_reply_to_message":   {NoThread, false, "the message takes no replies"},
	"thread_not_found":          {NoThread, false, "the thread is not there any more"},
	"message_not_found":         {NoMessage, false, "the message is not there any more"},
	"user_not_found":            {NoPerson, false, "Slack does not know that user"},
	"users_not_found":           {NoPerson, false, "Slack does not know that user"},
	"user_not_visible":          {NoPerson, false, "Slack does not show me that user"},
	"user_not_in_channel":       {NoPerson, false, "the user is not in the channel"},
	"user_disabled":             {NoPerson, false, "the user's account is deactivated"},
	"cannot_dm_bot":             {NoPerson, false, "a bot takes no direct messages"},
	"not_found":                 {NoView, false, "the window was closed"},
	"expired_url":               {NoURL, false, "Slack takes no answer there so late"},
	"used_url":                  {NoURL, false, "Slack takes no more answers there"},
	"expired_trigger_id":        {NoTrigger, false, "Slack opens no window so late"},
	"exchanged_trigger_id":      {NoTrigger, false, "Slack has opened a window for it before"},
	"invalid_trigger_id":        {NoTrigger, false, "Slack opens no window for it"},
	"no_such_subteam":           {NoGroup, false, "Slack does not know that user group"},
	"subteam_not_found":         {NoGroup, false, "Slack does not know that user group"},
	"plan_upgrade_required":     {NoGroups, false, "the workspace's plan has no user groups"},
	"paid_teams_only":           {NoGroups, false, "the workspace's plan has no user groups"},
	"unknown_method":            {NoMethod, false, "Slack does not know the method"},
	WrongChannel:                {NoMethod, false, "I cannot post in this kind of conversation"},

	"invalid_arguments":       {TooMuch, false, formWords},
	"invalid_payload":         {TooMuch, false, formWords},
	"invalid_blocks":          {TooMuch, false, formWords},
	"invalid_blocks_format":   {TooMuch, false, formWords},
	"msg_too_long":            {TooMuch, false, formWords},
	"msg_blocks_too_long":     {TooMuch, false, formWords},
	"invalid_metadata_format": {TooMuch, false, formWords},
	"invalid_metadata_schema": {TooMuch, false, formWords},
	"metadata_too_large":      {TooMuch, false, formWords},
	"no_text":                 {TooMuch, false, formWords},
	"view_too_large":          {TooMuch, false, formWords},

	"restricted_action_read_only_channel":      {Restricted, false, "the channel can only be read"},
	"restricted_action_thread_only_channel":    {Restricted, false, "the channel takes replies in threads alone"},
	"restricted_action_non_threadable_channel": {NoThread, false, "the channel has no threads"},
	"restricted_action_thread_locked":          {NoThread, false, "the thread is locked"},
}
