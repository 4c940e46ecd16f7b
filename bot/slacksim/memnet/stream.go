package memnet

import (
	"cmp"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// window is the buffer of one direction, in bytes.
const window = 256 << 10

// stream is one direction of a connection.
type stream struct {
	mu       sync.Mutex
	data     []byte
	eof      bool  // the writer closed
	readErr  error // result of every read from now on, if set
	writeErr error // result of every write from now on, if set
	readBy   time.Time
	writeBy  time.Time
	changed  chan struct{} // closed and replaced on each change
}

func newStream() *stream { return &stream{changed: make(chan struct{})} }

// change runs f with the lock held and wakes all waiters.
func (s *stream) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	s.wake()
}

func (s *stream) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *stream) closeReader() {
	s.change(func() {
		s.readErr = net.ErrClosed
		s.writeErr = cmp.Or(s.writeErr, error(syscall.EPIPE))
		s.data = nil
	})
}

func (s *stream) closeWriter() {
	s.change(func() {
		s.eof = true
		s.writeErr = net.ErrClosed
	})
}

func (s *stream) abort(err error) {
	s.change(func() {
		s.readErr = cmp.Or(s.readErr, err)
		s.writeErr = cmp.Or(s.writeErr, err)
		s.data = nil
	})
}

func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.readErr != nil:
			return 0, s.readErr
		case expired(s.readBy):
			return 0, os.ErrDeadlineExceeded
		case len(s.data) > 0:
			n := copy(p, s.data)
			s.data = s.data[n:]
			s.wake()
			return n, nil
		case s.eof:
			return 0, io.EOF
		case len(p) == 0:
			return 0, nil
		}
		s.wait(s.readBy)
	}
}

func (s *stream) write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	written := 0
	for {
		switch {
		case s.writeErr != nil:
			return written, s.writeErr
		case expired(s.writeBy):
			return written, os.ErrDeadlineExceeded
		case written == len(p):
			return written, nil
		}
		if room := window - len(s.data); room > 0 {
			n := min(room, len(p)-written)
			s.data = append(s.data, p[written:written+n]...)
			written += n
			s.wake()
			continue
		}
		s.wait(s.writeBy)
	}
}

// wait releases the lock until the next change or the deadline.
func (s *stream) wait(deadline time.Time) {
	changed := s.changed
	s.mu.Unlock()
	defer s.mu.Lock()
	if deadline.IsZero() {
		<-changed
		return
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	}
}

func expired(t time.Time) bool { return !t.IsZero() && !time.Now().Before(t) }
