//go:build race

package progress_test

// Under the race detector everything takes ten times as long, and fewer deaths show as much.
const sparse = 15
