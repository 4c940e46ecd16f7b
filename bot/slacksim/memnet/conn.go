package memnet

import (
	"net"
	"syscall"
	"time"
)

// Conn is one end of a connection in memory.
type Conn struct {
	in, out *stream
	onClose func() // may be called again
}

// Pair returns the two ends of a new connection.
func Pair() (client, server *Conn) {
	there, back := newStream(), newStream()
	return &Conn{in: back, out: there, onClose: func() {}}, &Conn{in: there, out: back, onClose: func() {}}
}

// Read waits for bytes; it ends with io.EOF after the other end has closed and all is read.
func (c *Conn) Read(p []byte) (int, error) { return c.in.read(p) }

// Write buffers bytes for the other end and waits only while the buffer is full.
func (c *Conn) Write(p []byte) (int, error) { return c.out.write(p) }

// Close ends both directions; the other end still reads what was written before.
func (c *Conn) Close() error {
	c.in.closeReader()
	c.out.closeWriter()
	c.onClose()
	return nil
}

// Abort cuts the connection for both ends at once; what was under way is lost.
func (c *Conn) Abort() {
	c.in.abort(syscall.ECONNRESET)
	c.out.abort(syscall.ECONNRESET)
	c.onClose()
}

// LocalAddr names this end, as RemoteAddr does the other.
func (*Conn) LocalAddr() net.Addr { return (*Listener)(nil).Addr() }

// RemoteAddr names the other end.
func (*Conn) RemoteAddr() net.Addr { return (*Listener)(nil).Addr() }

// SetDeadline sets both deadlines; the zero time means none.
func (c *Conn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t) // neither fails
	return c.SetWriteDeadline(t)
}

// SetReadDeadline ends pending and later reads with os.ErrDeadlineExceeded at t.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.in.change(func() { c.in.readBy = t })
	return nil
}

// SetWriteDeadline ends pending and later writes with os.ErrDeadlineExceeded at t.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.out.change(func() { c.out.writeBy = t })
	return nil
}
