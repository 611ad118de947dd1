package mail

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// fallback is the language that has every template, used where another is missing.
const fallback = "en"

//go:embed templates
var builtin embed.FS

// Builtin returns the templates that come with the program, in the layout that
// [NewTemplates] reads: a start for an operator's own.
func Builtin() fs.FS {
	files, err := fs.Sub(builtin, "templates")
	if err != nil {
		panic("mail: " + err.Error()) // the name above is a valid path
	}
	return files
}

// Templates renders messages. It is safe for concurrent use.
type Templates struct {
	over      fs.FS // nil: none
	under     fs.FS
	kinds     []string
	languages map[string]*language // by tag in lower case
	frame     func() (*frame, error)
}

// NewTemplates returns the built-in templates for the given kinds with an operator's laid over
// them: a file of overrides replaces its namesake, a new folder is a new language. Nil overrides
// nothing. The files are
//
//	LOCALE/KIND.txt          the texts of one kind of message, see language.go
//	LOCALE/words.txt         the words that all kinds share, and how a time is written
//	layout.txt, layout.html  what makes a mail's two parts of them
//
// The built-in ones are parsed when they are first needed. Whatever differs from them is parsed
// and tried with sample data here: a file that is broken, incomplete or of an unknown name is an
// error now, not on the day it is needed. Names that begin with a dot are passed over. Templates
// come with the program or from its operator, never from a user.
func NewTemplates(overrides fs.FS, kinds ...string) (*Templates, error) {
	t := &Templates{over: overrides, under: Builtin(), kinds: kinds, languages: map[string]*language{}}
	t.frame = sync.OnceValues(t.readFrame)
	_, err := t.add(t.under)
	problems := []error{err}
	if overrides != nil {
		files, err := t.add(overrides)
		problems = append(problems, err)
		problems = append(problems, t.try(files)...)
	}
	for _, name := range kinds {
		if t.languages[fallback].kinds[name] == nil {
			problems = append(problems, fmt.Errorf("%s/%s.txt: missing, and the language all others fall back to", fallback, name))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("mail: templates: %w", err)
	}
	return t, nil
}

// Languages returns the tags of all languages, English first.
func (t *Templates) Languages() []string {
	var tags []string
	for _, l := range t.languages {
		tags = append(tags, l.tag)
	}
	slices.SortFunc(tags, func(a, b string) int {
		switch fallback {
		case a:
			return -1
		case b:
			return 1
		}
		return strings.Compare(a, b)
	})
	return tags
}

// Render writes one message. The locale is a BCP 47 tag; the language is found by
// cutting it from the right (de-AT, de) and at last is en. It fails on an
// unknown kind and when d lacks something that the template needs; the error
// holds no value of d.
func (t *Templates) Render(name, locale string, d Data) (subject, text, html string, err error) {
	l := t.find(name, locale)
	if l == nil {
		return "", "", "", fmt.Errorf("mail: render: no template %q", name)
	}
	subject, text, html, err = t.render(l, name, d)
	if err != nil {
		return "", "", "", fmt.Errorf("mail: render %s: %w", name, err)
	}
	return subject, text, html, nil
}

func (t *Templates) render(l *language, name string, d Data) (subject, text, html string, err error) {
	d, err = d.clean()
	if err != nil {
		return "", "", "", err
	}
	v, err := l.view(name, d)
	if err != nil {
		return "", "", "", err
	}
	f, err := t.frame()
	if err != nil {
		return "", "", "", err
	}
	text, html, err = f.render(v)
	return v.Subject, text, html, err
}

// find returns the nearest language that has this kind of message; nil: there is no such kind.
func (t *Templates) find(name, locale string) *language {
	for tag := range parents(strings.ToLower(strings.ReplaceAll(locale, "_", "-"))) {
		if l := t.languages[tag]; l != nil && l.kinds[name] != nil {
			return l
		}
	}
	if l := t.languages[fallback]; l.kinds[name] != nil {
		return l
	}
	return nil
}

// parents yields a tag, and the tag cut from the right, subtag by subtag.
func parents(tag string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for tag != "" && yield(tag) {
			tag = tag[:max(strings.LastIndexByte(tag, '-'), 0)]
		}
	}
}

