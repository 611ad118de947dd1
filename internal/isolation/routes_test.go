package isolation

import (
	"os"
	"strings"
	"testing"
)

// route is one of the golden file.
type route struct{ path, method, access, permission string }

// routes reads the golden file, so that no route is forgotten here.
func routes(t *testing.T) []route {
	t.Helper()
	golden, err := os.ReadFile("../../testdata/routes.golden")
	if err != nil {
		t.Fatal(err)
	}
	var all []route
	for line := range strings.Lines(string(golden)) {
		f := strings.Fields(line)
		r := route{path: f[0], method: f[1], access: f[2]}
		if len(f) > 3 && strings.Contains(f[3], ".") {
			r.permission = f[3]
		}
		all = append(all, r)
	}
	return all
}
