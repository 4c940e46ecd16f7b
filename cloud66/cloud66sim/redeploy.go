package cloud66sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"slices"
	"strings"
	"unicode/utf8"
)

// redeployRequest is the body of a redeploy. What is empty is absent.
type redeployRequest struct {
	GitRef        string `json:"git_ref"`
	Services      string `json:"services"` // "name:tag,name"
	Profile       string `json:"deployment_profile"`
	UserReference string `json:"user_reference"`
}

// readRedeploy refuses a parameter that is not documented, so that no mistake passes unnoticed.
func readRedeploy(c *call) (req redeployRequest, err error) {
	if len(c.body) == 0 {
		return req, nil
	}
	if kind, _, _ := mime.ParseMediaType(c.Header.Get("Content-Type")); kind != "application/json" { //nolint:errcheck // then the kind is empty
		return req, fmt.Errorf("a body of type %q is not understood", kind)
	}
	dec := json.NewDecoder(bytes.NewReader(c.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&req); err != nil {
		return req, fmt.Errorf("the body is not the JSON of a redeploy: %w", err)
	}
	return req, nil
}

func splitServices(text string) (services []string) {
	for service := range strings.SplitSeq(text, ",") {
		if service = strings.TrimSpace(service); service != "" {
			services = append(services, service)
		}
	}
	return services
}

func (s *Sim) redeploy(c *call, st *stack) answer {
	req, err := readRedeploy(c)
	services := splitServices(req.Services)
	if err == nil {
		err = req.check(st, services)
	}
	if err != nil {
		return badRequest(err.Error())
	}
	d := s.newDeployment(st, Start{Via: "api", By: owner, Type: "redeploy", Ref: req.GitRef})
	d.Services, d.Profile, d.UserReference = services, req.Profile, req.UserReference
	s.enqueue(st, d, c.now)
	return s.redeployAnswer(d)
}

// redeployAnswer is in the style that the options ask for.
func (s *Sim) redeployAnswer(d *deployment) answer {
	ok, queued := true, d.State == Queued
	if s.opts.Answer == AnswerS0 {
		return respond(outcomeAnswer{ID: d.ID, Message: "Deployment scheduled", Queued: &queued})
	}
	reply := outcomeAnswer{OK: &ok, Message: "Stack starting redeployment", Queued: &queued}
	if queued {
		reply.Message = "Stack queued for redeployment"
	}
	switch s.opts.Answer {
	case AnswerD:
		reply.AsyncActionID = d.action.id
	case AnswerBare:
		reply.Queued = nil
	}
	return respond(reply)
}

// check refuses what the stack does not allow (Cloud 66 API, Redeploy Stack).
func (req redeployRequest) check(st *stack, services []string) error {
	switch {
	case st.docker() && req.GitRef != "":
		return errors.New("git_ref is for stacks that are not docker stacks")
	case !st.docker() && len(services) > 0:
		return errors.New("services is for docker stacks only")
	case utf8.RuneCountInString(req.UserReference) > 255:
		return errors.New("user_reference is longer than 255 characters")
	case req.Profile != "" && st.Profiles != nil && !slices.Contains(st.Profiles, req.Profile):
		return fmt.Errorf("deployment_profile %q is unknown", req.Profile)
	}
	return st.checkServices(services)
}

func (st *stack) checkServices(images []string) error {
	seen := map[string]bool{}
	for _, image := range images {
		name, tag, tagged := strings.Cut(image, ":")
		switch {
		case !slices.ContainsFunc(st.Services, func(sv Service) bool { return sv.Name == name }):
			return fmt.Errorf("service %q is unknown", name)
		case tagged && tag == "":
			return fmt.Errorf("service %q has an empty tag", name)
		case seen[name]:
			return fmt.Errorf("service %q is given twice", name)
		}
		seen[name] = true
	}
	return nil
}

func (s *Sim) cancelDeployment(c *call, st *stack) answer {
	d := st.deployment(c.id())
	switch {
	case d == nil:
		return notFound("Deployment")
	case d.State != Queued && d.State != Running:
		return conflict("The deployment has finished already")
	}
	s.cancel(st, d, c.now)
	if s.opts.Answer == AnswerD {
		return respondOK("Cancelling deployment")
	}
	return respondOK("Deployment cancelled")
}
