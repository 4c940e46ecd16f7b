//go:build !race

package progress_test

const sparse = 5
