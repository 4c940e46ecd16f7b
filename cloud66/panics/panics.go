// Package panics turns a panic into an error, so that a fault in one task does not affect others. It imports nothing of this program.
package panics

import (
	"fmt"
	"runtime/debug"
)

// Catch calls do. It returns a panic in it as an error with the panic's value and stack.
func Catch(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return do()
}
