package commands

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/commands/typography"
	"c66bot/storage"
)

// Opt identifies a value of an invocation other than its stack and deployment: of an --option, of a word after the verb, or of a
// button. The order is that of the keys in a button's value.
type Opt int

// The options.
const (
	Which Opt = iota
	Ref
	Services
	Profile
	Reason
	Now
	Page
	Topic
	Text
	Outcome
	By
	Trail
	Who
	Actions
	Glob
	Rule
	Events
	Via
	Types
	Mention
	For
	Every
	Zone
	Override
	To
	Asker
	Since
	Wait
	Approvals
	After
	Environment

	optCount int = iota
)

// Options holds validated values, "" for an option that is not given.
type Options [optCount]string

// kind is how an option's value is parsed and encoded.
type kind int

const (
	aName    kind = iota
	aNumber       // a number in JSON
	aFlag         // without a value; stored as given
	aMention      // may be a mention of a user or a group
	aGlob         // names of stacks, which may begin and end with any mark
	exact         // sent to Cloud 66 as it is; a mention in it is refused, since what was typed is not known
	prose         // stored verbatim, without typographic normalization
)

// Option describes a value of an invocation.
type Option struct {
	Opt     Opt
	Name    string // as typed, without the hyphens; "" if it is no --option
	Value   string // the placeholder in the help; "" for a flag
	Summary string
	key     string // in a button's value
	kind    kind
	many    bool     // it may be repeated: its values are joined by commas
	also    []string // common wrong names; they are rejected with a hint
	// check validates and normalizes a value. It is idempotent.
	check func(value string) (string, error)
}

// options describes each option.
var options = [optCount]Option{
	Which: {key: "w", check: matching(`^(latest|live|head)$`, "%s is no deployment")},
	Ref: {
		Name: "ref", key: "r", Value: "REF", Summary: "branch, tag or commit, for stacks without docker", kind: exact, check: checkRef,
		also: []string{"branch", "tag", "commit"},
	},
	Services: {
		Name: "services", key: "i", Value: "a:tag,b", Summary: "only these services, for docker stacks", kind: exact, check: checkServices,
	},
	Profile: {Name: "profile", key: "p", Value: "NAME", Summary: "a deployment profile", kind: exact, check: upTo(maxProfile, "profile")},
	Reason: {Name: "reason", key: "y", Value: "TEXT", Summary: "why; the card shows it", kind: prose, check: checkReason,
		also: []string{"why", "because", "message", "comment", "description"},
	},
	Now: {Name: "now", key: "n", Summary: "as it is, without the form", kind: aFlag, check: checkFlag},
	Page: {
		Name: "page", key: "g", Value: "N", Summary: "the page to begin with", kind: aNumber,
		check: number(1, maxPage, "%s is no page: pages count from 1"),
	},
	Topic: {key: "t", check: checkTopic},
	Text:  {key: "x", kind: aGlob, check: upTo(maxStackName, "text")},
	Outcome: {
		Name: "outcome", key: "o", Value: "O", Summary: "only those with one outcome: " + strings.Join(outcomes, ", "), check: checkOutcome,
		also: []string{"state", "status", "result"},
	},
	By: {
		Name: "by", key: "j", Value: "TEXT", Summary: "only those of a person, by name or @mention", kind: aMention, check: checkBy,
		also: []string{"who", "user", "from"},
	},
	Trail:   {key: "q", check: checkTrail},
	Who:     {key: "h", kind: aMention, check: parseWho},
	Actions: {key: "b", check: checkActions},
	Glob:    {key: "c", kind: aGlob, check: checkGlob},
	Rule:    {key: "e", check: matching(`^[0-9a-z]{1,12}$`, "%s is no rule's id: access shows them")},
	Events: {
		Name: "events", key: "ev", Value: "EVENTS", Summary: "only these of " + strings.Join(events, ", ") + "; all of them unless said",
		check: someOf("event", events), also: []string{"event", "on", "outcome"},
	},
	Via: {
		Name: "via", key: "vi", Value: "WAYS", Summary: "only those that were started in these ways: " + strings.Join(vias, ", "),
		check: someOf("way to start a deployment", vias), also: []string{"through", "source"},
	},
	Types: {
		Name: "type", key: "ty", Value: "TYPES", Summary: "only these kinds of deployments: " + strings.Join(deployTypes, ", "),
		check: someOf("kind of deployment", deployTypes), also: []string{"types", "kind"},
	},
	Mention: {
		Name: "mention", key: "at", Value: "WHO", Summary: "whom a failure mentions: @user, @group, author; several add up",
		kind: aMention, check: checkMention, many: true, also: []string{"ping", "notify", "tell"},
	},
	For: {
		Name: "for", key: "fo", Value: "2h", Summary: "how long, as in 30m, 2h or 3d; without it until it is unlocked", check: checkFor,
		also: []string{"until", "duration"},
	},
	Every: {
		Name: "every", key: "ey", Value: `"fri 16:00-mon 08:00"`, Summary: "only in this part of each week", check: checkEvery,
		also: []string{"each", "weekly", "window"},
	},
	Zone: {
		Name: "tz", key: "tz", Value: "Europe/Berlin", Summary: "the time zone of --every; without it your own, as Slack knows it",
		check: checkZone, also: []string{"zone", "timezone"},
	},
	Wait: {
		Name: "wait", key: "wt", Summary: "without a question where something runs: it queues behind that", kind: aFlag, check: checkFlag,
	},
	Override: {Name: "override", key: "ov", Summary: "in spite of a lock, for admins; it takes a --reason", kind: aFlag, check: checkFlag},
	To: {
		Name: "to", key: "to", Value: "ID|HASH", Summary: "the deployment or the commit to return to; the version before unless said",
		check: checkTo, also: []string{"version", "deployment", "commit", "ref"},
	},
	Asker: {
		Name: "user", key: "us", Value: "@name", Summary: "only what one person asked for", kind: aMention, check: checkAsker,
		also: []string{"by", "who", "from"},
	},
	Since: {
		Name: "since", key: "si", Value: "7d", Summary: "only as far back, as in 12h, 7d or 4w", check: checkSince,
		also: []string{"for", "last", "after"},
	},
	Approvals: {
		Name: "approvals", key: "ap", Value: "N", Summary: "how many have to approve; 1 unless said, 0 only with --after", kind: aNumber,
		check: number(0, maxApprovals, fmt.Sprintf("%%s is no number of approvals: it goes up to %d", maxApprovals)),
		also:  []string{"approvers", "reviews"},
	},
	After: {
		Name: "after", key: "af", Value: "ENVIRONMENT", Summary: "only a commit that is or was live on the stack of that name there",
		check: upTo(maxStackName, "environment"),
	},
	Environment: {key: "en", check: checkEnvironment},
}

