package socket

import (
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// Slack's data is decoded field by field, with the fields in use. A field of an undocumented type is converted if possible and otherwise
// treated as absent. Code that needs the field reports that; nothing else is affected. slack-go's types would reject a whole command for
// one odd field.

// Envelope is a delivery that the app must acknowledge.
type Envelope struct {
	Type    Word            `json:"type"`
	ID      Word            `json:"envelope_id"`
	Payload json.RawMessage `json:"payload"`
	Accepts Word            `json:"accepts_response_payload"`
	Again   Word            `json:"retry_attempt"` // number of earlier deliveries of an event
}

// frame is one message on the socket: an envelope, a hello or a disconnect.
type frame struct {
	Envelope

	Reason         Word `json:"reason"`          // in a disconnect
	NumConnections Word `json:"num_connections"` // in a hello, like the fields below
	ConnectionInfo struct {
		AppID Word `json:"app_id"`
	} `json:"connection_info"`
	DebugInfo struct {
		Host Word `json:"host"`
	} `json:"debug_info"`
}

// acknowledgement is the response to an envelope.
type acknowledgement struct {
	ID      Word `json:"envelope_id"`
	Payload any  `json:"payload,omitempty"`
}

// Unreadable is this package's type for an envelope that is not valid JSON. The payload is then the whole frame.
const Unreadable = "unreadable"

// brokenEnvelope finds the id in a frame that is not valid JSON. It matches nothing inside a string, where quotes are escaped.
var brokenEnvelope = regexp.MustCompile(`"envelope_id"\s*:\s*"([^"\\]+)"`)

// readFrame decodes a frame. It returns false for data that is neither a JSON object nor an envelope, such as a ping.
func readFrame(data []byte) (frame, bool) {
	var f frame
	if lenient(data, &f) == nil {
		return f, true
	}
	id := brokenEnvelope.FindSubmatch(data)
	if id == nil {
		return frame{}, false
	}
	return frame{Envelope: Envelope{Type: Unreadable, ID: Word(id[1]), Payload: data}}, true
}

// Decode decodes a payload, which is an object or a string that contains one. It fails only if the payload is not valid JSON.
func (e Envelope) Decode(v any) error {
	data := []byte(e.Payload)
	var text string
	if len(data) > 0 && data[0] == '"' && json.Unmarshal(data, &text) == nil && strings.HasPrefix(strings.TrimSpace(text), "{") {
		data = []byte(text)
	}
	return lenient(data, v)
}

// lenient decodes whatever is decodable. It fails only if data is not valid JSON.
func lenient(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	if _, odd := errors.AsType[*json.UnmarshalTypeError](err); odd {
		return nil // encoding/json skips that field and continues
	}
	return err
}

// Word is a string, the literal text of a number or boolean, or the id of an object.
type Word string

// UnmarshalJSON implements json.Unmarshaler.
func (w *Word) UnmarshalJSON(b []byte) error {
	switch b[0] {
	case '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*w = Word(s)
	case '{':
		var object struct {
			ID Word `json:"id"`
		}
		if err := lenient(b, &object); err != nil {
			return err
		}
		*w = object.ID
	case '[', 'n':
	default:
		*w = Word(b)
	}
	return nil
}

// Holds reports whether a word is true.
func (w Word) Holds() bool { return w == "true" || w == "1" }

// count returns the number in a word. It returns 0 if there is none or if it is implausible.
func (w Word) count() int {
	const most = 1e6
	if n, err := strconv.ParseFloat(string(w), 64); err == nil && n >= 0 && n <= most {
		return int(n)
	}
	return 0
}
