package console

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var (
	queued = regexp.MustCompile(`jobs\.Job\{Kind: *(\w+),`)
	source = "../.."
)

// Whatever the program puts into the queue is told in words.
func TestEveryKindOfMailHasWords(t *testing.T) {
	found := map[string]bool{}
	for _, pattern := range []string{"domain/*/*.go", "feature/*/*.go", "flow/*/*.go"} {
		files, err := filepath.Glob(filepath.Join(source, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if ok, _ := filepath.Match("*_test.go", filepath.Base(file)); ok {
				continue
			}
			for _, m := range queued.FindAllStringSubmatch(read(t, file), -1) {
				found[constant(t, filepath.Dir(file), m[1])] = true
			}
		}
	}
	for kind := range found {
		if mailKeys[kind] == "" {
			t.Errorf("%q has no words", kind)
		}
	}
	for kind := range mailKeys {
		if !found[kind] {
			t.Errorf("nothing sends %q", kind)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// constant returns the text of a constant of the package in a folder.
func constant(t *testing.T, folder, name string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`(?m)^(?:const)?\s*` + name + `\s*=\s*"([^"]+)"`)
	for _, file := range files {
		if m := declared.FindStringSubmatch(read(t, file)); m != nil {
			return m[1]
		}
	}
	t.Fatalf("%s: there is no constant %s", folder, name)
	return ""
}
