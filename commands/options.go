package commands

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"c66bot/authz"
	"c66bot/cloud66"
)

func setNow(i *Invocation, _ string) error { i.Now = true; return nil }

func setPage(i *Invocation, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > maxPage {
		return fmt.Errorf("%s is no page: pages count from 1", quoted(v))
	}
	i.Page = n
	return nil
}

// outcomes are what a list can be narrowed to.
var outcomes = []string{"running", "succeeded", "failed", "cancelled", "reverted"}

func setOutcome(i *Invocation, v string) error {
	word := strings.ToLower(strings.TrimSpace(v))
	other := map[string]string{"success": "succeeded", "canceled": "cancelled", "pending": "running", "queued": "running", "failure": "failed"}
	if known, ok := other[word]; ok {
		word = known
	}
	if !slices.Contains(outcomes, word) {
		near := ""
		if n := nearest(word, outcomes); n != "" {
			near = fmt.Sprintf(" Did you mean %s?", n)
		}
		return fmt.Errorf("%s is no outcome.%s Outcomes are %s", quoted(v), near, outcomeWords)
	}
	i.Outcome = word
	return nil
}

// setBy takes a name, or a mention, of which the Slack id counts.
func setBy(i *Invocation, v string) error {
	if id := UserOf(v); id != "" {
		i.By = id
		return nil
	}
	v = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(v), "@ "))
	if v == "" {
		return errors.New("--by needs a name")
	}
	if err := plain("name", v, maxStackName); err != nil {
		return err
	}
	i.By = v
	return nil
}

var trail = regexp.MustCompile(`^\d{1,7}(,\d{1,7})*$`)

func setTrail(i *Invocation, v string) error {
	if len(v) > maxTrail || !trail.MatchString(v) {
		return fmt.Errorf("%s is no trail of pages", quoted(v))
	}
	i.Trail = v
	return nil
}

// setGlob takes the stacks of a rule.
func setGlob(i *Invocation, v string) error {
	if _, err := authz.ParsePattern(v); err != nil {
		return err
	}
	i.Glob = v
	return nil
}

func setActions(i *Invocation, v string) error {
	actions, err := authz.ParseActions(v)
	if err != nil {
		return err
	}
	words := make([]string, len(actions))
	for n, a := range actions {
		words[n] = string(a)
	}
	i.Actions = strings.Join(words, ",")
	return nil
}

var ruleID = regexp.MustCompile(`^[0-9a-z]{1,12}$`)

func setRule(i *Invocation, v string) error {
	v = strings.ToLower(strings.TrimSpace(v))
	if !ruleID.MatchString(v) {
		return fmt.Errorf("%s is no rule's id: access shows them", quoted(v))
	}
	i.Rule = v
	return nil
}

// badRef is what no git reference may be or contain (git-check-ref-format).
var badRef = regexp.MustCompile(`[\s~^:?*\[\\]|\.\.|@\{|//|^[-/]|[/.]$|(^|/)\.|\.lock(/|$)|^@$`)

func setRef(i *Invocation, v string) error {
	if err := plain("ref", v, maxRef); err != nil {
		return err
	}
	if badRef.MatchString(v) {
		return fmt.Errorf("%s is no branch, tag or commit: git allows no spaces, no two dots in a row and none of ~ ^ : ? * [ \\ in one", quoted(v))
	}
	i.Ref = v
	return nil
}

func setServices(i *Invocation, v string) error {
	if err := plain("list of services", v, maxServices); err != nil {
		return err
	}
	if _, err := parseServices(v); err != nil {
		return err
	}
	i.Services = v
	return nil
}

func setProfile(i *Invocation, v string) error {
	if err := plain("profile", v, maxProfile); err != nil {
		return err
	}
	i.Profile = v
	return nil
}

func setReason(i *Invocation, v string) error {
	if n := utf8.RuneCountInString(v); n > maxReason {
		return fmt.Errorf("the reason has %d characters; %d fit on a card", n, maxReason)
	}
	i.Reason = strings.Join(strings.Fields(strings.Map(printable, v)), " ")
	return nil
}

// printable turns control characters into spaces, for strings.Map.
func printable(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

// plain refuses what is too long or holds control characters.
func plain(what, v string, limit int) error {
	if n := utf8.RuneCountInString(v); n > limit {
		return fmt.Errorf("the %s has %d characters; at most %d are allowed", what, n, limit)
	}
	if strings.ContainsFunc(v, unicode.IsControl) || !utf8.ValidString(v) {
		return fmt.Errorf("the %s holds control characters or line breaks", what)
	}
	return nil
}

var serviceWord = regexp.MustCompile(`^[^\s,:]+(:[^\s,:]+)?$`)

// parseServices reads "name:tag,name" as the API takes it; a tag may be left out.
func parseServices(v string) ([]cloud66.ServiceImage, error) {
	var services []cloud66.ServiceImage
	for word := range strings.SplitSeq(v, ",") {
		word = strings.TrimSpace(word)
		if !serviceWord.MatchString(word) {
			return nil, fmt.Errorf("%s is no service: each is a name, or a name and a tag as in api:1.4.2", quoted(word))
		}
		name, tag, _ := strings.Cut(word, ":")
		if slices.ContainsFunc(services, func(s cloud66.ServiceImage) bool { return s.Name == name }) {
			return nil, fmt.Errorf("the service %s is named twice", quoted(name))
		}
		services = append(services, cloud66.ServiceImage{Name: name, Tag: tag})
	}
	return services, nil
}
