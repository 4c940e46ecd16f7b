//go:build !race

package bot_test

const sparse = 1
