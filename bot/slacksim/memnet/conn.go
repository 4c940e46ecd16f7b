package memnet

import (
	"net"
	"sync"
	"syscall"
	"time"
)

// Conn is one end of a connection in memory.
type Conn struct {
	in, out *stream
	once    sync.Once
	onClose func()
}

// Pair returns the two ends of a new connection.
func Pair() (client, server *Conn) {
	there, back := newStream(), newStream()
	return &Conn{in: back, out: there}, &Conn{in: there, out: back}
}

// Read waits for bytes; it ends with io.EOF after the other end has closed and all is read.
func (c *Conn) Read(p []byte) (int, error) { return c.in.read(p) }

// Write buffers bytes for the other end and waits only while the buffer is full.
func (c *Conn) Write(p []byte) (int, error) { return c.out.write(p) }

// Close ends both directions; the other end still reads what was written before.
func (c *Conn) Close() error {
	c.in.closeReader()
	c.out.closeWriter()
	c.closed()
	return nil
}

// Abort cuts the connection for both ends at once; what was under way is lost.
func (c *Conn) Abort() {
	c.in.abort(syscall.ECONNRESET)
	c.out.abort(syscall.ECONNRESET)
	c.closed()
}

func (c *Conn) closed() {
	c.once.Do(func() {
		if c.onClose != nil {
			c.onClose()
		}
	})
}

// LocalAddr names this end.
func (*Conn) LocalAddr() net.Addr { return addr{} }

// RemoteAddr names the other end.
func (*Conn) RemoteAddr() net.Addr { return addr{} }

// SetDeadline sets both deadlines; the zero time means none.
func (c *Conn) SetDeadline(t time.Time) error {
	c.in.setReadDeadline(t)
	c.out.setWriteDeadline(t)
	return nil
}

// SetReadDeadline ends pending and later reads with os.ErrDeadlineExceeded at t.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.in.setReadDeadline(t)
	return nil
}

// SetWriteDeadline ends pending and later writes with os.ErrDeadlineExceeded at t.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.out.setWriteDeadline(t)
	return nil
}
