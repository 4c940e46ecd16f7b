//go:build race

package commands

const underRace = true

// sparse is how far apart the cases of the largest tables are that are played.
const sparse = 7
