package main

import (
	"errors"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"c66bot/bot"
	"c66bot/bot/slacksim"
	"c66bot/cloud66/cloud66sim"
)

// stop stops the process, and returns when it stands still.
func (s *server) stop(t *testing.T) {
	t.Helper()
	if err := s.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(s.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("the process is not stopped: %v", err)
	}
}

// While the process is stopped, Slack gives up what it has sent. What the process then finds in its socket is acknowledged and not done.
func TestWhatCameWhileTheProcessStoodStillIsNotDoneAndTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Options{Manifest: []byte(bot.Manifest("/c66"))}, cloud66sim.Options{})
	s := w.serve(t)
	w.readyz(t, s, http.StatusOK, "ready")
	w.command(t, "/c66 help")
	s.stop(t)
	sent := []*slacksim.Delivery{
		w.slack.Person(lin).Command(deploys, "/c66 redeploy web --ref v1"),
		w.slack.Person(lin).Command(deploys, "/c66 list web"),
	}
	_, mention, err := w.slack.Person(lin).Mention(deploys, "", "@c66bot redeploy web --ref v2")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range sent { // Slack waits three seconds.
		var shown *slacksim.DeliveryError
		if _, err := d.Wait(t.Context()); !errors.As(err, &shown) || shown.Code != "operation_timeout" {
			t.Fatalf("the process is not stopped: %v", err)
		}
	}
	if err := s.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	resumed := time.Now()
	w.until(t, s, "lin is told", func() bool {
		said := w.sees()
		return strings.Contains(said, "I stood still for") && strings.Contains(said, "“redeploy web --ref v1”") &&
			strings.Contains(said, "“list web”") && strings.Contains(said, "“redeploy web --ref v2”")
	})
	for _, d := range append(sent, mention) {
		select {
		case <-d.Acked():
		case <-time.After(3 * time.Second):
			t.Error("an envelope is not acknowledged")
		}
	}
	var last string
	poll(t, s, "what was on its way has come", func() bool { return time.Since(resumed) > 1500*time.Millisecond }, &last)
	if n := w.requests(http.MethodPost); n != 0 {
		t.Errorf("%d POSTs were made", n)
	}
	w.command(t, "/c66 redeploy web --ref v3")
	w.until(t, s, "what comes after it is done", func() bool { return w.requests(http.MethodPost) == 1 })
}

// A stop that is shorter than two seconds makes nothing late.
func TestWhatCameDuringAShortStopIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Options{}, cloud66sim.Options{})
	s := w.serve(t)
	w.readyz(t, s, http.StatusOK, "ready")
	s.stop(t)
	stopped, last := time.Now(), ""
	w.slack.Person(lin).Command(deploys, "/c66 redeploy web --ref v1")
	poll(t, s, "a second has passed", func() bool { return time.Since(stopped) > time.Second }, &last)
	if err := s.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	w.until(t, s, "it is done", func() bool { return w.requests(http.MethodPost) == 1 })
}
