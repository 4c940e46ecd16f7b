package bot_test

import (
	"strings"
	"testing"

	"c66bot/cloud66/cloud66sim"
)

func TestARollbackRedeploysTheVersionBeforeByItsFullHash(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		before, _ := r.cloud.Deployment(r.web, 1034)
		live, _ := r.cloud.Deployment(r.web, 1035)
		question := r.ask(lin, deploys, `/c66 rollback web --reason "the login fails"`)
		hold(t, "the question", question.Plain(), "web@production: roll back to #1034?", "Live now: #1035", "Back to: #1034", "live for",
			"This undoes: what changed in between", "[Yes, roll back] [No]", "[Take #1033]")
		page := "https://github.com/acme/web/compare/" + before.Hash + "..." + live.Hash
		if links := strings.Join(question.Links(), " "); !strings.Contains(links, page) {
			t.Errorf("it does not link %s: %s", page, links)
		}
		r.click(lin, question, "Take #1033")
		r.until("the other version is shown", func() bool { return strings.Contains(r.sees(lin, deploys), "roll back to #1033?") })
		again := r.ask(lin, deploys, "/c66 rollback web")
		r.click(lin, again, "Yes, roll back")
		card := r.card("#1036 went live")
		hold(t, "the card", card.Plain(), "back to #1034")
		if sent, _ := r.cloud.Deployment(r.web, 1036); sent.Ref != before.Hash || sent.Hash != before.Hash {
			t.Errorf("it deployed %s, not %s", sent.Ref, before.Hash)
		}
		r.again(lin, question, "Yes, roll back")
		r.until("the older question is refused", func() bool { return strings.Contains(r.sees(lin, deploys), "#1034 is what is live.") })
		if n := r.requests("POST"); n != 1 {
			t.Errorf("%d redeploys were sent", n)
		}
	})
}

func TestADockerStackIsRolledBackByTheTagsOfTheVersion(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		api := r.cloud.AddStack(cloud66sim.Stack{
			Name: "api", Framework: "docker", Git: "https://github.com/acme/api.git", History: 3,
			Services: []cloud66sim.Service{{Name: "api", ImageTag: "v1"}, {Name: "worker", ImageTag: "v1"}},
		})
		r.command(lin, deploys, "/c66 redeploy api --services api:v2")
		r.card("went live")
		question := r.ask(lin, deploys, "/c66 rollback api")
		hold(t, "the question", question.Plain(), "api:v2, worker:v1", "api:v1, worker:v1")
		r.click(lin, question, "Yes, roll back")
		r.card("back to #")
		r.until("it is deployed", func() bool {
			all := r.cloud.Deployments(api)
			return strings.Join(all[len(all)-1].Services, ",") == "api:v1,worker:v1"
		})
	})
}

func TestAPromotionDeploysWhatIsLiveOnTheOtherStack(t *testing.T) {
	t.Parallel()
	inBubble(t, settings{}, func(t *testing.T, r *rig) {
		staging := r.cloud.AddStack(cloud66sim.Stack{Name: "web", Environment: "staging", Git: "https://github.com/acme/web.git", History: 3})
		all := r.cloud.Deployments(staging)
		source := all[len(all)-1]
		question := r.ask(lin, deploys, "/c66 promote web@staging production")
		hold(t, "the question", question.Plain(), "web@production: promote #", "Live on web@staging", "Replaces on web@production: #1035",
			"This brings: what changes", "[Yes, promote] [No]")
		r.click(lin, question, "Yes, promote")
		hold(t, "the card", r.card("went live").Plain(), "of web@staging")
		all = r.cloud.Deployments(r.web)
		if sent := all[len(all)-1]; sent.Ref != source.Hash || sent.Hash != source.Hash {
			t.Errorf("it deployed %s, not %s", sent.Ref, source.Hash)
		}
		hold(t, "the same again", r.ask(lin, deploys, "/c66 promote web@staging production").Plain(), "is live here already")
	})
}
