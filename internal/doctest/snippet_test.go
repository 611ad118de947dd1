package doctest

import (
	"bytes"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/gatehouse-auth/gatehouse"

// wellKnown are packages that statements and declarations need not import.
var wellKnown = map[string]string{
	"context": "context", "errors": "errors", "fmt": "fmt", "http": "net/http", "log": "log", "os": "os", "slog": "log/slog",
	"strings": "strings", "testing": "testing", "time": "time",
	"gatehouse": module, "verifier": module + "/verifier", "gatehousetest": module + "/gatehousetest",
}

// surroundings are what statements may take for granted.
const surroundings = `(ctx context.Context, w http.ResponseWriter, r *http.Request, t *testing.T, h http.Handler, mux *http.ServeMux,
	gh *gatehouse.Gatehouse, v *verifier.Verifier, cfg gatehouse.Config)`

func TestGoSnippetsCompile(t *testing.T) {
	found := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			if b.info != "go" {
				continue
			}
			found++
			for _, problem := range check(t, b.text) {
				t.Errorf("%s:%d: %v", p.name, b.line, problem)
			}
		}
	}
	if found == 0 {
		t.Error("no snippet found")
	}
}

// check type-checks a snippet and returns what is wrong with it. Unused names are fine.
func check(t *testing.T, snippet string) []error {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "snippet.go", complete(snippet), 0)
	if err != nil {
		return []error{err}
	}
	var problems []error
	conf := types.Config{Importer: exported(t, fset), Error: func(err error) {
		if e, ok := err.(types.Error); !ok || !e.Soft { //nolint:errorlint // go/types passes it bare
			problems = append(problems, err)
		}
	}}
	_, _ = conf.Check("snippet", fset, []*ast.File{file}, nil) // Error has them all
	return problems
}

// complete makes a file of a snippet.
func complete(snippet string) string {
	if strings.HasPrefix(strings.TrimSpace(snippet), "package ") {
		return snippet
	}
	body := snippet
	if _, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+snippet, 0); err != nil {
		body = "func _" + surroundings + " error {\n{\n" + snippet + "\n}\nreturn nil\n}\n"
	}
	var imports strings.Builder
	for _, name := range slices.Sorted(maps.Keys(wellKnown)) {
		imports.WriteString("import " + name + " \"" + wellKnown[name] + "\"\n")
	}
	return "package p\n" + imports.String() + body
}

// exports are the compiled packages of the module and all it needs, by import path.
var exports = sync.OnceValues(func() (map[string]string, error) {
	list := exec.Command("go", "list", "-e", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}", "./...")
	list.Dir = root
	list.Env = append(os.Environ(), "CGO_ENABLED=0")
	var problems bytes.Buffer
	list.Stderr = &problems
	out, err := list.Output()
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		files[path] = file
	}
	return files, err
})

func exported(t *testing.T, fset *token.FileSet) types.Importer {
	t.Helper()
	files, err := exports()
	if err != nil {
		t.Fatal(err)
	}
	return importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(files[path]) })
}

// source is a package of ours, type-checked from its files.
type source struct {
	files []*ast.File
	types *types.Package
	info  types.Info
}

// load reads a package by its folder from the root.
func load(t *testing.T, dir string) source {
	t.Helper()
	fset := token.NewFileSet()
	names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no Go files in %s", dir)
	}
	s := source{info: types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		s.files = append(s.files, f)
	}
	conf := types.Config{Importer: exported(t, fset)}
	if s.types, err = conf.Check(dir, fset, s.files, &s.info); err != nil {
		t.Fatal(err)
	}
	return s
}

// What the README mounts is what the library's example mounts and runs.
func TestREADMEMountsWhatTheExampleRuns(t *testing.T) {
	example, err := os.ReadFile(filepath.Join(root, "example_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	p := read(t, "README.md")
	first := p.blocks[slices.IndexFunc(p.blocks, func(b block) bool { return b.info == "go" })]
	mounts := 0
	for line := range strings.Lines(first.text) {
		call, _, _ := strings.Cut(strings.TrimSpace(line), " //")
		if strings.HasPrefix(call, "mux.Handle(\"/") && !strings.Contains(call, "gh.Dev()") {
			mounts++
			if !strings.Contains(string(example), call) {
				t.Errorf("README.md:%d: the example does not run %s", first.line, call)
			}
		}
	}
	if mounts < 2 {
		t.Errorf("README.md:%d: mounts %d handlers", first.line, mounts)
	}
}
