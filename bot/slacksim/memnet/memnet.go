// Package memnet is a network in memory: a listener and buffered, full-duplex connections with deadlines and cuts. Every wait in it is a
// wait on a channel, so that it counts as durably blocked inside a testing/synctest bubble.
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

// Listener is a net.Listener that DialContext reaches without a real network.
type Listener struct {
	accept chan *Conn
	done   chan struct{}
	once   sync.Once

	mu    sync.Mutex
	conns map[*Conn]struct{} // the client's ends of the open connections
}

// Listen returns an open listener.
func Listen() *Listener {
	return &Listener{accept: make(chan *Conn), done: make(chan struct{}), conns: map[*Conn]struct{}{}}
}

// Accept waits for the next connection and fails with net.ErrClosed once the listener is closed.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close refuses further connections; the open ones stay.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr is a host and port that no network has.
func (*Listener) Addr() net.Addr { return &net.UnixAddr{Net: "mem", Name: "memnet:1"} }

// DialContext connects to the listener, whatever the network and address say. It waits until the connection is accepted.
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

// CloseAll cuts every open connection abruptly, as a broken network does.
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
