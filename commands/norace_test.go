//go:build !race

package commands

const underRace = false

// sparse is how far apart the cases of the largest tables are that are played. It is odd, so that each line gets texts by everyone.
const sparse = 3
