package doctest

import (
	"go/ast"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// table returns the rows of the first table under a heading, each cell trimmed.
func table(t *testing.T, p page, under string) [][]string {
	t.Helper()
	_, text, ok := strings.Cut("\n"+p.text, "\n"+under+"\n")
	if !ok {
		t.Fatalf("%s: there is no heading %q", p.name, under)
	}
	var rows [][]string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "|"):
			cells := strings.Split(strings.Trim(line, "|"), "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows = append(rows, cells)
		case len(rows) > 0:
			return rows[2:] // without its head
		case strings.HasPrefix(line, "#"):
			t.Fatalf("%s: there is no table under %q", p.name, under)
		}
	}
	if len(rows) < 3 {
		t.Fatalf("%s: there is no table under %q", p.name, under)
	}
	return rows[2:]
}

var code = regexp.MustCompile("`([^`]+)`")

// named returns what stands in backticks in the cells of one column.
func named(rows [][]string, column int) []string {
	var all []string
	for _, row := range rows {
		for _, m := range code.FindAllStringSubmatch(row[column], -1) {
			all = append(all, m[1])
		}
	}
	return all
}

// same reports what a document lacks or makes up.
func same(t *testing.T, what string, documented, there []string) {
	t.Helper()
	if len(there) == 0 {
		t.Errorf("%s: nothing found in the source", what)
	}
	seen := map[string]bool{}
	for _, name := range documented {
		if seen[name] {
			t.Errorf("%s: %s is documented twice", what, name)
		}
		seen[name] = true
		if !slices.Contains(there, name) {
			t.Errorf("%s: %s is documented and not there", what, name)
		}
	}
	for _, name := range there {
		if !seen[name] {
			t.Errorf("%s: %s is not documented", what, name)
		}
	}
}

// packagesOf returns the module's packages by their folders, and those of the module within it.
func packagesOf(t *testing.T) []string {
	t.Helper()
	var there []string
	for _, dir := range []string{".", "examples/hosts"} {
		list := exec.CommandContext(t.Context(), "go", "list", "-e", "./...")
		list.Dir = filepath.Join(root, dir)
		out, err := list.Output()
		if err != nil {
			t.Fatal(err)
		}
		for path := range strings.FieldsSeq(string(out)) {
			there = append(there, strings.TrimPrefix(strings.TrimPrefix(path, module), "/"))
		}
	}
	there[slices.Index(there, "")] = "."
	return there
}

func TestArchitectureListsEveryPackage(t *testing.T) {
	same(t, "packages", named(table(t, read(t, "ARCHITECTURE.md"), "## Every package"), 0), packagesOf(t))
}

func TestDjangoPartsHaveTheirPlace(t *testing.T) {
	there := packagesOf(t)
	for _, name := range named(table(t, read(t, "ARCHITECTURE.md"), "## Where a Django project's parts are"), 1) {
		if name != "http.go" && !slices.Contains(there, name) {
			t.Errorf("ARCHITECTURE.md: there is no package %s", name)
		}
	}
}

func TestClaimsAreDocumented(t *testing.T) {
	var there []string
	for _, f := range load(t, "internal/flow/signin").files {
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.Name == "claims" {
				there = append(there, tags(spec, "json")...)
			}
			return true
		})
	}
	same(t, "claims", named(table(t, read(t, "docs/tokens-and-sessions.md"), "## Claims of an access token"), 0), there)
}

// tags returns what the members of a struct are called under a key of their tags.
func tags(spec *ast.TypeSpec, key string) []string {
	var all []string
	for _, member := range spec.Type.(*ast.StructType).Fields.List {
		if member.Tag == nil {
			continue
		}
		if m := regexp.MustCompile(key + `:"([^",]+)`).FindStringSubmatch(member.Tag.Value); m != nil {
			all = append(all, m[1])
		}
	}
	return all
}

var (
	createTable = regexp.MustCompile(`(?s)CREATE TABLE (\w+) \((.*?)\n\);`)
	addColumn   = regexp.MustCompile(`(?m)^ALTER TABLE (\w+) ADD COLUMN (\w+)`)
	column      = regexp.MustCompile(`(?m)^  ([a-z_]+) +[A-Z]+`)
)

func TestEveryColumnIsClassified(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "internal/kit/db/migrations/*.sql"))
	if err != nil {
		t.Fatal(err)
	}
	var there []string
	for _, name := range files {
		sql, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range createTable.FindAllStringSubmatch(string(sql), -1) {
			for _, c := range column.FindAllStringSubmatch(m[2], -1) {
				there = append(there, m[1]+"."+c[1])
			}
		}
		for _, m := range addColumn.FindAllStringSubmatch(string(sql), -1) {
			there = append(there, m[1]+"."+m[2])
		}
	}
	same(t, "columns", named(table(t, read(t, "docs/data-classification.md"), "## Columns"), 0), there)
}

func TestMetricsAreDocumented(t *testing.T) {
	var there []string
	for _, f := range load(t, ".").files {
		ast.Inspect(f, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && len(call.Args) > 1 {
				if sel, ok := call.Fun.(*ast.SelectorExpr); ok && (sel.Sel.Name == "counter" || sel.Sel.Name == "gauge") {
					there = append(there, literal(call.Args[0]))
				}
			}
			return true
		})
	}
	same(t, "metrics", named(table(t, read(t, "docs/operations.md"), "## Metrics"), 0), there)
}

var variable = regexp.MustCompile(`GATEHOUSE_[A-Z_]*[A-Z]\b`)

// A variable that a document names is a setting, or one of those that only tests read.
func TestVariablesExist(t *testing.T) {
	known := map[string]bool{"GATEHOUSE_CONFIG": true, "GATEHOUSE_TEST_DATABASE_URL": true, "GATEHOUSE_SCREENSHOTS": true, "GATEHOUSE_BROWSER": true}
	for _, s := range settings(t) {
		known[s.variable()] = true
		known[s.variable()+"_FILE"] = s.secret
	}
	for _, f := range load(t, "gatehousetest").files {
		for _, comment := range f.Comments {
			for _, name := range variable.FindAllString(comment.Text(), -1) {
				known[name] = true
			}
		}
	}
	for _, p := range pages(t) {
		for _, name := range variable.FindAllString(p.text, -1) {
			if !known[name] && !strings.HasSuffix(name, "_") && !isGroup(known, name) {
				t.Errorf("%s: %s is no setting", p.name, name)
			}
		}
	}
}

func isGroup(known map[string]bool, name string) bool {
	for k := range maps.Keys(known) {
		if strings.HasPrefix(k, name+"__") {
			return true
		}
	}
	return false
}
