//go:build !race

package race

// Detector says that the race detector runs.
const Detector = false
