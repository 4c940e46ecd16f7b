package authz

import (
	"context"
	"fmt"
	"time"

	"c66bot/storage"
)

// Request is one action for which a user needs permission.
type Request struct {
	Subject
	Action    Action
	Stack     storage.StackRef // zero if no stack was found or the action concerns none
	Source    storage.StackRef // another one that Asked names; zero for none
	Asked     string           // the request as a command line
	Operation string
	Changes   bool // false for a read; an allowed read is not recorded
	Begins    bool // an allowed one is recorded by Record, in the transaction that begins the change
}

// Authorize decides a request by the standing of its subject and records the decision, except that of an allowed read, and of an
// allowed request with Begins. If it returns an error, nothing is allowed.
func (a *Authorizer) Authorize(ctx context.Context, standing Standing, req Request) (Decision, error) {
	decision := standing.Decide(req.Action, req.Stack)
	if decision.Allowed && (!req.Changes || req.Begins) {
		return decision, nil
	}
	if err := a.record(ctx, req, decision); err != nil {
		return Decision{Reason: "the decision could not be recorded"}, err
	}
	return decision, nil
}

// Refuse records a refusal that was not decided by a rule, such as that of an unknown stack.
func (a *Authorizer) Refuse(ctx context.Context, req Request, reason string) error {
	return a.record(ctx, req, Decision{Reason: reason})
}

// Permit records an action that requires no right.
func (a *Authorizer) Permit(ctx context.Context, req Request, reason string) error {
	return a.record(ctx, req, Decision{Allowed: true, Reason: reason})
}

func (a *Authorizer) record(ctx context.Context, req Request, decision Decision) error {
	err := a.records.Update(ctx, Record(req, decision))
	if err != nil {
		return fmt.Errorf("record what was decided on %q of %s: %w", req.Asked, req.User, err)
	}
	return nil
}

// Record returns the write of a decision's audit entry.
func Record(req Request, decision Decision) func(tx storage.Tx) error {
	entry := storage.AuditEntry{
		At: time.Now(), User: req.User, Channel: req.Channel, Action: string(req.Action), Asked: req.Asked, Stack: req.Stack,
		Source: req.Source, Operation: req.Operation, Allowed: decision.Allowed, By: decision.By, Reason: decision.Reason,
	}
	if decision.Rule != nil {
		entry.By = storage.Decider{Kind: storage.ByRule, ID: decision.Rule.ID}
	}
	return func(tx storage.Tx) error { return storage.PutAudit(tx, entry) }
}
