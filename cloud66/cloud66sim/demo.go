package cloud66sim

import (
	"fmt"
	"time"
)

// demoPeople trigger the past deployments of the demonstration's stacks.
var demoPeople = []string{"ana@acme.example", "ben@acme.example", "chloe@acme.example", "dmitri@acme.example", "efua@acme.example"}

// demoStacks are the stacks of the demonstration. History counts failed deployments too.
var demoStacks = []Stack{
	{Name: "web", Environment: "production", Git: "git@github.com:acme/web.git", UsualDuration: 6 * time.Minute, History: 95},
	{Name: "web", Environment: "staging", Git: "git@github.com:acme/web.git", GitBranch: "develop", UsualDuration: 5 * time.Minute, History: 88},
	{Name: "api", Environment: "production", Git: "https://github.com/acme/api.git", Framework: "docker", UsualDuration: 8 * time.Minute, History: 74,
		Services: []Service{
			{Name: "api", ImageName: "registry.example/acme/api", ImageTag: "v4.2.0", DesiredCount: 3},
			{Name: "worker", ImageName: "registry.example/acme/worker", ImageTag: "v4.2.0", DesiredCount: 2},
			{Name: "proxy", SourceType: "git", GitRef: "main"},
		}},
	{Name: "api", Environment: "staging", Git: "https://github.com/acme/api.git", Framework: "docker", UsualDuration: 7 * time.Minute, History: 81,
		Services: []Service{
			{Name: "api", ImageName: "registry.example/acme/api", ImageTag: "v4.3.0-rc1"},
			{Name: "worker", ImageName: "registry.example/acme/worker", ImageTag: "v4.3.0-rc1"},
		}},
	{Name: "worker", Environment: "production", Git: "git@github.com:acme/worker.git", UsualDuration: 4 * time.Minute, History: 62},
	{Name: "docs", Environment: "production", Git: "git@github.com:acme/docs.git", Framework: "express", UsualDuration: 4 * time.Minute, History: 47},
	{Name: "awesome app", Environment: "production", Git: "git@github.com:acme/awesome-app.git", UsualDuration: 9 * time.Minute, History: 55},
	{Name: "awesome app", Environment: "staging", Git: "git@github.com:acme/awesome-app.git", GitBranch: "develop", UsualDuration: 8 * time.Minute, History: 66},
	{Name: "billing", Environment: "production", Git: "git@github.com:acme/billing.git", UsualDuration: 12 * time.Minute, History: 40},
	{Name: "search", Environment: "production", Git: "https://gitlab.example/acme/search.git", Framework: "spring", UsualDuration: 16 * time.Minute, History: 43},
	{Name: "admin", Environment: "production", Git: "git@github.com:acme/admin.git", UsualDuration: 5 * time.Minute, History: 51},
	{Name: "landing page", Environment: "production", Git: "git@github.com:acme/landing.git", Framework: "laravel", UsualDuration: 4 * time.Minute, History: 58},
}

// SeedDemo adds a dozen believable stacks, with a past of 40 to 95 deployments each, and returns their UIDs by name@environment.
func SeedDemo(s *Sim) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, uids := s.advance(), map[string]string{}
	for _, described := range demoStacks {
		number := described.History
		described.History = 0
		st := s.addStack(described, now)
		for i := range number {
			st.pastOf(s, st.demoPast(i, i == number-1))
		}
		s.datePast(st, now)
		uids[st.Name+"@"+st.Environment] = st.UID
	}
	return uids
}

// demoPast makes up one past deployment; about every ninth failed, but neither the first nor the last.
func (st *stack) demoPast(i int, last bool) past {
	p := past{state: Success, start: Start{By: demoPeople[pick(len(demoPeople), "by", st.number, i)]}}
	p.start.Via = []string{"web", "hook", "hook", "api"}[pick(4, "via", st.number, i)]
	p.start.Type = "build"
	if p.start.Via == "api" {
		p.start.Type = "redeploy"
	}
	if i > 0 && !last && pick(9, "state", st.number, i) == 0 {
		p.state = Failed
	}
	if st.docker() && p.start.Type == "redeploy" {
		service := st.Services[0]
		p.services = []string{fmt.Sprintf("%s:%s", service.Name, service.ImageTag)}
	}
	return p
}
