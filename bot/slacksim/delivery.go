package slacksim

import (
	"context"
	"fmt"
	"time"
)

// Delivery tracks the envelope of a command, click or event until it is acknowledged or has failed.
type Delivery struct {
	EnvelopeID  string
	Payload     map[string]any // the envelope's payload; read-only
	TriggerID   string
	ResponseURL string
	Confirm     *Confirm // the confirm dialog that was accepted

	w             *Workspace
	channel, user string // ids of the channel and the acting person
	acked         chan struct{}
	failed        chan struct{}
	info          AckInfo
	err           error

	// taken is called with the acknowledgement's payload unless the delivery has failed before, lost on failure. Both may be nil.
	// The lock is held.
	taken func(payload map[string]any)
	lost  func()
}

// Confirm is the text of a confirm dialog.
type Confirm struct{ Title, Text, Confirm, Deny string }

// AckInfo describes the acknowledgement of an envelope.
type AckInfo struct {
	After   time.Duration  // since the last send
	Payload map[string]any // nil for none
}

// DeliveryError is the error that Slack shows a person whose command or click failed.
type DeliveryError struct {
	Code  string // "operation_timeout", "dispatch_failed", or a code for a refusal by Slack itself
	Shown string // the text that the person reads
}

// Error returns the text that the person reads.
func (f *DeliveryError) Error() string { return f.Shown }

// Acked returns a channel that is closed when the app acknowledges.
func (d *Delivery) Acked() <-chan struct{} { return d.acked }

// Err returns the *DeliveryError that the person was shown, or nil.
func (d *Delivery) Err() error {
	defer d.w.lock()()
	return d.err
}

// Wait blocks until the delivery is acknowledged. It returns a *DeliveryError once the delivery has failed.
func (d *Delivery) Wait(ctx context.Context) (AckInfo, error) {
	select {
	case <-d.failed:
		return AckInfo{}, d.Err()
	case <-d.acked:
		return d.info, d.Err()
	case <-ctx.Done():
		return AckInfo{}, fmt.Errorf("wait for the acknowledgement of %s: %w", d.EnvelopeID, ctx.Err())
	}
}

func (w *Workspace) newDelivery(channel, user string) *Delivery {
	return &Delivery{w: w, channel: channel, user: user, acked: make(chan struct{}), failed: make(chan struct{})}
}

// fail records the failure and the text that the person is shown. Only the first call has an effect.
func (d *Delivery) fail(code, shown string) *Delivery {
	if d.err == nil {
		d.err = &DeliveryError{Code: code, Shown: shown}
		close(d.failed)
		if d.lost != nil {
			d.lost()
		}
	}
	return d
}
