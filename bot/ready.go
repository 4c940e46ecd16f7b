package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"c66bot/bot/outbox"
	"c66bot/bot/routine"
	"c66bot/bot/webapi"
	"c66bot/cloud66"
)

// Intervals of the Cloud 66 token check: long while the token is good, a minute while it is not.
const (
	checkGood    = 5 * time.Minute
	shortestWait = time.Second // for Slack's answer about the bot token; then backoff up to longestWait
	longestWait  = 30 * time.Second
	readyLook    = 250 * time.Millisecond
	afterHello   = 5 * time.Second // at the earliest
	checkBad     = time.Minute
	checkSuspect = 15 * time.Second // after a command failed, for whatever reason
)

// readiness holds the reasons why the bot cannot do its work, except those of the socket and the database. Each has one writer: the check
// of its token.
type readiness struct {
	bot, cloud atomic.Pointer[error]     // of the tokens
	silent     atomic.Pointer[time.Time] // start of Cloud 66's silence; nil if it answered the last token check
	again      chan struct{}             // triggers a check of the Cloud 66 token
	hello      chan struct{}             // triggers a check of a doubtful bot token
}

// refusal says that Cloud 66 refuses the token.
type refusal struct{ error }

var errUnchecked = errors.New("the Cloud 66 token is not checked yet")

func (r *readiness) begin() {
	unchecked := errUnchecked
	r.cloud.Store(&unchecked)
	r.again, r.hello = make(chan struct{}, 1), make(chan struct{}, 1)
}

func (r *readiness) err() error { return errors.Join(errorIn(&r.bot), errorIn(&r.cloud)) }

func errorIn(of *atomic.Pointer[error]) error {
	if err := of.Load(); err != nil {
		return *err
	}
	return nil
}

// answers records whether Cloud 66 answered a token check.
func (r *readiness) answers(yes bool) {
	if now := time.Now(); yes {
		r.silent.Store(nil)
	} else {
		r.silent.CompareAndSwap(nil, &now)
	}
}

// silentSince returns the start of Cloud 66's silence, or zero if it answers.
func (r *readiness) silentSince() time.Time {
	if since := r.silent.Load(); since != nil {
		return *since
	}
	return time.Time{}
}

func (b *Bot) logReady(ctx context.Context) {
	begun := time.Now()
	for routine.Sleep(ctx, readyLook) {
		if b.Ready() == nil {
			b.log.Info("ready", "version", b.version, "took_ms", time.Since(begun).Milliseconds())
			return
		}
	}
}

func (b *Bot) checkCloud(ctx context.Context) {
	var token webapi.Trust
	for {
		err := b.cloud.CheckToken(cloud66.Background(ctx))
		if errors.Is(err, cloud66.ErrNotFound) {
			_, err = b.cloud.StackPage(cloud66.Background(ctx), 1) // the server has no token check
		}
		if ctx.Err() != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(b.tokenState(&token, err)):
		case <-b.ready.again:
			if !routine.Sleep(ctx, checkSuspect) { // many commands may fail at once
				return
			}
		}
	}
}

// tokenState records the result of a Cloud 66 token check and returns the delay until the next one.
func (b *Bot) tokenState(token *webapi.Trust, err error) time.Duration {
	refused := false
	switch words := cloud66.WordsFor(err).Token; {
	case err == nil && !token.Accepted:
		b.log.Info("Cloud 66 accepts the token")
	case err == nil:
	case words != "":
		err, refused = refusal{errors.New(words)}, true
	default:
		err = fmt.Errorf("the Cloud 66 token could not be checked: %w", err)
	}
	b.ready.answers(err == nil || refused)
	return b.looked(token, &b.ready.cloud, nil, err, refused)
}

