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

	"c66bot/bot/card/doc"
	"c66bot/bot/card/markup"
	"c66bot/bot/slacksim"
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
		all[name] = golden(t, map[string]any{"text": m.Text(), "blocks": decoded(t, m)})
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

// written are the messages of all golden files by name, also those of the answers of package commands.
func written(t *testing.T) map[string]slacksim.Message {
	t.Helper()
	all := map[string]slacksim.Message{}
	for _, dir := range []string{"testdata", "../../commands/testdata"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.golden"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no golden files in %s: %v", dir, err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var m slacksim.Message
			if err := json.Unmarshal(b, &m); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if m.Text != "" { // else it is a view
				all[strings.TrimSuffix(filepath.Base(file), ".golden")] = m
			}
		}
	}
	return all
}

func TestEveryRenderingKeepsSlacksLimits(t *testing.T) {
	for name, m := range written(t) {
		for _, fault := range faults(m.Text, m.Blocks) {
			t.Errorf("%s: %s", name, fault)
		}
	}
}

func TestTheCheckerFindsWhatBreaksALimit(t *testing.T) {
	long := strings.Repeat("x", 3001)
	block := func(b ...doc.Block) []map[string]any { return decoded(t, draw(b...)) }
	section := func(s string) []map[string]any { return block(doc.Lines(markup.Format("%s", s))) }
	link := doc.Button{ID: "commit", Label: markup.Line("Commit"), URL: markup.WebAddress("https://a.example")}
	loose, blank := section("x"), section("x")
	fields := block(doc.Columns(markup.Format("x")))
	object(items(fields[0]["fields"])[0])["verbatim"] = false
	object(loose[0]["text"])["verbatim"], object(blank[0]["text"])["text"] = false, " "
	for name, m := range map[string]struct {
		text   string
		blocks []map[string]any
	}{
		"no block":             {"x", nil},
		"a field not verbatim": {"x", fields},
		"no fallback text":     {"", section("x")},
		"a long fallback":      {long + long, section("x")},
		"text not verbatim":    {"x", loose},
		"an empty text":        {"x", blank},
		"too many blocks":      {"x", slices.Repeat(section("x"), 51)},
		"two equal ids":        {"x", block(doc.Buttons(link, link))},
		"too much in total":    {"x", slices.Repeat(section(long), 14)},
	} {
		if len(faults(m.text, m.blocks)) == 0 {
			t.Errorf("%s is not found", name)
		}
	}
}
