package ui_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse-auth/gatehouse/internal/kit/ui"
)

func overrides(files map[string]string) fs.FS {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

func TestAnOverrideTakesThePlaceOfAPage(t *testing.T) {
	set := sample("", map[string]string{"page": "<p>built in</p>", "other": "<p>other</p>"})
	u := newUI(t, ui.Config{Overrides: overrides(map[string]string{"sample/page.html": page(`<p>own {{t "sample.plain"}}</p>`), ".hidden": "x", "sample/.DS_Store": "x"})}, set)
	for lang, want := range map[string]string{"en": "own Good day", "de": "own Guten Tag"} {
		if text := write(t, u, get(t, "/?lang="+lang), ui.Page{Name: "sample/page"}).Body.String(); !strings.Contains(text, want) || strings.Contains(text, "built in") {
			t.Errorf("%s: %s", lang, text)
		}
	}
	if text := write(t, u, get(t, "/"), ui.Page{Name: "sample/other"}).Body.String(); !strings.Contains(text, "other") {
		t.Error("another page changed")
	}
	if text, ok := u.Builtin("sample/page"); !ok || !strings.Contains(text, "built in") {
		t.Error("the built-in page is gone")
	}
}

func TestALayoutCanBeOverridden(t *testing.T) {
	set := sample("", map[string]string{"page": "<p>body</p>"})
	own := `{{/* version 1 */}}{{define "layout"}}<!DOCTYPE html><title>{{template "title" .Data}}</title>mine {{template "body" .Data}}{{end}}`
	u := newUI(t, ui.Config{Overrides: overrides(map[string]string{"ui/card.html": own})}, set)
	if text := write(t, u, get(t, "/"), ui.Page{Name: "sample/page"}).Body.String(); !strings.Contains(text, "mine <p>body") {
		t.Error(text)
	}
}

func TestOverridesThatDoNotFitAreNamed(t *testing.T) {
	set := sample("", map[string]string{"page": ""})
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"older":       {map[string]string{"sample/page.html": "{{/* version 0 */}}x"}, []string{"sample/page.html", "version 0", "version 1", "begin the file with {{/* version 1 */}}"}},
		"newer":       {map[string]string{"sample/page.html": "{{/* version 2 */}}x"}, []string{"version 2", "version 1"}},
		"no version":  {map[string]string{"sample/page.html": "<p>" + page("")}, []string{"version none"}},
		"no page":     {map[string]string{"sample/pgae.html": page("")}, []string{"sample/pgae.html", "no such page"}},
		"no set":      {map[string]string{"page.html": page("")}, []string{"page.html"}},
		"too deep":    {map[string]string{"sample/page/page.html": page("")}, []string{"sample/page/page.html"}},
		"no html":     {map[string]string{"sample/page.htm": page("")}, []string{"sample/page.htm"}},
		"unparsed":    {map[string]string{"sample/page.html": page("{{")}, []string{"sample/page.html"}},
		"unescaped":   {map[string]string{"sample/page.html": page(`<a href="{{if .}}x" {{end}}>`)}, []string{"sample/page.html"}},
		"no body":     {map[string]string{"sample/page.html": `{{/* version 1 */}}{{define "title"}}x{{end}}`}, []string{"sample/page.html", "body"}},
		"layout":      {map[string]string{"ui/home.html": "{{/* version 1 */}}{{define"}, []string{"ui/home.html"}},
		"all at once": {map[string]string{"sample/a.html": "", "sample/b.html": ""}, []string{"sample/a.html", "sample/b.html"}},
	} {
		_, err := ui.New(ui.Config{Overrides: overrides(c.files)}, set)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", name, err, want)
			}
		}
	}
}

func TestSetsThatDoNotFitAreRefused(t *testing.T) {
	for name, sets := range map[string][]ui.Set{
		"twice": {{Name: "a"}, {Name: "a"}}, "ours": {{Name: "ui"}}, "no name": {{}}, "path": {{Name: "a/b"}}, "layout": {{Name: "a", Layout: "wide"}},
	} {
		if _, err := ui.New(ui.Config{}, sets...); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestNamesAreThoseThatCanBeShown(t *testing.T) {
	u := newUI(t, ui.Config{}, sample("", map[string]string{"page": "", "other": ""}), ui.Set{Name: "bare"})
	names := u.Names()
	want := []string{"sample/other", "sample/page", "ui/card", "ui/chart", "ui/console", "ui/form", "ui/home", "ui/parts"}
	if !slices.Equal(names, want) {
		t.Errorf("%v", names)
	}
	for _, name := range names {
		if text, ok := u.Builtin(name); !ok || !strings.HasPrefix(text, "{{/* version ") {
			t.Errorf("%s cannot be shown", name)
		}
	}
	for _, name := range []string{"", "sample", "sample/none", "sample/../locales/en", "bare/x", "/", "sample/page.html"} {
		if _, ok := u.Builtin(name); ok {
			t.Errorf("%q can be shown", name)
		}
	}
}

func TestPagesSayWhereTheirAssetsLie(t *testing.T) {
	for want, set := range map[string]ui.Set{"/account/assets/": sample("home", map[string]string{"page": ""}), "/console/assets/": sample("console", map[string]string{"page": ""})} {
		if text := write(t, newUI(t, ui.Config{}, set), get(t, "/"), ui.Page{Name: "sample/page"}).Body.String(); !strings.Contains(text, `href="`+want+"style.") {
			t.Errorf("not %s", want)
		}
		set.Assets = "/dev/assets/"
		if text := write(t, newUI(t, ui.Config{}, set), get(t, "/"), ui.Page{Name: "sample/page"}).Body.String(); !strings.Contains(text, `href="/dev/assets/style.`) {
			t.Error("not where the set says")
		}
	}
}
