//go:build race

package watch

// underRace says that the race detector runs, which makes simulated hours ten times as long.
const underRace = true