func pick(opts ...Opt) []Option {
	return each(opts, func(opt Opt) Option {
		o := options[opt]
		o.Opt = opt
		return o
	})
}

// The filters of a list and of a subscription, in display order.
var (
	outcomes = []string{"running", "succeeded", "failed", "cancelled", "reverted"}
	events   = []string{
		string(storage.Started), string(storage.Succeeded), string(storage.Failed), string(storage.Cancelled), storage.Reverted,
		string(storage.Slow), string(storage.Unhealthy),
	}
	vias        = []string{string(cloud66.ViaWeb), string(cloud66.ViaAPI), string(cloud66.ViaHook)}
	deployTypes = []string{
		string(cloud66.TypeBuild), string(cloud66.TypeRedeploy), string(cloud66.TypeScale), string(cloud66.TypeFirstBuild),
		string(cloud66.TypeRevert),
	}
)

func checkFlag(v string) (string, error) {
	if v != given {
		return "", errors.New("it takes no value")
	}
	return v, nil
}

func checkAsker(v string) (string, error) {
	if id := UserOf(v); id != "" {
		return id, nil
	}
	return "", unresolved(v)
}

const maxSince = 10 * 365 * 24 * time.Hour

// ParseSince returns how far back a text such as 7d reaches.
func ParseSince(text string) (time.Duration, error) {
	checked, err := checkSince(text)
	return forTime(checked), err
}

func checkSince(v string) (string, error) {
	v = strings.ToLower(strings.ReplaceAll(v, " ", ""))
	if d := forTime(v); d <= 0 || d > maxSince {
		return "", fmt.Errorf("%s is no time to look back: write it as in 12h, 7d or 4w", quoted(v))
	}
	return v, nil
}

// number returns a check for a number in a range. In the error %s stands for the value.
func number(from, to int, wrong string) func(string) (string, error) {
	return func(v string) (string, error) {
		n, err := strconv.Atoi(v)
		if err != nil || n < from || n > to {
			return "", fmt.Errorf(wrong, quoted(v))
		}
		return strconv.Itoa(n), nil
	}
}

// matching returns a check for a word of a form, in lower case. In the error %s stands for the value.
func matching(form, wrong string) func(string) (string, error) {
	compiled := regexp.MustCompile(form)
	return func(v string) (string, error) {
		v = strings.ToLower(strings.TrimSpace(v))
		if !compiled.MatchString(v) {
			return "", fmt.Errorf(wrong, quoted(v))
		}
		return v, nil
	}
}

