package storage_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"c66bot/storage"
)

func TestARecordIsCheckedByItsTable(t *testing.T) {
	for name, c := range map[string]struct {
		table, value string
		want         string // A part of the error; empty for a sound one.
	}{
		"a sound record":                      {"follows", `fe44188f {}`, ""},
		"a number":                            {"counters", "4bb3a547 5", ""},
		"the same in another table":           {"cancels", `fe44188f {}`, `record "k" of cancels has a wrong checksum`},
		"a damaged one":                       {"follows", `fe44188f {]`, `record "k" of follows has a wrong checksum`},
		"one whose JSON is of another type":   {"audit", `74448ad5 {"at":1}`, `record "k" of audit`},
		"one of a table that is not there":    {"fellows", `fe44188f {}`, `there is no table "fellows", with the record "k"`},
		"one of the database's own, as it is": {"meta", "1", `there is no table "meta"`},
	} {
		t.Run(name, func(t *testing.T) {
			key := "k"
			if c.table == "counters" {
				key = "messages"
			}
			err := storage.CheckRecord(c.table, key, []byte(c.value))
			if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, storage.ErrDamaged) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// A table that CheckRecord does not know would keep the bot from starting as soon as it holds something.
func TestEveryTableIsChecked(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(syntax, func(n ast.Node) bool {
			if table := tableName(n); table != "" {
				found++
				if err := storage.CheckRecord(table, "k", nil); err == nil || strings.Contains(err.Error(), "no table") {
					t.Errorf("the table %q of %s is not in the list of check.go: %v", table, file.Name(), err)
				}
			}
			return true
		})
	}
	if found < 9 {
		t.Errorf("only %d tables were found", found)
	}
}

// tableName is the name in a literal like Table[Follow]{Name: "follows"}.
func tableName(n ast.Node) string {
	literal, ok := n.(*ast.CompositeLit)
	if !ok || len(literal.Elts) != 1 {
		return ""
	}
	kind, ok := literal.Type.(*ast.IndexExpr)
	if !ok {
		return ""
	}
	if of, ok := kind.X.(*ast.Ident); !ok || of.Name != "Table" {
		return ""
	}
	pair, ok := literal.Elts[0].(*ast.KeyValueExpr)
	if !ok {
		return ""
	}
	text, ok := pair.Value.(*ast.BasicLit)
	if !ok {
		return ""
	}
	name, err := strconv.Unquote(text.Value)
	if err != nil {
		return ""
	}
	return name
}
