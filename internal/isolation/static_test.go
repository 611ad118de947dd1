package isolation

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// piece is a text of the source that is, or becomes part of, a statement on tables of tenants.
type piece struct {
	at   string // file and line
	text string
}

var (
	blanks = regexp.MustCompile(`\s+`)
	// isSQL finds what can be part of a statement.
	isSQL = regexp.MustCompile(`\$\d|\$%d|\b(?:SELECT|FROM|WHERE|JOIN|UPDATE|INSERT|DELETE|RETURNING|SET|AND|OR|EXISTS|ORDER BY|LIMIT)\b`)
	// verb is a placeholder of fmt.Sprintf in a text.
	verb = regexp.MustCompile(`%[ds]`)
)

// even writes SQL with single blanks.
func even(text string) string { return strings.TrimSpace(blanks.ReplaceAllString(text, " ")) }

// pieces returns every text of SQL in the files of the source that name a table of tenants.
func pieces(t *testing.T) []piece {
	t.Helper()
	var all []piece
	root, set := "../..", token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "tools" || name == "bench" || name == "examples" || strings.HasSuffix(name, "test")) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all = append(all, sqlOf(set, f)...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// sqlOf returns the texts of SQL in a file, none where none of them names a table of tenants. Tables are
// named in a text with the word before them, so a text that was cut there would be missed: it fails.
func sqlOf(set *token.FileSet, f *ast.File) (found []piece) {
	named := false
	ast.Inspect(f, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(lit.Value)
		if err != nil || !isSQL.MatchString(text) {
			return true
		}
		named = named || names.MatchString(text)
		if p := set.Position(lit.Pos()); even(text) != "" {
			found = append(found, piece{filepath.ToSlash(p.Filename) + ":" + strconv.Itoa(p.Line), text})
		}
		return true
	})
	if !named {
		return nil
	}
	return found
}

// within reports whether a piece is part of a statement.
func (p piece) within(query string) bool {
	text := even(p.text)
	if !verb.MatchString(text) {
		return strings.Contains(query, text)
	}
	parts := verb.Split(text, -1)
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile(strings.Join(parts, `\w*`)).MatchString(query)
}

var (
	tenantIs  = regexp.MustCompile(`\btenant_id = \$\d+`)
	itselfIs  = regexp.MustCompile(`(?:^|[^.\w])(?:t\.)?id = \$\d+`)
	accountIs = regexp.MustCompile(`\baccount_id = \$\d+`)
	inserts   = regexp.MustCompile(`^INSERT INTO (tenant_\w+|membership|invitation|audit_event) \([^)]*\btenant_id\b|^INSERT INTO tenant \(id,`)
)

// names reports whether a statement says whose rows it is about: a tenant's, by its id, or, within the
// scope of an account, that account's own.
func (s shot) namesItsTenant() bool {
	tables := names.FindAllStringSubmatch(s.query, -1)
	for _, m := range tables {
		if m[1] == "tenant" && itselfIs.MatchString(s.query) {
			return true
		}
	}
	return tenantIs.MatchString(s.query) || inserts.MatchString(even(s.query)) || idIn(s.in, "account") != "" && accountIs.MatchString(s.query)
}
