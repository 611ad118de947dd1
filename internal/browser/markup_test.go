package browser

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// markup collects pages as the server sent them, and has all of them validated in one go.
type markup struct{ folder string }

func newMarkup(t testing.TB) *markup { return &markup{t.TempDir()} }

func (m *markup) add(t testing.TB, name string, source []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(m.folder, name+".html"), source, 0o600); err != nil {
		t.Fatal(err)
	}
}

// problems returns what html-validate finds, and how many pages it looked at.
func (m *markup) problems(t testing.TB) (found []string, pages int) {
	t.Helper()
	tools, err := npmFolder()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(m.folder, "*.html"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	config, err := filepath.Abs("npm/htmlvalidate.json")
	if err != nil {
		t.Fatal(err)
	}
	report := filepath.Join(m.folder, "report.json")
	cmd := exec.CommandContext(t.Context(), "node", append([]string{filepath.Join(tools, "html-validate/bin/html-validate.mjs"),
		"--config", config, "--formatter", "json=" + report}, files...)...)
	complaint, failure := cmd.CombinedOutput() // its code tells whether it found something
	out, err := os.ReadFile(report)
	if err != nil {
		t.Fatalf("html-validate: %v: %s", failure, complaint)
	}
	var results []struct {
		FilePath string
		Messages []struct {
			RuleID, Message string
			Line            int
		}
	}
	if err := json.Unmarshal(out, &results); err != nil {
		t.Fatalf("html-validate: %v", err)
	}
	for _, r := range results {
		for _, p := range r.Messages {
			found = append(found, fmt.Sprintf("%s:%d: %s (%s)", filepath.Base(r.FilePath), p.Line, p.Message, p.RuleID))
		}
	}
	return found, len(files)
}
