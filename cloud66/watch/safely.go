package watch

import (
	"fmt"
	"runtime/debug"
)

// safely turns a panic into an error: one look's fault is not another's.
func safely(do func() error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
		}
	}()
	return do()
}
