package bot_test

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"syscall"

	"c66bot/bot/slacksim/memnet"
)

// network is one process's way to Slack. It can be cut, as that of a process that is killed is.
type network struct {
	listener *memnet.Listener

	mu    sync.Mutex
	dead  bool
	conns []*way
}

func (n *network) dial(ctx context.Context, kind, address string) (net.Conn, error) {
	n.mu.Lock()
	dead := n.dead
	n.mu.Unlock()
	if dead {
		return nil, &net.OpError{Op: "dial", Net: kind, Err: syscall.ECONNREFUSED}
	}
	conn, err := n.listener.DialContext(ctx, kind, address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: kind, Err: err}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conns = append(n.conns, &way{Conn: conn})
	return n.conns[len(n.conns)-1], nil
}

// silence has everything lost on the open connections, both ways, while nothing tells either end. New connections work.
func (n *network) silence() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		c.silent.Store(true)
	}
}

// way is a connection on which everything can be lost.
type way struct {
	net.Conn
	silent atomic.Bool
}

// Write implements net.Conn.
func (w *way) Write(p []byte) (int, error) {
	if w.silent.Load() {
		return len(p), nil
	}
	return w.Conn.Write(p)
}

// Read implements net.Conn.
func (w *way) Read(p []byte) (int, error) {
	for {
		n, err := w.Conn.Read(p)
		if err != nil || !w.silent.Load() {
			return n, err
		}
	}
}

// mend allows connections again.
func (n *network) mend() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dead = false
}

// cut ends every connection and refuses further ones.
func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dead = true
	for _, c := range n.conns {
		_ = c.Close() // it may be closed already
	}
}
