package commands

import (
	"time"

	"c66bot/storage"
)

// goldenAudit is a page with a decision for each result, and one that waits for its result.
func goldenAudit(asked, user, id string, results ...storage.Result) auditReply {
	ref := goldenStack
	r := auditReply{
		At: goldenNow, Stack: &ref, Looked: true, page: page{number: 2, from: 10, to: 11 + len(results), total: 95},
		Filter: Invocation{Verb: Audit, UID: ref.UID, Options: Options{Since: "7d"}},
	}
	e := storage.AuditEntry{
		At: goldenNow.Add(-time.Hour), User: user, Channel: "C0DEPLOYS", Asked: asked, Stack: ref, Allowed: true,
		By: storage.Decider{Kind: storage.ByRule, ID: id}, Reason: "rule " + id + " allows it",
	}
	r.Entries = append(r.Entries, e)
	for _, result := range results {
		e.Result = &result
		r.Entries = append(r.Entries, e)
	}
	return r
}

// goldenAudits are pages of the audit, by name.
func goldenAudits() map[string]Reply {
	page := goldenAudit(
		`redeploy web@production --ref main --reason "fix the login"`, "U0LIN", "k3f9",
		storage.Result{Outcome: storage.Succeeded, Deployment: 1042}, storage.Result{Outcome: storage.Failed, Deployment: 1041},
		storage.Result{Outcome: storage.Cancelled, Deployment: 1040}, storage.Result{Outcome: storage.Done},
		storage.Result{Outcome: storage.NotDone},
		storage.Result{Outcome: storage.Refused}, storage.Result{Outcome: storage.Unclear},
	)
	refused := page.Entries[0]
	refused.Allowed, refused.By, refused.Reason, refused.Channel = false, storage.Decider{}, "no rule allows it", "D0SAM"
	page.Entries = append(page.Entries, refused)
	page.page.to++
	return map[string]Reply{
		"audit":      page,
		"audit-none": auditReply{At: goldenNow, Filter: Invocation{Verb: Audit, Options: Options{Asker: "U0SAM"}}},
	}
}
