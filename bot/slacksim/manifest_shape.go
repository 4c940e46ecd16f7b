package slacksim

import (
	"regexp"
	"sync"
	"unicode/utf8"
)

// manifestShape is the manifest's schema, version 1 and 2, as far as an app
// without functions, workflows and datastores uses it; see "App manifest
// reference" and the published schema. What belongs to those is refused.
var manifestShape = sync.OnceValue(func() shape {
	return shape{
		required: []string{"display_information"},
		fields: map[string]rule{
			"$schema": characters(3000),
			"_metadata": record(shape{fields: map[string]rule{
				"major_version": number(1, 2), "minor_version": number(0, 1000),
			}}),
			"display_information": record(displayShape()),
			"features":            record(featuresShape()),
			"oauth_config":        record(oauthShape()),
			"settings":            record(settingsShape()),
		},
	}
})

func displayShape() shape {
	return shape{required: []string{"name"}, fields: map[string]rule{
		"name": characters(35), "description": characters(140), "long_description": between(175, 4000),
		"background_color": matching(`^#[0-9a-fA-F]{3}([0-9a-fA-F]{3})?$`, 7),
	}}
}

func featuresShape() shape {
	command := shape{required: []string{"command", "description"}, fields: map[string]rule{
		"command": matching(`^/[^\s/]+$`, 32), "description": characters(2000), "usage_hint": characters(1000),
		"should_escape": boolean, "url": httpAddress(3000),
	}}
	shortcut := shape{required: []string{"name", "type", "callback_id", "description"}, fields: map[string]rule{
		"name": characters(24), "type": words("global", "message"), "callback_id": characters(255), "description": characters(150),
	}}
	return shape{fields: map[string]rule{
		"app_home": record(shape{fields: map[string]rule{
			"home_tab_enabled": boolean, "messages_tab_enabled": boolean, "messages_tab_read_only_enabled": boolean,
		}}),
		"bot_user": record(shape{required: []string{"display_name"}, fields: map[string]rule{
			"display_name": characters(80), "always_online": boolean,
		}}),
		"slash_commands": distinct("command", items(1, 50, record(command))),
		"shortcuts":      distinct("callback_id", items(1, 10, record(shortcut))),
		"unfurl_domains": distinct("", items(1, 5, characters(255))),
	}}
}

func oauthShape() shape {
	scopes := distinct("", items(0, 255, characters(50)))
	return shape{fields: map[string]rule{
		"redirect_urls": distinct("", items(0, 1000, characters(2500))),
		"scopes": record(shape{fields: map[string]rule{
			"bot": scopes, "user": scopes, "bot_optional": scopes, "user_optional": scopes,
		}}),
		"token_management_enabled": boolean, "pkce_enabled": boolean,
	}}
}

func settingsShape() shape {
	events := distinct("", items(0, 100, characters(50)))
	return shape{fields: map[string]rule{
		"allowed_ip_address_ranges": distinct("", items(1, 50, characters(50))),
		"event_subscriptions": record(shape{fields: map[string]rule{
			"request_url": httpAddress(3500), "bot_events": events, "user_events": events,
		}}),
		"incoming_webhooks": record(shape{fields: map[string]rule{"incoming_webhooks_enabled": boolean}}),
		"interactivity": record(shape{required: []string{"is_enabled"}, fields: map[string]rule{
			"is_enabled": boolean, "request_url": httpAddress(3500), "message_menu_options_url": httpAddress(3500),
		}}),
		"org_deploy_enabled": boolean, "socket_mode_enabled": boolean, "token_rotation_enabled": boolean,
		"is_hosted": boolean, "function_runtime": words("remote", "slack"),
	}}
}

// between is a string of lo to hi characters.
func between(lo, hi int) rule {
	return func(c *checker, at string, v any) {
		characters(hi)(c, at, v)
		if s, isString := v.(string); isString && s != "" && utf8.RuneCountInString(s) < lo {
			c.fault(at, "must be more than %d characters", lo-1)
		}
	}
}

// matching is a string of at most n characters that a pattern describes.
func matching(pattern string, n int) rule {
	form := regexp.MustCompile(pattern)
	return func(c *checker, at string, v any) {
		characters(n)(c, at, v)
		if s, isString := v.(string); isString && s != "" && !form.MatchString(s) {
			c.fault(at, "does not match the pattern %s", pattern)
		}
	}
}

func httpAddress(n int) rule { return matching(`^https?://`, n) }

// distinct is a list without repetitions: of texts, or of objects by one of their fields.
func distinct(field string, each rule) rule {
	return func(c *checker, at string, v any) {
		each(c, at, v)
		seen := map[string]bool{}
		for _, item := range list(v) {
			key, _ := item.(string)
			if field != "" {
				key, _ = object(item)[field].(string)
			}
			if key != "" && seen[key] {
				c.fault(at, "duplicate entry: %s", key)
			}
			seen[key] = true
		}
	}
}
