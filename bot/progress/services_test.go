package progress_test

import (
	"strings"
	"testing"
	"time"

	"c66bot/cloud66/cloud66sim"
	"c66bot/storage"
)

func TestTheHistoryKnowsWhatADockerStackRan(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.stack = storage.StackRef{Name: "api", Environment: "production", UID: r.cloud.AddStack(cloud66sim.Stack{
			UID: docker, Name: "api", Framework: "docker", Git: "https://github.com/acme/api.git", UsualDuration: time.Minute, History: 2,
			Services: []cloud66sim.Service{
				{Name: "web", ImageTag: "v1"}, {Name: "job", SourceType: "git", GitRef: "8c7f3d39"}, {Name: "odd"}, {Name: "a,b", ImageTag: "v1"},
			},
		})}
		redeploy := func(operation, services string) int64 {
			f := r.wish(deploys)
			f.Wish.Services = services
			if err := r.progress.Redeploy(r.ctx, begins(operation, f)); err != nil {
				r.Fatal(err)
			}
			return f.Wish.NewestBefore + 1
		}
		first := redeploy("first", "web:v2")
		r.settle()
		failed := func() int64 {
			r.cloud.NextOutcome(docker, cloud66sim.Next{Fail: true})
			return redeploy("failed", "web:v3")
		}()
		r.settle()
		second := redeploy("second", "web:v4,job")
		third := redeploy("third", "job:9d8e7f6") // it runs when the second one ends
		r.settle()
		all := r.history()
		for id, want := range map[int64]string{
			first: "job:8c7f3d39,web:v2", failed: "", second: "web:v4", third: "job:9d8e7f6,web:v4",
		} {
			if got := all[id].Services; got != want {
				r.Errorf("of #%d is kept %q, want %q", id, got, want)
			}
		}
		reads := 0
		for _, request := range r.cloud.Requests() {
			if strings.HasSuffix(strings.TrimSuffix(request.Path, ".json"), "/stacks/"+docker+"/services") {
				reads++
			}
		}
		if reads != 2 {
			r.Errorf("the services were read %d times", reads)
		}
	})
}
