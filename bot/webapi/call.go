package webapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"c66bot/cloud66/secret"
)

// API makes Web API calls with tolerant decoding, because slack-go's response types are too strict. It feeds Clock with the timestamps in
// the responses.
type API struct {
	HTTP  *http.Client
	URL   string // base URL with a trailing slash
	Token secret.Text
	Clock *Clock
}

// Call posts args as a form and decodes the response into answer. Judge understands the error it returns.
func (a API) Call(ctx context.Context, method string, args url.Values, answer any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL+method, strings.NewReader(args.Encode()))
	if err != nil {
		return fmt.Errorf("%s: %w", method, WithoutURL(err))
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+a.Token.Reveal())
	sent := time.Now()
	body, err := a.do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	var said struct {
		OK        bool            `json:"ok"`
		Error     string          `json:"error"`
		Needed    string          `json:"needed"`
		TS        json.RawMessage `json:"ts"`
		MessageTS json.RawMessage `json:"message_ts"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return fmt.Errorf("%s: read the answer: %w", method, err)
	}
	switch {
	case said.OK:
	case said.Error != "":
		return fmt.Errorf("%s: %w", method, slack.SlackErrorResponse{Err: said.Error, Needed: said.Needed})
	default:
		return fmt.Errorf("%s: %w", method, errNotOK)
	}
	if made := stamps[method]; made {
		stamp := cmp.Or(string(said.TS), string(said.MessageTS))
		a.Clock.stamped(Time(strings.Trim(stamp, `"`)), sent, time.Now())
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return fmt.Errorf("%s: read the answer: %w", method, err)
	}
	return nil
}

// stamps holds the methods whose response carries the timestamp of a new message, which is the time at which Slack executed the call.
var stamps = map[string]bool{"chat.postMessage": true, "chat.postEphemeral": true}

var errNotOK = errors.New("the answer says neither ok nor why not")

// do sends a request and returns the body of a response with status 200.
func (a API) do(req *http.Request) ([]byte, error) {
	res, err := a.HTTP.Do(req)
	if err != nil {
		return nil, WithoutURL(err)
	}
	defer func() { _ = res.Body.Close() }()
	switch res.StatusCode {
	case http.StatusTooManyRequests:
		seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
		if err != nil {
			break // Judge applies the default for a missing Retry-After
		}
		return nil, &slack.RateLimitedError{RetryAfter: time.Duration(seconds) * time.Second}
	case http.StatusOK:
		return io.ReadAll(res.Body)
	}
	if code := codeIn(res.Body); code != "" {
		return nil, slack.SlackErrorResponse{Err: code}
	}
	return nil, slack.StatusCodeError{Code: res.StatusCode, Status: res.Status}
}

// bare matches a bare error code, the form in which a response_url reports an error.
var bare = regexp.MustCompile(`^[a-z]+(_[a-z]+)+$`)

// codeIn returns the error code in the body of a response with a status other than 200, or "".
func codeIn(body io.Reader) string {
	head, err := io.ReadAll(io.LimitReader(body, 1<<10))
	if err != nil {
		return ""
	}
	if text := strings.TrimSpace(string(head)); bare.MatchString(text) {
		return text
	}
	var said struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(head, &said); err != nil || !bare.MatchString(said.Error) {
		return ""
	}
	return said.Error
}

// Respond posts answer as JSON to a response_url. The address is a secret.
func (a API) Respond(ctx context.Context, address secret.Text, answer any) error {
	encoded, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address.Reveal(), bytes.NewReader(encoded))
	if err != nil {
		return Final("the response_url is none") // the error of net/http would contain the address
	}
	req.Header.Set("Content-Type", "application/json")
	body, err := a.do(req)
	if err != nil {
		return err
	}
	var said struct { // the body is the word ok, or JSON
		OK    *bool  `json:"ok"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal(body, &said); err == nil && said.OK != nil && !*said.OK {
		return slack.SlackErrorResponse{Err: said.Error}
	}
	return nil
}

// Pages calls read with each page of a cursor-paginated list, until the list ends or read returns true. It reads no more than most pages
// and stops at a repeated cursor, because Slack may return an endless list. It reports whether the list ended or read returned true.
func (a API) Pages(
	ctx context.Context, method string, args url.Values, most int, read func(page json.RawMessage) (enough bool),
) (bool, error) {
	seen := map[string]bool{"": true}
	for range most {
		var page json.RawMessage
		if err := a.Call(ctx, method, args, &page); err != nil {
			return false, err
		}
		if read(page) {
			return true, nil
		}
		var next struct {
			Metadata struct {
				Cursor string `json:"next_cursor"`
			} `json:"response_metadata"`
		}
		if err := json.Unmarshal(page, &next); err != nil {
			return false, fmt.Errorf("%s: read the cursor: %w", method, err)
		}
		cursor := next.Metadata.Cursor
		if seen[cursor] {
			return cursor == "", nil
		}
		seen[cursor] = true
		args.Set("cursor", cursor)
	}
	return false, nil
}

// Room is a channel as returned by conversations.info.
type Room struct {
	ID       string `json:"id"`
	Archived bool   `json:"is_archived"`
	Member   *bool  `json:"is_member"` // nil where Slack omits it: other kinds of conversation
	Group    bool   `json:"is_mpim"`
	Direct   bool   `json:"is_im"`
	Private  bool   `json:"is_private"`
	Hidden   bool   `json:"is_group"` // the old name of a private channel
}

// IsPrivate reports whether the channel is visible to its members only. Group direct messages count as private.
func (r Room) IsPrivate() bool {
	return r.Private || r.Hidden || r.Group || strings.HasPrefix(r.ID, "G")
}

// Closed returns the error code that explains why the bot cannot post in the channel, or "" if it can.
func (r Room) Closed() string {
	switch {
	case r.Archived:
		return Archived
	case r.Member != nil && !*r.Member && !r.Group && !r.Direct:
		return NotMember
	default:
		return ""
	}
}

// Room calls conversations.info.
func (a API) Room(ctx context.Context, channel string) (Room, error) {
	var answer struct {
		Channel Room `json:"channel"`
	}
	err := a.Call(ctx, "conversations.info", url.Values{"channel": {channel}}, &answer)
	return answer.Channel, err
}

// CanPost checks whether the bot can post in a channel. An error of kind NoChannel means that it cannot; any other error leaves it unknown.
func (a API) CanPost(ctx context.Context, channel string) error {
	room, err := a.Room(ctx, channel)
	if code := room.Closed(); err == nil && code != "" {
		return slack.SlackErrorResponse{Err: code}
	}
	return err
}

// Direct opens the direct conversation with a user and returns its channel id.
func (a API) Direct(ctx context.Context, user string) (string, error) {
	var opened struct {
		Channel struct {
			ID string `json:"id"`
		} `json:"channel"`
	}
	err := a.Call(ctx, "conversations.open", url.Values{"users": {user}, "return_im": {"true"}}, &opened)
	if err == nil && opened.Channel.ID == "" {
		err = fmt.Errorf("conversations.open: %w", ErrEmpty)
	}
	return opened.Channel.ID, err
}
