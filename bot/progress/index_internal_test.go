package progress

import (
	"fmt"
	"testing"

	"c66bot/storage"
)

func TestAChangeAmongManySubscriptionsTriesNoGlobOnWhatIsWantedAlready(t *testing.T) {
	const many = 300
	tried := 0
	active := make([]subscriber, many)
	for i := range active {
		name := fmt.Sprint("app", i)
		active[i] = subscriber{storage.Subscription{Stacks: name}, func(s storage.StackRef) bool { tried++; return s.Name == name }}
	}
	read := func(before wanting, active []subscriber) (wanting, int) {
		by, n := before.among(active), 0
		for i := range many {
			if by.wanted(storage.StackRef{Name: fmt.Sprint("app", i)}) {
				n++
			}
		}
		return by, n
	}
	by, n := read(wanting{}, active)
	if n != many {
		t.Errorf("%d stacks are wanted", n)
	}
	tried = 0
	if by, n = read(by, active[:many-1]); n != many-1 || tried > many {
		t.Errorf("%d stacks are wanted after %d tries", n, tried)
	}
	if _, n = read(by, active); n != many {
		t.Errorf("%d stacks are wanted again", n)
	}
}
