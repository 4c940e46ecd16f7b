package bot_test

import (
	"context"
	"net"
	"sync"
	"syscall"

	"c66bot/bot/slacksim/memnet"
)

// network is one process's way to Slack. It can be cut for good, as a process that is killed is.
type network struct {
	listener *memnet.Listener

	mu    sync.Mutex
	dead  bool
	conns []net.Conn
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
	n.conns = append(n.conns, conn)
	return conn, nil
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
