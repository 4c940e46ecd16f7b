// Package memnet is an in-memory network: a listener and buffered, full-duplex connections with deadlines and resets.
//
// Every wait is on a channel, so that it is durably blocking in a testing/synctest bubble. Unlike net.Pipe, whose writes rendezvous with
// reads, a write returns once its bytes are buffered: both ends may write at the same time.
package memnet

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"syscall"
)

// Listener is a net.Listener whose connections come from its own DialContext.
type Listener struct {
	accept chan *Conn
	done   chan struct{}
	once   sync.Once

	mu    sync.Mutex
	conns map[*Conn]struct{} // client ends of the open connections
}

// Listen returns an open listener.
func Listen() *Listener {
	return &Listener{accept: make(chan *Conn), done: make(chan struct{}), conns: map[*Conn]struct{}{}}
}

// Accept blocks until the next connection. It returns net.ErrClosed once the listener is closed.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close refuses new connections. The open ones stay.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr returns a fixed address of the form host:port that exists on no real network.
func (*Listener) Addr() net.Addr { return &net.UnixAddr{Net: "mem", Name: "memnet:1"} }

// DialContext connects to the listener for any network and address. It blocks until the connection is accepted.
func (l *Listener) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	client, server := Pair()
	client.onClose = func() { l.forget(client) }
	l.mu.Lock()
	l.conns[client] = struct{}{}
	l.mu.Unlock()
	select {
	case l.accept <- server:
		return client, nil
	case <-l.done:
		l.forget(client)
		return nil, fmt.Errorf("dial %s in memory: %w", address, syscall.ECONNREFUSED)
	case <-ctx.Done():
		l.forget(client)
		return nil, fmt.Errorf("dial %s in memory: %w", address, ctx.Err())
	}
}

// CloseAll aborts every open connection, like a network failure.
func (l *Listener) CloseAll() {
	l.mu.Lock()
	conns := slices.Collect(maps.Keys(l.conns))
	l.mu.Unlock()
	for _, c := range conns {
		c.Abort()
	}
}

func (l *Listener) forget(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}
