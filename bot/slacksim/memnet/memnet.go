// Package memnet is a network in memory: a listener and buffered, full-duplex
// connections with deadlines and cuts. Every wait in it is a wait on a channel,
// so that it counts as durably blocked inside a testing/synctest bubble.
package memnet

import (
	"context"
	"fmt"
	"net"
	"net/http"
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

// Addr names the listener.
func (*Listener) Addr() net.Addr { return addr{} }

// DialContext connects to the listener, whatever the network and address say.
// It waits until the connection is accepted.
func (l *Listener) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	client, server := Pair()
	l.track(client)
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

// Client returns an HTTP client whose every connection goes to the listener.
func (l *Listener) Client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: l.DialContext}}
}

// CloseAll cuts every open connection abruptly, as a broken network does.
func (l *Listener) CloseAll() {
	l.mu.Lock()
	conns := make([]*Conn, 0, len(l.conns))
	for c := range l.conns {
		conns = append(conns, c)
	}
	l.mu.Unlock()
	for _, c := range conns {
		c.Abort()
	}
}

func (l *Listener) track(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[c] = struct{}{}
	c.onClose = func() { l.forget(c) }
}

func (l *Listener) forget(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

type addr struct{}

// Network is "mem".
func (addr) Network() string { return "mem" }

// String is a host and port that no network has.
func (addr) String() string { return "memnet:1" }
