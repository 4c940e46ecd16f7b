// Package race tells the tests of any package whether the race detector runs, under which everything takes ten times as long and needs
// several times the memory.
package race

// Thin gives the full size of a test, or a smaller one under the race detector, which finds no more in the full one.
func Thin[T any](full, thin T) T {
	if Detector {
		return thin
	}
	return full
}
