//go:build race

package commands

const underRace = true
