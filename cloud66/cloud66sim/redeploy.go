package cloud66sim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// redeployRequest is what a redeploy asks for. What is empty is absent.
type redeployRequest struct {
	gitRef        string
	services      []string
	profile       string
	userReference string
}

func (s *Sim) redeploy(c *call, st *stack) answer {
	req, err := readRedeploy(c)
	if err == nil {
		err = req.check(st)
	}
	if err != nil {
		return badRequest(err.Error())
	}
	if s.opts.BusyIs409 && st.busy() {
		return conflict("The stack is busy with another operation")
	}
	d := s.newDeployment(st, Start{Via: "api", By: s.opts.Owner, Type: "redeploy", Ref: req.gitRef})
	d.Services, d.Profile, d.UserReference = req.services, req.profile, req.userReference
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
func (req redeployRequest) check(st *stack) error {
	switch {
	case st.docker() && req.gitRef != "":
		return errors.New("git_ref is for stacks that are not docker stacks")
	case !st.docker() && len(req.services) > 0:
		return errors.New("services is for docker stacks only")
	case utf8.RuneCountInString(req.userReference) > 255:
		return errors.New("user_reference is longer than 255 characters")
	case req.profile != "" && st.Profiles != nil && !slices.Contains(st.Profiles, req.profile):
		return fmt.Errorf("deployment_profile %q is unknown", req.profile)
	}
	return st.checkServices(req.services)
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
