//go:build race

package bot_test

// Under the race detector everything takes ten times as long, and every third combination shows as much.
const sparse = 3
