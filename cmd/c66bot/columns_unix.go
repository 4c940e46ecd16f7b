//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// columns returns the number of columns of a terminal, 0 if the file is none.
func columns(file *os.File) int {
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}
