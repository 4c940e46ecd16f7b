package cloud66

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// ServiceImage is a service to deploy and its image: by a tag, or the git reference of a service that is built from git, or by a digest as
// in "sha256:9f86…", or by both. If both are empty, the server chooses.
type ServiceImage struct {
	Name, Tag, Digest string
}

// RedeployRequest is what to deploy; the server chooses empty fields. GitRef is for stacks without Docker, Services for Docker stacks.
type RedeployRequest struct {
	GitRef            string
	Services          []ServiceImage
	DeploymentProfile string
	UserReference     string // at most 255 characters; identifies the action
}

// RedeployAnswer is the answer to a redeploy that the server accepted.
type RedeployAnswer struct {
	DeploymentID int64  // 0 if the server does not tell
	Warning      string // from the header X-Cloud66-Warning, for the user who asked
}

// CancelAnswer is the answer to a cancel that the server accepted. The deployment may still run, and succeed.
type CancelAnswer struct {
	Message string
	Warning string // from the header X-Cloud66-Warning, for the user who asked
}

type wireRedeploy struct {
	GitRef            string   `json:"git_ref,omitempty"`
	Services          []string `json:"services,omitempty"` // an array, as Cloud 66's own client sends it
	DeploymentProfile string   `json:"deployment_profile,omitempty"`
	UserReference     string   `json:"user_reference,omitempty"`
}

// Redeploy requests a deployment of the stack. It is sent once: after an error, [NothingDone] reports whether it may be sent again.
func (c *Client) Redeploy(ctx context.Context, uid string, wish RedeployRequest) (RedeployAnswer, error) {
	path, err := stackPath(uid, "deployments")
	if err != nil {
		return RedeployAnswer{}, err
	}
	r := request{method: http.MethodPost, path: path}
	services, ok := wireServices(wish.Services)
	if !ok {
		const why = "a service or tag is empty or contains a separator"
		return RedeployAnswer{}, &Error{Kind: ErrRefused, Method: r.method, Path: r.path, Message: why}
	}
	r.body, err = json.Marshal(wireRedeploy{wish.GitRef, services, wish.DeploymentProfile, wish.UserReference})
	if err != nil {
		return RedeployAnswer{}, &Error{Kind: ErrRefused, Method: r.method, Path: r.path, Err: err}
	}
	said, warning, err := c.write(ctx, r)
	if err != nil {
		return RedeployAnswer{}, err
	}
	return RedeployAnswer{DeploymentID: said.text("id").int(), Warning: warning}, nil
}

// String formats the service as "name:tag@digest".
func (s ServiceImage) String() string {
	text := s.Name
	if s.Tag != "" {
		text += ":" + s.Tag
	}
	if s.Digest != "" {
		text += "@" + s.Digest
	}
	return text
}

// wireServices formats services, and reports whether that is unambiguous.
func wireServices(services []ServiceImage) (all []string, ok bool) {
	for _, s := range services {
		if s.Name == "" || strings.ContainsAny(s.Name, ",:@") || strings.Contains(s.Tag+s.Digest, ",") {
			return nil, false
		}
		all = append(all, s.String())
	}
	return all, true
}

// Cancel requests the end of a deployment. It is sent once. Success means that the server accepted the request, not that the deployment has
// ended.
func (c *Client) Cancel(ctx context.Context, uid string, id int64) (CancelAnswer, error) {
	path, err := stackPath(uid, "deployments", strconv.FormatInt(id, 10))
	if err != nil {
		return CancelAnswer{}, err
	}
	said, warning, err := c.write(ctx, request{method: http.MethodDelete, path: path})
	return CancelAnswer{Message: c.safe(string(said.text("message"))), Warning: warning}, err
}

// Forbids reports whether the last write that the server decided on was refused with [ErrMissingScope], and whether there was one.
func (c *Client) Forbids() (forbids, known bool) {
	last := c.forbids.Load()
	return last != nil && *last, last != nil
}

// receiptKeys are the fields of all variants of the answer to a write; every one is optional.
var receiptKeys = []string{"id", "async_action_id", "ok", "message", "queued"}

// write sends a write a single time, and decodes the receipt.
func (c *Client) write(ctx context.Context, r request) (said record, warning string, err error) {
	defer func() {
		if forbidden := errors.Is(err, ErrMissingScope); forbidden || err == nil {
			c.forbids.Store(&forbidden)
		}
	}()
	ans, err := c.once(ctx, r)
	if err != nil {
		return nil, "", err
	}
	said, refused, err := single(ans.body)
	ok := said.text("ok").truth()
	accepted := ok != nil && *ok || ok == nil && said.text("id").int() > 0
	switch {
	case refused != nil && !accepted:
		err = refused
	case err == nil && !slices.ContainsFunc(receiptKeys, func(key string) bool { return said.text(key) != "" }):
		err = errEmpty
	}
	if err != nil {
		return nil, "", c.unreadable(r, ans, err)
	}
	return said, c.safe(ans.header.Get("X-Cloud66-Warning")), nil
}