func checkTopic(v string) (string, error) {
	word := strings.ToLower(v)
	if _, ok := specOf(word); !ok {
		return "", unknownCommand(v)
	}
	return word, nil
}

func checkOutcome(v string) (string, error) {
	word, err := someOf("outcome", outcomes)(v)
	if strings.Contains(word, ",") {
		return "", errors.New("--outcome takes one of them at a time")
	}
	return word, err
}

// synonyms maps common words to the values of options.
var synonyms = map[string]string{
	"pending": "running", "queued": "running",
	"start": "started", "running": "started", "success": "succeeded", "live": "succeeded", "failure": "failed", "fail": "failed",
	"canceled": "cancelled", "cancel": "cancelled", "rollback": "reverted", "rolled_back": "reverted", "dashboard": "web",
	"git": "hook", "ill": "unhealthy", "health": "unhealthy", "impaired": "unhealthy", "first-build": "first_build",
}

// someOf returns a check for a comma-separated list of words from all, which it sorts in that order.
func someOf(what string, all []string) func(string) (string, error) {
	return func(typed string) (string, error) {
		chosen := map[string]bool{}
		for word := range strings.SplitSeq(typed, ",") {
			word = strings.ToLower(strings.TrimSpace(word))
			if other, ok := synonyms[word]; ok && slices.Contains(all, other) {
				word = other
			}
			if !slices.Contains(all, word) {
				return "", fmt.Errorf("%s is no %s.%s There are %s", quoted(word), what, didYouMean(word, all), strings.Join(all, ", "))
			}
			chosen[word] = true
		}
		return strings.Join(slices.DeleteFunc(slices.Clone(all), func(word string) bool { return !chosen[word] }), ","), nil
	}
}

// didYouMean returns a sentence that suggests a similar word, "" if there is none.
func didYouMean(word string, all []string) string {
	if near := typography.Nearest(word, all); near != "" {
		return fmt.Sprintf(" Did you mean %s?", near)
	}
	return ""
}

// checkBy accepts a name or a mention; it reduces a mention to its Slack id.
func checkBy(v string) (string, error) {
	if id := UserOf(v); id != "" {
		return id, nil
	}
	v = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(spoken(v)), "@ "))
	if v == "" {
		return "", errors.New("--by needs a name")
	}
	return v, plain("name", v, maxStackName)
}

// checkStarter accepts a part of a user's name at Cloud 66, which does not know Slack ids.
func checkStarter(v string) (string, error) {
	by, err := checkBy(v)
	if err == nil && UserOf(by) != "" {
		return "", errors.New("nobody is known to Cloud 66 by a name of Slack's: " +
			"give a part of the name or address that it shows for a deployment")
	}
	return by, err
}

// maxMentions bounds the users and groups that one subscription mentions.
const maxMentions = 10

// mentionWord matches an item in a list of mentions. A name of Slack's is one item, whatever stands in it.
var mentionWord = regexp.MustCompile(string(nameOpens) + `[^` + string(nameShuts) + `]*` + string(nameShuts) + `|<[^<>]*>|[^,\s]+`)

// checkMention accepts the users and groups to mention on a failure, and the author of the deployment, but not everyone.
func checkMention(v string) (string, error) {
	var all []string
	for _, word := range mentionWord.FindAllString(v, -1) {
		who, err := checkMentioned(word)
		if err != nil {
			return "", err
		}
		if !slices.Contains(all, who) {
			all = append(all, who)
		}
	}
	switch {
	case len(all) == 0:
		return "", errors.New("--mention needs a @name, a @group or the word author")
	case len(all) > maxMentions:
		return "", fmt.Errorf("a failure mentions at most %d people and groups; a @group is one", maxMentions)
	}
	return strings.Join(all, ","), nil
}

func checkMentioned(v string) (string, error) {
	if strings.EqualFold(v, storage.Author) {
		return storage.Author, nil
	}
	who, err := parseWho(v)
	switch {
	case err == nil && who != authz.Everyone:
		return who, nil
	case strings.HasPrefix(v, "@") && !strings.EqualFold(v, "@"+authz.Everyone):
		return "", err
	default:
		return "", fmt.Errorf("%s cannot be mentioned by a failure: it takes @name, @group or author", quoted(v))
	}
}

var trail = regexp.MustCompile(`^\d{1,7}(,\d{1,7})*$`)

func checkTrail(v string) (string, error) {
	if len(v) > maxTrail || !trail.MatchString(v) {
		return "", fmt.Errorf("%s is no trail of pages", quoted(v))
	}
	return v, nil
}

