package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/spf13/viper"
)

func TestASecretIsRevealedOnRequestOnly(t *testing.T) {
	if got := NewSecret("hush").Reveal(); got != "hush" {
		t.Errorf("Reveal gives %q", got)
	}
	if got := (Secret{}).Reveal(); got != "" {
		t.Errorf("Reveal of the zero Secret gives %q", got)
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	cfg := Config{SlackAppToken: NewSecret("hush-app"), SlackBotToken: NewSecret("hush-bot"), Cloud66Token: NewSecret("hush-c66")}
	hidden := struct{ secret Secret }{NewSecret("hush-hidden")} // Where fmt cannot call Format.
	ways := map[string]func(w *bytes.Buffer) error{
		"JSON": func(w *bytes.Buffer) error { return json.NewEncoder(w).Encode(cfg) },
		"YAML": func(w *bytes.Buffer) error {
			v := viper.New()
			v.SetConfigType("yaml")
			v.Set("config", cfg)
			return v.WriteConfigTo(w)
		},
		"a text log": func(w *bytes.Buffer) error {
			newLogger(slog.LevelInfo, "text", w).Info("m", "config", cfg, "token", cfg.Cloud66Token)
			return nil
		},
		"a JSON log": func(w *bytes.Buffer) error {
			newLogger(slog.LevelInfo, "json", w).Info("m", "config", cfg, "token", cfg.Cloud66Token)
			return nil
		},
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%20s"} {
		ways[verb] = func(w *bytes.Buffer) error {
			_, err := fmt.Fprintf(w, verb+" "+verb+" "+verb, cfg.Cloud66Token, &cfg, cfg)
			return err
		}
	}
	for name, write := range ways {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := write(&out); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out.String(), redacted) {
				t.Errorf("no %s in %s", redacted, &out)
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
