package commands

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"c66bot/cloud66"
	"c66bot/storage"
)

// questionAge is how long a button that changes something counts. What its message shows is older than people remember after that.
const questionAge = 15 * time.Minute

// Limits of what is taken, in characters. A button's value holds 2,000 bytes in all.
const (
	maxText      = 3000
	maxStackName = 200
	maxRef       = 255
	maxServices  = 1000
	maxProfile   = 100
	maxReason    = 500
	maxPage      = 100_000
	maxValue     = 2000
)

// Invocation is something asked for: typed, or carried by a button as its value.
type Invocation struct {
	Verb       Verb   `json:"v"`
	Stack      string `json:"s,omitempty"` // as it was typed
	UID        string `json:"u,omitempty"` // the stack that a button means; wins over Stack
	Which      string `json:"w,omitempty"` // "", "latest", "live" or "head"
	Deployment int64  `json:"d,omitempty"` // 0: Which decides
	Ref        string `json:"r,omitempty"`
	Services   string `json:"i,omitempty"`
	Profile    string `json:"p,omitempty"`
	Reason     string `json:"y,omitempty"`
	Now        bool   `json:"n,omitempty"`
	Page       int    `json:"g,omitempty"` // from 1
	Topic      string `json:"t,omitempty"`

	Yes     bool   `json:"a,omitempty"` // the answer to a question
	Nonce   string `json:"k,omitempty"` // the question's own key: answered twice it is one wish
	Newest  int64  `json:"l,omitempty"` // the newest deployment when the question was asked
	AskedAt int64  `json:"m,omitempty"` // Unix seconds when the question or the choice was shown
	Follow  string `json:"f,omitempty"` // the card that is to be refreshed
}

// Value encodes an invocation as a button's value. It fails where Slack would not take it, which long options can bring about.
func (i Invocation) Value() (string, error) {
	b, err := json.Marshal(i)
	if err != nil {
		return "", fmt.Errorf("encode a button's value: %w", err)
	}
	if len(b) > maxValue {
		return "", fmt.Errorf("a button's value of %d bytes is above %d", len(b), maxValue)
	}
	return string(b), nil
}

var errButton = errors.New("the button carries no request that this version knows")

// FromValue decodes a button's value and trusts nothing in it.
func FromValue(value string) (Invocation, error) {
	var inv Invocation
	if err := json.Unmarshal([]byte(value), &inv); err != nil || !inv.sound() {
		return Invocation{}, errButton
	}
	return inv, nil
}

// sound reports whether the invocation can be of this version's making: typed, or on one of its buttons.
func (i Invocation) sound() bool {
	spec, typed := specOf(string(i.Verb))
	_, topic := specOf(i.Topic)
	switch {
	case !typed && i.Verb != Refresh && i.Verb != Dismiss,
		spec.Right != "" && i.UID == "" && strings.TrimSpace(i.Stack) == "",
		i.Topic != "" && !topic,
		!slices.Contains([]string{"", "latest", "live", "head"}, i.Which),
		i.Deployment < 0 || i.Newest < 0 || i.Page < 0 || i.Page > maxPage,
		i.Verb == Cancel && i.Yes && i.Deployment == 0:
		return false
	}
	for _, name := range []string{i.Stack, i.UID, i.Nonce, i.Follow} {
		if plain("name", name, maxStackName) != nil {
			return false
		}
	}
	again := i
	for _, option := range []struct {
		value string
		set   func(*Invocation, string) error
	}{{i.Ref, setRef}, {i.Services, setServices}, {i.Profile, setProfile}, {i.Reason, setReason}} {
		if option.value != "" && option.set(&again, option.value) != nil {
			return false
		}
	}
	return again == i // Parse would not have left it otherwise
}

// once prepares an invocation for the buttons of a message that is shown now: they count for a while only, and however often and whichever
// of them is clicked, it is one wish.
func (i Invocation) once() Invocation {
	now := time.Now()
	i.Nonce, i.AskedAt = storage.NewID(now), now.Unix()
	return i
}

// stale reports whether the invocation changes something and is on a button of long ago. The Cancel of a card, which says what it ends
// and is asked for by Slack itself, never is; what was typed has no UID.
func (i Invocation) stale() bool {
	card := i.Verb == Cancel && i.AskedAt == 0
	changes := (i.Verb == Redeploy || i.Verb == Cancel) && !i.asks()
	return changes && i.UID != "" && !card && time.Since(time.Unix(i.AskedAt, 0)) > questionAge
}

// Changes reports whether the invocation, carried out, changes something or leaves something in the channel.
func (i Invocation) Changes() bool {
	return i.Verb == Follow || ((i.Verb == Redeploy || i.Verb == Cancel) && !i.asks())
}

// Words names what is asked for in a few words, as in "redeploy web".
func (i Invocation) Words() string { return strings.TrimSpace(string(i.Verb) + " " + i.Stack) }

// asks reports whether the invocation wants a question before anything is done: a cancel is always asked for once, a redeploy where
// no option says how.
func (i Invocation) asks() bool {
	switch i.Verb {
	case Cancel:
		return !i.Yes
	case Redeploy:
		return !i.Yes && !i.Now && i.Ref == "" && i.Services == "" && i.Profile == "" && i.Reason == ""
	default:
		return false
	}
}

func setNow(i *Invocation, _ string) error { i.Now = true; return nil }

func setPage(i *Invocation, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > maxPage {
		return fmt.Errorf("%s is no page: pages count from 1", quoted(v))
	}
	i.Page = n
	return nil
}

// badRef is what no git reference may be or contain (git-check-ref-format).
var badRef = regexp.MustCompile(`[\s~^:?*\[\\]|\.\.|@\{|//|^[-/]|[/.]$|(^|/)\.|\.lock(/|$)|^@$`)

func setRef(i *Invocation, v string) error {
	if err := plain("ref", v, maxRef); err != nil {
		return err
	}
	if badRef.MatchString(v) {
		return fmt.Errorf("%s is no branch, tag or commit: git allows no spaces, no `..` and none of ~ ^ : ? * [ \\ in one", quoted(v))
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
			return nil, fmt.Errorf("%s is no service: write name or name:tag, with commas between them", quoted(word))
		}
		name, tag, _ := strings.Cut(word, ":")
		if slices.ContainsFunc(services, func(s cloud66.ServiceImage) bool { return s.Name == name }) {
			return nil, fmt.Errorf("the service %s is named twice", quoted(name))
		}
		services = append(services, cloud66.ServiceImage{Name: name, Tag: tag})
	}
	return services, nil
}
