// Package arch holds the test of the import rules. They are what keeps a room's door where
// the plan shows it: a new import that breaks one fails here, with the rule's reason.
package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gatehouse-auth/gatehouse"

// source is one Go file with what it imports.
type source struct {
	path    string // from the module's root, with slashes
	dir     string
	test    bool
	imports []string
	file    *ast.File
}

func sources(t *testing.T) []source {
	t.Helper()
	root := "../.."
	var all []source
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "tools") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		s := source{path: filepath.ToSlash(rel), test: strings.HasSuffix(p, "_test.go"), file: f}
		s.dir = path.Dir(s.path)
		for _, i := range f.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, name)
		}
		all = append(all, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Fatalf("only %d files found: the walk is broken", len(all))
	}
	return all
}

// The layers, from the bottom.
var layers = []string{"kit", "domain", "feature", "flow", "page"}

// layer returns the layer and the package's own folder in it, for a path below internal/.
func layer(dir string) (level int, room string) {
	parts := strings.Split(dir, "/")
	if len(parts) < 3 || parts[0] != "internal" {
		return -1, ""
	}
	return slices.Index(layers, parts[1]), parts[2]
}

func local(imported string) (dir string, ok bool) {
	if imported == module {
		return ".", true
	}
	return strings.CutPrefix(imported, module+"/")
}

func TestImportsPointDownwards(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		from, room := layer(s.dir)
		for _, i := range s.imports {
			dir, ok := local(i)
			if !ok {
				continue
			}
			to, neighbour := layer(dir)
			switch {
			case from >= 0 && to > from:
				t.Errorf("%s imports %s: imports go downwards, page → flow → feature → domain → kit", s.path, i)
			case from >= 2 && to == from && room != neighbour:
				t.Errorf("%s imports %s: siblings in %s do not know each other; let them meet in a layer above", s.path, i, layers[from])
			case dir == "." && s.dir != "." && !slices.Contains([]string{"cmd", "gatehousetest", "examples", "bench"}, strings.Split(s.dir, "/")[0]):
				t.Errorf("%s imports the root: only cmd, gatehousetest, bench and examples do", s.path)
			case strings.HasPrefix(dir, "internal/") && strings.HasPrefix(s.dir, "examples/"):
				t.Errorf("%s imports %s: examples show what others can write", s.path, i)
			}
		}
	}
}

func TestHTTPStaysAtTheEdge(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !slices.Contains(s.imports, "net/http") {
			continue
		}
		base := path.Base(s.path)
		from, _ := layer(s.dir)
		page := from == slices.Index(layers, "page") && !strings.HasPrefix(base, "store") && !strings.HasPrefix(base, "service")
		allowed := from < 0 || page || strings.HasPrefix(s.dir, "internal/kit/web") || strings.HasPrefix(s.dir, "internal/kit/ui") ||
			strings.HasPrefix(base, "http") || s.path == "internal/feature/password/breach.go" // a client of a public service
		if !allowed {
			t.Errorf("%s imports net/http: services and stores know nothing of HTTP; serve from an http.go", s.path)
		}
	}
}

