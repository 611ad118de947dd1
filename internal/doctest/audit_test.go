package doctest

import (
	"go/ast"
	"go/constant"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestAuditEventsAreDocumented(t *testing.T) {
	var there []string
	for _, dir := range auditors(t) {
		s := load(t, dir)
		for _, f := range s.files {
			there = append(there, s.kindsIn(f)...)
		}
	}
	slices.Sort(there)
	same(t, "audit events", named(table(t, read(t, "docs/audit.md"), "## Events"), 0), slices.Compact(there))
}

// auditors are the packages that write audit events.
func auditors(t *testing.T) []string {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "audit.Event{") {
			dir, _ := filepath.Rel(root, filepath.Dir(path))
			found[filepath.ToSlash(dir)] = true
		}
		return err
	})
	if err != nil || len(found) < 5 {
		t.Fatalf("auditors: %v, %v", found, err)
	}
	dirs := make([]string, 0, len(found))
	for dir := range found {
		dirs = append(dirs, dir)
	}
	return dirs
}

// kindsIn returns the kinds that the audit.Event literals of a file can have.
func (s source) kindsIn(f *ast.File) []string {
	var all []string
	for _, decl := range f.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		ast.Inspect(fn, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok || lit.Type == nil || types.ExprString(lit.Type) != "audit.Event" {
				return true
			}
			for _, e := range lit.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok && types.ExprString(kv.Key) == "Kind" {
					all = append(all, s.values(fn, kv.Value)...)
				}
			}
			return true
		})
	}
	return all
}

// values returns the constants that an expression in fn can be: itself, a prefix with each
// constant of a type, what is assigned to it in fn, or what callers pass for it.
func (s source) values(fn *ast.FuncDecl, e ast.Expr) []string {
	if v := s.info.Types[e].Value; v != nil {
		return []string{constant.StringVal(v)}
	}
	switch e := e.(type) {
	case *ast.BinaryExpr:
		var all []string
		for _, left := range s.values(fn, e.X) {
			for _, right := range s.values(fn, e.Y) {
				all = append(all, left+right)
			}
		}
		return all
	case *ast.CallExpr: // string(event): any constant of its type
		return constantsOf(s.info.Types[e.Args[0]].Type)
	case *ast.Ident:
		return append(assigned(fn, e.Name), s.passed(fn, e.Name)...)
	}
	return []string{"?" + types.ExprString(e)}
}

func constantsOf(t types.Type) []string {
	var all []string
	scope := t.(*types.Named).Obj().Pkg().Scope()
	for _, name := range scope.Names() {
		if c, ok := scope.Lookup(name).(*types.Const); ok && types.Identical(c.Type(), t) {
			all = append(all, constant.StringVal(c.Val()))
		}
	}
	return all
}

func assigned(fn *ast.FuncDecl, name string) []string {
	var all []string
	ast.Inspect(fn, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == 1 && types.ExprString(a.Lhs[0]) == name {
			all = append(all, literal(a.Rhs[0]))
		}
		return true
	})
	return all
}

// passed returns the literals that callers of fn in its package give for a parameter.
func (s source) passed(fn *ast.FuncDecl, parameter string) []string {
	position, index := -1, 0
	for _, field := range fn.Type.Params.List {
		for _, name := range field.Names {
			if name.Name == parameter {
				position = index
			}
			index++
		}
	}
	var all []string
	for _, f := range s.files {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || position < 0 || position >= len(call.Args) {
				return true
			}
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == fn.Name.Name {
				all = append(all, literal(call.Args[position]))
			}
			return true
		})
	}
	return all
}

// literal returns the value of a string literal, or what stands in its place.
func literal(e ast.Expr) string {
	if lit, ok := e.(*ast.BasicLit); ok {
		if s, err := strconv.Unquote(lit.Value); err == nil {
			return s
		}
	}
	return "?" + types.ExprString(e)
}
