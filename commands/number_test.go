package commands

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"c66bot/authz"
	"c66bot/cloud66"
	"c66bot/storage"
)

func TestANumberWithoutAStackIsADeploymentOfAStackThatOneSees(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.cloud.has("web1", 3)
		r.cloud.has("web2", 3)
		r.cloud.has("api1", 3)
		r.stores(func(tx storage.Tx) error {
			return errors.Join(
				storage.History.Put(tx, storage.DeploymentKey("web1", 1), storage.Deployed{Stack: "web1", Number: 1}),
				storage.History.Put(tx, storage.DeploymentKey("api1", 1), storage.Deployed{Stack: "api1", Number: 1}),
				storage.Heard.Put(tx, storage.HeardKey("web2", 2, here), storage.WishOf{Follow: "f", At: time.Now()}),
				storage.Wishes.Put(tx, storage.DeploymentKey("api1", 3), storage.WishOf{Follow: "g", At: time.Now()}),
			)
		})
		r.put(allow(sam, "web", authz.View))
		shown := func(user, text, uid string, id int64) {
			t.Helper()
			if d := as[DetailReply](t, r.say(user, text)); d.Stack.UID != uid || d.Entry.Deployment.ID != id {
				t.Errorf("%s of %s shows %s #%d", text, user, d.Stack, d.Entry.Deployment.ID)
			}
		}
		shown(sam, "show 1", "web1", 1) // the other is hidden from sam
		shown(sam, "show '#2'", "web2", 2)
		shown(lin, "show 2", "web2", 2)
		shown(lin, "show 3", "api1", 3)
		several := choiceIn(t, r.say(lin, "show 1"))
		if len(several.Options) != 2 || several.Options[0].Label != "api@production" || several.Options[1].Label != "web@production" ||
			several.What != "Which stack is #1 of?" {
			t.Errorf("asked is %+v", several)
		}
		choice := choiceIn(t, r.say(sam, "show 3")) // known of a hidden one alone
		if len(choice.Options) != 2 || choice.Options[0].Label != "web@production" {
			t.Errorf("asked is %+v", choice)
		}
		if d := as[DetailReply](t, r.click(sam, choice.Options[0].Invocation)); d.Stack.UID != "web1" || d.Entry.Deployment.ID != 3 {
			t.Errorf("shown is %s #%d", d.Stack, d.Entry.Deployment.ID)
		}
		refusalOf(t, r.say(kim, "show 1"), authz.View)
		r.stacks.stacks = append(r.stacks.stacks, cloud66.Stack{UID: "n1", Name: "1", Environment: "production"})
		r.cloud.has("n1", 2)
		time.Sleep(directoryAge + time.Second)
		shown(lin, "show 1", "n1", 2) // the name of a stack goes first
		for i := range maxWhich {
			r.stacks.stacks = append(r.stacks.stacks, cloud66.Stack{UID: fmt.Sprint("m", i), Name: fmt.Sprint("many", i), Environment: "x"})
		}
		time.Sleep(directoryAge + time.Second)
		r.stacks.stacks[len(r.stacks.stacks)-1].LastActivity = time.Now()
		time.Sleep(directoryAge + time.Second)
		const what = "Which stack is #77 of? Here are the 10 with the latest activity, of 15. For another one, give the command with its name."
		many := choiceIn(t, r.say(lin, "show 77"))
		if many.What != what || len(many.Options) != maxWhich || many.Options[0].Label != "many9@x" || many.Options[1].Label != "1@production" ||
			many.Options[0].Invocation.Deployment != 77 {
			t.Errorf("asked is %+v", many)
		}
	})
}
