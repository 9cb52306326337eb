package account

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gatelatch/views/words"
)

// silent are the kinds of events that are not told to a person as their own: they are about applications, keys and settings, or
// come with another one that says it.
var silent = []string{"client.", "registration.", "resource.", "setting.", "key.", "group.", "connection.", "token.revoked", "grant.revoked", "user.deleted", "user.sign_up_dropped", "signature_key.", "invitation.created", "invitation.revoked"}

func TestEveryKindOfEventIsToldOrSaysWhyNot(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../storage/events.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	kinds := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Event") || len(spec.Values) != 1 {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		kind, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Fatal(err)
		}
		kinds++
		isTold := slices.Contains(told, kind)
		isSilent := slices.ContainsFunc(silent, func(s string) bool { return kind == s || strings.HasSuffix(s, ".") && strings.HasPrefix(kind, s) })
		if isTold == isSilent {
			t.Errorf("%s is told: %t, silent: %t. An event about a person needs a line in `told` (activity.go) and a sentence account.event.%s; any other one a line in `silent`",
				kind, isTold, isSilent, strings.ReplaceAll(kind, ".", "_"))
		}
		key := "account.event." + strings.ReplaceAll(kind, ".", "_")
		if isTold && words.Embedded().Match("en").T(key) == key {
			t.Errorf("there is no sentence %s", key)
		}
		return true
	})
	if kinds < 30 {
		t.Fatalf("found only %d kinds of events", kinds)
	}
}
