package socket

import (
	"fmt"
	"strings"
	"testing"
)

func TestAFrameIsReadAsFarAsItCanBe(t *testing.T) {
	deep := strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)
	for name, c := range map[string]struct {
		text string
		want string // type, id, payload, accepts, connections; "" for no frame
	}{
		"as documented": {`{"type":"slash_commands","envelope_id":"e","payload":{"a":1},"accepts_response_payload":true}`,
			`slash_commands e {"a":1} true 0`},
		"a retry as a string": {`{"type":"events_api","envelope_id":"e","retry_attempt":"1","retry_reason":7,"payload":{}}`,
			`events_api e {} false 0`},
		"a time with a fraction": {`{"type":"hello","num_connections":2,"debug_info":{"approximate_connection_time":18060.5,"host":7}}`,
			`hello   false 2`},
		"a count as a string":       {`{"type":"hello","num_connections":"2","debug_info":"none","connection_info":[]}`, `hello   false 2`},
		"a count with a fraction":   {`{"type":"hello","num_connections":2.0}`, `hello   false 2`},
		"a count that is no number": {`{"type":"hello","num_connections":{"n":2},"debug_info":null}`, `hello   false 0`},
		"a count beyond all reason": {`{"type":"hello","num_connections":1e300}`, `hello   false 0`},
		"accepts as a string":       {`{"type":"interactive","envelope_id":"e","accepts_response_payload":"true"}`, `interactive e  true 0`},
		"accepts as a number":       {`{"type":"interactive","envelope_id":"e","accepts_response_payload":1}`, `interactive e  true 0`},
		"accepts as an object":      {`{"type":"interactive","envelope_id":"e","accepts_response_payload":{}}`, `interactive e  false 0`},
		"nulls": {`{"type":"interactive","envelope_id":"e","payload":null,"accepts_response_payload":null,"reason":null}`,
			`interactive e null false 0`},
		"a number as its id": {`{"type":"interactive","envelope_id":12}`, `interactive 12  false 0`},
		"keys that come twice": {`{"type":7,"type":"interactive","envelope_id":"e","envelope_id":null,"reason":{}}`,
			`interactive e  false 0`},
		"cut off":                    {`{"type":"slash_commands","envelope_id":"e","payload":{"user_id":"U1","te`, `unreadable e * false 0`},
		"nested too deep":            {`{"type":"slash_commands","envelope_id":"e","payload":` + deep + `}`, `unreadable e * false 0`},
		"something behind it":        {`{"type":"slash_commands","envelope_id":"e"}}`, `unreadable e * false 0`},
		"an id in somebody's text":   {`{"text":"\"envelope_id\":\"x\"","envelope_id":"e",`, `unreadable e * false 0`},
		"a ping in words":            {`Ping from applink-7`, ``},
		"half a frame without an id": {`{"type":"slash`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			f, ok := readFrame([]byte(c.text))
			payload := string(f.Payload)
			if f.Type == Unreadable {
				payload = "*"
			}
			got := fmt.Sprint(f.Type, " ", f.ID, " ", payload, " ", f.Accepts.Holds(), " ", f.NumConnections.count())
			if ok != (c.want != "") || (ok && got != c.want) {
				t.Errorf("read as %q, %v, want %q", got, ok, c.want)
			}
		})
	}
}
