package commands

// each returns what f makes of every item.
func each[T, U any](all []T, f func(T) U) (made []U) {
	for _, item := range all {
		made = append(made, f(item))
	}
	return made
}
