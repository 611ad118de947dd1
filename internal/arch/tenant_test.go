package arch

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// everywhere are the files that may ask beyond any tenant, and why. On PostgreSQL nothing holds what runs
// there to a tenant, so a new one needs a reason that a reviewer takes.
var everywhere = map[string]string{
	"internal/domain/tenant/store.go":          "a path or a host name says which tenant before anybody is known to belong to it",
	"internal/domain/tenant/store_domain.go":   "the same, by a domain that the tenant has shown to be its own; and such domains are looked at again, whoever's they are",
	"internal/domain/tenant/store_leave.go":    "whoever erases an account is invited nowhere any more, whoever invited them",
	"internal/domain/tenant/store_role.go":     "the operator is told which tenants have a role of their own by the name of a configured one",
	"internal/domain/tenant/store_search.go":   "staff look tenants up",
	"internal/domain/audit/list.go":            "staff read what happened in the whole service",
	"internal/domain/audit/audit.go":           "old events are removed, whoever's they are",
	"internal/domain/stat/store.go":            "the service counts what happens, whoever's it is",
	"internal/feature/invitation/store.go":     "whoever is invited belongs to no tenant that they could ask within; they ask by their own confirmed address",
	"internal/feature/invitation/service.go":   "old invitations are removed, whoever's they are",
	"internal/domain/domaintest/domaintest.go": "tests look at everything",
}

func TestFewFilesAskBeyondAnyTenant(t *testing.T) {
	used := map[string]bool{}
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.dir, "bench") || s.dir == "internal/kit/db" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "All" {
				return true
			}
			if id, ok := sel.X.(*ast.Ident); ok && id.Name == "db" {
				if used[s.path] = true; everywhere[s.path] == "" {
					t.Errorf("%s uses db.All: nothing holds its statements to a tenant; enter the tenant's scope, or say here why not", s.path)
				}
			}
			return true
		})
	}
	for path := range everywhere {
		if !used[path] {
			t.Errorf("%s may use db.All and does not: take it off the list", path)
		}
	}
}

// ofTenants are the packages whose SQL may name tables of tenants.
var ofTenants = []string{"internal/domain/tenant", "internal/domain/session/store_tenant.go", "internal/feature/tenancy", "internal/feature/member", "internal/feature/invitation", "internal/flow/join"}

// tenantTables finds one in SQL.
var tenantTables = regexp.MustCompile(`\b(?:FROM|JOIN|INTO|UPDATE)\s+(?:tenant|tenant_slug|tenant_domain|tenant_role|membership|invitation)\b`)

func TestTablesOfTenantsStayInTheirRooms(t *testing.T) {
	named := 0
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.dir, "bench") || strings.HasSuffix(s.dir, "test") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING || !tenantTables.MatchString(lit.Value) {
				return true
			}
			named++
			if !slices.ContainsFunc(ofTenants, func(room string) bool { return s.path == room || s.dir == room }) {
				t.Errorf("%s names a table of tenants in SQL: that stays in %v", s.path, ofTenants)
			}
			return true
		})
	}
	if named < 20 {
		t.Errorf("only %d statements name a table of tenants: the walk is broken", named)
	}
}

// What names a table of tenants runs within a scope: a database is asked by In, or in a transaction that
// another function began within one.
func TestTablesOfTenantsAreReachedWithinAScope(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !slices.ContainsFunc(ofTenants, func(room string) bool { return s.path == room || s.dir == room }) {
			continue
		}
		for _, decl := range s.file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Body == nil || !namesTables(fn.Body) {
				continue
			}
			databases := databasesOf(fn.Type)
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				sel, ok := call.Fun.(*ast.SelectorExpr)
				if !ok || !slices.Contains([]string{"Row", "Each", "Once", "InTx"}, sel.Sel.Name) {
					return true
				}
				bare := false
				switch x := sel.X.(type) {
				case *ast.Ident:
					bare = slices.Contains(databases, x.Name)
				case *ast.SelectorExpr:
					bare = x.Sel.Name == "DB"
				}
				if bare {
					t.Errorf("%s: %s asks the database without a scope, about a table of tenants: PostgreSQL shows it nothing; use In", s.path, fn.Name.Name)
				}
				return true
			})
		}
	}
}

func namesTables(body *ast.BlockStmt) (named bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			named = named || tenantTables.MatchString(lit.Value)
		}
		return true
	})
	return named
}

// databasesOf returns the parameters of a function that are a *db.DB.
func databasesOf(fn *ast.FuncType) (names []string) {
	for _, field := range fn.Params.List {
		star, ok := field.Type.(*ast.StarExpr)
		if !ok {
			continue
		}
		if sel, ok := star.X.(*ast.SelectorExpr); ok && sel.Sel.Name == "DB" {
			for _, name := range field.Names {
				names = append(names, name.Name)
			}
		}
	}
	return names
}
