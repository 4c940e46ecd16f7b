// Package slacksim is a simulated, headless Slack workspace for one app in
// Socket Mode: the Web API, the Socket Mode websocket and the response_urls as
// an http.Handler, and a Go API with which tests and the demo act as people: they
// send commands, click, use shortcuts, fill in modal views, and mention the bot.
//
// It is as strict as Slack's documentation, and stricter where Slack only
// sometimes forgives: every block limit, scope, membership and rate limit is
// enforced, and what breaks the Socket Mode protocol is listed by Violations.
// It has its own wire types, so that it shares no mistake with a client library.
package slacksim
