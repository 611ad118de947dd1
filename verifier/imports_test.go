package verifier_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestOnlyTheStandardLibraryIsImported keeps the promise of the package comment: who checks
// tokens takes on no dependency.
func TestOnlyTheStandardLibraryIsImported(t *testing.T) {
	const self = "github.com/gatehouse-auth/gatehouse/verifier"
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", self).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range strings.Fields(string(out)) {
		if path != self && !strings.HasPrefix(path, self+"/internal/") {
			t.Errorf("imports %s", path)
		}
	}
	if !strings.Contains(string(out), self) {
		t.Errorf("go list said %q", out)
	}
}
