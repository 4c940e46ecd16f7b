// Package panics turns a panic into an error, so that one task's fault is not another's. It imports nothing of this program.
package panics

import (
	"fmt"
	"runtime/debug"
)

// Catch calls do. A panic in it becomes an error with the panic's value and stack.
func Catch(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return do()
}
