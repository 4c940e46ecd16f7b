package cloud66

import (
	"bufio"
	"fmt"
	"io"
	"unicode/utf8"
)

const (
	// longestText is how many bytes of a JSON string are kept. The documented ones are at most 255 characters, and addresses.
	longestText = 2 << 10

	ellipsis = "…"
	escaped  = -1 // the next byte says how long an escape sequence is
)

// tooLongError says that an answer is larger than this program reads, with its strings cut.
type tooLongError struct{ limit int }

func (e tooLongError) Error() string { return fmt.Sprintf("it is longer than %d kB", e.limit>>10) }

// cutter passes JSON on, its strings cut to longestText with a sign that they were. So an answer costs no more memory than it may, whatever
// the server puts into it.
type cutter struct {
	from *bufio.Reader
	most int   // bytes that are read, with the strings as they come
	keep int   // bytes that are passed on
	err  error // why it ended early: too long, or the connection's

	came, passed int
	pending      string // that goes out before anything else
	inString     bool
	length       int  // of the string so far
	escape       int  // bytes that belong to an escape sequence yet, or escaped
	cut          bool // the rest of the string is left out
}

func newCutter(body io.Reader, most, keep int) *cutter {
	return &cutter{from: bufio.NewReaderSize(body, 16<<10), most: most, keep: keep}
}

// Read implements io.Reader.
func (c *cutter) Read(p []byte) (n int, err error) {
	for n < len(p) && c.err == nil {
		if c.pending != "" {
			k := copy(p[n:], c.pending)
			n, c.pending = n+k, c.pending[k:]
			continue
		}
		if n > 0 && c.from.Buffered() == 0 {
			break // which may take a while
		}
		b, err := c.from.ReadByte()
		if err == io.EOF {
			return n, err
		}
		if c.err = err; err != nil {
			break
		}
		if c.came++; c.came > c.most {
			c.err = tooLongError{c.most}
			break
		}
		if c.pass(b) {
			p[n] = b
			n++
		}
	}
	if c.passed += n; c.err == nil && c.passed > c.keep {
		c.err = tooLongError{c.keep}
	}
	return n, c.err
}

// pass takes the next byte of the answer, and reports whether it is passed on. A string is cut neither in a character nor in an escape
// sequence.
func (c *cutter) pass(b byte) bool {
	if !c.inString {
		c.inString, c.length, c.cut = b == '"', 0, false
		return true
	}
	c.length++
	switch {
	case c.escape == escaped && b == 'u':
		c.escape = 4
	case c.escape == escaped:
		c.escape = 0
	case c.escape > 0:
		c.escape--
	case b == '"' && c.cut:
		c.inString, c.pending = false, ellipsis+`"`
		return false
	case b == '"':
		c.inString = false
	default:
		c.cut = c.cut || c.length > longestText && utf8.RuneStart(b)
		if b == '\\' {
			c.escape = escaped
		}
	}
	return !c.cut
}
