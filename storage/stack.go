package storage

import "fmt"

// StackRef identifies a stack for people (name and environment) and for the API (UID).
type StackRef struct {
	UID         string `json:"uid"`
	Name        string `json:"name"`
	Environment string `json:"environment"`
	Tag         string `json:"tag,omitempty"` // account or beginning of the UID, where another stack has this name and environment
}

// Same reports whether both are the same stack under the same name.
func (s StackRef) Same(other StackRef) bool {
	s.Tag, other.Tag = "", ""
	return s == other
}

// String returns name@environment, as users type it.
func (s StackRef) String() string {
	if s.Environment == "" {
		return s.Name
	}
	return s.Name + "@" + s.Environment
}

// Label is String with the tag, as in "web@production · acme".
func (s StackRef) Label() string {
	if s.Tag == "" {
		return s.String()
	}
	return s.String() + " · " + s.Tag
}

// DeploymentKey returns the key of records about one deployment.
func DeploymentKey(stackUID string, id int64) string { return fmt.Sprintf("%s/%020d", stackUID, id) }
