package memnet

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBothEndsMayWriteBeforeEitherReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pair()
		for _, c := range []*Conn{a, b} {
			if n, err := c.Write([]byte("hello")); n != 5 || err != nil {
				t.Fatal(n, err)
			}
		}
		for _, c := range []*Conn{a, b} {
			got := make([]byte, 9)
			if n, err := c.Read(got[:2]); string(got[:n]) != "he" || err != nil {
				t.Fatalf("%q %v", got[:n], err)
			}
			if n, err := c.Read(got); string(got[:n]) != "llo" || err != nil {
				t.Fatalf("%q %v", got[:n], err)
			}
		}
	})
}

func TestAFullBufferMakesTheWriterWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pair()
		sent := bytes.Repeat([]byte("0123456789"), window/4)
		done := make(chan error, 1)
		go func() {
			_, err := a.Write(sent)
			done <- errors.Join(err, a.Close())
		}()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("the writer did not wait: %v", err)
		default:
		}
		got, err := io.ReadAll(b)
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%d bytes of %d, %v", len(got), len(sent), err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestTheEndsOfAConnection(t *testing.T) {
	tests := map[string]struct {
		end         func(a, b *Conn)
		read, write error // at b
	}{
		"its own close":     {func(_, b *Conn) { _ = b.Close() }, net.ErrClosed, net.ErrClosed},
		"the other's close": {func(a, _ *Conn) { _ = a.Close() }, io.EOF, syscall.EPIPE},
		"a cut":             {func(a, _ *Conn) { a.Abort() }, syscall.ECONNRESET, syscall.ECONNRESET},
		"a deadline":        {func(_, b *Conn) { _ = b.SetDeadline(time.Now().Add(-1)) }, os.ErrDeadlineExceeded, os.ErrDeadlineExceeded},
		"a read deadline":   {func(_, b *Conn) { _ = b.SetReadDeadline(time.Now().Add(time.Hour)) }, os.ErrDeadlineExceeded, nil},
		"a write deadline":  {func(a, b *Conn) { _ = b.SetWriteDeadline(time.Now()); a.Abort() }, syscall.ECONNRESET, syscall.ECONNRESET},
	}
	for name, tt := range tests {
		for _, waiting := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a, b := Pair()
					read := make(chan error, 1)
					reader := func() { _, err := b.Read(make([]byte, 1)); read <- err }
					if waiting {
						go reader()
						synctest.Wait()
						tt.end(a, b)
					} else {
						tt.end(a, b)
						go reader()
					}
					if err := <-read; !errors.Is(err, tt.read) {
						t.Errorf("the read ended with %v, want %v", err, tt.read)
					}
					if _, err := b.Write([]byte("x")); !errors.Is(err, tt.write) {
						t.Errorf("the write ended with %v, want %v", err, tt.write)
					}
				})
			})
		}
	}
}

func TestACloseAfterACutIsAClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pair()
		a.Abort()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the read ended with %v", err)
		}
		if _, err := b.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the write ended with %v", err)
		}
	})
}

func TestWhatWasWrittenBeforeACloseIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pair()
		if _, err := a.Write([]byte("bye")); err != nil {
			t.Fatal(err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(b); string(got) != "bye" || err != nil {
			t.Errorf("%q %v", got, err)
		}
	})
}

func TestADeadlineThatIsTakenBackEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Pair()
		_ = b.SetReadDeadline(time.Now().Add(time.Minute))
		time.AfterFunc(30*time.Second, func() { _ = b.SetReadDeadline(time.Time{}) })
		time.AfterFunc(time.Hour, func() { _, _ = a.Write([]byte("x")) })
		start := time.Now()
		if _, err := b.Read(make([]byte, 1)); err != nil || time.Since(start) != time.Hour {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestDialing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.DialContext(ctx, "tcp", "x:1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nobody accepts: %v", err)
		}
		if err := errors.Join(l.Close(), l.Close()); err != nil {
			t.Error(err)
		}
		if _, err := l.DialContext(t.Context(), "tcp", "x:1"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("nobody listens: %v", err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("accept: %v", err)
		}
	})
}

// echo answers HTTP with "hello" and websockets with what they send.
func echo(w http.ResponseWriter, r *http.Request) {
	if !websocket.IsWebSocketUpgrade(r) {
		_, _ = io.WriteString(w, "hello")
		return
	}
	var up websocket.Upgrader
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	for {
		kind, data, err := conn.ReadMessage()
		if err != nil || conn.WriteMessage(kind, data) != nil {
			return
		}
	}
}

func TestHTTPAndWebsocketsRunOverItInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		server := &http.Server{Handler: http.HandlerFunc(echo), ReadHeaderTimeout: time.Minute}
		served := make(chan error, 1)
		go func() { served <- server.Serve(l) }()
		client := &http.Client{Transport: &http.Transport{DialContext: l.DialContext}}
		for range 3 {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://mem.test/", nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			if err = errors.Join(err, res.Body.Close()); string(body) != "hello" || err != nil {
				t.Errorf("%q %v", body, err)
			}
			time.Sleep(time.Hour)
		}
		d := websocket.Dialer{NetDialContext: l.DialContext, HandshakeTimeout: time.Minute}
		conn, res, err := d.DialContext(t.Context(), "ws://mem.test/", nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if err := conn.WriteMessage(websocket.TextMessage, bytes.Repeat([]byte("x"), 3*window)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := conn.ReadMessage(); len(got) != 3*window || err != nil {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		l.CloseAll()
		if _, _, err := conn.ReadMessage(); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("after the cut: %v", err)
		}
		client.CloseIdleConnections()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}
