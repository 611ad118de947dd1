package doctest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var drawnCall = regexp.MustCompile(`\b(GET|POST|PATCH|DELETE) ([a-z0-9{}/_-]+/)`)

// The diagrams of ARCHITECTURE.md name calls of the API. Each of them is a route, as reviewed in the
// golden file, so that a changed flow cannot leave its picture behind.
func TestDiagramsNameRoutesThatExist(t *testing.T) {
	golden, err := os.ReadFile(filepath.Join(root, "testdata/routes.golden"))
	if err != nil {
		t.Fatal(err)
	}
	var routes []string
	for line := range strings.Lines(string(golden)) {
		if f := strings.Fields(line); len(f) == 3 {
			routes = append(routes, f[1]+" "+f[0])
		}
	}
	found := 0
	p := read(t, "ARCHITECTURE.md")
	for _, b := range p.blocks {
		if b.info != "text" {
			continue
		}
		for _, call := range drawnCall.FindAllStringSubmatch(b.text, -1) {
			found++
			if route := call[1] + " /" + strings.TrimPrefix(call[2], "/"); !slices.Contains(routes, route) {
				t.Errorf("%s:%d: there is no %s", p.name, b.line, route)
			}
		}
	}
	if found < 5 {
		t.Errorf("only %d calls are drawn", found)
	}
}
