package card

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden is a message, or a view, as its file holds it.
func golden(t *testing.T, v any) []byte {
	t.Helper()
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// goldens are all renderings as their files hold them, by name.
func goldens(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for name, m := range messages() {
		all[name] = golden(t, map[string]any{"text": m.Text, "blocks": decoded(t, m)})
	}
	for name, v := range views() {
		all[name] = golden(t, decodedView(t, v))
	}
	return all
}

func TestEveryRenderingIsAsItsGoldenFile(t *testing.T) {
	all := goldens(t)
	for name, got := range all {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(file, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("rendered otherwise (-want +got), see -update:\n%s", diff)
			}
		})
	}
	files, err := filepath.Glob("testdata/*.golden")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, ok := all[strings.TrimSuffix(filepath.Base(f), ".golden")]; !ok {
			t.Errorf("%s belongs to no rendering", f)
		}
	}
}

func TestEveryRenderingKeepsSlacksLimits(t *testing.T) {
	for name, m := range messages() {
		for _, fault := range broken(t, m) {
			t.Errorf("%s: %s", name, fault)
		}
	}
}

func TestTheCheckerFindsWhatBreaksALimit(t *testing.T) {
	long := strings.Repeat("x", 3001)
	for name, m := range map[string]Message{
		"no block":          {Text: "x"},
		"no fallback text":  message("", section("x")),
		"a long fallback":   message(long+long, section("x")),
		"text not verbatim": {Text: "x", Blocks: message("x", section("x")).Blocks[:0]},
		"an empty text":     {Text: "x", Blocks: message("x", section(" ")).Blocks},
		"too many blocks":   {Text: "x", Blocks: slices.Repeat(message("x", section("x")).Blocks, 51)},
		"two equal ids":     message("x", actions(linkButton("a", "https://a.example"), linkButton("b", "https://b.example"))),
		"too much in total": {Text: "x", Blocks: slices.Repeat(message("x", section(mrkdwn(long[:2900]))).Blocks, 5)},
	} {
		if len(broken(t, m)) == 0 {
			t.Errorf("%s is not found", name)
		}
	}
}
