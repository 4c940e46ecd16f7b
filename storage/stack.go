package storage

import "fmt"

// StackRef names a stack as people see it, beside the UID that the API wants.
type StackRef struct {
	UID         string `json:"uid"`
	Name        string `json:"name"`
	Environment string `json:"environment"`
}

// String gives the form that can be typed: name@environment.
func (s StackRef) String() string {
	if s.Environment == "" {
		return s.Name
	}
	return s.Name + "@" + s.Environment
}

// DeploymentKey is the key under which what is known of one deployment is kept.
func DeploymentKey(stackUID string, id int64) string { return fmt.Sprintf("%s/%020d", stackUID, id) }
