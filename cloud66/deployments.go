package cloud66

import (
	"context"
	"iter"
	"net/http"
	"strconv"
)

// Deployments yields all deployments of a stack in the order of the server, which need not be by age.
func (c *Client) Deployments(ctx context.Context, uid string) iter.Seq2[Deployment, error] {
	l, err := c.deploymentList(uid)
	if err != nil {
		return failed[Deployment](err)
	}
	return all(ctx, l, func(d Deployment) int64 { return d.ID })
}

func (c *Client) deploymentList(uid string) (listing[Deployment], error) {
	path, err := stackPath(uid, "deployments")
	return listing[Deployment]{client: c, path: path, item: each(c.deployment)}, err
}

// failed yields one error and nothing else.
func failed[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		yield(none, err)
	}
}

// Deployment returns one deployment of a stack.
func (c *Client) Deployment(ctx context.Context, uid string, id int64) (Deployment, error) {
	return fetchOne(ctx, c, uid, c.deployment, "deployments", strconv.FormatInt(id, 10))
}

// fetchOne reads one thing of, or below, a stack.
func fetchOne[W, T any](ctx context.Context, c *Client, uid string, convert func(W) (T, error), below ...string) (T, error) {
	var none T
	path, err := stackPath(uid, below...)
	if err != nil {
		return none, err
	}
	r := request{method: http.MethodGet, path: path}
	ans, err := c.read(ctx, r)
	if err != nil {
		return none, err
	}
	wire, err := single[W](ans.body)
	if err != nil {
		return none, c.unreadable(r, ans, err)
	}
	thing, err := convert(wire)
	if err != nil {
		return none, c.unreadable(r, ans, err)
	}
	return thing, nil
}
