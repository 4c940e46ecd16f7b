package cloud66

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"
)

// peak gives by how many bytes the heap grew at most while f ran.
func peak(f func()) uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, most := m.HeapAlloc, m.HeapAlloc
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
	})
	f()
	close(stop)
	watching.Wait()
	return most - before
}

// repeat writes so many times what f gives, with commas between.
func repeat(w io.Writer, n int, f func(i int) string) {
	out := bufio.NewWriterSize(w, 64<<10)
	defer func() { _ = out.Flush() }()
	for i := range n {
		if i > 0 {
			_ = out.WriteByte(',')
		}
		if _, err := out.WriteString(f(i)); err != nil {
			return
		}
	}
}

// pipes is a network in memory without buffers: what nobody reads is not written.
type pipes struct {
	net.Listener // for its address

	conns chan net.Conn
	done  chan struct{}
	end   func()
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	p.end()
	return p.Listener.Close()
}

// counter counts what is written.
type counter struct {
	io.Writer
	n atomic.Int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// overPipes makes a client of a server that it shares no buffers with.
func overPipes(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	ts := httptest.NewUnstartedServer(h)
	done := make(chan struct{})
	p := pipes{ts.Listener, make(chan net.Conn), done, sync.OnceFunc(func() { close(done) })}
	ts.Listener = p
	ts.Start()
	c := clientOf(t, "http://cloud66.test", nil)
	transport := c.reads.(*http.Transport) //nolint:errcheck // it is what New makes
	transport.DialContext = p.dial
	t.Cleanup(func() { transport.CloseIdleConnections(); ts.Close() })
	return c
}

// An answer of any size costs bounded memory, and what cannot be taken is told as what it is. The limits are smaller here, and with them
// the answers.
func TestAnswersOfAnySizeCostBoundedMemory(t *testing.T) {
	small := limits{body: 2 << 20, stacks: 1 << 20}
	const (
		buffered = 32 << 20 // bytes that, zipped, fit into the buffers between both
		mostUsed = 64 << 20 // bytes of memory, garbage and the server included
	)
	long := strings.Repeat("é", 1<<19) // 1 MiB
	of := func(n int, item func(i int) string, rest string) func(io.Writer) {
		return func(w io.Writer) {
			_, _ = io.WriteString(w, `{"response":[`)
			repeat(w, n, item)
			_, _ = io.WriteString(w, `]`+rest+`}`)
		}
	}
	stack := func(i int) string {
		return fmt.Sprintf(`{"uid":"%08d","name":"app%d","environment":"production"}`, i, i)
	}
	bytes := func(n int, s string) func(io.Writer) {
		return func(w io.Writer) { repeat(w, n, func(int) string { return s }) }
	}
	tests := map[string]struct {
		body  func(io.Writer)
		kind  error // nil: it is taken
		items int
	}{
		"a stack's name of 1 MiB": {of(1, func(int) string { return `{"uid":"a","name":"` + long + `"}` }, ""), nil, 1},
		"every field of 8 stacks that are too long": {of(8,
			func(int) string { return `{"uid":"a","name":"` + long[:1<<16] + `","git":"` + long[:1<<16] + `"}` }, ""), nil, 8},
		"an unknown field that long":      {of(1, stack, `,"more":"`+long+`"`), nil, 1},
		"7,000 stacks":                    {of(7000, stack, ""), nil, 7000},
		"a list without an end":           {of(1<<40, stack, ""), ErrTooLarge, 0},
		"stacks that are all white space": {bytes(1<<40, "        "), ErrUnreadable, 0},
		"nothing but brackets":            {bytes(1<<40, "[[[[[[["), ErrUnreadable, 0},
		"nested without an end":           {of(1, stack, `,"more":`+strings.Repeat("[", 3<<20)), ErrUnreadable, 0},
		"a stack nested without an end":   {of(1, func(int) string { return strings.Repeat(`{"git":`, 1<<19) }, ""), ErrUnreadable, 0},
		"a string without an end": {func(w io.Writer) { _, _ = io.WriteString(w, `{"x":"`); bytes(1<<40, "xxxxxxxx")(w) }, ErrTooLarge,
			0},
		"a number without an end":  {func(w io.Writer) { _, _ = io.WriteString(w, `{"x":1`); bytes(1<<40, "1")(w) }, ErrUnreadable, 0},
		"a page of something else": {func(w io.Writer) { _, _ = io.WriteString(w, `<html>"`+long) }, ErrUnreadable, 0},
	}
	for name, tt := range tests {
		for _, zipped := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, zipped %t", name, zipped), func(t *testing.T) {
				var written counter
				c := overPipes(t, func(w http.ResponseWriter, _ *http.Request) {
					written.Writer = w
					if zipped {
						w.Header().Set("Content-Encoding", "gzip")
						z := gzip.NewWriter(w)
						defer func() { _ = z.Close() }() // who asked may be gone
						written.Writer = z
					}
					tt.body(&written)
				})
				c.limits = small
				var p StackPage
				var err error
				used := peak(func() { p, err = c.StackPage(t.Context(), 1) })
				t.Logf("%d KiB used, %d KiB written", used>>10, written.n.Load()>>10)
				if used > mostUsed {
					t.Errorf("it took %d KiB of memory", used>>10)
				}
				if n := written.n.Load(); n > int64(small.body+buffered) {
					t.Errorf("%d KiB were written, so that it reads on", n>>10)
				}
				if len(p.Stacks) != tt.items || !errors.Is(err, tt.kind) {
					t.Errorf("got %d stacks, %v", len(p.Stacks), err)
				}
				for _, s := range p.Stacks {
					if len(s.Name) > longestText+len(ellipsis) || !utf8.ValidString(s.Name) {
						t.Fatalf("a name of %d bytes: %q", len(s.Name), s.Name[len(s.Name)-10:])
					}
				}
			})
		}
	}
}

