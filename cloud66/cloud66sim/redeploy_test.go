package cloud66sim

import (
	"net/http"
	"strings"
	"testing"
)

func TestARedeployTakesTheDocumentedParameters(t *testing.T) {
	docker := View{Services: []string{"web:v2", "worker"}, Profile: "quick", UserReference: "r 1"}
	git := View{Ref: "v1.2", UserReference: "r 1"}
	tests := map[string]struct {
		stack, body, kind string
		want              View
	}{
		"services": {
			"docker",
			`{"services":"web:v2, worker","deployment_profile":"quick","user_reference":"r 1"}`,
			"application/json; charset=utf-8",
			docker,
		},
		"services in an array": {
			"docker", `{"services":["web:v2","worker"],"deployment_profile":"quick","user_reference":"r 1"}`, "application/json", docker,
		},
		"a digest": {
			"docker", `{"services":["web@sha256:9f86d0"]}`, "application/json", View{Services: []string{"web@sha256:9f86d0"}},
		},
		"a ref, null and empty for none": {
			"rails",
			`{"services":null,"deployment_profile":"","user_reference":"r 1","git_ref":"v1.2"}`,
			"application/json",
			git,
		},
		"nothing": {"rails", "", "", View{Ref: "main"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := withStack(Options{})
			s.AddStack(dockerStack())
			got := send(t, s, http.MethodPost, "/stacks/"+test.stack+"/deployments", test.body, "Content-Type", test.kind)
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
		"a ref on a docker stack":      {"docker", `{"git_ref":"main"}`, "application/json", "git_ref"},
		"services on another stack":    {"rails", `{"services":"web"}`, "application/json", "services"},
		"a reference that is too long": {"rails", `{"user_reference":"` + strings.Repeat("x", 256) + `"}`, "application/json", "255"},
		"an unknown service":           {"docker", `{"services":"web:v2,api:v1"}`, "application/json", `"api"`},
		"a service twice":              {"docker", `{"services":"web:v2,web:v3"}`, "application/json", "twice"},
		"an empty tag":                 {"docker", `{"services":"web:"}`, "application/json", "empty tag"},
		"an unknown profile":           {"docker", `{"deployment_profile":"slow"}`, "application/json", `"slow"`},
		"an unknown parameter":         {"rails", `{"ref":"main"}`, "application/json", `"ref"`},
		"a number":                     {"rails", `{"git_ref":1}`, "application/json", "git_ref"},
		"an object":                    {"docker", `{"services":{"web":"v2"}}`, "application/json", "services"},
		"an empty digest":              {"docker", `{"services":["web@"]}`, "application/json", "empty tag"},
		"a body that is no JSON":       {"rails", `{"git_ref":`, "application/json", "JSON"},
		"a body of another type":       {"rails", "git_ref: main", "text/yaml", "text/yaml"},
		"a body of no type":            {"rails", "git_ref=main", "", "type"},
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
	if got := send(t, s, http.MethodPost, "/stacks/rails/deployments", `{"user_reference":"`+strings.Repeat("é", 255)+
		`"}`); got.status != http.StatusOK {
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
