package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"c66bot/cloud66/secret"
)

// The errors of the parse functions are predicates: the caller puts the name of the setting before them.

// odd reports whether r cannot be in a token or header: a space, or not printable ASCII.
func odd(r rune) bool { return r <= ' ' || r > '~' }

// parseToken accepts any text of printable ASCII without spaces. Its errors never contain the text.
func parseToken(text string) (secret.Text, error) {
	if text == "" {
		return secret.Text{}, errors.New("is empty: set it to the token")
	}
	if strings.ContainsFunc(text, odd) {
		return secret.Text{}, errors.New("contains a space, a line break or another character that no token has: copy the token again")
	}
	return secret.New(text), nil
}

// parseSlackToken returns a parser of tokens with a prefix. It has a special error for tokens with the other prefix.
func parseSlackToken(prefix, otherPrefix string) func(string) (secret.Text, error) {
	return func(text string) (secret.Text, error) {
		switch token, err := parseToken(text); {
		case err != nil:
			return secret.Text{}, err
		case strings.HasPrefix(text, otherPrefix):
			return secret.Text{}, fmt.Errorf("holds a token that begins with %s, where one with %s… belongs: are %s and %s swapped?",
				otherPrefix, prefix, envName("slack.app_token"), envName("slack.bot_token"))
		case !strings.HasPrefix(text, prefix):
			return secret.Text{}, fmt.Errorf("does not begin with %s: copy the whole token, without quotes", prefix)
		case text == prefix:
			return secret.Text{}, fmt.Errorf("ends after %s: copy the whole token", prefix)
		default:
			return token, nil
		}
	}
}

// slackToken matches the tokens that Slack gives out.
var slackToken = regexp.MustCompile(`^x(ox[a-z]|app|wfp)-`)

// parseCloud66Token accepts a token that is not one of Slack's.
func parseCloud66Token(text string) (secret.Text, error) {
	if kind := slackToken.FindString(text); kind != "" {
		return secret.Text{}, fmt.Errorf("holds a token of Slack's, which begins with %s: set it to an access token from Cloud 66", kind)
	}
	return parseToken(text)
}

// parseURL accepts a base URL. Its errors do not contain the text, which might hold a password.
func parseURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", errors.New("is not a URL that begins with https:// (or http://) and a host")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("has a user, a query or a fragment: give the plain base URL")
	}
	return text, nil
}

// parseSlackURL accepts a base URL and adds the final slash, since method names are appended directly.
func parseSlackURL(text string) (string, error) {
	base, err := parseURL(text)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(base, "/") + "/", nil
}

// parseCommandName accepts what Slack accepts as a slash command: one lower-case word of at most 32 characters.
func parseCommandName(text string) (string, error) {
	word, ok := strings.CutPrefix(text, "/")
	if !ok || word == "" || strings.ContainsAny(word, "/") || strings.ContainsFunc(word, unicode.IsSpace) {
		return "", fmt.Errorf("is %q: it is a slash and one word, such as /c66", text)
	}
	if text != strings.ToLower(text) {
		return "", fmt.Errorf("is %q: Slack allows lower case only, such as %s", text, strings.ToLower(text))
	}
	if utf8.RuneCountInString(text) > 32 {
		return "", fmt.Errorf("is %q: Slack allows 32 characters at most", text)
	}
	return text, nil
}

// parseAccount accepts one word that is valid in an HTTP header, or an empty text.
func parseAccount(text string) (string, error) {
	if strings.ContainsFunc(text, odd) {
		return "", fmt.Errorf("is %q: an account id is one word, without spaces", text)
	}
	return text, nil
}

func parseList(text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	items := strings.Split(text, ",")
	for i, item := range items {
		items[i] = strings.TrimSpace(item)
	}
	if slices.Contains(items, "") {
		return nil, fmt.Errorf("is %q, with an empty item: put one comma between two items and none at the end", text)
	}
	return items, nil
}

var adminID = regexp.MustCompile(`^[UWS][A-Z0-9]+$`)

func parseAdmins(text string) ([]string, error) {
	ids, err := parseList(text)
	if err != nil {
		return nil, err
	}
	var wrong []string
	for _, id := range ids {
		if !adminID.MatchString(id) {
			wrong = append(wrong, strconv.Quote(id))
		}
	}
	if wrong != nil {
		return nil, fmt.Errorf("has %s, which is no Slack id of a user (U…) or user group (S…): "+
			"a profile's menu in Slack has \"Copy member ID\"", strings.Join(wrong, ", "))
	}
	return ids, nil
}

func parsePositive(text string) (int, error) {
	number, err := strconv.Atoi(text)
	if err != nil || number <= 0 {
		return 0, fmt.Errorf("is %q: it is a whole number above 0", text)
	}
	return number, nil
}

// parseDuration returns a parser of Go durations of at least shortest.
func parseDuration(shortest time.Duration) func(string) (time.Duration, error) {
	return func(text string) (time.Duration, error) {
		duration, err := time.ParseDuration(text)
		if err != nil {
			return 0, fmt.Errorf("is %q: it is a duration with its unit, such as 500ms, 5s or 1h", text)
		}
		if duration <= 0 {
			return 0, fmt.Errorf("is %q: it is a duration above 0", text)
		}
		if duration < shortest {
			return 0, fmt.Errorf("is %q: the shortest possible is %v", text, shortest)
		}
		return duration, nil
	}
}

// parseUpTo returns a parser of Go durations of at most longest, and of 0.
func parseUpTo(longest time.Duration) func(string) (time.Duration, error) {
	return func(text string) (time.Duration, error) {
		duration, err := time.ParseDuration(text)
		if err != nil || duration < 0 {
			return 0, fmt.Errorf("is %q: it is a duration with its unit, such as 5m or 1h, or 0", text)
		}
		if duration > longest {
			return 0, fmt.Errorf("is %q: the longest possible is %v", text, longest)
		}
		return duration, nil
	}
}

func parseNotEmpty(text string) (string, error) {
	if strings.TrimSpace(text) == "" {
		return "", errors.New("is empty: set it to a file name, or leave it out for the default")
	}
	return text, nil
}

// parseListenAddr accepts host:port, where an empty host means every interface, or an empty text for no address.
func parseListenAddr(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	_, port, err := net.SplitHostPort(text)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return "", fmt.Errorf("is %q: it is host:port, such as 127.0.0.1:8067 or :8067, or empty for no endpoints", text)
	}
	return text, nil
}

// oneOf returns a parser of the keys of values. Its errors show list.
func oneOf[T any](list string, values map[string]T) func(string) (T, error) {
	return func(text string) (T, error) {
		value, ok := values[text]
		if !ok {
			return value, fmt.Errorf("is %q: it is %s", text, list)
		}
		return value, nil
	}
}
