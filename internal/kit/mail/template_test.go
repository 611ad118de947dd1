package mail_test

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var kinds = []string{"already_registered", "password_changed", "reset", "session_reuse", "verify"}

func data() mail.Data {
	at := time.Date(2026, time.March, 1, 12, 30, 0, 0, time.FixedZone("", 3600))
	return mail.Data{
		Brand:   mail.Brand{Name: "Example & Söhne", URL: "https://example.com", Support: "support@example.com"},
		Link:    "https://id.example.com/account/verify/?token=AbC-_123&x=1",
		At:      at,
		Device:  "Firefox, Linux",
		Address: "2001:db8::1",
		Expires: at.Add(24 * time.Hour),
	}
}

func builtin(t *testing.T) *mail.Templates {
	t.Helper()
	templates, err := mail.NewTemplates(mail.Builtin(), kinds...)
	if err != nil {
		t.Fatal(err)
	}
	return templates
}

func TestBuiltinTemplatesRenderAsRecorded(t *testing.T) {
	templates := builtin(t)
	for _, locale := range []string{"en", "de"} {
		for _, kind := range kinds {
			for variant, d := range map[string]mail.Data{"": data(), "_least": least()} {
				if variant != "" && (kind != "session_reuse" || locale != "en") {
					continue
				}
				subject, text, html, err := templates.Render(kind, locale, d)
				if err != nil {
					t.Fatal(err)
				}
				file := filepath.Join("testdata", locale, kind+variant)
				golden(t, file+".txt", "Subject: "+subject+"\n\n"+text)
				golden(t, file+".html", html)
			}
		}
	}
}

// least is what a caller always knows.
func least() mail.Data {
	d := data()
	d.Device, d.Address, d.Brand.Support = "", "", ""
	return d
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; -update rewrites it. Got:\n%s", file, got)
	}
}

func TestEveryTemplateIsWholeAndLoadsNothing(t *testing.T) {
	templates := builtin(t)
	foreign := regexp.MustCompile(`(?i)<(img|script|link|iframe|object|form|table)\b|\bsrc=|url\(|@import|\bon[a-z]+=`)
	for _, locale := range []string{"en", "de"} {
		for _, kind := range kinds {
			_, text, html, err := templates.Render(kind, locale, data())
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(text, data().Link) || !strings.Contains(html, `href="https://id.example.com/account/verify/?token=AbC-_123&amp;x=1"`) {
				t.Errorf("%s/%s lacks its link", locale, kind)
			}
			if found := foreign.FindString(html); found != "" {
				t.Errorf("%s/%s contains %q", locale, kind, found)
			}
			if !strings.Contains(html, `<html lang="`+locale+`">`) {
				t.Errorf("%s/%s does not say its language", locale, kind)
			}
			for line := range strings.Lines(text) {
				if len([]rune(line)) > 100 {
					t.Errorf("%s/%s has a line of %d characters", locale, kind, len([]rune(line)))
				}
			}
		}
	}
}

func TestMissingLanguagesFallBackToEnglish(t *testing.T) {
	files := fstest.MapFS{}
	for name, content := range map[string]string{
		"layout.txt": `{{lang}}:{{template "body" .}}`, "layout.html": `{{lang}}:{{template "body" .}}`,
		"en/a.txt": `{{define "subject"}}s{{end}}{{define "body"}}en a{{end}}`, "en/a.html": `{{define "body"}}x{{end}}`,
		"en/b.txt": `{{define "subject"}}s{{end}}{{define "body"}}en b{{end}}`, "en/b.html": `{{define "body"}}x{{end}}`,
		"pt/a.txt": `{{define "subject"}}s{{end}}{{define "body"}}pt a{{end}}`, "pt/a.html": `{{define "body"}}x{{end}}`,
		"pt-BR/a.txt": `{{define "subject"}}s{{end}}{{define "body"}}br a{{end}}`, "pt-BR/a.html": `{{define "body"}}x{{end}}`,
	} {
		files[name] = &fstest.MapFile{Data: []byte(content)}
	}
	templates, err := mail.NewTemplates(files, "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ kind, locale, want string }{
		{"a", "pt", "pt:pt a"}, {"a", "pt-BR", "pt-BR:br a"}, {"a", "PT_br", "pt-BR:br a"}, {"a", "pt-PT", "pt:pt a"},
		{"b", "pt-BR", "en:en b"}, {"a", "fr", "en:en a"}, {"a", "", "en:en a"}, {"a", "-", "en:en a"}, {"a", "../en", "en:en a"},
	} {
		_, text, _, err := templates.Render(c.kind, c.locale, data())
		if err != nil || text != c.want {
			t.Errorf("%s in %q: %q, %v, want %q", c.kind, c.locale, text, err, c.want)
		}
	}
	if _, _, _, err := templates.Render("c", "en", data()); err == nil {
		t.Error("an unknown kind was rendered")
	}
}

