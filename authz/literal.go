package authz

// Literal writes a part of a name so that it stands for itself in a pattern.
func Literal(part string) string { return escape(part) }
