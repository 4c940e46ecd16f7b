package progress_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"c66bot/bot/channels"
	"c66bot/cloud66/cloud66sim"
	"c66bot/storage"
)

func TestTheAuthorHearsOfASuspensionAlsoWhereTheSubscriptionsCannotBeReadBehindIt(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		r.subscribe(deploys, "web")
		r.positioned(r.stack.UID)
		time.Sleep(time.Minute)
		rooms := channels.New(channels.Config{
			Records: r.records, Outbox: r.outbox, Log: slog.New(slog.DiscardHandler),
			Changed: func(context.Context) error { return errors.New("the subscriptions cannot be read") },
		})
		if err := rooms.Refused(r.ctx, deploys, "is_archived"); err == nil {
			r.Error("the subscriptions were read")
		}
		time.Sleep(time.Minute)
		if direct := r.direct(); len(direct) != 1 {
			r.Errorf("told directly was %q", direct)
		}
	})
}

// frozen has the list of stacks stay as it is.
func (r *rig) frozen() {
	var kept atomic.Pointer[[]byte] // the watcher alone asks for the list, one page at a time
	r.net.answers(func(q *http.Request) (*http.Response, error) {
		if q.URL.Path != "/api/3/stacks" {
			return nil, nil
		}
		if kept.Load() == nil {
			res, err := r.net.to.RoundTrip(q)
			if err != nil {
				return nil, err
			}
			page, err := io.ReadAll(res.Body)
			if err != nil {
				return nil, err
			}
			kept.Store(&page)
		}
		return &http.Response{
			StatusCode: http.StatusOK,
			Header:     http.Header{"Content-Type": {"application/json"}},
			Body:       io.NopCloser(bytes.NewReader(*kept.Load())),
			Request:    q,
		}, nil
	})
	r.until("it was read", func() bool { return kept.Load() != nil })
}

func TestWhatMayNotBeToldYetIsToldSoonAlsoWhereTheListOfStacksDoesNotShowIt(t *testing.T) {
	inBubble(t, cloud66sim.Options{}, func(r *rig) {
		var asked atomic.Bool
		r.judges(func(string, string, storage.StackRef) (bool, error) {
			if !asked.Swap(true) {
				return false, errors.New("Slack does not answer")
			}
			return true, nil
		})
		r.subscribe(deploys, "web")
		r.positioned(r.stack.UID)
		time.Sleep(time.Minute)
		r.frozen()
		r.elsewhere(cloud66sim.Next{})
		r.until("it is seen", asked.Load)
		time.Sleep(time.Minute)
		if shown := r.shown(deploys); len(shown) != 1 || !strings.Contains(shown[0], "went live") {
			r.Errorf("the channel shows %q", shown)
		}
	})
}

func TestWhatTheDiskRefusedIsToldSoonAllTheSame(t *testing.T) {
	for nth := range int64(4) {
		t.Run(fmt.Sprint("commit ", nth+1), func(t *testing.T) {
			inBubble(t, cloud66sim.Options{}, func(r *rig) {
				r.subscribe(deploys, "web")
				r.positioned(r.stack.UID)
				time.Sleep(5 * time.Minute)
				r.elsewhere(cloud66sim.Next{})
				time.Sleep(30 * time.Second)
				r.refuseCommit(nth + 1)
				time.Sleep(5 * time.Minute)
				if shown := r.shown(deploys); len(shown) == 0 || !strings.Contains(shown[0], "went live") {
					r.Errorf("the channel shows %q", shown)
				}
			})
		})
	}
}

func TestWhatEndedMeanwhileIsToldSoonThoughTheDiskRefusedIt(t *testing.T) {
	for stacks, commits := range map[int]int64{3: 4, 8: 2} { // few are told one by one, many together
		t.Run(fmt.Sprint(stacks), func(t *testing.T) {
			for nth := range commits {
				t.Run(fmt.Sprint("commit ", nth+1), func(t *testing.T) {
					t.Parallel()
					inBubble(t, cloud66sim.Options{}, func(r *rig) { toldThoughRefused(r, stacks, nth+1) })
				})
			}
		})
	}
}

func toldThoughRefused(r *rig, stacks int, nth int64) {
	uids := make([]string, stacks)
	for i := range uids {
		uids[i] = r.cloud.AddStack(cloud66sim.Stack{Name: "shop", UsualDuration: time.Minute, History: 3})
	}
	r.subscribe(deploys, "shop*")
	for _, uid := range uids {
		r.positioned(uid)
	}
	time.Sleep(time.Minute)
	r.end()
	for _, uid := range uids {
		r.cloud.Deploy(uid, cloud66sim.Start{})
	}
	time.Sleep(20 * time.Minute)
	r.start(newProcess())
	time.Sleep(time.Millisecond)
	refused := r.refuseCommit(nth)
	time.Sleep(10 * time.Minute)
	if !refused.Load() {
		r.Errorf("there was no commit %d", nth)
	}
	if n := r.progress.Open(); n > 0 || len(r.shown(deploys)) == 0 {
		r.Errorf("commit %d: %d are not told; the channel shows %q", nth, n, r.shown(deploys))
	}
}