func checkGlob(v string) (string, error) {
	_, err := authz.ParsePattern(v)
	return v, err
}

func checkActions(v string) (string, error) {
	actions, err := authz.ParseActions(v)
	return joinActions(actions, ","), err
}

func joinActions(actions []authz.Action, separator string) string {
	return strings.Join(each(actions, func(a authz.Action) string { return string(a) }), separator)
}

// badRef matches what a git reference must not be or contain (git-check-ref-format).
var badRef = regexp.MustCompile(`[\s~^:?*\[\\]|\.\.|@\{|//|^[-/]|[/.]$|(^|/)\.|\.lock(/|$)|^@$`)

func checkRef(v string) (string, error) {
	if err := plain("ref", v, maxRef); err != nil {
		return "", err
	}
	if badRef.MatchString(v) {
		return "", fmt.Errorf("%s is no branch, tag or commit: git allows no spaces, no two dots in a row and none of ~ ^ : ? * [ \\ in one",
			quoted(v))
	}
	return v, nil
}

func checkServices(v string) (string, error) {
	if err := plain("list of services", v, maxServices); err != nil {
		return "", err
	}
	services, err := ParseServices(v)
	return strings.Join(each(services, cloud66.ServiceImage.String), ","), err
}

func checkReason(v string) (string, error) {
	if n := utf8.RuneCountInString(v); n > maxReason {
		return "", fmt.Errorf("the reason has %d characters; %d fit on a card", n, maxReason)
	}
	printable := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, v)
	return strings.Join(strings.Fields(printable), " "), nil
}

// shortestHash is the fewest digits by which a commit can be given.
const shortestHash = 7

var (
	deploymentNumber = regexp.MustCompile(`^[1-9][0-9]{0,17}$`)
	hashPart         = regexp.MustCompile(`^[0-9a-f]{7,64}$`)
)

// checkTo accepts the number of a deployment, or the hash of a commit or its beginning.
func checkTo(v string) (string, error) {
	to := strings.ToLower(strings.TrimPrefix(strip(v), "#"))
	if !deploymentNumber.MatchString(to) && !hashPart.MatchString(to) {
		return "", fmt.Errorf("%s is no deployment and no commit: give a number, as in 1042, or %d digits of a hash, as in 4f2c1d9", quoted(v),
			shortestHash)
	}
	return to, nil
}

func checkEnvironment(v string) (string, error) {
	v = strings.TrimSpace(spoken(v))
	if v == "" {
		return "", errBlank
	}
	return v, plain("environment", v, maxStackName)
}

func upTo(limit int, what string) func(string) (string, error) {
	return func(v string) (string, error) { return v, plain(what, v, limit) }
}

// plain rejects a text that is too long or has control characters.
func plain(what, v string, limit int) error {
	if n := utf8.RuneCountInString(v); n > limit {
		return fmt.Errorf("the %s has %d characters; at most %d are allowed", what, n, limit)
	}
	if strings.ContainsFunc(v, unicode.IsControl) || !utf8.ValidString(v) {
		return fmt.Errorf("the %s holds control characters or line breaks", what)
	}
	return nil
}

// serviceWord matches a service with its tag, or the git reference of one that is built from git, and its digest.
var serviceWord = regexp.MustCompile(`^([\p{L}\p{N}][^\s,:@]*)(?::([^\s,:]+?))?(?:@([A-Za-z0-9+._-]+:[A-Za-z0-9]+))?$`)

// ParseServices parses "name:tag,name@digest,name" into the API's form; tag and digest are optional.
func ParseServices(v string) ([]cloud66.ServiceImage, error) {
	if v == "" {
		return nil, nil
	}
	var services []cloud66.ServiceImage
	for word := range strings.SplitSeq(v, ",") {
		word = wordPart.ReplaceAllStringFunc(strings.TrimSpace(word), func(part string) string { return unmarked(part, "*`\"'") })
		parts := serviceWord.FindStringSubmatch(word)
		if parts == nil {
			return nil, fmt.Errorf("%s is no service: each is a name, or a name and a tag as in api:1.4.2", quoted(word))
		}
		if slices.ContainsFunc(services, func(s cloud66.ServiceImage) bool { return s.Name == parts[1] }) {
			return nil, fmt.Errorf("the service %s is named twice", quoted(parts[1]))
		}
		services = append(services, cloud66.ServiceImage{Name: parts[1], Tag: parts[2], Digest: parts[3]})
	}
	return services, nil
}

func wordsOf(joined string) []string {
	if joined == "" {
		return nil
	}
	return strings.Split(joined, ",")
}
