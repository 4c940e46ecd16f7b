package authz

import (
	"context"
	"errors"
	"fmt"
	"time"

	"c66bot/storage"
)

// Request is something that somebody wants.
type Request struct {
	Subject
	Action    Action
	Stack     storage.StackRef // zero where no stack was found, or none is concerned
	Asked     string           // in the words of a command
	Operation string
	Changes   bool // an allowed request that only reads is not recorded
}

// Authorize decides and records in one call. Where it gives an error, nothing is allowed: neither was it found out who may, nor
// without a record may anything be done. A refusal is always recorded, one for want of knowledge too.
func (a *Authorizer) Authorize(ctx context.Context, req Request) (Decision, error) {
	standing, err := a.Standing(ctx, req.Subject)
	if err != nil {
		refused := Decision{Reason: err.Error()}
		return refused, errors.Join(err, a.record(ctx, req, refused))
	}
	decision := standing.Decide(req.Action, req.Stack)
	if decision.Allowed && !req.Changes {
		return decision, nil
	}
	if err := a.record(ctx, req, decision); err != nil {
		return Decision{Reason: "the decision could not be recorded"}, err
	}
	return decision, nil
}

// Refuse records a refusal for which no stack was found or that has another reason than the rules.
func (a *Authorizer) Refuse(ctx context.Context, req Request, reason string) error {
	return a.record(ctx, req, Decision{Reason: reason})
}

// Permit records that something was done for which no right is needed.
func (a *Authorizer) Permit(ctx context.Context, req Request, reason string) error {
	return a.record(ctx, req, Decision{Allowed: true, Reason: reason})
}

func (a *Authorizer) record(ctx context.Context, req Request, decision Decision) error {
	at := time.Now()
	entry := storage.AuditEntry{
		At: at, User: req.User, Channel: req.Channel, Action: string(req.Action), Asked: req.Asked, Stack: req.Stack,
		Operation: req.Operation, Allowed: decision.Allowed, Reason: decision.Reason,
	}
	if decision.Rule != nil {
		entry.Rule = decision.Rule.ID
	}
	key := storage.NewID(at)
	err := a.records.Update(ctx, func(tx storage.Tx) error { return storage.Audit.Put(tx, key, entry) })
	if err != nil {
		return fmt.Errorf("record what was decided on %q of %s: %w", req.Asked, req.User, err)
	}
	return nil
}
