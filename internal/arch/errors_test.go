package arch

import (
	"flag"
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/errors.md anew")

// code is one stable error code as the source declares it.
type code struct{ name, kind, detail string }

// statuses say what HTTP makes of a kind; package web's test holds the two together.
var statuses = map[string]string{
	"Internal": "500", "Invalid": "400", "Unauthenticated": "401", "Forbidden": "403", "NotFound": "404",
	"Conflict": "409", "Gone": "410", "RateLimited": "429", "Unavailable": "503",
}

// exceptions have a status of their own.
var exceptions = map[string]string{
	"method_not_allowed": "405", "body_too_large": "413", "media_type_unsupported": "415", "host_unknown": "421", "body_timeout": "408",
}

// codes collects every fault.New with literal arguments, and the codes of package verifier.
func codes(t *testing.T) []code {
	t.Helper()
	found := map[string]code{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if c, ok := declared(n); ok {
				if known, ok := found[c.name]; ok && known.kind != c.kind {
					t.Errorf("%s: code %s is declared as %s and as %s", s.path, c.name, known.kind, c.kind)
				}
				if _, ok := found[c.name]; !ok || strings.HasPrefix(s.path, "internal/kit/web/") {
					found[c.name] = c
				}
			}
			return true
		})
	}
	all := make([]code, 0, len(found))
	for _, c := range found {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b code) int { return strings.Compare(a.name, b.name) })
	return all
}

func declared(n ast.Node) (code, bool) {
	switch n := n.(type) {
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "New" && name(f.X) == "fault" && len(n.Args) == 3 {
			if kind, ok := n.Args[0].(*ast.SelectorExpr); ok && literal(n.Args[1]) != "" {
				return code{literal(n.Args[1]), kind.Sel.Name, literal(n.Args[2])}, true
			}
		}
	case *ast.CompositeLit:
		if name(n.Type) != "Error" {
			return code{}, false
		}
		c := code{}
		for _, e := range n.Elts {
			kv, ok := e.(*ast.KeyValueExpr)
			if !ok {
				return code{}, false
			}
			switch name(kv.Key) {
			case "Code":
				c.name = literal(kv.Value)
			case "Detail":
				c.detail = literal(kv.Value)
			case "Status":
				if s, ok := kv.Value.(*ast.SelectorExpr); ok {
					c.kind = map[string]string{"StatusUnauthorized": "Unauthenticated", "StatusForbidden": "Forbidden", "StatusServiceUnavailable": "Unavailable"}[s.Sel.Name]
				}
			}
		}
		return c, c.name != "" && c.kind != ""
	}
	return code{}, false
}

func name(e ast.Expr) string {
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			s, err := strconv.Unquote(e.Value)
			if err == nil {
				return s
			}
		}
	case *ast.BinaryExpr:
		return literal(e.X) + literal(e.Y)
	}
	return ""
}

func TestErrorCodesAreDocumented(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Error codes\n\nEvery refusal is a problem document (RFC 9457) whose `code` is one of these. Codes are stable: programs may\nrely on them. `errors` names the members of a request that were refused and why.\n\n| code | status | meaning |\n|---|---|---|\n")
	for _, c := range codes(t) {
		status := statuses[c.kind]
		if s, ok := exceptions[c.name]; ok {
			status = s
		}
		fmt.Fprintf(&b, "| <a id=%q></a>`%s` | %s | %s |\n", c.name, c.name, status, strings.ReplaceAll(c.detail, "|", "\\|"))
	}
	const file = "../../docs/errors.md"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != b.String() {
		t.Error("docs/errors.md is not what the code declares; a code that vanished or changed breaks programs. If it is meant: go test ./internal/arch -run ErrorCodes -update")
	}
}
