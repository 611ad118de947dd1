// Package uitest checks what a package brings to the pages: that its templates render in every
// language, and that its texts are whole. Each package with a ui.Set calls Check in a test.
package uitest

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

// Check runs Texts and Pages.
func Check(t testing.TB, set ui.Set, samples map[string][]any) {
	t.Helper()
	Texts(t, set)
	Pages(t, set, samples)
}

// Pages renders every page of set with every one of its samples (by page name, without the set) in
// every language, and holds the result to what every page owes: one h1, nothing inline that the
// policy refuses, no id twice, a label for each field, and no key in place of its text. A page without a sample fails.
func Pages(t testing.TB, set ui.Set, samples map[string][]any) {
	t.Helper()
	u := newUI(t, set)
	for name := range samples {
		if _, ok := u.Builtin(set.Name + "/" + name); !ok {
			t.Errorf("there is a sample for %s, but no such page", name)
		}
	}
	for name := range templates(t, set) {
		if len(samples[name]) == 0 {
			t.Errorf("page %s: no sample data", name)
		}
		for _, data := range samples[name] {
			for _, l := range ui.Languages() {
				text, err := render(t, u, l.Tag, ui.Page{Name: set.Name + "/" + name, Data: data})
				if err != nil {
					t.Errorf("page %s in %s: %v", name, l.Tag, err)
					continue
				}
				for _, complaint := range append(Complaints(text), rawKeys(text, set.Name)...) {
					t.Errorf("page %s in %s: %s", name, l.Tag, complaint)
				}
			}
		}
	}
}

func newUI(t testing.TB, sets ...ui.Set) *ui.UI {
	t.Helper()
	u, err := ui.New(ui.Config{}, sets...)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func render(t testing.TB, u *ui.UI, lang string, p ui.Page) (string, error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/account/?lang="+lang, nil)
	w := httptest.NewRecorder()
	err := u.Write(w, r, p)
	return w.Body.String(), err
}

// templates returns the text of set's pages by name.
func templates(t testing.TB, set ui.Set) map[string]string {
	t.Helper()
	files, err := fs.Glob(set.Files, "pages/*.html")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, file := range files {
		text, err := fs.ReadFile(set.Files, file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(text), "{{/* version ") {
			t.Errorf("%s does not begin with its version, {{/* version 1 */}}", file)
		}
		found[strings.TrimSuffix(strings.TrimPrefix(file, "pages/"), ".html")] = string(text)
	}
	return found
}

// Complaints returns what is wrong with a rendered page.
func Complaints(text string) (complaints []string) {
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return []string{err.Error()}
	}
	p := page{ids: map[string]int{}, labels: map[string]bool{}}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			p.element(n)
		}
	}
	return append(p.complaints, p.sum(text)...)
}

// rawKeys complains of each key of a text of set that a page shows, which is what it does where a key that
// was put together has no text.
func rawKeys(text, set string) (complaints []string) {
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return []string{err.Error()}
	}
	key := regexp.MustCompile(`\b(?:ui|` + regexp.QuoteMeta(set) + `)\.[a-z0-9_]+\.[a-z0-9_.-]+`)
	for n := range root.Descendants() {
		if n.Type != html.TextNode {
			continue
		}
		for _, found := range key.FindAllString(n.Data, -1) {
			complaints = append(complaints, "it shows the key "+found)
		}
	}
	return complaints
}

type page struct {
	h1         int
	ids        map[string]int
	labels     map[string]bool
	refers     []string
	unnamed    []string
	complaints []string
}

func (p *page) element(n *html.Node) {
	a := map[string]string{}
	for _, attr := range n.Attr {
		a[attr.Key] = attr.Val
		if attr.Key == "style" || strings.HasPrefix(attr.Key, "on") {
			p.complaints = append(p.complaints, "<"+n.Data+"> has the attribute "+attr.Key+", which the policy refuses")
		}
	}
	if id, ok := a["id"]; ok {
		p.ids[id]++
	}
	p.refers = append(p.refers, strings.Fields(a["aria-describedby"]+" "+a["aria-labelledby"]+" "+a["aria-controls"])...)
	switch n.Data {
	case "h1":
		p.h1++
	case "style", "iframe", "object", "embed", "base":
		if n.Data != "iframe" {
			p.complaints = append(p.complaints, "there is a <"+n.Data+">")
		}
	case "label":
		p.labels[a["for"]] = true
	case "input", "select", "textarea":
		hidden := a["type"] == "hidden" || has(a, "hidden")
		if !hidden && a["aria-label"] == "" && a["aria-labelledby"] == "" && !within(n, "label") {
			p.unnamed = append(p.unnamed, a["id"])
		}
	case "img":
		if !has(a, "alt") {
			p.complaints = append(p.complaints, "an image has no alt")
		}
	case "form":
		if a["method"] == "" || a["action"] == "" {
			p.complaints = append(p.complaints, "a form does not say its method and action")
		}
	}
}

func (p *page) sum(text string) (complaints []string) {
	if p.h1 != 1 {
		complaints = append(complaints, "there is not exactly one h1")
	}
	for id, n := range p.ids {
		if n > 1 {
			complaints = append(complaints, "the id "+id+" stands twice")
		}
	}
	for _, id := range p.refers {
		if p.ids[id] == 0 {
			complaints = append(complaints, "an aria attribute names the id "+id+", which is missing")
		}
	}
	for _, id := range p.unnamed {
		if id == "" || !p.labels[id] {
			complaints = append(complaints, "the field with id \""+id+"\" has no label")
		}
	}
	for _, sign := range []string{"ZgotmplZ", "<no value>", "&lt;no value&gt;", "%!"} {
		if strings.Contains(text, sign) {
			complaints = append(complaints, "it holds "+sign)
		}
	}
	return complaints
}

func has(a map[string]string, key string) bool {
	_, ok := a[key]
	return ok
}

func within(n *html.Node, tag string) bool {
	for a := range n.Ancestors() {
		if a.Data == tag {
			return true
		}
	}
	return false
}
