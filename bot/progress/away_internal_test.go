package progress

import (
	"testing"
	"time"
)

func TestWhatIsKeptDoesNotWaitForAStackThatIsNotWatchedAnyMore(t *testing.T) {
	a := newAway()
	a.left("unsubscribed", time.Now())
	a.left("web", time.Now())
	a.keep("follow", end{channel: "C1"})
	a.only(func(stack string) bool { return stack == "web" })
	select {
	case <-a.due:
		t.Error("it is told before web is seen")
	default:
	}
	a.back("web")
	select {
	case <-a.due:
	default:
		t.Error("it waits for a stack that nobody looks at")
	}
	if n := len(a.kept()["C1"]); n != 1 {
		t.Errorf("%d ends are kept", n)
	}
}

func TestWhatIsWatchedIsAskedWithoutTheLock(t *testing.T) {
	a := newAway()
	a.left("web", time.Now())
	a.only(func(string) bool {
		free := a.mu.TryLock()
		if free {
			a.mu.Unlock()
		} else {
			t.Error("the lock is held, which track takes while it holds the one that is needed for the answer")
		}
		return true
	})
}
