package slacksim

import (
	"fmt"
	"slices"
	"strings"
)

// eventScopes are the bot events that a manifest can name, each with the scopes
// any one of which it needs; see "Events" in Slack's reference.
var eventScopes = map[string][]string{
	"app_home_opened": nil, "app_mention": {"app_mentions:read"}, "app_rate_limited": nil, "app_uninstalled": nil,
	"assistant_thread_started": {"assistant:write"}, "assistant_thread_context_changed": {"assistant:write"},
	"channel_archive": {"channels:read"}, "channel_created": {"channels:read"}, "channel_deleted": {"channels:read"},
	"channel_history_changed": {"channels:history", "groups:history"}, "channel_id_changed": {"channels:read", "groups:read"},
	"channel_left": {"channels:read"}, "channel_rename": {"channels:read"},
	"channel_shared": {"channels:read", "groups:read"}, "channel_unarchive": {"channels:read"}, "channel_unshared": {"channels:read", "groups:read"},
	"dnd_updated_user": {"dnd:read"}, "emoji_changed": {"emoji:read"},
	"file_change": {"files:read"}, "file_created": {"files:read"}, "file_deleted": {"files:read"},
	"file_public": {"files:read"}, "file_shared": {"files:read"}, "file_unshared": {"files:read"},
	"group_archive": {"groups:read"}, "group_close": {"groups:read"}, "group_deleted": {"groups:read"},
	"group_history_changed": {"groups:history"}, "group_left": {"groups:read"}, "group_open": {"groups:read"},
	"group_rename": {"groups:read"}, "group_unarchive": {"groups:read"},
	"im_close": {"im:read"}, "im_created": {"im:read"}, "im_history_changed": {"im:history"}, "im_open": {"im:read"},
	"link_shared":           {"links:read"},
	"member_joined_channel": {"channels:read", "groups:read"}, "member_left_channel": {"channels:read", "groups:read"},
	"message.channels": {"channels:history"}, "message.groups": {"groups:history"}, "message.im": {"im:history"}, "message.mpim": {"mpim:history"},
	"message_metadata_deleted": {"metadata.message:read"}, "message_metadata_posted": {"metadata.message:read"},
	"message_metadata_updated": {"metadata.message:read"},
	"pin_added":                {"pins:read"}, "pin_removed": {"pins:read"},
	"reaction_added": {"reactions:read"}, "reaction_removed": {"reactions:read"},
	"shared_channel_invite_accepted": {"conversations.connect:manage"}, "shared_channel_invite_approved": {"conversations.connect:manage"},
	"shared_channel_invite_declined": {"conversations.connect:manage"}, "shared_channel_invite_received": {"conversations.connect:read"},
	"star_added": {"stars:read"}, "star_removed": {"stars:read"},
	"subteam_created": {"usergroups:read"}, "subteam_members_changed": {"usergroups:read"}, "subteam_self_added": {"usergroups:read"},
	"subteam_self_removed": {"usergroups:read"}, "subteam_updated": {"usergroups:read"},
	"team_domain_change": {"team:read"}, "team_join": {"users:read"}, "team_rename": {"team:read"}, "tokens_revoked": nil,
	"user_change": {"users:read"}, "user_huddle_changed": {"users:read"}, "user_profile_changed": {"users:read"}, "user_status_changed": {"users:read"},
}

// needs returns a message for each thing that is declared without what it needs.
// Nothing here has a request URL of use, so all of it needs Socket Mode or fails.
func (m Manifest) needs() []string {
	var problems []string
	fault := func(format string, args ...any) { problems = append(problems, fmt.Sprintf("[ERROR] "+format, args...)) }
	scoped := func(scope string) bool { return slices.Contains(m.BotScopes, scope) }
	for _, event := range m.BotEvents {
		scopes, known := eventScopes[event]
		switch {
		case !known:
			fault("unknown event: %s [json-pointer:/settings/event_subscriptions/bot_events]", event)
		case len(scopes) > 0 && !slices.ContainsFunc(scopes, scoped):
			fault("the event %s needs the scope %s [json-pointer:/oauth_config/scopes/bot]", event, strings.Join(scopes, " or "))
		}
	}
	if len(m.Commands)+len(m.Shortcuts) > 0 && !scoped("commands") {
		fault("slash commands and shortcuts need the scope commands [json-pointer:/oauth_config/scopes/bot]")
	}
	if len(m.Shortcuts) > 0 && !m.Interactivity {
		fault("shortcuts need interactivity [json-pointer:/settings/interactivity/is_enabled]")
	}
	if len(m.BotScopes) > 0 && m.BotName == "" {
		fault("bot scopes need a bot user [json-pointer:/features/bot_user]")
	}
	return problems
}
