package arch

import (
	"encoding/json"
	"go/ast"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tongues are the languages that everything for people is written in; English is what the code says.
var tongues = []string{"en", "ar", "de", "es", "fr", "ja", "pt", "zh"}

var placeholder = regexp.MustCompile(`\{\{\.\w+\}\}`)

// problems returns the texts of problems in one language, plural forms joined.
func problems(t *testing.T, lang string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile("../kit/ui/locales/problem." + lang + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Problem map[string]any `json:"problem"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatalf("%s: %v", lang, err)
	}
	texts := map[string]string{}
	for key, text := range file.Problem {
		switch text := text.(type) {
		case string:
			texts[key] = text
		case map[string]any:
			texts[key], _ = text["other"].(string)
		}
		if strings.TrimSpace(texts[key]) == "" {
			t.Errorf("%s: %s is empty", lang, key)
		}
	}
	return texts
}

// The codes are those of docs/errors.md: TestErrorCodesAreDocumented holds the two together.
func TestEveryProblemIsTranslated(t *testing.T) {
	english := problems(t, "en")
	for _, c := range codes(t) {
		if english[c.name] != c.detail {
			t.Errorf("problem.en.json: %s is %q, and the code says %q", c.name, english[c.name], c.detail)
		}
	}
	known := slices.Collect(maps.Values(english))
	for detail, path := range details(t) {
		if !slices.Contains(known, detail) {
			t.Errorf("problem.en.json: lacks %q of %s", detail, path)
		}
	}
	for _, lang := range tongues[1:] {
		texts := problems(t, lang)
		for key, text := range english {
			if translated, ok := texts[key]; !ok {
				t.Errorf("problem.%s.json: lacks %s", lang, key)
			} else if !slices.Equal(placeholder.FindAllString(translated, -1), placeholder.FindAllString(text, -1)) {
				t.Errorf("problem.%s.json: %s has other placeholders than English", lang, key)
			}
		}
		for key := range texts {
			if _, ok := english[key]; !ok {
				t.Errorf("problem.%s.json: there is no %s in English", lang, key)
			}
		}
	}
}

// details collects every sentence that a fault may say instead of its own or about a field, with
// where it stands: literals, and formats with one number.
func details(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, s := range sources(t) {
		if s.test || s.dir == "internal/domain/domaintest" || strings.HasPrefix(s.dir, "examples") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			detail := ""
			switch n := n.(type) {
			case *ast.CallExpr:
				detail = said(n)
			case *ast.FuncDecl:
				if n.Name.Name != "explain" {
					return true
				}
				ast.Inspect(n, func(n ast.Node) bool {
					if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) == 3 && sentence(r.Results[2]) != "" {
						found[sentence(r.Results[2])] = s.path
					}
					return true
				})
			}
			if detail != "" {
				found[detail] = s.path
			}
			return true
		})
	}
	if len(found) < 30 {
		t.Fatalf("only %d sentences found: the search is broken", len(found))
	}
	return found
}

// said returns the sentence that a call gives a fault.
func said(call *ast.CallExpr) string {
	called := name(call.Fun)
	if f, ok := call.Fun.(*ast.SelectorExpr); ok {
		called = f.Sel.Name
		if called == "New" && name(f.X) != "fault" {
			return ""
		}
	}
	switch {
	case len(call.Args) == 1 && called == "WithDetail":
		return sentence(call.Args[0])
	case len(call.Args) == 3 && slices.Contains([]string{"New", "WithField", "refuse"}, called):
		return sentence(call.Args[2])
	}
	return ""
}

// sentence returns a literal, or a format with its number as the catalogue writes it.
func sentence(e ast.Expr) string {
	if call, ok := e.(*ast.CallExpr); ok && len(call.Args) == 2 {
		if f, ok := call.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" {
			return strings.Replace(literal(call.Args[0]), "%d", "{{.n}}", 1)
		}
	}
	if whole, ok := e.(*ast.BasicLit); ok {
		return literal(whole)
	}
	return ""
}