// read returns the operator's file of this name, or the built-in one.
func (t *Templates) read(name string) (string, error) {
	if t.over != nil {
		content, err := fs.ReadFile(t.over, name)
		if !errors.Is(err, fs.ErrNotExist) {
			return string(content), err
		}
	}
	content, err := fs.ReadFile(t.under, name)
	return string(content), err
}

var languageTag = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)

// add makes known what files holds, and returns the names of its files and every problem.
func (t *Templates) add(files fs.FS) (names []string, err error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, err
	}
	var problems []error
	for _, entry := range entries {
		name := entry.Name()
		switch {
		case strings.HasPrefix(name, "."):
		case name == layoutText || name == layoutHTML:
			names = append(names, name)
		case !languageTag.MatchString(name):
			problems = append(problems, fmt.Errorf("%s: neither a layout nor the tag of a language", name))
		default:
			of, err := t.addLanguage(files, name)
			names = append(names, of...)
			problems = append(problems, err)
		}
	}
	return names, errors.Join(problems...)
}

func (t *Templates) addLanguage(files fs.FS, tag string) (names []string, err error) {
	entries, err := fs.ReadDir(files, tag)
	if err != nil {
		return nil, err
	}
	l := t.languages[strings.ToLower(tag)]
	switch {
	case l == nil:
		l = &language{tag: tag, kinds: map[string]func() (*texts, error){}}
		l.words = sync.OnceValues(func() (*words, error) { return t.readWords(tag) })
		t.languages[strings.ToLower(tag)] = l
	case l.tag != tag:
		return nil, fmt.Errorf("%s: the folder of this language is %s", tag, l.tag)
	}
	var problems []error
	for _, entry := range entries {
		file := path.Join(tag, entry.Name())
		kind, isText := strings.CutSuffix(entry.Name(), ".txt")
		switch {
		case strings.HasPrefix(entry.Name(), "."):
			continue
		case entry.Name() == wordsFile:
		case isText && slices.Contains(t.kinds, kind):
			l.kinds[kind] = sync.OnceValues(func() (*texts, error) { return t.readTexts(l, file) })
		default:
			if _, err := fs.Stat(t.under, file); err != nil { // else built in, for a kind that nobody asked for
				problems = append(problems, fmt.Errorf("%s: there is no such kind of message", file))
			}
			continue
		}
		names = append(names, file)
	}
	return names, errors.Join(problems...)
}

// try renders what an operator's files change, with all data and with the least.
func (t *Templates) try(files []string) []error {
	files = slices.DeleteFunc(files, t.unchanged)
	if len(files) == 0 {
		return nil
	}
	var problems []error
	full, least := Sample(), Sample()
	least.Device, least.Address, least.Brand.Support, least.Test = "", "", "", true
	for _, l := range t.languages {
		for kind := range l.kinds {
			if !slices.ContainsFunc(files, func(file string) bool { return l.standsOn(file, kind) }) {
				continue
			}
			_, _, _, err := t.render(l, kind, full)
			if err == nil {
				_, _, _, err = t.render(l, kind, least)
			}
			if err != nil {
				problems = append(problems, fmt.Errorf("%s/%s: %w", l.tag, kind, err))
			}
		}
	}
	return problems
}

// unchanged reports whether an operator's file is what is built in.
func (t *Templates) unchanged(file string) bool {
	theirs, err := fs.ReadFile(t.under, file)
	if err != nil {
		return false
	}
	mine, err := fs.ReadFile(t.over, file)
	return err == nil && bytes.Equal(mine, theirs)
}
