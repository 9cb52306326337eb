package server_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatelatch/server/authn"
)

// documented is a line of docs/security-limits.md.
type documented struct {
	what, name string
	limit      int64 // durations in nanoseconds
}

var limitLine = regexp.MustCompile("(?m)^\\| ([^|]+) \\| ([0-9,]+)(?: ([A-Za-z]+))?[^|]* \\| `([^`]+)` \\| [^|]+ \\|$")

// units of the second column. What is "an hour" or "a day" or "apart" is a number of things, but for the times.
var units = map[string]int64{"": 1, "an": 1, "a": 1, "characters": 1, "KiB": 1 << 10, "MiB": 1 << 20, "Mi": 1 << 20,
	"seconds": int64(time.Second), "minutes": int64(time.Minute), "hour": int64(time.Hour), "hours": int64(time.Hour), "days": 24 * int64(time.Hour)}

func documentedLimits(t *testing.T) (list []documented) {
	t.Helper()
	page, err := os.ReadFile("../docs/security-limits.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range limitLine.FindAllStringSubmatch(string(page), -1) {
		n, err := strconv.ParseInt(strings.ReplaceAll(m[2], ",", ""), 10, 64)
		unit, known := units[m[3]]
		if err != nil || !known {
			t.Fatalf("%q is not read: %v", m[0], err)
		}
		list = append(list, documented{m[1], m[4], n * unit})
	}
	if rows := strings.Count(string(page), "\n| ") - strings.Count(string(page), "\n| What |"); rows != len(list) || rows < 60 {
		t.Fatalf("%d of %d lines are read", len(list), rows)
	}
	return list
}

// settings are the numbers that count where nothing is configured, by their names in the configuration.
func settings() map[string]int64 {
	list := map[string]int64{"otp": int64(10 * time.Minute), "flow": int64(30 * time.Minute), "minimum": 15, "minimum_with_second_factor": 8}
	b := reflect.ValueOf(authn.DefaultBudgets())
	for i := range b.NumField() {
		name := regexp.MustCompile("[A-Z][a-z]*").ReplaceAllStringFunc(b.Type().Field(i).Name, func(word string) string { return "_" + strings.ToLower(word) })
		list[strings.TrimPrefix(name, "_")] = b.Field(i).Int()
	}
	return list
}

func TestEveryLimitIsDocumentedAsItIs(t *testing.T) {
	example, err := os.ReadFile("../config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	configured, constants, seen := settings(), map[string]map[string]int64{}, []string{}
	for _, d := range documentedLimits(t) {
		room, name, constant := strings.Cut(d.name, ".")
		if !constant {
			want, known := configured[d.name]
			if !known || want != d.limit {
				t.Errorf("%s: documented as %d, %s is %d (known: %v)", d.what, d.limit, d.name, want, known)
			}
			if shown := regexp.MustCompile(`(?m)^  #` + d.name + `: (\S+)$`).FindSubmatch(example); shown == nil || exemplary(string(shown[1])) != d.limit {
				t.Errorf("%s: config.example.yaml has %s, want %d", d.what, shown, d.limit)
			}
			seen = append(seen, d.name)
			continue
		}
		if constants[room] == nil {
			constants[room] = constantsOf(t, room)
		}
		if want, known := constants[room][name]; !known || want != d.limit {
			t.Errorf("%s: documented as %d, %s is %d (known: %v)", d.what, d.limit, d.name, want, known)
		}
		seen = append(seen, d.name)
	}
	for name := range configured {
		if !slices.Contains(seen, name) {
			t.Errorf("the setting %s is not documented", name)
		}
	}
	for name := range constantsIn(t, "authn/budgets.go") {
		if !slices.Contains(seen, "authn."+name) {
			t.Errorf("the limit authn.%s is not documented", name)
		}
	}
}

// exemplary reads a value of the example, which has the defaults (cli tests that); -1 for none.
func exemplary(text string) int64 {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return -1
	}
	return int64(d)
}

// constantsOf are the numbers that a room has as constants of a package.
func constantsOf(t *testing.T, room string) map[string]int64 {
	t.Helper()
	dir := room
	if room == "cli" {
		dir = "../cli"
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there is no room %s: %v", room, err)
	}
	all := map[string]int64{}
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") {
			for name, n := range constantsIn(t, file) {
				all[name] = n
			}
		}
	}
	return all
}

// constantsIn are those of one file that are written as numbers.
func constantsIn(t *testing.T, file string) map[string]int64 {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int64{}
	for _, d := range tree.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			for i, name := range v.Names {
				if i >= len(v.Values) {
					continue
				}
				if n, err := number(v.Values[i]); err == nil {
					found[name.Name] = n
				}
			}
		}
	}
	return found
}

// number reads an expression of numbers and times.
func number(e ast.Expr) (int64, error) {
	switch e := e.(type) {
	case *ast.BasicLit:
		return strconv.ParseInt(strings.ReplaceAll(e.Value, "_", ""), 0, 64)
	case *ast.ParenExpr:
		return number(e.X)
	case *ast.SelectorExpr:
		for name, d := range map[string]time.Duration{"Microsecond": time.Microsecond, "Second": time.Second, "Minute": time.Minute, "Hour": time.Hour} {
			if e.Sel.Name == name {
				return int64(d), nil
			}
		}
	case *ast.BinaryExpr:
		x, err := number(e.X)
		if err != nil {
			return 0, err
		}
		y, err := number(e.Y)
		if err != nil {
			return 0, err
		}
		switch e.Op {
		case token.MUL:
			return x * y, nil
		case token.SHL:
			return x << y, nil
		}
	}
	return 0, fmt.Errorf("%T is no number", e)
}
