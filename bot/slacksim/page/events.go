package page

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"c66bot/bot/slacksim"
)

// message is a message as the page draws it.
type message struct {
	TS        string           `json:"ts"`
	Channel   string           `json:"channel"`
	Thread    string           `json:"thread,omitempty"` // the parent's timestamp, set on the parent too
	User      string           `json:"user"`
	App       bool             `json:"app,omitempty"`
	Text      string           `json:"text"`
	Blocks    []map[string]any `json:"blocks,omitempty"`
	Ephemeral bool             `json:"ephemeral,omitempty"`
	Broadcast bool             `json:"broadcast,omitempty"`
	Edited    bool             `json:"edited,omitempty"`
	Pings     bool             `json:"pings,omitempty"` // mentions the person
}

// version identifies a state of a message.
type version struct {
	channel string
	edits   int
	text    string // A deletion that leaves a tombstone is no edit.
	thread  string
}

// channel is a conversation in the list.
type channel struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Kind     string   `json:"kind"` // "channel", "private" or "direct"
	Archived bool     `json:"archived,omitempty"`
	Shared   bool     `json:"shared,omitempty"`
	Members  []string `json:"members"`
	HasBot   bool     `json:"has_bot"`
	Read     string   `json:"read"` // the newest timestamp that the person read
}

// view is the open modal.
type view struct {
	ID      string                    `json:"id"`
	Title   string                    `json:"title"`
	Submit  string                    `json:"submit"`
	Close   string                    `json:"close"`
	Blocks  []map[string]any          `json:"blocks"`
	Values  map[string]map[string]any `json:"values"`
	Errors  map[string]string         `json:"errors"`
	Trouble string                    `json:"trouble"`
}

// frame is one server-sent event. Parts holds the parts that changed, Messages the messages that did, and Gone the timestamps of those that
// are no longer there.
type frame struct {
	Parts    map[string]json.RawMessage `json:"parts,omitempty"`
	Messages []message                  `json:"messages,omitempty"`
	Gone     []string                   `json:"gone,omitempty"`
}

// stream is what one tab has been sent.
type stream struct {
	page     *Page
	person   *slacksim.Person
	user     string
	parts    map[string][]byte
	versions map[string]version // by timestamp
}

// look bounds the wait for a change that the workspace does not tell of: those of the panel.
const look = 500 * time.Millisecond

func (p *Page) events(w http.ResponseWriter, r *http.Request) {
	user := r.URL.Query().Get("as")
	if !p.isShown(user) {
		http.Error(w, "nobody of that name", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	s := &stream{page: p, person: p.cfg.Workspace.Person(user), user: user, parts: map[string][]byte{}, versions: map[string]version{}}
	for {
		var f frame
		ctx, cancel := context.WithTimeout(r.Context(), look)
		err := p.cfg.Workspace.WaitFor(ctx, func() bool {
			select {
			case <-p.done:
				return true
			default:
			}
			f = s.next()
			return len(f.Parts)+len(f.Messages)+len(f.Gone) > 0
		})
		over := ctx.Err() == nil || r.Context().Err() != nil // The wait ended for another reason than its time.
		cancel()
		select {
		case <-p.done:
			return
		default:
		}
		if err != nil {
			if over {
				return
			}
			continue
		}
		data, err := json.Marshal(f)
		if err != nil {
			return
		}
		if _, err := fmt.Fprintf(w, "data: %s\n\n", data); err != nil || out.Flush() != nil {
			return
		}
	}
}

// next returns what changed since the last call.
func (s *stream) next() (f frame) {
	cfg := s.page.cfg
	channels := s.person.Channels()
	here := map[string]bool{}
	for _, c := range channels {
		for _, m := range s.person.All(c.ID) {
			here[m.TS] = true
			if now := (version{m.Channel, m.Edits, m.Text, m.ThreadTS}); s.versions[m.TS] != now {
				s.versions[m.TS] = now
				f.Messages = append(f.Messages, s.draw(m))
			}
		}
	}
	for ts := range s.versions {
		if !here[ts] {
			delete(s.versions, ts)
			f.Gone = append(f.Gone, ts)
		}
	}
	f.Parts = map[string]json.RawMessage{}
	s.part(&f, "workspace", map[string]any{
		"team": cfg.Team, "home": cfg.Home, "me": s.user, "people": cfg.People, "users": users(cfg.Workspace.Users()),
		"commands": cfg.Commands, "shortcuts": cfg.Shortcuts,
	})
	s.part(&f, "names", cfg.Workspace.Names())
	s.part(&f, "channels", s.channels(channels))
	s.part(&f, "view", s.view())
	if cfg.Panel != nil {
		s.part(&f, "panel", cfg.Panel.State())
	}
	return f
}

// user is a person or a bot.
type user struct {
	Name    string `json:"name"` // without @
	Real    string `json:"real"`
	App     bool   `json:"app,omitempty"`
	Guest   bool   `json:"guest,omitempty"`
	Foreign bool   `json:"foreign,omitempty"` // of another organisation
}

func users(all []slacksim.User) map[string]user {
	drawn := map[string]user{}
	for _, u := range all {
		drawn[u.ID] = user{Name: u.Name, Real: u.RealName, App: u.IsBot, Guest: u.Restricted, Foreign: u.TeamID != all[0].TeamID}
	}
	return drawn
}

// part adds a part to a frame if it differs from the one sent last.
func (s *stream) part(f *frame, name string, value any) {
	data, err := json.Marshal(value)
	if err != nil || bytes.Equal(s.parts[name], data) {
		return
	}
	s.parts[name], f.Parts[name] = data, data
}

func (s *stream) draw(m slacksim.Message) message {
	pings := m.Pings()
	return message{
		TS: m.TS, Channel: m.Channel, Thread: m.ThreadTS, User: m.User, App: m.BotID != "", Text: m.Text, Blocks: m.Blocks,
		Ephemeral: m.Ephemeral, Broadcast: m.Broadcast, Edited: m.Edits > 0,
		Pings: slices.ContainsFunc([]string{s.user, "here", "channel", "everyone"}, func(id string) bool { return slices.Contains(pings, id) }),
	}
}

func (s *stream) channels(all []slacksim.Channel) []channel {
	s.page.mu.Lock()
	read := maps.Clone(s.page.reads[s.user])
	s.page.mu.Unlock()
	drawn := []channel{}
	for _, c := range all {
		kind := "channel"
		switch {
		case c.IM:
			kind = "direct"
		case c.Private:
			kind = "private"
		}
		drawn = append(drawn, channel{
			ID: c.ID, Name: c.Name, Kind: kind, Archived: c.Archived, Shared: c.Shared, Members: c.Members, HasBot: c.BotIsMember, Read: read[c.ID],
		})
	}
	return drawn
}

// view returns the open modal, or nil.
func (s *stream) view() *view {
	v, open := s.person.View()
	if !open {
		return nil
	}
	return &view{
		ID: v.ID, Title: v.Title, Submit: v.Submit, Close: v.Close, Blocks: v.Blocks, Values: v.State(), Errors: v.Errors, Trouble: v.Trouble,
	}
}