func TestAsManyStacksAsThereMayBeAreTaken(t *testing.T) {
	for more, want := range []struct {
		items int
		kind  error
	}{{MostStacks, nil}, {0, ErrTooLarge}} {
		c := overPipes(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"response":[`)
			repeat(w, MostStacks+more, func(i int) string { return fmt.Sprintf(`{"uid":"%d"}`, i) })
			_, _ = io.WriteString(w, `]}`)
		})
		p, err := c.StackPage(t.Context(), 1)
		if len(p.Stacks) != want.items || !errors.Is(err, want.kind) {
			t.Errorf("%d more: got %d stacks, %v", more, len(p.Stacks), err)
		}
	}
}

func TestOtherListsAreCut(t *testing.T) {
	item := func(i int) string {
		return fmt.Sprintf(`{"id":%d,"name":"s%d","git_ref":"%s"}`, i+1, i, strings.Repeat("x", 40))
	}
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"response":[`)
		repeat(w, 10_000, item)
		_, _ = fmt.Fprintf(w, `],"pagination":{"next":%d}}`, len(r.URL.Query().Get("page"))+1)
	}))
	defer ts.Close()
	c := clientOf(t, ts.URL, nil)
	defer c.reads.(*http.Transport).CloseIdleConnections() //nolint:errcheck // it is what New makes
	got, err := c.DeploymentRange(t.Context(), "a", 0, 30)
	if err != nil || len(got.Deployments) != 30 {
		t.Errorf("got %d deployments, %v", len(got.Deployments), err)
	}
}

func TestPagesThatLieHaveAnEnd(t *testing.T) {
	tests := map[string]struct {
		page  func(number string) string
		asked int
		kind  error
	}{
		"pages of nothing": {func(n string) string { return `{"response":[],"pagination":{"next":` + n + `1}}` }, 1, nil},
		"numbers as text": {func(n string) string { return `{"response":[{"name":"a"}],"pagination":{"next":"` + n + `1"}}` }, 2,
			ErrTooLarge},
		"the page itself":             {func(n string) string { return `{"response":[{"name":"a"}],"pagination":{"next":` + n + `}}` }, 1, nil},
		"back to the first":           {func(string) string { return `{"response":[{"name":"a"}],"pagination":{"next":1}}` }, 1, nil},
		"always the same next":        {func(string) string { return `{"response":[{"name":"a"}],"pagination":{"next":2}}` }, 2, nil},
		"far beyond the last":         {func(string) string { return `{"response":[{"name":"a"}],"pagination":{"next":99999}}` }, 1, ErrTooLarge},
		"no number":                   {func(string) string { return `{"response":[{"name":"a"}],"pagination":{"next":"soon"}}` }, 1, nil},
		"a pagination that is a list": {func(string) string { return `{"response":[{"name":"a"}],"pagination":[]}` }, 1, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := &server{}
			s.handler = func(w http.ResponseWriter, r *http.Request) { says(200, tt.page(r.URL.Query().Get("page")))(w, r) }
			_, err := newTestClient(t, s).Services(t.Context(), "a")
			if !errors.Is(err, tt.kind) || len(s.requests()) != tt.asked {
				t.Errorf("got %v after %d requests", err, len(s.requests()))
			}
		})
	}
}

func TestAFaultOfAnySizeIsToldShortly(t *testing.T) {
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"details":"`)
		repeat(w, 1<<20, func(int) string { return "locked " })
		_, _ = io.WriteString(w, `"}`)
	}))
	defer ts.Close()
	c := clientOf(t, ts.URL, nil)
	_, err := c.Cancel(t.Context(), "a", 1)
	e, ok := errors.AsType[*Error](err)
	if !ok || !errors.Is(err, ErrConflict) || !strings.HasPrefix(e.Message, "locked ") || !strings.HasSuffix(e.Message, ellipsis) ||
		len(e.Message) > 600 {
		t.Errorf("got %v", err)
	}
}

func TestHeadersWithoutAnEndAreNoAnswer(t *testing.T) {
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Cloud66-Warning", strings.Repeat("x", headerLimit))
		says(200, `{"ok":true}`)(w, r)
	}))
	defer ts.Close()
	_, err := clientOf(t, ts.URL, nil).Cancel(t.Context(), "a", 1)
	if !errors.Is(err, ErrNoAnswer) {
		t.Errorf("got %v", err)
	}
}

func TestStringsAreCutBetweenCharacters(t *testing.T) {
	for _, piece := range []string{"a", "é", "世", "🚀", `\n`, `\"`, `\\`, `\u00e9`, `\ud83d\ude80`} {
		for before := range 12 {
			long := strings.Repeat("b", before) + strings.Repeat(piece, longestText+1)
			r, _, err := single(readAll(t, `{"response":{"name":"`+long+`"}}`))
			got := string(r.text("name"))
			if err != nil || !utf8.ValidString(got) || !strings.HasSuffix(got, ellipsis) ||
				len(got) > longestText+len(piece)+len(ellipsis) {
				t.Fatalf("%q behind %d others: %v, %q", piece, before, err, got)
			}
		}
		whole := strings.Repeat(piece, longestText/len(piece)) // just as long as it may be
		if got := string(readAll(t, `{"a":"`+whole+`","b":"`+whole+`"}`)); got != `{"a":"`+whole+`","b":"`+whole+`"}` {
			t.Errorf("%q was changed", piece)
		}
	}
}

func readAll(t *testing.T, body string) []byte {
	t.Helper()
	all, err := io.ReadAll(newCutter(strings.NewReader(body), usualLimits.body, thingLimit))
	if err != nil {
		t.Fatal(err)
	}
	return all
}
