package socket

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

func TestAConnectionThatIsReadNoMoreStaysSoWhenItsSuccessorStands(t *testing.T) {
	upgrader := websocket.Upgrader{}
	held := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		<-held
		_ = ws.Close()
	}))
	defer server.Close()
	defer close(held)
	ws, response, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	c := New(Config{}).connection(ws)
	defer c.close()
	c.readUntil(time.Now())
	c.readUntil(time.Now().Add(drainFor))
	read := make(chan error, 1)
	go func() { read <- c.read() }()
	select {
	case err := <-read:
		if err == nil {
			t.Error("it was read without an error")
		}
	case <-time.After(2 * time.Second):
		t.Error("it is read all the same")
	}
}
