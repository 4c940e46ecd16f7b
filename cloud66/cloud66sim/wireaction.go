package cloud66sim

import "strconv"

type wireAction struct {
	ID              int64        `json:"id"`
	User            string       `json:"user"`
	ResourceType    string       `json:"resource_type"`
	Action          string       `json:"action"`
	ResourceID      string       `json:"resource_id"`
	StartedVia      string       `json:"started_via"`
	StartedAt       string       `json:"started_at"`
	FinishedAt      *string      `json:"finished_at"`
	FinishedSuccess *bool        `json:"finished_success"`
	FinishedMessage *string      `json:"finished_message"`
	FinishedResult  *string      `json:"finished_result"`
	Metadata        wireMetadata `json:"metadata"`
}

type wireMetadata struct {
	UserReference *string `json:"user_reference"`
}

func renderAction(st *stack, a *action) any {
	wire := wireAction{
		ID: a.id, User: a.user, ResourceType: "stack", Action: "application_deployment", ResourceID: strconv.FormatInt(st.number, 10),
		StartedVia: a.via, StartedAt: iso(a.startedAt), FinishedAt: optionalTime(a.finishedAt), FinishedMessage: optional(a.message),
		Metadata: wireMetadata{UserReference: optional(a.reference)},
	}
	if !a.finishedAt.IsZero() {
		wire.FinishedSuccess = &a.success
	}
	return wire
}
