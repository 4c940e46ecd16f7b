package memnet

import (
	"net"
	"syscall"
	"time"
)

// Conn is one end of an in-memory connection.
type Conn struct {
	in, out *stream
	onClose func() // may be called repeatedly
}

// Pair returns the two ends of a new connection.
func Pair() (client, server *Conn) {
	there, back := newStream(), newStream()
	return &Conn{in: back, out: there, onClose: func() {}}, &Conn{in: there, out: back, onClose: func() {}}
}

// Read blocks until bytes arrive. It returns io.EOF once the other end has closed and the buffer is drained.
func (c *Conn) Read(p []byte) (int, error) { return c.in.read(p) }

// Write buffers bytes for the other end. It blocks only while the buffer is full.
func (c *Conn) Write(p []byte) (int, error) { return c.out.write(p) }

// Close ends both directions. The other end can still read the buffered bytes.
func (c *Conn) Close() error {
	c.in.closeReader()
	c.out.closeWriter()
	c.onClose()
	return nil
}

// Abort resets the connection for both ends at once (ECONNRESET) and discards the buffered bytes.
func (c *Conn) Abort() {
	c.in.abort(syscall.ECONNRESET)
	c.out.abort(syscall.ECONNRESET)
	c.onClose()
}

// LocalAddr returns the listener's address.
func (*Conn) LocalAddr() net.Addr { return (*Listener)(nil).Addr() }

// RemoteAddr returns the listener's address.
func (*Conn) RemoteAddr() net.Addr { return (*Listener)(nil).Addr() }

// SetDeadline sets the read and the write deadline. The zero time means none.
func (c *Conn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t) // never fails
	return c.SetWriteDeadline(t)
}

// SetReadDeadline makes pending and later reads fail with os.ErrDeadlineExceeded at t.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.in.change(func() { c.in.readBy = t })
	return nil
}

// SetWriteDeadline makes pending and later writes fail with os.ErrDeadlineExceeded at t.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.out.change(func() { c.out.writeBy = t })
	return nil
}
