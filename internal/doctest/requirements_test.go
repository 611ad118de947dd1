package doctest

import (
	"encoding/csv"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// numbers is how many requirements there are.
const numbers = 174

func TestRequirementsNameTestsThatExist(t *testing.T) {
	f, err := os.Open(filepath.Join(root, "docs/requirements.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(rows[0], ",") != "number,state,tests,note" {
		t.Fatalf("the head is %v", rows[0])
	}
	seen := map[int]bool{}
	for _, row := range rows[1:] {
		n, err := strconv.Atoi(row[0])
		if err != nil || n < 1 || n > numbers || seen[n] {
			t.Errorf("%q is no number from 1 to %d that was not there before", row[0], numbers)
		}
		seen[n] = true
		checkRow(t, row)
	}
	if len(seen) != numbers {
		t.Errorf("%d of %d requirements have a row", len(seen), numbers)
	}
}

func checkRow(t *testing.T, row []string) {
	t.Helper()
	number, state, tests, note := row[0], row[1], strings.Fields(row[2]), row[3]
	switch {
	case !slices.Contains([]string{"proven", "partial", "later"}, state):
		t.Errorf("%s: the state is proven, partial or later, not %q", number, state)
	case state == "proven" && len(tests) == 0:
		t.Errorf("%s: proven by what?", number)
	case state == "partial" && note == "":
		t.Errorf("%s: what is missing?", number)
	case state == "later" && len(tests) > 0:
		t.Errorf("%s: has tests and is for later", number)
	}
	for _, name := range tests {
		dir, fn, ok := strings.Cut(name, ":")
		if !ok || !slices.Contains(testsIn(t, dir), fn) {
			t.Errorf("%s: there is no test %s", number, name)
		}
	}
}

var testsOf = map[string][]string{}

// testsIn returns the names of the tests, fuzz tests, examples and scripts of a folder. A script
// is named with its ending: keys.txtar.
func testsIn(t *testing.T, dir string) []string {
	t.Helper()
	if known, ok := testsOf[dir]; ok {
		return known
	}
	all := []string{}
	files, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil {
				all = append(all, fn.Name.Name)
			}
		}
	}
	scripts, _ := filepath.Glob(filepath.Join(root, dir, "*.txtar"))
	for _, name := range scripts {
		all = append(all, filepath.Base(name))
	}
	testsOf[dir] = all
	return all
}
