package cloud66

import (
	"encoding/json"
	"maps"
	"testing"
)

// What split makes of an object is what encoding/json makes of it, whatever its layout.
func TestARecordHasTheFieldsOfItsObject(t *testing.T) {
	for _, data := range []string{
		`{}`, ` { } `, `{"a":1}`, "\n{ \"a\" : 1 ,\r\n\t\"b\":\"x\" }", `{"a":"}\"]\\","b":[{"c":"]"},[]],"d":{}}`,
		`{"a":null,"b":true,"c":-1.5e3}`, `{"\u0061\"":1,"":2}`, `{"a":1,"a":[2]}`, `{"a":{"b":{"c":"\\"}} ,"d":"é…"}`,
		`{"a":12 , "b": false}`, `null`,
	} {
		var want map[string]json.RawMessage
		if err := json.Unmarshal([]byte(data), &want); err != nil {
			t.Fatal(err)
		}
		r, err := object([]byte(data))
		got := map[string]json.RawMessage{}
		for _, f := range r {
			got[string(f.key)] = f.value
			diff(t, string(want[string(f.key)]), string(r.get(string(f.key))))
		}
		if err != nil || !maps.EqualFunc(want, got, func(a, _ json.RawMessage) bool { return a != nil }) || len(want) != len(got) {
			t.Errorf("%s has %q, error %v", data, got, err)
		}
	}
	r, err := object([]byte(`{"uid":"u","redeploy_hook":"https://hooks.test/SECRET"}`))
	diff(t, []any{nil, 1, true}, []any{err, len(r), r.get("redeploy_hook") == nil})
	for _, data := range []string{``, ` `, `1`, `"x"`, `[]`, `{`, `{"a":1}x`, `{"a"}`} {
		if r, err := object([]byte(data)); err == nil || r != nil {
			t.Errorf("%q is read as %v", data, r)
		}
	}
}
