package storage

import "fmt"

// StackRef identifies a stack for people (name and environment) and for the API (UID).
type StackRef struct {
	UID         string `json:"uid"`
	Name        string `json:"name"`
	Environment string `json:"environment"`
}

// String returns name@environment, as users type it.
func (s StackRef) String() string {
	if s.Environment == "" {
		return s.Name
	}
	return s.Name + "@" + s.Environment
}

// DeploymentKey returns the key of records about one deployment.
func DeploymentKey(stackUID string, id int64) string { return fmt.Sprintf("%s/%020d", stackUID, id) }
