package cloud66

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"

	"c66bot/cloud66/secret"
)

// TestAServerThatOffersHTTP2IsSpokenToInHTTP1 has the standard transport used before, which then offers HTTP/2 in all its copies.
func TestAServerThatOffersHTTP2IsSpokenToInHTTP1(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 {
			t.Errorf("a request came in %s", r.Proto)
		}
		_, _ = w.Write([]byte(`{"response":{"ok":true}}`))
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := http.DefaultClient.Do(req); err == nil { // its certificate is not trusted
		_ = res.Body.Close()
	}
	c, err := New(Config{BaseURL: server.URL, Token: secret.New("token"), RequestsPerHour: 100, UserAgent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	reads, ok := c.reads.(*http.Transport)
	if !ok {
		t.Fatalf("reads go over a %T", c.reads)
	}
	defer reads.CloseIdleConnections()
	trusted, ok := server.Client().Transport.(*http.Transport)
	if !ok {
		t.Fatal("the test server's client has no transport")
	}
	if reads.TLSClientConfig == nil {
		reads.TLSClientConfig = &tls.Config{}
	}
	reads.TLSClientConfig.RootCAs = trusted.TLSClientConfig.RootCAs
	if err := c.CheckToken(t.Context()); err != nil {
		t.Error(err)
	}
}
