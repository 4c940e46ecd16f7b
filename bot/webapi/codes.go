package webapi

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"
)

// Kind classifies a failed call by the reaction that it requires.
type Kind int

// The kinds of faults.
const (
	Unknown    Kind = iota // a code in no table; it may be transient, so the call is retried with backoff
	NoAnswer               // no response, not JSON, or a bare HTTP status: unless Untouched, the call may have been executed
	NotSent                // no connection was made
	Limited                // a rate limit of the method, in force for After
	Trouble                // a transient fault at Slack; Untouched says whether the call was not executed
	Token                  // the token is refused
	WrongToken             // the token is of the wrong type
	NoScope                // the token lacks a scope
	Setting                // a setting of the app or the workspace blocks the bot; a person must change it
	NoChannel              // the bot cannot post in the channel; a single such response is no proof, conversations.info is
	Restricted             // rules of the channel or the workspace forbid the bot to post or edit there
	TooMuch                // Slack rejects the payload; a smaller one may be accepted
	NoMessage              // the message does not exist
	NoEdit                 // the message exists but can never be changed
	NoThread               // the parent message does not exist or accepts no replies
	NoPerson               // the user does not exist or accepts no messages
	NoView                 // the view no longer exists
	NoURL                  // the response_url is used up or expired
	NoTrigger              // the trigger is used up or expired; no modal can be opened
	NoGroup                // the user group does not exist
	NoGroups               // the workspace's plan has no user groups
	NoMethod               // the method cannot be used here; a retry is pointless
)

// Fault is the classification of a failed call. Judge non-nil errors only: a nil error would be classified as NoAnswer.
type Fault struct {
	Kind      Kind
	Code      string        // Slack's error code, or ""
	Scope     string        // the missing scope, if Slack named it
	After     time.Duration // duration of the limit, for Limited
	Untouched bool          // the call was certainly not executed
	Passes    bool          // transient: the same call may succeed later without intervention
	Say       string        // overrides the text of Code
}

const (
	shortestLimit = time.Second
	unsaidLimit   = 2 * time.Second // for a limit without a stated duration; short enough to still serve a waiting user
)

// final is a permanent error raised by the bot itself.
type final string

func (e final) Error() string { return string(e) }

// Final returns a permanent error for a call that is not made because it could not succeed.
func Final(text string) error { return final(text) }

// Judge classifies an error returned by a call to Slack.
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
	case errors.As(err, &status) && status.Code/100 == 4 && status.Code != http.StatusRequestTimeout: // from a proxy; a person must fix it
		return Fault{Kind: NoAnswer, Untouched: true}
	case errors.As(err, &dial) && dial.Op == "dial":
		return Fault{Kind: NotSent, Untouched: true, Passes: true}
	default:
		return Fault{Kind: NoAnswer, Passes: true}
	}
}

// Meaning classifies one of Slack's error codes. scope is the scope that Slack names as missing, or "".
func Meaning(code, scope string) Fault {
	c, known := codes[code]
	f := Fault{Kind: c.kind, Code: code, Scope: scope, Untouched: !c.unclear, Passes: !known || c.kind == Trouble || c.kind == Limited}
	if c.kind == Limited {
		f.After = unsaidLimit
	}
	return f
}

// Is reports whether err is a fault of one of the kinds.
func Is(err error, kinds ...Kind) bool {
	return err != nil && slices.Contains(kinds, Judge(err).Kind)
}

// Forbids reports whether err says that the bot may not make the look-up at all. Such an error says nothing about the object looked up.
func Forbids(err error) bool { return Is(err, NoScope, Setting, NoMethod) }

// NotMember and Archived are the codes that the bot derives itself from the fields of a conversations.info response.
const (
	NotMember = "not_in_channel"
	Archived  = "is_archived"
	// NotShown is the code for a channel that does not exist, or is private and without the bot.
	NotShown = "channel_not_found"
	// WrongChannel is the code for a type of conversation in which the bot cannot post: a direct message between other people.
	WrongChannel = "method_not_supported_for_channel_type"
)

// Words returns the user-facing text of a code as a main clause without a full stop. For an unknown code the text contains the code.
func Words(code string) string {
	if c, ok := codes[code]; ok {
		return c.words
	}
	return "Slack refused it with the code " + code + ", which I do not know"
}

// Words returns the user-facing text of a fault as a main clause without a full stop.
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

// Do returns the user-facing remedy for a fault that prevents the bot from posting in a channel.
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

// Parting returns the user-facing text of a Socket Mode disconnect reason.
func Parting(reason string) string {
	switch reason {
	case "link_disabled":
		return "Socket Mode is turned off in the app's settings"
	case "too_many_websockets":
		return "the app has too many connections; other instances use its token"
	default:
		return reason
	}
}

// meaning classifies a set of error codes.
type meaning struct {
	kind    Kind
	words   string
	unclear bool   // the call may nevertheless have been executed
	codes   string // space-separated
}

const (
	notMember  = "I am not a member of the channel"
	limitWords = "Slack's limit on calls was reached"
)

