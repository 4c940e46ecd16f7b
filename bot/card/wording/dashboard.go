package wording

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"c66bot/bot/card/markup"
	"c66bot/storage"
)

// Dashboard is the address of a stack's page, with {uid}, {name} and {environment} of the stack in it, or of a page for all of them.
type Dashboard string

// placeholder matches a word in braces, and a brace alone.
var placeholder = regexp.MustCompile(`\{[^{}]*\}|[{}]`)

// ParseDashboard checks an address: it is of the web, and {uid}, {name} and {environment} stand nowhere but behind its host.
func ParseDashboard(text string) (Dashboard, error) {
	for _, word := range placeholder.FindAllString(text, -1) {
		if word != "{uid}" && word != "{name}" && word != "{environment}" {
			return "", fmt.Errorf("has %q, which nothing fills in: {uid}, {name} and {environment} of the stack are filled in", word)
		}
	}
	u, err := url.Parse(placeholder.ReplaceAllString(text, "x"))
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return "", errors.New("is not a URL that begins with https:// (or http://) and a host")
	case u.User != nil:
		return "", errors.New("has a user, whom everybody would see")
	}
	_, rest, _ := strings.Cut(text, "://")
	if host := rest[:max(0, strings.IndexAny(rest+"/", "/?#"))]; placeholder.MatchString(host) {
		return "", fmt.Errorf("has the host %q, which cannot depend on the stack", host)
	}
	if markup.WebAddress(placeholder.ReplaceAllString(text, "x")).Empty() {
		return "", errors.New("has a character that breaks a link")
	}
	return Dashboard(text), nil
}

// Of returns the page of a stack, with what is filled in escaped. It is the zero Address if there is none.
func (d Dashboard) Of(stack storage.StackRef) markup.Address {
	return markup.WebAddress(placeholder.ReplaceAllStringFunc(string(d), func(word string) string {
		value := map[string]string{"{uid}": stack.UID, "{name}": stack.Name, "{environment}": stack.Environment}[word]
		if strings.Trim(value, ".") == "" { // a browser would go up by it
			value = strings.ReplaceAll(value, ".", "_")
		}
		return strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
	}))
}