func TestThirdPartyTypesStayInTheirRoom(t *testing.T) {
	rooms := map[string][]string{
		"github.com/danielgtaylor/huma":        {"internal/kit/web"},
		"github.com/go-jose/go-jose":           {"internal/kit/jose"},
		"github.com/tink-crypto/tink-go":       {"internal/kit/secret"},
		"github.com/wneessen/go-mail":          {"internal/kit/mail"},
		"github.com/pquerna/otp":               {"internal/feature/totp"},
		"github.com/boombuler/barcode":         {"internal/feature/totp"},
		"github.com/go-webauthn":               {"internal/feature/passkey"},
		"github.com/fxamacker/cbor":            {"internal/feature/passkey"},
		"github.com/oschwald/maxminddb-golang": {"internal/kit/place"},
		"github.com/maxmind/mmdbwriter":        {"internal/kit/place"},
		"github.com/jackc/pgx":                 {"internal/kit/db", "examples/notes"}, // a service has a database of its own
		"modernc.org/sqlite":                   {"internal/kit/db"},
		"github.com/pressly/goose":             {"internal/kit/db"},
		"github.com/go-crypt/crypt":            {"internal/feature/password"},
		"github.com/alecthomas/kong":           {"cmd/gatehouse"},
		"github.com/nicksnyder/go-i18n":        {"internal/kit/ui"},
		"github.com/knadh/koanf":               {"cmd/gatehouse"},
		"database/sql":                         {"internal/kit/db"},
	}
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.dir, "bench") {
			continue
		}
		for _, i := range s.imports {
			for prefix, homes := range rooms {
				home := func(h string) bool { return strings.HasPrefix(s.dir, h) }
				if (i == prefix || strings.HasPrefix(i, prefix+"/")) && !slices.ContainsFunc(homes, home) {
					t.Errorf("%s imports %s: it stays in %v, so that it can be replaced", s.path, i, homes)
				}
			}
		}
	}
}

func TestOnlySignInCreatesSessions(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.dir == "internal/flow/signin" || !slices.Contains(s.imports, module+"/internal/domain/session") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if id, ok := sel.X.(*ast.Ident); ok && id.Name == "session" && sel.Sel.Name == "Create" {
					t.Errorf("%s calls session.Create: the one function that makes sessions is in flow/signin", s.path)
				}
			}
			return true
		})
	}
}

// SQL stays in the stores, and is never put together from values.
func TestSQLStaysInStores(t *testing.T) {
	verbs := []string{"SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM "}
	for _, s := range sources(t) {
		from, _ := layer(s.dir)
		base := path.Base(s.path)
		if s.test || from < 1 || strings.HasPrefix(base, "store") || s.dir == "internal/domain/audit" || strings.Contains(s.dir, "test") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			for _, v := range verbs {
				if strings.HasPrefix(strings.Trim(lit.Value, "`\" \n\t"), v) {
					t.Errorf("%s holds SQL: it belongs in a store.go", s.path)
				}
			}
			return true
		})
	}
}

func TestNoDomainTimeFromTheMachine(t *testing.T) {
	for _, s := range sources(t) {
		from, _ := layer(s.dir)
		if s.test || from < 1 {
			continue
		}
		// hasher.go and calibrate.go measure durations.
		if slices.Contains([]string{"internal/feature/password/hasher.go", "internal/feature/password/queue.go", "internal/feature/password/calibrate.go", "internal/feature/password/breach.go"}, s.path) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if id, ok := sel.X.(*ast.Ident); ok && id.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "After", "Sleep", "NewTimer", "NewTicker"}, sel.Sel.Name) {
					t.Errorf("%s calls time.%s: domain time is tx.Now or the Clock", s.path, sel.Sel.Name)
				}
			}
			return true
		})
	}
}

func TestNoRoomsWithoutAName(t *testing.T) {
	for _, s := range sources(t) {
		for _, part := range strings.Split(s.dir, "/") {
			if slices.Contains([]string{"common", "util", "utils", "helpers", "models", "types", "interfaces"}, part) {
				t.Errorf("%s: a package is named after what it owns", s.path)
			}
		}
	}
}

func TestVerifierIsLight(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", module+"/verifier").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dep := range strings.FieldsSeq(string(out)) {
		if dep != module+"/verifier" && !strings.HasPrefix(dep, module+"/verifier/internal/") {
			t.Errorf("verifier depends on %s: it may need the standard library and nothing else", dep)
		}
	}
}

func TestServerRunsNoCommandsAndNeedsNoCgo(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.dir, "bench") || strings.HasSuffix(s.dir, "test") {
			continue
		}
		for _, i := range s.imports {
			if i == "os/exec" || i == "C" || i == "unsafe" {
				t.Errorf("%s imports %s", s.path, i)
			}
		}
	}
}
