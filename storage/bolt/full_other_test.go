//go:build unix && !linux

package bolt

import "testing"

// eachDisk runs a test on a disk that a limit makes full.
func eachDisk(t *testing.T, test func(*testing.T, disk)) {
	byALimit(t, test)
}
