package cloud66sim

import "encoding/json"

// code is a coded field: an integer or a string with what it means (Cloud 66 API, Deployment).
type code struct {
	Code    json.RawMessage `json:"code"`
	Meaning string          `json:"meaning"`
}

// unknownCode is the integer of whatever the tables do not name.
const unknownCode = 99

// The values of the coded fields: the names in the order of their integers. The integers that the examples do not show follow the
// order in which the model lists the names.
var (
	vias        = []string{"web", "api", "hook"}
	outcomes    = []string{"pending", "success", "failed", "cancelled"}
	deployTypes = []string{"build", "redeploy", "scale", "first_build", "revert"}
)

// labels are the meanings that go with string codes.
var labels = map[string]string{
	"web": "Web Interface", "api": "API", "hook": "Redeployment Hook",
	"pending": "Pending", "success": "Successful", "failed": "Failed", "cancelled": "Cancelled",
	"build": "Build", "redeploy": "Redeploy", "scale": "Scale", "first_build": "First Build", "revert": "Revert",
}

// coded is a name from one of the tables in the style of this Sim.
func (s *Sim) coded(table []string, name string) code {
	if s.opts.Codes == Strings {
		label := labels[name]
		setDefault(&label, name)
		return code{Code: marshal(name), Meaning: label}
	}
	number := unknownCode
	for i, known := range table {
		if known == name {
			number = i
		}
	}
	return code{Code: marshal(number), Meaning: name}
}
