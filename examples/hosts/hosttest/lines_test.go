package hosttest

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// most is how many lines New, mounting, one protected route and Close may take.
const most = 10

// calls are what a host asks Gatehouse to do. Each further route that is protected is the host's own.
var calls = regexp.MustCompile(`\b(gatehouse|verifier)\.New\(|\bgh\.[A-Z]\w*\(`)

func TestMountingTakesFewLines(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"../../embedded", "../chi", "../echo", "../proxy"} {
		lines := marked(t, host+"/main.go")
		if n := len(lines); n > most || n < 8 {
			t.Errorf("%s: mounting takes %d lines, more than %d:\n%s", host, n, most, strings.Join(lines, "\n"))
		}
		shown := "```go\n" + strings.Join(lines, "\n") + "\n```\n"
		if host != "../../embedded" && !strings.Contains(string(readme), shown) {
			t.Errorf("README.md does not show what %s mounts:\n%s", host, shown)
		}
	}
}

// marked returns the lines between the marks of a file, as far left as they go, and those marked by themselves.
func marked(t *testing.T, name string) (all []string) {
	t.Helper()
	source, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	inside, margin := false, ""
	for line := range strings.Lines(string(source)) {
		line = strings.TrimRight(line, "\n")
		code := strings.TrimSpace(line)
		one, alone := strings.CutSuffix(code, " // gatehouse")
		switch {
		case code == "// gatehouse: begin":
			inside, margin = true, line[:strings.Index(line, "/")]
		case code == "// gatehouse: end":
			inside = false
		case inside && code != "":
			all = append(all, strings.TrimPrefix(line, margin))
		case alone:
			all = append(all, one)
		case calls.MatchString(code) && !strings.Contains(code, "gh.Require"):
			t.Errorf("%s: not marked: %s", name, code)
		}
	}
	return all
}
