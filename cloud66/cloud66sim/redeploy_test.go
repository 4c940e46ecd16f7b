package cloud66sim

import (
	"net/http"
	"strings"
	"testing"
)

const formType = "application/x-www-form-urlencoded"

func TestRedeployParametersMayComeInEveryEncoding(t *testing.T) {
	docker := View{Services: []string{"web:v2", "worker"}, Profile: "quick", UserReference: "r 1"}
	git := View{Ref: "v1.2", UserReference: "r 1"}
	tests := map[string]struct {
		stack, query, body, kind string
		want                     View
	}{
		"a query":                             {"docker", "?services=web:v2,worker&deployment_profile=quick&user_reference=r+1", "", "", docker},
		"a form":                              {"docker", "", "services=web:v2,worker&deployment_profile=quick&user_reference=r+1", formType, docker},
		"a form with repeated services":       {"docker", "", "services[]=web:v2&services[]=worker&deployment_profile=quick&user_reference=r+1", formType, docker},
		"JSON with a comma string":            {"docker", "", `{"services":"web:v2, worker","deployment_profile":"quick","user_reference":"r 1"}`, "application/json; charset=utf-8", docker},
		"JSON with an array":                  {"docker", "", `{"services":["web:v2","worker"],"deployment_profile":"quick","user_reference":"r 1","git_ref":""}`, "application/json", docker},
		"JSON with null and empty for absent": {"rails", "", `{"services":null,"deployment_profile":"","user_reference":"r 1","git_ref":"v1.2"}`, "application/json", git},
		"a query and a body":                  {"rails", "?git_ref=v1.2&user_reference=other", `{"user_reference":"r 1","git_ref":""}`, "application/json", git},
		"nothing":                             {"rails", "", "", "", View{Ref: "main"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := withStack(Options{})
			s.AddStack(dockerStack())
			got := send(t, s, http.MethodPost, "/stacks/"+test.stack+"/deployments"+test.query, test.body, "Content-Type", test.kind)
			if got.status != http.StatusOK {
				t.Fatalf("status %d: %s", got.status, got.text)
			}
			v := mustView(t, s, test.stack, 1001)
			expect(t, "asked for", test.want, View{Ref: v.Ref, Services: v.Services, Profile: v.Profile, UserReference: v.UserReference})
			expect(t, "triggered", []string{"api", "owner@example.com", "redeploy"}, []string{v.Via, v.By, v.Type})
		})
	}
}

func TestARedeployThatTheStackDoesNotAllowIsRefused(t *testing.T) {
	tests := map[string]struct{ stack, body, kind, details string }{
		"a ref on a docker stack":       {"docker", "git_ref=main", formType, "git_ref"},
		"services on another stack":     {"rails", "services=web", formType, "services"},
		"a reference that is too long":  {"rails", "user_reference=" + strings.Repeat("x", 256), formType, "255"},
		"an unknown service":            {"docker", "services=web:v2,api:v1", formType, `"api"`},
		"a service twice":               {"docker", "services=web:v2,web:v3", formType, "twice"},
		"an empty tag":                  {"docker", "services=web:", formType, "empty tag"},
		"an unknown profile":            {"docker", "deployment_profile=slow", formType, `"slow"`},
		"an unknown parameter":          {"rails", "ref=main", formType, `"ref"`},
		"a number":                      {"rails", `{"git_ref":1}`, "application/json", "git_ref"},
		"an array that is not services": {"rails", `{"git_ref":["main"]}`, "application/json", "git_ref"},
		"an array of numbers":           {"docker", `{"services":[1]}`, "application/json", "services"},
		"a body that is no JSON":        {"rails", `{"git_ref":`, "application/json", "JSON"},
		"a body that is no form":        {"rails", `git_ref=%`, formType, "form"},
		"a body of another type":        {"rails", "git_ref: main", "text/yaml", "text/yaml"},
		"a body of no type":             {"rails", "git_ref=main", "", "Content-Type"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := withStack(Options{})
			box := dockerStack()
			box.Profiles = []string{"quick"}
			s.AddStack(box)
			got := send(t, s, http.MethodPost, "/stacks/"+test.stack+"/deployments", test.body, "Content-Type", test.kind)
			details, _ := got.body["details"].(string)
			if got.status != http.StatusBadRequest || got.body["error"] != "bad_request" || !strings.Contains(details, test.details) {
				t.Errorf("status %d: %s", got.status, got.text)
			}
			if n := len(s.Deployments(test.stack)); n != 0 {
				t.Errorf("%d deployments began", n)
			}
		})
	}
}

func TestAReferenceOf255CharactersIsAccepted(t *testing.T) {
	s := withStack(Options{})
	if got := send(t, s, http.MethodPost, "/stacks/rails/deployments", `{"user_reference":"`+strings.Repeat("é", 255)+`"}`); got.status != http.StatusOK {
		t.Errorf("status %d: %s", got.status, got.text)
	}
}

func TestAFullHashAsRefIsTheCommit(t *testing.T) {
	s := withStack(Options{})
	send(t, s, http.MethodPost, "/stacks/rails/deployments", `{"git_ref":"`+exampleHash+`"}`)
	if got := mustView(t, s, "rails", 1001).Hash; got != exampleHash {
		t.Errorf("hash %s", got)
	}
}

func TestAHugeBodyIsRefused(t *testing.T) {
	s := withStack(Options{})
	got := send(t, s, http.MethodPost, "/stacks/rails/deployments", `{"git_ref":"`+strings.Repeat("x", maxBody)+`"}`)
	if got.status != http.StatusRequestEntityTooLarge || len(s.Deployments("rails")) != 0 {
		t.Errorf("status %d: %s", got.status, got.text)
	}
}
