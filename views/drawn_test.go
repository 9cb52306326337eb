package views

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// parsed reads Go files of this folder.
func parsed(t *testing.T, pattern string, wanted func(name string) bool) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if !wanted(name) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// noState are exported constants that no page is drawn in.
var noState = map[string]string{
	"LangParam": "a parameter",
	"PageMail":  "what a mail in the inbox may do, which is no page of ours",
}

// What a door can show is an exported component that takes a page, and the constants that say in which state it is. A page that is
// drawn in no state is in no golden file, no gallery, and before no axe.
func TestEveryPageAndEveryStateOfItIsDrawn(t *testing.T) {
	drawn := map[string]bool{}
	for _, file := range parsed(t, "states_test.go", func(string) bool { return true }) {
		ast.Inspect(file, func(n ast.Node) bool {
			if name, ok := n.(*ast.Ident); ok {
				drawn[name.Name] = true
			}
			return true
		})
	}
	pages := 0
	for _, file := range parsed(t, "*.go", func(name string) bool { return !strings.HasSuffix(name, "_test.go") }) {
		for _, declared := range file.Decls {
			switch d := declared.(type) {
			case *ast.FuncDecl:
				if d.Recv != nil || !d.Name.IsExported() || len(d.Type.Params.List) != 1 {
					continue
				}
				page, ok := d.Type.Params.List[0].Type.(*ast.Ident)
				if !ok || !strings.HasSuffix(page.Name, "Page") {
					continue
				}
				if pages++; !drawn[d.Name.Name] {
					t.Errorf("the page %s is drawn in no state", d.Name.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if values, ok := s.(*ast.ValueSpec); ok && d.Tok == token.CONST {
						for _, name := range values.Names {
							if name.IsExported() && !drawn[name.Name] && noState[name.Name] == "" {
								t.Errorf("%s is a state that no page is drawn in", name.Name)
							}
						}
					}
				}
			}
		}
	}
	if pages < 30 {
		t.Errorf("only %d pages were found", pages)
	}
}