func TestHostileNamesAppearLiterally(t *testing.T) {
	templates := builtin(t)
	for _, c := range []struct{ name, line, html string }{
		{"{{7*7}}", "{{7*7}}", "{{7*7}}"},
		{"{{.Link}}", "{{.Link}}", "{{.Link}}"},
		{`${7*7}<%= 7*7 %>`, `${7*7}<%= 7*7 %>`, `${7*7}&lt;%= 7*7 %&gt;`},
		{`<script>alert(1)</script>`, `<script>alert(1)</script>`, `&lt;script&gt;alert(1)&lt;/script&gt;`},
		{`"><img src=x>`, `"><img src=x>`, `&#34;&gt;&lt;img src=x&gt;`},
		{"a\r\nBcc: eve@example.net\r\n\r\nVisit https://evil.example", "a Bcc: eve@example.net Visit https://evil.example", "a Bcc: eve@example.net Visit https://evil.example"},
		{"a\u2028b\u202ec\x00d\x1b[31m", "a b c d [31m", "a b c d [31m"},
		{"a\xff\xfeb", "ab", "ab"},
		{strings.Repeat("x", 5000), strings.Repeat("x", 99) + "…", strings.Repeat("x", 99) + "…"},
	} {
		d := data()
		d.Brand.Name, d.Device, d.Address = c.name, c.name, c.name
		subject, text, html, err := templates.Render("password_changed", "en", d)
		if err != nil {
			t.Fatal(err)
		}
		if subject != "Your password for "+c.line+" was changed" {
			t.Errorf("%q: subject %q", c.name, subject)
		}
		for _, want := range []string{"\nDevice:   " + c.line + "\n", "\nAddress:  " + c.line + "\n", "account with " + c.line + " was changed.\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q: the text lacks %q:\n%s", c.name, want, text)
			}
		}
		if strings.Count(html, c.html) < 4 {
			t.Errorf("%q: the html lacks %q:\n%s", c.name, c.html, html)
		}
	}
}

func TestRenderRefusesIncompleteData(t *testing.T) {
	templates := builtin(t)
	for name, change := range map[string]func(*mail.Data){
		"no link":         func(d *mail.Data) { d.Link = "" },
		"relative link":   func(d *mail.Data) { d.Link = "/c4n4ry" },
		"script link":     func(d *mail.Data) { d.Link = "javascript:alert('c4n4ry')" },
		"data link":       func(d *mail.Data) { d.Link = "data://x/c4n4ry" },
		"link with break": func(d *mail.Data) { d.Link = "https://example.com/c4n4ry\nx" },
		"link with space": func(d *mail.Data) { d.Link = "https://example.com/c4n4ry  x" },
		"no time":         func(d *mail.Data) { d.At = time.Time{} },
		"no expiry":       func(d *mail.Data) { d.Expires = time.Time{} },
		"no brand":        func(d *mail.Data) { d.Brand.Name = "\u200b\n" },
		"no brand url":    func(d *mail.Data) { d.Brand.URL = "" },
	} {
		d := data()
		change(&d)
		_, text, html, err := templates.Render("reset", "en", d)
		if err == nil || text != "" || html != "" {
			t.Errorf("%s: rendered, error %v", name, err)
			continue
		}
		if strings.Contains(err.Error(), "c4n4ry") {
			t.Errorf("%s: the error holds the link: %v", name, err)
		}
	}
}

func TestNewTemplatesRefusesWhatCannotWork(t *testing.T) {
	for name, c := range map[string]struct {
		file, content string // "-" removes the file
		want          string
	}{
		"missing kind":       {"en/verify.txt", "-", "en/verify: "},
		"missing html":       {"de/verify.html", "-", "de/verify: "},
		"unknown field":      {"en/verify.txt", `{{define "subject"}}s{{end}}{{define "body"}}{{.Password}}{{end}}`, "Password"},
		"unknown html field": {"de/verify.html", `{{define "body"}}{{.Password}}{{end}}`, "Password"},
		"unknown function":   {"en/verify.txt", `{{define "subject"}}{{env "HOME"}}{{end}}`, "env"},
		"syntax":             {"en/verify.txt", `{{define "subject"}`, "en/verify: "},
		"no subject":         {"en/verify.txt", `{{define "body"}}b{{end}}`, "subject"},
		"empty subject":      {"en/verify.txt", `{{define "subject"}} {{end}}{{define "body"}}b{{end}}`, "subject is empty"},
		"no body":            {"en/verify.txt", `{{define "subject"}}s{{end}}`, "body"},
		"misspelt kind":      {"de/verfy.txt", `{{define "subject"}}s{{end}}{{define "body"}}b{{end}}`, "de/verfy.txt: there is no such kind"},
		"no layout":          {"layout.html", "-", "layout.html"},
		"broken context":     {"en/verify.html", `{{define "body"}}<a href="{{end}}`, "en/verify: "},
	} {
		files := fstest.MapFS{}
		if err := fs.WalkDir(mail.Builtin(), ".", func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := fs.ReadFile(mail.Builtin(), path)
			files[path] = &fstest.MapFile{Data: content}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if c.content == "-" {
			delete(files, c.file)
		} else {
			files[c.file] = &fstest.MapFile{Data: []byte(c.content)}
		}
		if _, err := mail.NewTemplates(files, kinds...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error about %q", name, err, c.want)
		}
	}
	if _, err := mail.NewTemplates(mail.Builtin(), slices.Concat(kinds, []string{"newsletter"})...); err == nil || !strings.Contains(err.Error(), "en/newsletter") {
		t.Errorf("a kind without templates: %v", err)
	}
}