// meanings covers the codes that Slack documents for the methods in use, and codes observed in the field.
var meanings = []meaning{
	{kind: Trouble, unclear: true, words: "Slack has trouble of its own",
		codes: "internal_error fatal_error service_unavailable request_timeout server_error update_failed"},
	{kind: Trouble, words: "the workspace is being moved to another organisation", codes: "team_added_to_org"},
	{kind: Trouble, words: "the channel is being moved", codes: "external_channel_migrating"},
	{kind: Trouble, words: "Slack's limit on messages was reached", codes: "message_limit_exceeded"},
	{kind: Trouble, words: "Slack limits the access at present", codes: "accesslimited"},
	{kind: Limited, words: limitWords, codes: "ratelimited rate_limited"},

	{kind: Token, words: "Slack refuses my token", codes: "invalid_auth not_authed account_inactive token_revoked token_expired"},
	{kind: WrongToken, words: "Slack refuses my token", codes: "not_allowed_token_type"},
	{kind: NoScope, words: "the app lacks a scope", codes: "missing_scope"},
	{kind: Setting, words: "a setting of the app or the workspace does not allow it",
		codes: "no_permission access_denied org_login_required team_access_not_granted enterprise_is_restricted two_factor_setup_required"},
	{kind: Setting, words: "the organisation's key management keeps me out", codes: "ekm_access_denied"},
	{kind: Setting, words: "direct messages to me are turned off in the app's settings (App Home, Messages Tab)",
		codes: "messages_tab_disabled"},

	{kind: NoChannel, words: notMember, codes: NotShown + " " + NotMember + " team_not_found"},
	{kind: NoChannel, words: "the channel is archived", codes: Archived},
	{kind: NoChannel, words: "the channel takes no messages", codes: "is_inactive"},
	{kind: NoChannel, words: "access to the channel is limited", codes: "channel_is_limited_access"},
	{kind: Restricted, words: "not everyone may post in the channel, and I may not", codes: "restricted_action"},
	{kind: Restricted, words: "the channel can only be read", codes: "restricted_action_read_only_channel"},
	{kind: Restricted, words: "the channel takes replies in threads alone", codes: "restricted_action_thread_only_channel"},
	{kind: NoThread, words: "the channel has no threads", codes: "restricted_action_non_threadable_channel"},
	{kind: NoThread, words: "the thread is locked", codes: "restricted_action_thread_locked"},
	{kind: NoThread, words: "the message takes no replies", codes: "cannot_reply_to_message"},
	{kind: NoThread, words: "the thread is not there any more", codes: "thread_not_found"},
	{kind: NoEdit, words: "Slack does not let me change the message", codes: "cant_update_message"},
	{kind: NoEdit, words: "Slack does not let me delete the message", codes: "cant_delete_message"},
	{kind: NoEdit, words: "the workspace does not let messages be changed so late", codes: "edit_window_closed"},
	{kind: NoMessage, words: "the message is not there any more", codes: "message_not_found"},
	{kind: NoPerson, words: "Slack does not know that user", codes: "user_not_found users_not_found"},
	{kind: NoPerson, words: "Slack does not show me that user", codes: "user_not_visible"},
	{kind: NoPerson, words: "the user is not in the channel", codes: "user_not_in_channel"},
	{kind: NoPerson, words: "the user's account is deactivated", codes: "user_disabled"},
	{kind: NoPerson, words: "a bot takes no direct messages", codes: "cannot_dm_bot"},
	{kind: NoView, words: "the window was closed", codes: "not_found"},
	{kind: NoURL, words: "Slack takes no answer there so late", codes: "expired_url"},
	{kind: NoURL, words: "Slack takes no more answers there", codes: "used_url"},
	{kind: NoTrigger, words: "Slack opens no window so late", codes: "expired_trigger_id"},
	{kind: NoTrigger, words: "Slack has opened a window for it before", codes: "exchanged_trigger_id"},
	{kind: NoTrigger, words: "Slack opens no window for it", codes: "invalid_trigger_id"},
	{kind: NoGroup, words: "Slack does not know that user group", codes: "no_such_subteam subteam_not_found"},
	{kind: NoGroups, words: "the workspace's plan has no user groups", codes: "plan_upgrade_required paid_teams_only"},
	{kind: NoMethod, words: "Slack does not know the method", codes: "unknown_method"},
	{kind: NoMethod, words: "I cannot post in this kind of conversation", codes: WrongChannel},
	{kind: TooMuch, words: "Slack does not take the message's form",
		codes: "invalid_arguments invalid_payload invalid_blocks invalid_blocks_format msg_too_long msg_blocks_too_long " +
			"invalid_metadata_format invalid_metadata_schema metadata_too_large no_text view_too_large block_mismatch"},
}

// codes indexes meanings by code.
var codes = func() map[string]meaning {
	all := map[string]meaning{}
	for _, m := range meanings {
		for code := range strings.FieldsSeq(m.codes) {
			all[code] = m
		}
	}
	return all
}()
