package commands

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"c66bot/bot/card/kit"
	"c66bot/bot/card/wording"
	"c66bot/bot/slacksim"
	"c66bot/storage"
)

var update = flag.Bool("update", false, "write the golden files anew")

// blocksOf gives a document's blocks as Slack gets them.
func blocksOf(t *testing.T, m kit.Message) []map[string]any {
	t.Helper()
	raw := m.JSON()
	var blocks []map[string]any
	if err := json.Unmarshal(raw, &blocks); err != nil {
		t.Fatalf("blocks are no list of objects: %v\n%s", err, raw)
	}
	return blocks
}

// TestEveryAnswerIsAsItsGoldenFile pins all answers. The tests of bot/card read the files and hold them to Slack's limits and to how the
// bot speaks.
func TestEveryAnswerIsAsItsGoldenFile(t *testing.T) {
	all := goldenReplies()
	for name, r := range all {
		t.Run(name, func(t *testing.T) {
			m := kit.Draw(r.Document())
			var got bytes.Buffer
			e := json.NewEncoder(&got)
			e.SetEscapeHTML(false)
			e.SetIndent("", "  ")
			if err := e.Encode(map[string]any{"text": m.Text(), "blocks": blocksOf(t, m)}); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", "reply-"+name+".golden")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("rendered otherwise (-want +got), see -update:\n%s", diff)
			}
		})
	}
	files, err := filepath.Glob("testdata/*.golden")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, ok := all[strings.TrimPrefix(strings.TrimSuffix(filepath.Base(f), ".golden"), "reply-")]; !ok {
			t.Errorf("%s belongs to no answer", f)
		}
	}
}

func TestHostileTextBreaksNoAnswerAndPingsNobodyAndLinksNowhere(t *testing.T) {
	for name, bad := range goldenHostile() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for where, r := range goldenSpoiled(bad) {
				m := kit.Draw(r.Document())
				seen, fallback := slacksim.Message{Text: m.Text(), Blocks: blocksOf(t, m)}, slacksim.Message{Text: m.Text(), Parse: "none"}
				if pings := seen.Pings(); len(pings) > 0 {
					t.Errorf("%s pings %v:\n%s", where, pings, seen.Plain())
				}
				if links := append(seen.Links(), fallback.Links()...); len(links) > 0 {
					t.Errorf("%s links to %v:\n%s", where, links, seen.Plain())
				}
				if strings.ContainsAny(m.Text(), "\u202e\u2066\u200f\r\x00") {
					t.Errorf("%s turns the writing or breaks the line", where)
				}
			}
		})
	}
}

func TestALongFieldHidesNoOther(t *testing.T) {
	for where, parts := range map[string][]string{
		"detail": {"Reason", "Version", "Rolled back", "session", "snapshot"}, "list": {" #1 ", " #10 "},
	} {
		plain := slacksim.Message{Blocks: blocksOf(t, kit.Draw(goldenSpoiled(strings.Repeat("&", 3000))[where].Document()))}.Plain()
		for _, part := range parts {
			if !strings.Contains(plain, part) {
				t.Errorf("the %s lacks %q", where, part)
			}
		}
	}
}

func TestAListOfLongFieldsShowsEveryRow(t *testing.T) {
	long := strings.Repeat("&", 3000)
	list := ListReply{Stack: goldenStack, Page: 1, Total: 10, At: goldenNow}
	for i := range 10 {
		d := goldenEnded("", time.Minute)
		d.ID, d.CommitURL, d.TriggeredBy, d.Outcome.Raw = int64(i+1), "https://git.example/?"+strings.Repeat("&", 100), long, long
		list.Entries = append(list.Entries, Entry{Deployment: d})
	}
	m := slacksim.Message{Blocks: blocksOf(t, kit.Draw(list.Document()))}
	for i := range 10 {
		if row := fmt.Sprintf("\n%s #%d ended", wording.Sign(storage.Over), i+1); !strings.Contains(m.Plain(), row) {
			t.Errorf("no row %q", row)
		}
	}
}
