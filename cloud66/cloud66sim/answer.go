package cloud66sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
)

// answer is a whole response.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// envelope is what every successful answer is wrapped in. Only lists have the other two fields.
type envelope struct {
	Response   any         `json:"response"`
	Count      *int        `json:"count,omitempty"`
	Pagination *pagination `json:"pagination,omitempty"`
}

// errorBody is the body of a refusal. Details may be of any type.
type errorBody struct {
	Error            string `json:"error"`
	ErrorDescription string `json:"error_description"`
	Details          any    `json:"details"`
}

// outcomeAnswer is the answer to a write or to a ping; the options decide which fields it has.
type outcomeAnswer struct {
	ID            int64  `json:"id,omitempty"`
	OK            *bool  `json:"ok,omitempty"`
	Message       string `json:"message"`
	AsyncActionID int64  `json:"async_action_id,omitempty"`
	Queued        *bool  `json:"queued,omitempty"`
}

func respond(response any) answer {
	return jsonAnswer(http.StatusOK, envelope{Response: response})
}

func respondOK(message string) answer {
	ok := true
	return respond(outcomeAnswer{OK: &ok, Message: message})
}

func refuse(status int, name, description string, details any) answer {
	return jsonAnswer(status, errorBody{Error: name, ErrorDescription: description, Details: details})
}

func badRequest(details string) answer {
	return refuse(http.StatusBadRequest, "bad_request", "The request is not valid", details)
}

func notFound(what string) answer {
	return refuse(http.StatusNotFound, "not_found", what+" not found", nil)
}

func conflict(details string) answer {
	return refuse(http.StatusConflict, "conflict", "The request conflicts with the state of the stack", details)
}

func jsonAnswer(status int, body any) answer {
	return answer{status: status, header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, body: marshal(body)}
}

func htmlNotFound() answer {
	page := "<!DOCTYPE html>\n<html><head><title>The page you were looking for doesn't exist (404)</title></head><body><h1>404</h1></body></html>\n"
	return answer{status: http.StatusNotFound, header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, body: []byte(page)}
}

// marshal encodes a value of this package's own types, which cannot fail.
func marshal(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("cloud66sim: encode %T: %v", v, err))
	}
	return body
}

// write sends the answer. A truncated one announces its whole length, sends half and cuts the connection.
func (a answer) write(w http.ResponseWriter, truncated bool) error {
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	body := a.body
	if truncated {
		body = body[:len(body)/2]
	}
	if _, err := w.Write(body); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	if !truncated {
		return nil
	}
	if err := http.NewResponseController(w).Flush(); err != nil {
		return fmt.Errorf("flush half an answer: %w", err)
	}
	panic(http.ErrAbortHandler)
}
