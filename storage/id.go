package storage

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// NewID returns 20 characters of [0-9a-z]: the time in microseconds, so that ids sort by it, then 45 random bits.
func NewID(now time.Time) string {
	micros := strconv.FormatInt(max(0, now.UnixMicro()), 36)
	return fmt.Sprintf("%011s%s", micros, strings.ToLower(rand.Text()[:9]))
}
