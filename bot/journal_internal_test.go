package bot

import (
	"fmt"
	"testing"

	"c66bot/storage"
)

func TestTheJournalTakesNoMoreThanItsBound(t *testing.T) {
	var j journal
	entry := func(n int) storage.Entry {
		return storage.Entry{Operation: fmt.Sprint("command:", n), Deliveries: []string{fmt.Sprint(n)}}
	}
	for n := range maxOpen {
		if c, first := j.receive(entry(n)); c == nil || !first {
			t.Fatalf("change %d is not taken", n)
		}
	}
	if c, _ := j.receive(entry(maxOpen)); c != nil {
		t.Error("one more is taken")
	}
	known, first := j.receive(entry(7))
	if known == nil || first {
		t.Error("one that came before is not known any more")
	}
	j.forget(known)
	if c, first := j.receive(entry(maxOpen)); c == nil || !first {
		t.Error("after one is settled another one is not taken")
	}
}
