package cloud66

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"c66bot/cloud66/secret"
)

// slow is a server that takes ten seconds for each answer and counts how many it works on at once.
type slow struct {
	mu          sync.Mutex
	under, most int
}

func (s *slow) RoundTrip(r *http.Request) (*http.Response, error) {
	s.count(1)
	defer s.count(-1)
	select {
	case <-time.After(10 * time.Second):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	body := io.NopCloser(
		strings.NewReader(`{"response":[],"count":0,"pagination":{"next":null,"current":1,"per_page":30,"count":0,"pages":1}}`),
	)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: body, Request: r}, nil
}

func (s *slow) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.under += n
	s.most = max(s.most, s.under)
}

func TestReadsThatWaitForAPlaceAreNeitherTimedOutNorCountedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &slow{}
		c, err := New(Config{BaseURL: "http://cloud66.test/api/3", Token: secret.New("secret"), RequestsPerHour: 3000, Transport: server})
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				if _, err := c.DeploymentRange(t.Context(), "web", 0, 30); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if used := c.Budget().Used; used != 200 {
			t.Errorf("200 reads cost %d requests", used)
		}
		if server.most != connections {
			t.Errorf("%d reads were under way at once, want %d", server.most, connections)
		}
	})
}
