package cloud66sim

import (
	"net/http"
	"strconv"
	"strings"
)

// route is one endpoint. A segment of its path that begins with a colon matches anything and names it.
type route struct {
	method string
	path   string
	scope  string
	serve  func(*Sim, *call) answer
}

var routes = []route{
	{http.MethodGet, "ping", scopeNone, (*Sim).ping},
	{http.MethodGet, "ping/auth", scopeAny, (*Sim).ping},
	{http.MethodGet, "stacks", scopePublic, (*Sim).listStacks},
	{http.MethodGet, "stacks/:stack", scopePublic, onStack((*Sim).getStack)},
	{http.MethodGet, "stacks/:stack/services", scopePublic, onStack((*Sim).listServices)},
	{http.MethodGet, "stacks/:stack/actions", scopePublic, onStack((*Sim).listActions)},
	{http.MethodGet, "stacks/:stack/deployments", scopePublic, onStack((*Sim).listDeployments)},
	{http.MethodGet, "stacks/:stack/deployments/:id", scopePublic, onStack((*Sim).getDeployment)},
	{http.MethodPost, "stacks/:stack/deployments", scopeRedeploy, onStack((*Sim).redeploy)},
	{http.MethodDelete, "stacks/:stack/deployments/:id", scopeRedeploy, onStack((*Sim).cancelDeployment)},
}

// matchRoute finds the endpoint of a request. A known path with another method is as unknown as any other, as it is in Rails.
func matchRoute(method string, segments []string) (*route, map[string]string) {
	for i := range routes {
		if routes[i].method != method {
			continue
		}
		if vars, fits := matchPath(routes[i].path, segments); fits {
			return &routes[i], vars
		}
	}
	return nil, nil
}

func matchPath(pattern string, segments []string) (map[string]string, bool) {
	parts := strings.Split(pattern, "/")
	if len(parts) != len(segments) {
		return nil, false
	}
	vars := map[string]string{}
	for i, part := range parts {
		if name, variable := strings.CutPrefix(part, ":"); variable {
			vars[name] = segments[i]
		} else if part != segments[i] {
			return nil, false
		}
	}
	return vars, true
}

// onStack finds the stack of a request before its handler runs.
func onStack(serve func(*Sim, *call, *stack) answer) func(*Sim, *call) answer {
	return func(s *Sim, c *call) answer {
		st := s.find(c.vars["stack"])
		if st == nil || !c.sees(st) {
			return notFound("Stack")
		}
		return serve(s, c, st)
	}
}

// sees tells whether a stack is within the account that the request asks for.
func (c *call) sees(st *stack) bool {
	account := c.Header.Get("X-Account")
	return account == "" || account == strconv.FormatInt(st.AccountID, 10)
}

// id is the number in the path, 0 where there is none.
func (c *call) id() int64 {
	id, err := strconv.ParseInt(c.vars["id"], 10, 64)
	if err != nil {
		return 0
	}
	return id
}

func (*Sim) ping(*call) answer {
	return respondOK("pong")
}

func (*Sim) getStack(_ *call, st *stack) answer {
	return respond(renderStack(st))
}

func (s *Sim) getDeployment(c *call, st *stack) answer {
	d := st.deployment(c.id())
	if d == nil {
		return notFound("Deployment")
	}
	return respond(s.wireDeployment(st, d))
}
