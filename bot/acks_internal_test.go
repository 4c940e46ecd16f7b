package bot

import (
	"errors"
	"testing"
)

func TestAnEnvelopeIsFreshAgainUnlessItWasAcknowledged(t *testing.T) {
	taken := func(any) error { return nil }
	lost := func(any) error { return errors.New("the connection is gone") }
	for name, c := range map[string]struct {
		ack  func(any) error
		do   func(a *acks)
		want arrival
	}{
		"acknowledged":                             {taken, func(a *acks) { _ = a.write("e", nil, false); a.drop("e") }, repeated},
		"not acknowledged, and nobody was told":    {lost, func(a *acks) { _ = a.write("e", nil, false); a.drop("e") }, fresh},
		"not acknowledged, but its author is told": {lost, func(a *acks) { _ = a.write("e", nil, true); a.drop("e") }, repeated},
		"given up before its acknowledgement":      {taken, func(a *acks) { a.drop("e") }, fresh},
		"still under way":                          {taken, func(*acks) {}, waiting},
	} {
		t.Run(name, func(t *testing.T) {
			var a acks
			if came, _ := a.arrive("e", c.ack, nil); came != fresh {
				t.Fatal("the first one is not fresh")
			}
			c.do(&a)
			if came, _ := a.arrive("e", c.ack, nil); came != c.want {
				t.Errorf("the second one is %d, want %d", came, c.want)
			}
		})
	}
}
