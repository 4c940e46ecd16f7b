package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestASecretIsRevealedOnRequestOnly(t *testing.T) {
	if got := New("hush").Reveal(); got != "hush" || New("hush").Empty() {
		t.Errorf("Reveal gives %q", got)
	}
	if got := (Text{}).Reveal(); got != "" || !(Text{}).Empty() || !New("").Empty() {
		t.Errorf("Reveal of the zero Text gives %q", got)
	}
}

func TestASecretIsDecoded(t *testing.T) {
	var payload struct {
		ResponseURL Text `json:"response_url"`
		Other       Text `json:"other"`
	}
	if err := json.Unmarshal([]byte(`{"response_url":"https://hush.example","other":null}`), &payload); err != nil {
		t.Fatal(err)
	}
	if payload.ResponseURL.Reveal() != "https://hush.example" || !payload.Other.Empty() {
		t.Errorf("decoded %q and %q", payload.ResponseURL.Reveal(), payload.Other.Reveal())
	}
	err := json.Unmarshal([]byte(`{"response_url":{"hush":1}}`), &payload)
	if err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("what is no text gives %v", err)
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	type holder struct {
		Token Text
		Maybe *Text
		Any   any
		List  []Text
		Named map[string]Text
	}
	token := New("hush")
	held := holder{token, &token, token, []Text{token}, map[string]Text{"a": token}}
	hidden := struct{ token Text }{New("hush-hidden")} // where fmt cannot call Format
	ways := map[string]func(w *bytes.Buffer) error{
		"JSON": func(w *bytes.Buffer) error { return json.NewEncoder(w).Encode(held) },
		"a text log": func(w *bytes.Buffer) error {
			slog.New(slog.NewTextHandler(w, nil)).Info("m", "config", held, "token", token, "hidden", hidden)
			return nil
		},
		"a JSON log": func(w *bytes.Buffer) error {
			slog.New(slog.NewJSONHandler(w, nil)).Info("m", "config", held, "token", token, "hidden", hidden)
			return nil
		},
		"an error": func(w *bytes.Buffer) error {
			w.WriteString(errors.Join(fmt.Errorf("refused %s", token), fmt.Errorf("in %+v: %w", held, errors.New(token.String()))).Error())
			return nil
		},
		"a panic": func(w *bytes.Buffer) error {
			defer func() { fmt.Fprint(w, recover()) }()
			panic(token)
		},
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%20s", "%T %v"} {
		ways[verb] = func(w *bytes.Buffer) error {
			_, err := fmt.Fprintf(w, strings.Repeat(verb+" ", 3), token, &held, held, token, &held, held)
			return err
		}
	}
	for name, write := range ways {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := write(&out); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out.String(), Redacted) {
				t.Errorf("no %s in %s", Redacted, &out)
			}
			if text := out.String(); strings.Contains(text, "hush") || strings.Contains(text, fmt.Sprintf("%x", "hush")) {
				t.Errorf("the secret is in %s", text)
			}
		})
	}
	if text := fmt.Sprintf("%v %+v %#v", hidden, hidden, hidden); strings.Contains(text, "hush") {
		t.Errorf("an unexported field gives the secret away: %s", text)
	}
}
