package markup_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"testing"
)

// TestTheCompilerRefusesWhatIsNotEscaped compiles lines of a package that shows text.
func TestTheCompilerRefusesWhatIsNotEscaped(t *testing.T) {
	files := token.NewFileSet()
	compiler := types.Config{Importer: importer.ForCompiler(files, "source", nil)}
	for line, compiles := range map[string]bool{
		`show(markup.Format("%s is live", name))`:                   true,
		`show(markup.Format("a" + "b"))`:                            true,
		`show(markup.Code(name))`:                                   true,
		`label(markup.Line(name))`:                                  true,
		`show(name)`:                                                false,
		`show("a constant")`:                                        false,
		`show(markup.Text(name))`:                                   false,
		`show(markup.Text{name})`:                                   false,
		`show(markup.Format(name))`:                                 false,
		`show(markup.Format("*" + name + "*"))`:                     false,
		`show(markup.Format(typed))`:                                false,
		`show(markup.Join(nil, name))`:                              false,
		`show(markup.Line(name))`:                                   false,
		`show(markup.Link(name, markup.Text{}))`:                    false,
		`show(markup.Text(markup.Line(name)))`:                      false,
		`show(markup.Text(markup.WebAddress(name)))`:                false,
		`show(markup.Text(markup.Fallback{}))`:                      false,
		`label(markup.Plain(name))`:                                 false,
		`text := markup.Text{}; text.s = name`:                      false,
		`var f markup.Fallback = name; _ = f`:                       false,
		`_ = markup.Address{name}`:                                  false,
		`type own struct{ s string }; show(markup.Text(own{name}))`: false,
	} {
		source := `package p
import "c66bot/bot/card/markup"
const typed string = "x"
func show(markup.Text) {}
func label(markup.Plain) {}
func f(name string) { ` + line + ` }`
		file, err := parser.ParseFile(files, "p.go", source, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := compiler.Check("p", files, []*ast.File{file}, nil); (err == nil) != compiles {
			t.Errorf("%s compiles is %v: %v", line, err == nil, err)
		}
	}
}