// looked records the result of a token check and returns the delay until the next one. An error other than a refusal does not discredit an
// accepted token.
func (b *Bot) looked(token *webapi.Trust, part *atomic.Pointer[error], lack, err error, refused bool) time.Duration {
	believed, again := !token.Accepted, checkBad
	switch {
	case err == nil:
		token.Accept()
		part.Store(&lack)
		return checkGood
	case refused:
		believed, again = token.Refuse()
	}
	if !believed {
		b.log.Warn("a token is looked at again soon", "error", err)
		return again
	}
	b.log.Error("not ready", "reason", err)
	part.Store(&err)
	return again
}

// wantedScopes lists the bot token's scopes in use, with the loss of function without each.
var wantedScopes = []struct{ scope, without string }{
	{"chat:write", "no card can be posted"},
	{"commands", "the slash command and the form do not reach me"},
	{"im:write", "what a channel refuses cannot be told in a direct message"},
	{"channels:history", "after a crash a message may come twice, and a mention in a card's thread must name the stack"},
	{"groups:history", "after a crash a message in a private channel may come twice, and a mention in a card's thread must name the stack"},
	{"im:history", "after a crash a direct message may come twice"},
	{"channels:read", "rules for groups and for everyone allow nothing in a channel"},
	{"groups:read", "rules for groups and for everyone allow nothing in a private channel"},
	{"app_mentions:read", "mentions do not reach me"},
	{"usergroups:read", "nobody is allowed anything by a user group"},
	{"users:read.email", "a failure mentions nobody by --mention author"},
	{"users:read", "nobody is allowed anything by a user group or as everyone"},
}

// checkSlack checks the bot token until the context ends. An outage of Slack does not discredit an accepted token.
func (b *Bot) checkSlack(ctx context.Context) {
	var token webapi.Trust
	wait := shortestWait
	for {
		looked := time.Now()
		auth, err := b.api.AuthTestContext(ctx)
		if err == nil && auth.UserID == "" {
			err = webapi.ErrEmpty
		}
		if ctx.Err() != nil {
			return
		}
		err = webapi.ExplainToken("bot token (C66BOT_SLACK_BOT_TOKEN)", "", err)
		_, refused := errors.AsType[*webapi.TokenError](err)
		hello := b.ready.hello
		var lack error
		if err == nil {
			hello = nil
			b.self.Store(&outbox.Self{User: auth.UserID, Bot: auth.BotID})
			if lack = b.missingScopes(auth.Header, !token.Accepted); lack != nil {
				b.log.Error("not ready", "reason", lack)
			}
		}
		switch next := b.looked(&token, &b.ready.bot, lack, err, refused); {
		case refused || token.Accepted:
			wait = next
		default:
			wait = min(2*wait, longestWait)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		case <-hello:
			if !routine.Sleep(ctx, time.Until(looked.Add(afterHello))) {
				return
			}
		}
	}
}

// missingScopes records the scopes that the token lacks, if Slack lists its scopes, and logs them the first time. It returns an error if
// chat:write is missing, because nothing works without it.
func (b *Bot) missingScopes(h http.Header, first bool) error {
	header := h.Get("X-OAuth-Scopes")
	if header == "" {
		return nil
	}
	granted := strings.FieldsFunc(header, func(r rune) bool { return r == ',' || r == ' ' })
	var fatal error
	var lacks []string
	for _, w := range wantedScopes {
		if slices.Contains(granted, w.scope) {
			continue
		}
		const words = "The app lacks the scope %s, and without it %s: add it in the app's settings and install the app again"
		lacks = append(lacks, fmt.Sprintf(words, w.scope, w.without))
		if first {
			b.log.Warn("the bot token lacks a scope: add it in the app's settings and install the app again", "scope", w.scope,
				"without_it", w.without)
		}
		if w.scope == "chat:write" {
			fatal = fmt.Errorf("the bot token (C66BOT_SLACK_BOT_TOKEN) lacks the scope %s: %s", w.scope, w.without)
		}
	}
	b.lacks.Store(&lacks)
	return fatal
}
