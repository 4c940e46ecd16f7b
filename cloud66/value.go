package cloud66

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Value is a field that Cloud 66 gives as a code with its meaning. Kind is empty where the code is absent or unknown.
type Value[K ~string] struct {
	Kind    K
	Raw     string // the code as it came
	Meaning string // the server's label
}

// String returns the kind, "unknown (code)" for a code that is not known, or nothing for none.
func (v Value[K]) String() string {
	switch {
	case v.Kind != "":
		return string(v.Kind)
	case v.Raw != "":
		return "unknown (" + v.Raw + ")"
	}
	return ""
}

// Via is the way a deployment was triggered.
type Via string

// The ways to trigger a deployment.
const (
	ViaWeb  Via = "web"
	ViaAPI  Via = "api"
	ViaHook Via = "hook"
)

// Outcome is what became of a deployment.
type Outcome string

// The outcomes of a deployment.
const (
	OutcomePending   Outcome = "pending"
	OutcomeSuccess   Outcome = "success"
	OutcomeFailed    Outcome = "failed"
	OutcomeCancelled Outcome = "cancelled"
)

// DeployType is what kind of work a deployment is.
type DeployType string

// The kinds of deployments.
const (
	TypeBuild      DeployType = "build"
	TypeRedeploy   DeployType = "redeploy"
	TypeScale      DeployType = "scale"
	TypeFirstBuild DeployType = "first_build"
	TypeRevert     DeployType = "revert"
)

// Kinds in the order of their integer codes (Cloud 66 API, Deployments).
var (
	vias     = []Via{ViaWeb, ViaAPI, ViaHook}
	outcomes = []Outcome{OutcomePending, OutcomeSuccess, OutcomeFailed, OutcomeCancelled}
	types    = []DeployType{TypeBuild, TypeRedeploy, TypeScale, TypeFirstBuild, TypeRevert}
)

// code is a code with its meaning on the wire; a bare scalar is taken for the code.
type code struct{ Code, Meaning text }

// UnmarshalJSON takes any value.
func (c *code) UnmarshalJSON(data []byte) error {
	if data[0] != '{' {
		return c.Code.UnmarshalJSON(data)
	}
	type plain code
	return json.Unmarshal(data, (*plain)(c))
}

// valueOf finds the kind of a code, which is its place among the kinds or its name.
func valueOf[K ~string](c code, kinds []K) Value[K] {
	v := Value[K]{Raw: string(c.Code), Meaning: string(c.Meaning)}
	name := strings.ToLower(strings.TrimSpace(v.Raw))
	if name == "canceled" {
		name = string(OutcomeCancelled)
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(kinds) {
		v.Kind = kinds[i]
	} else if slices.Contains(kinds, K(name)) {
		v.Kind = K(name)
	}
	return v
}
