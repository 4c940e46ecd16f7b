package main

import (
	"net"
	"slices"
	"sync"
)

// maxConns bounds the open connections to the endpoints.
const maxConns = 128

// fewConns is a listener that keeps a bounded number of connections. For one more it closes the oldest: whoever holds many open and says
// nothing keeps nobody out, and a question is answered long before it is the oldest.
type fewConns struct {
	net.Listener
	most int

	mu   sync.Mutex
	open []*countedConn // from the oldest on
}

// Accept takes the next connection.
func (l *fewConns) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &countedConn{Conn: conn, of: l}
	if oldest := l.add(c); oldest != nil {
		_ = oldest.Close() // Nobody waits for what comes of it.
	}
	return c, nil
}

// add takes note of a connection, and gives the one that has to go for it.
func (l *fewConns) add(c *countedConn) (oldest *countedConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = append(l.open, c)
	if len(l.open) > l.most {
		return l.open[0]
	}
	return nil
}

// countedConn is a connection of a fewConns until it is closed.
type countedConn struct {
	net.Conn
	of *fewConns
}

// Close closes the connection.
func (c *countedConn) Close() error {
	c.of.mu.Lock()
	if i := slices.Index(c.of.open, c); i >= 0 {
		c.of.open = slices.Delete(c.of.open, i, i+1)
	}
	c.of.mu.Unlock()
	return c.Conn.Close()
}
