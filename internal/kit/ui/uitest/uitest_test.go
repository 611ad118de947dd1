package uitest_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
	"github.com/gatehouse-auth/gatehouse/internal/kit/ui/uitest"
)

// recorder is a test that fails in place of this one.
type recorder struct {
	testing.TB
	said []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

const (
	english = `{"s":{"title":"Title","hello":"Hello {{.who}}","seen":{"one":"{{.n}} visit","other":"{{.n}} visits"}}}`
	german  = `{"s":{"title":"Titel","hello":"Hallo {{.who}}","seen":{"one":"Ein Besuch","other":"{{.n}} Besuche"}}}`
	whole   = `{{/* version 1 */}}{{define "title"}}{{t "s.title"}}{{end}}{{define "body"}}{{if .}}{{t "s.hello" "who" "X"}}{{else}}{{t "s.seen" "n" 1}}{{end}}{{end}}`
)

func set(page, english, german string) ui.Set {
	return ui.Set{Name: "s", Files: fstest.MapFS{"pages/page.html": {Data: []byte(page)}, "locales/en.json": {Data: []byte(english)}, "locales/de.json": {Data: []byte(german)}}}
}

func TestAWholeSetPasses(t *testing.T) {
	uitest.Check(t, set(whole, english, german), map[string][]any{"page": {true, false}})
	uitest.Keys(t, set(whole, english, german), "s.title", "ui.save")
}

// Each mistake fails, with words that lead to it.
func TestMistakesAreFound(t *testing.T) {
	body := func(s string) string {
		return `{{/* version 1 */}}{{define "title"}}T{{end}}{{define "body"}}` + s + `{{end}}`
	}
	for want, s := range map[string]ui.Set{
		"s.none has no English text":                set(body(`{{with .}}{{else}}{{range .}}{{template "submit" (t "s.none")}}{{end}}{{end}}`), english, german),
		"s.hello has a placeholder":                 set(body(`{{t "s.hello"}}`), english, german),
		"does not begin with its version":           set(strings.TrimPrefix(whole, "{{/* version 1 */}}"), english, german),
		"can't evaluate field Missing":              set(body(`{{.Missing}}`), english, german),
		"not exactly one h1":                        set(body(`<h1>again</h1>`), english, german),
		"has the attribute style":                   set(body(`<p style="color:red">x</p>`), english, german),
		"has the attribute onclick":                 set(body(`<p onclick="x()">x</p>`), english, german),
		"the id main stands twice":                  set(body(`<p id="main">x</p>`), english, german),
		"names the id gone":                         set(body(`<p aria-describedby="gone">x</p>`), english, german),
		"has no label":                              set(body(`<input name="x" id="x">`), english, german),
		"an image has no alt":                       set(body(`<img src="/x">`), english, german),
		"does not say its method":                   set(body(`<form></form>`), english, german),
		"locales/de.json lacks s.seen":              set(whole, english, `{"s":{"title":"Titel","hello":"Hallo {{.who}}"}}`),
		"has s.more, which English has not":         set(whole, english, strings.Replace(german, `"title"`, `"more":"x","title"`, 1)),
		"has the placeholders [wer], English [who]": set(whole, english, strings.Replace(german, `.who`, `.wer`, 1)),
		"has the forms [many one other], not":       set(whole, english, strings.Replace(german, `"one"`, `"many":"{{.n}}","one"`, 1)),
		"s.title holds HTML":                        set(whole, english, strings.Replace(german, `Titel`, `<b>Titel</b>`, 1)),
		"s.title is empty":                          set(whole, english, strings.Replace(german, `Titel`, ` `, 1)),
		"s.title holds more than {{.name}}":         set(whole, strings.Replace(english, `Title`, `{{printf \"x\"}}`, 1), german),
		"other.key belongs under s or problem":      set(whole, strings.Replace(english, `{"s"`, `{"other.key":"x","s"`, 1), german),
		"it shows the key s.none.put-together":      set(body(`{{t (printf "s.none.%s" "put-together")}}`), english, german),
		"page page: no sample data":                 set(body(""), english, german),
	} {
		r := &recorder{TB: t}
		samples := map[string][]any{"page": {struct{}{}}}
		if strings.Contains(want, "sample data") {
			samples = nil
		}
		uitest.Check(r, s, samples)
		if !strings.Contains(strings.Join(r.said, "\n"), want) {
			t.Errorf("nobody says %q, but %q", want, r.said)
		}
	}
}

func TestMissingLanguagesAreNamed(t *testing.T) {
	r := &recorder{TB: t}
	uitest.Translated(r, set(whole, english, german))
	if len(r.said) != 6 || !strings.Contains(r.said[0], "locales/fr.json is missing") {
		t.Errorf("%q", r.said)
	}
	uitest.Keys(r, set(whole, english, german), "s.none")
	if !strings.Contains(r.said[len(r.said)-1], "s.none") {
		t.Errorf("%q", r.said)
	}
}
