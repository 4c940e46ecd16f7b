package storage

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// NewID returns a sortable id of 20 characters of [0-9a-z]: the time in microseconds, then 45 random bits.
func NewID(now time.Time) string {
	micros := strconv.FormatInt(max(0, now.UnixMicro()), 36)
	return fmt.Sprintf("%011s%s", micros, strings.ToLower(rand.Text()[:9]))
}

// ShortID returns an id for people to type that no record of the table has behind a prefix of its key.
func (t Table[T]) ShortID(tx Tx, prefix string) (id string, err error) {
	id = ShortID(func(id string) (taken bool) {
		_, taken, err = t.Find(tx, prefix+id)
		return taken
	})
	return id, err
}

// ShortID returns an id for people to type: four characters, or more as free ids become rare. Its alphabet has no vowels, so ids
// spell no words, and no characters that look alike. taken reports whether an id is in use.
func ShortID(taken func(id string) bool) string {
	const alphabet, length, tries = "2346789bcdfghjkmpqrtvwxy", 4, 20
	for n := 0; ; n++ {
		id := make([]byte, length+n/tries)
		for i := range id {
			id[i] = alphabet[mathrand.IntN(len(alphabet))]
		}
		if !taken(string(id)) {
			return string(id)
		}
	}
}
