package slacksim

import (
	"context"
	"fmt"
	"time"
)

// Delivery is what a person's command or click, or an event, became.
type Delivery struct {
	EnvelopeID  string
	Payload     map[string]any // the envelope's payload; not to be changed
	TriggerID   string
	ResponseURL string
	Confirm     *Confirm // the confirm dialog that was accepted

	w             *Workspace
	channel, user string // where and whose
	acked         chan struct{}
	failed        chan struct{}
	info          AckInfo
	err           error

	// taken is told of the acknowledgement's payload unless the person was told of a failure before, and lost of the failure; both may be nil.
	taken func(payload map[string]any)
	lost  func()
}

// Confirm is the text of a confirm dialog.
type Confirm struct{ Title, Text, Confirm, Deny string }

// AckInfo says how an envelope was acknowledged.
type AckInfo struct {
	After   time.Duration  // since it was last sent
	Payload map[string]any // nil for none
}

// DeliveryError is what a person is shown when their command or click got nowhere.
type DeliveryError struct {
	Code  string // "operation_timeout", "dispatch_failed" or one for what Slack itself refuses
	Shown string
}

// Error is the text that the person reads.
func (f *DeliveryError) Error() string { return f.Shown }

// Acked is closed when the app acknowledges.
func (d *Delivery) Acked() <-chan struct{} { return d.acked }

// Err is the *DeliveryError that the person was shown, or nil.
func (d *Delivery) Err() error {
	defer d.w.lock()()
	return d.err
}

// Wait returns when the delivery is acknowledged, or with a *DeliveryError when the person is told that it failed.
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

// fail records what the person is shown, once.
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
