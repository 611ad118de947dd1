package ui

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

//go:embed pages locales
var files embed.FS

// builtin holds the layouts, the shared templates and the shared words.
var builtin = Set{Name: "ui", Files: files}

// shared are the files that every page is built on, beside its layout.
var shared = []string{"ui/parts", "ui/form", "ui/chart"}

// engine reads templates when they are first used, once, and keeps one copy a language, whose
// functions are bound to it.
type engine struct {
	ui        *UI
	sets      map[string]Set
	overrides map[string]string // text by name
	cache     *cache
}

type cache struct {
	mu     sync.Mutex
	bases  map[string]*template.Template // by layout
	parsed map[string]*template.Template // by page; never executed, so that they can be cloned
	ready  map[string]*template.Template // by page and language
}

func newEngine(u *UI, sets []Set, overrides fs.FS) (engine, error) {
	e := engine{ui: u, sets: map[string]Set{}, overrides: map[string]string{}, cache: &cache{
		bases: map[string]*template.Template{}, parsed: map[string]*template.Template{}, ready: map[string]*template.Template{}}}
	for _, s := range sets {
		if _, taken := e.sets[s.Name]; taken || s.Name == "" || strings.Contains(s.Name, "/") {
			return e, fmt.Errorf("ui: set %q: each set has a name of its own", s.Name)
		}
		switch s.Layout {
		case "":
			s.Layout = "card"
		case "card", "home", "console":
		default:
			return e, fmt.Errorf("ui: set %s: there is no layout %q", s.Name, s.Layout)
		}
		switch {
		case s.Assets == "" && s.Layout == "console":
			s.Assets = "/console/assets/"
		case s.Assets == "":
			s.Assets = "/account/assets/"
		}
		e.sets[s.Name] = s
	}
	if overrides == nil {
		return e, nil
	}
	return e, errors.Join(e.override(overrides)...)
}

// version is what a template file says first: which contract between page and program it is
// written for.
var version = regexp.MustCompile(`^\{\{/\* version ([0-9]{1,6}) \*/\}\}`)

func versionOf(text string) string {
	if m := version.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return "none"
}

// override reads an operator's files and returns all that is wrong with them.
func (e engine) override(files fs.FS) (problems []error) {
	err := fs.WalkDir(files, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		if err := e.overrideFile(files, file); err != nil {
			problems = append(problems, err)
		}
		return nil
	})
	if err != nil {
		problems = append(problems, fmt.Errorf("ui: overrides: %w", err))
	}
	for _, name := range slices.Sorted(maps.Keys(e.overrides)) {
		if err := e.try(name); err != nil {
			problems = append(problems, fmt.Errorf("ui: override %s.html: %w", name, err))
		}
	}
	return problems
}

func (e engine) overrideFile(files fs.FS, file string) error {
	name, html := strings.CutSuffix(file, ".html")
	original, known := e.Builtin(name)
	if !html || !known {
		return fmt.Errorf("ui: override %s: there is no such page; remove the file or give it the name of one", file)
	}
	text, err := fs.ReadFile(files, file)
	if err != nil {
		return fmt.Errorf("ui: override %s: %w", file, err)
	}
	if own, now := versionOf(string(text)), versionOf(original); own != now {
		return fmt.Errorf("ui: override %s: it is written for version %s of the page, which now is version %s; "+
			"bring over what changed and begin the file with {{/* version %s */}}", file, own, now, now)
	}
	e.overrides[name] = string(text)
	return nil
}

// try parses and escapes a page without data. Only mistakes of the template itself count.
func (e engine) try(name string) error {
	names := []string{name}
	if set, _, _ := strings.Cut(name, "/"); set == builtin.Name {
		names = nil // a layout is tried in each layout
		for _, layout := range []string{"card", "home", "console"} {
			if _, err := e.base(layout); err != nil {
				return err
			}
		}
	}
	for _, name := range names {
		t, err := e.page(name, languages[0].Tag)
		if err != nil {
			return err
		}
		var mistake *template.Error
		if err := t.ExecuteTemplate(io.Discard, "layout", view{}); errors.As(err, &mistake) {
			return err
		}
	}
	return nil
}

// Builtin returns the text of the page SET/NAME as it is built in.
func (e engine) Builtin(name string) (text string, ok bool) {
	set, file, _ := strings.Cut(name, "/")
	s, ok := e.sets[set]
	if !ok || s.Files == nil || !fs.ValidPath("pages/"+file+".html") {
		return "", false
	}
	found, err := fs.ReadFile(s.Files, "pages/"+file+".html")
	return string(found), err == nil
}

// text returns the page as it is used.
func (e engine) text(name string) (string, error) {
	if text, ok := e.overrides[name]; ok {
		return text, nil
	}
	if text, ok := e.Builtin(name); ok {
		return text, nil
	}
	return "", fmt.Errorf("ui: there is no page %s", name)
}

// Names returns the names of all templates, SET/NAME, sorted.
func (e engine) Names() []string {
	var names []string
	for _, s := range e.sets {
		if s.Files == nil {
			continue
		}
		found, _ := fs.Glob(s.Files, "pages/*.html") // the pattern is good, which is all it can complain of
		for _, file := range found {
			names = append(names, s.Name+"/"+strings.TrimSuffix(path.Base(file), ".html"))
		}
	}
	slices.Sort(names)
	return names
}

// page returns the page for one language, ready to be executed.
func (e engine) page(name, lang string) (*template.Template, error) {
	c := e.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	if t, ok := c.ready[lang+" "+name]; ok {
		return t, nil
	}
	pristine, err := e.parse(name)
	if err != nil {
		return nil, err
	}
	t, err := pristine.Clone()
	if err != nil {
		return nil, fmt.Errorf("ui: %w", err)
	}
	set, _, _ := strings.Cut(name, "/")
	t.Funcs(e.ui.functions(lang, e.sets[set].Assets))
	c.ready[lang+" "+name] = t
	return t, nil
}

// parse returns the page on top of its layout. The caller holds the lock.
func (e engine) parse(name string) (*template.Template, error) {
	if t, ok := e.cache.parsed[name]; ok {
		return t, nil
	}
	text, err := e.text(name)
	if err != nil {
		return nil, err
	}
	set, _, _ := strings.Cut(name, "/")
	base, err := e.base(e.sets[set].Layout)
	if err != nil {
		return nil, err
	}
	t, err := base.Clone()
	if err != nil {
		return nil, fmt.Errorf("ui: %w", err)
	}
	if _, err := t.New(name).Parse(text); err != nil {
		return nil, fmt.Errorf("ui: %w", err)
	}
	e.cache.parsed[name] = t
	return t, nil
}

// base returns a layout and what all pages share.
func (e engine) base(layout string) (*template.Template, error) {
	if t, ok := e.cache.bases[layout]; ok {
		return t, nil
	}
	t := template.New(layout).Funcs(e.ui.functions(languages[0].Tag, ""))
	for _, name := range append(slices.Clip(shared), "ui/"+layout) {
		text, err := e.text(name)
		if err != nil {
			return nil, err
		}
		if _, err := t.New(name).Parse(text); err != nil {
			return nil, fmt.Errorf("ui: %w", err)
		}
	}
	e.cache.bases[layout] = t
	return t, nil
}

// Builtin returns the text of the template SET/NAME as it is built in, for an operator who wants
// to replace it.
func (u *UI) Builtin(name string) (text string, ok bool) { return u.engine.Builtin(name) }

// Names returns the names of all templates, SET/NAME, sorted.
func (u *UI) Names() []string { return u.engine.Names() }
