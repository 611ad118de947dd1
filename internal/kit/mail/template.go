package mail

import (
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	texttemplate "text/template"
)

// fallback is the language that has every template, used where another is missing.
const fallback = "en"

//go:embed templates
var builtin embed.FS

// Builtin returns the templates that come with the program, in the layout that
// [NewTemplates] reads.
func Builtin() fs.FS {
	files, err := fs.Sub(builtin, "templates")
	if err != nil {
		panic("mail: " + err.Error()) // the name above is a valid path
	}
	return files
}

// Templates renders messages. It is safe for concurrent use.
type Templates struct {
	byLocale map[string]map[string]*kind
}

// kind is one template in one language.
type kind struct {
	text *texttemplate.Template // "subject", and the layout around "body"
	html *htmltemplate.Template // the layout around "body"
}

// NewTemplates loads the given kinds from files:
//
//	layout.txt, layout.html          what stands around every body
//	LOCALE/KIND.txt                  defines "subject" and "body", text/template
//	LOCALE/KIND.html                 defines "body", html/template
//
// They are executed with [Data] and the functions link (writes a URL), when
// (writes a time) and lang (the language of this file). The language en
// must have every kind; any other may leave kinds out. Each template is parsed
// and tried with sample data here: one that is broken, incomplete or unknown is
// an error now, not on the day it is needed. Templates come with the program or
// from its operator, never from a user.
func NewTemplates(files fs.FS, kinds ...string) (*Templates, error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, fmt.Errorf("mail: templates: %w", err)
	}
	t := &Templates{byLocale: map[string]map[string]*kind{}}
	var problems []error
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		loaded, err := load(files, entry.Name(), kinds)
		problems = append(problems, err)
		t.byLocale[strings.ToLower(entry.Name())] = loaded
	}
	for _, name := range kinds {
		if t.byLocale[fallback][name] == nil {
			problems = append(problems, fmt.Errorf("%s/%s: missing or broken, and the language all others fall back to", fallback, name))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("mail: templates: %w", err)
	}
	return t, nil
}

// Render writes one message. The locale is a BCP 47 tag; the language is found by
// cutting it from the right (de-AT, de) and at last is en. It fails on an
// unknown kind and when d lacks something that the template needs; the error
// holds no value of d.
func (t *Templates) Render(name, locale string, d Data) (subject, text, html string, err error) {
	k := t.find(name, locale)
	if k == nil {
		return "", "", "", fmt.Errorf("mail: render: no template %q", name)
	}
	subject, text, html, err = k.render(d)
	if err != nil {
		return "", "", "", fmt.Errorf("mail: render %s: %w", name, err)
	}
	return subject, text, html, nil
}

func (t *Templates) find(name, locale string) *kind {
	locale = strings.ToLower(strings.ReplaceAll(locale, "_", "-"))
	for locale != "" {
		if k := t.byLocale[locale][name]; k != nil {
			return k
		}
		locale = locale[:max(strings.LastIndexByte(locale, '-'), 0)]
	}
	return t.byLocale[fallback][name]
}

// load reads one language. It returns what it could read, and every problem.
func load(files fs.FS, locale string, kinds []string) (map[string]*kind, error) {
	entries, err := fs.ReadDir(files, locale)
	if err != nil {
		return nil, err
	}
	var problems []error
	present := map[string]bool{}
	for _, entry := range entries {
		name, ext, _ := strings.Cut(entry.Name(), ".")
		if !slices.Contains(kinds, name) || (ext != "txt" && ext != "html") {
			problems = append(problems, fmt.Errorf("%s/%s: there is no such kind of message", locale, entry.Name()))
		}
		present[name] = true
	}
	loaded := map[string]*kind{}
	for _, name := range kinds {
		if !present[name] {
			continue
		}
		k, err := parse(files, locale, name)
		if err == nil {
			_, _, _, err = k.render(sample())
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s/%s: %w", locale, name, err))
			continue
		}
		loaded[name] = k
	}
	return loaded, errors.Join(problems...)
}

func parse(files fs.FS, locale, name string) (*kind, error) {
	funcs := map[string]any{"link": link, "when": when, "lang": func() string { return locale }}
	file := path.Join(locale, name)
	text, err := texttemplate.New("layout.txt").Funcs(funcs).ParseFS(files, "layout.txt", file+".txt")
	if err != nil {
		return nil, err
	}
	html, err := htmltemplate.New("layout.html").Funcs(funcs).ParseFS(files, "layout.html", file+".html")
	if err != nil {
		return nil, err
	}
	return &kind{text: text, html: html}, nil
}

func (k *kind) render(d Data) (subject, text, html string, err error) {
	d, err = d.clean()
	if err != nil {
		return "", "", "", err
	}
	write := func(execute func(io.Writer) error) string {
		var out strings.Builder
		err = errors.Join(err, execute(&out))
		return out.String()
	}
	subject = oneLine(write(func(w io.Writer) error { return k.text.ExecuteTemplate(w, "subject", d) }))
	text = write(func(w io.Writer) error { return k.text.Execute(w, d) })
	html = write(func(w io.Writer) error { return k.html.Execute(w, d) })
	if err == nil && subject == "" {
		err = errors.New("the subject is empty")
	}
	return subject, text, html, err
}
