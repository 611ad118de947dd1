package mail_test

import (
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"
	"unicode"

	"github.com/gatehouse-auth/gatehouse/internal/kit/mail"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// content is what a kind of mail says besides whose it is, when and from where.
type content struct{ link, code, name, count, expires, reason, domain bool }

var contents = map[string]content{
	"account_erased":      {},
	"already_registered":  {link: true},
	"backup_code_used":    {link: true, count: true},
	"backup_codes_new":    {link: true, count: true},
	"domain_lost":         {link: true, name: true, domain: true},
	"domain_missing":      {link: true, name: true, expires: true, domain: true},
	"email_asked":         {link: true},
	"email_changed":       {link: true, expires: true},
	"email_confirm":       {link: true, expires: true},
	"email_taken":         {},
	"erase_scheduled":     {link: true, expires: true},
	"factor_added":        {link: true, name: true},
	"factor_removed":      {link: true, name: true},
	"factors_reset":       {link: true},
	"impersonated":        {reason: true},
	"invitation":          {link: true, name: true, expires: true},
	"new_device":          {link: true, expires: true},
	"password_changed":    {link: true},
	"recovery_asked":      {link: true, expires: true},
	"recovery_ready":      {link: true, expires: true},
	"reset":               {link: true, expires: true},
	"second_code":         {code: true, expires: true},
	"session_reuse":       {link: true},
	"sign_in_code":        {link: true, code: true, expires: true},
	"tenant_deleted":      {name: true},
	"tenant_owner":        {name: true},
	"tenant_removed":      {name: true},
	"tenant_role_changed": {name: true},
	"username_changed":    {link: true},
	"verify":              {link: true, expires: true},
}

var kinds = slices.Sorted(maps.Keys(contents))

var locales = []string{"en", "ar", "de", "es", "fr", "ja", "pt", "zh"}

func data() mail.Data {
	at := time.Date(2026, time.March, 1, 12, 30, 0, 0, time.FixedZone("", 3600))
	return mail.Data{
		Brand:   mail.Brand{Name: "Example & Söhne", URL: "https://example.com", Support: "support@example.com", Color: "#0f766e"},
		Link:    "https://id.example.com/account/verify/?token=AbC-_123&x=1",
		At:      at,
		Device:  "Firefox, Linux",
		Address: "2001:db8::1",
		Reason:  "Ticket 1234: sign-in fails",
		Expires: at.Add(24 * time.Hour),
		Code:    "20481632",
		Name:    "Work phone",
		Count:   7, // a digit that nothing else here has
		Domain: mail.Domain{
			Name: "works.example", Record: "_gatehouse-challenge.works.example", File: "https://works.example/.well-known/gatehouse-challenge.txt",
			Challenge: "gatehouse-domain=0190a0b2-5c51-4c3e-9a3e-2f1c5b4d9e10.ABCDEFGHIJKLMNOPQRSTUVWXYZ",
		},
	}
}

func builtin(t *testing.T) *mail.Templates {
	t.Helper()
	templates, err := mail.NewTemplates(nil, kinds...)
	if err != nil {
		t.Fatal(err)
	}
	return templates
}

func TestBuiltinTemplatesRenderAsRecorded(t *testing.T) {
	templates := builtin(t)
	if got := templates.Languages(); !slices.Equal(got, locales) {
		t.Errorf("languages %v, want %v", got, locales)
	}
	for _, locale := range locales {
		for _, kind := range kinds {
			record(t, templates, locale, kind, "", data())
		}
	}
	record(t, templates, "en", "session_reuse", "_least", least())
}

func record(t *testing.T, templates *mail.Templates, locale, kind, variant string, d mail.Data) {
	t.Helper()
	subject, text, html, err := templates.Render(kind, locale, d)
	if err != nil {
		t.Fatalf("%s/%s: %v", locale, kind, err)
	}
	file := filepath.Join("testdata", locale, kind+variant)
	golden(t, file+".txt", "Subject: "+subject+"\n\n"+text)
	golden(t, file+".html", html)
}

// least is what a caller always knows.
func least() mail.Data {
	d := data()
	d.Device, d.Address, d.Brand.Support, d.Brand.Color = "", "", "", ""
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

func TestEveryMailSaysWhatItMust(t *testing.T) {
	templates := builtin(t)
	for _, locale := range locales {
		for _, kind := range kinds {
			subject, text, html, err := templates.Render(kind, locale, data())
			if err != nil {
				t.Fatalf("%s/%s: %v", locale, kind, err)
			}
			for _, want := range []string{"2026", "UTC", "Firefox, Linux", "2001:db8::1", "support@example.com", "https://example.com"} {
				if !strings.Contains(text, want) || !strings.Contains(html, want) {
					t.Errorf("%s/%s lacks %q", locale, kind, want)
				}
			}
			if !strings.Contains(subject, "Example & Söhne") || !strings.Contains(html, "Example &amp; Söhne") {
				t.Errorf("%s/%s does not say whose it is", locale, kind)
			}
			says := contents[kind]
			for _, c := range []struct {
				part, want, in string
				times          int
			}{
				// Once on the button and once as it is, for who sees no button.
				{"link", `href="https://id.example.com/account/verify/?token=AbC-_123&amp;x=1"`, html, times(2, says.link)},
				{"link", data().Link, text, times(1, says.link)},
				// A code is a line of its own, whatever the direction, and in no list of mails.
				{"code", "\n\n    20481632\n\n", text, times(1, says.code)},
				{"code", `<bdi dir="ltr">20481632</bdi>`, html, times(1, says.code)},
				{"code", "20481632", subject + text + html, times(2, says.code)},
				{"name", "Work phone", text, times(1, says.name)},
				{"name", "Work phone", html, times(1, says.name)},
				{"count", "7", text, times(1, says.count)},
				{"reason", "Ticket 1234: sign-in fails", text, times(1, says.reason)},
				{"reason", "Ticket 1234: sign-in fails", html, times(1, says.reason)},
				{"times", "UTC", text, 1 + times(1, says.expires)},
				{"domain", "works.example", text, times(3, says.domain)}, // in the lead, and in both places
				{"domain", "works.example", subject, 0},
				// What is to be copied is a line of its own as well.
				{"record", "\n    _gatehouse-challenge.works.example\n", text, times(1, says.domain)},
				{"record", `">_gatehouse-challenge.works.example</bdi>`, html, times(1, says.domain)},
				{"file", "\n    https://works.example/.well-known/gatehouse-challenge.txt\n", text, times(1, says.domain)},
				{"file", `">https://works.example/.well-known/gatehouse-challenge.txt</bdi>`, html, times(1, says.domain)},
				{"challenge", "\n    " + data().Domain.Challenge + "\n", text, times(1, says.domain)},
				{"challenge", `">` + data().Domain.Challenge + `</bdi>`, html, times(1, says.domain)},
			} {
				if got := strings.Count(c.in, c.want); got != c.times {
					t.Errorf("%s/%s: %d of its %s, want %d", locale, kind, got, c.part, c.times)
				}
			}
		}
	}
}

// times is n for mails that say something, and 0 for others.
func times(n int, says bool) int {
	if says {
		return n
	}
	return 0
}

func TestEveryMailIsItsOwnLanguage(t *testing.T) {
	templates := builtin(t)
	said := map[string]string{}
	for _, locale := range locales {
		for _, kind := range kinds {
			subject, text, html, err := templates.Render(kind, locale, data())
			if err != nil {
				t.Fatalf("%s/%s: %v", locale, kind, err)
			}
			for part, s := range map[string]string{"subject": subject, "text": text} {
				if other, ok := said[s]; ok {
					t.Errorf("%s/%s has the %s of %s", locale, kind, part, other)
				}
				said[s] = locale + "/" + kind
			}
			dir := "ltr"
			if locale == "ar" {
				dir = "rtl"
			}
			if !strings.Contains(html, `<html lang="`+locale+`" dir="`+dir+`">`) {
				t.Errorf("%s/%s does not say its language and direction", locale, kind)
			}
		}
	}
}

func TestMailsLoadAndRunNothing(t *testing.T) {
	templates := builtin(t)
	foreign := regexp.MustCompile(`(?i)<(img|script|link|iframe|object|form)\b|\bsrc=|url\(|@import|\son[a-z]+=`)
	for _, locale := range locales {
		for _, kind := range kinds {
			_, text, html, err := templates.Render(kind, locale, data())
			if err != nil {
				t.Fatal(err)
			}
			if found := foreign.FindString(html); found != "" {
				t.Errorf("%s/%s contains %q", locale, kind, found)
			}
			for line := range strings.Lines(text) {
				if len([]rune(line)) > 100 {
					t.Errorf("%s/%s has a line of %d characters", locale, kind, len([]rune(line)))
				}
			}
		}
	}
}

// A client of plain text finds the direction of each line by its first letter.
func TestLinesOfArabicBeginRightToLeft(t *testing.T) {
	templates := builtin(t)
	for _, kind := range kinds {
		subject, text, _, err := templates.Render(kind, "ar", data())
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(subject + "\n" + text) {
			first := strings.IndexFunc(line, unicode.IsLetter)
			arabic := strings.IndexFunc(line, func(r rune) bool { return unicode.Is(unicode.Arabic, r) })
			if arabic >= 0 && first != arabic {
				t.Errorf("%s: a line turns around: %q", kind, line)
			}
		}
		if !strings.Contains(text, "\u20682001:db8::1\u2069") || contents[kind].name && !strings.Contains(text, "\u2068Work phone\u2069") {
			t.Errorf("%s: the parts of the address or the name may change places", kind)
		}
	}
}

func TestTimesAreWrittenTheLanguagesWay(t *testing.T) {
	templates := builtin(t)
	for locale, want := range map[string]string{
		"en": "When: 1 August 2026, 09:05 UTC\n", "de": "Wann: 1. August 2026, 09:05 UTC\n",
		"fr": "Date\u00a0: 1er août 2026 à 09\u00a0h\u00a005 (UTC)\n", "es": "Fecha: 1 de agosto de 2026 a las 09:05 (UTC)\n",
		"pt": "Data: 1º de agosto de 2026 às 09:05 (UTC)\n", "ja": "日時：2026年8月1日 09:05 (UTC)\n", "zh": "时间：2026年8月1日 09:05 (UTC)\n",
		"ar": "الوقت: \u20681 أغسطس 2026، الساعة 09:05 بالتوقيت العالمي (UTC)\u2069\n",
	} {
		d := data()
		d.At = time.Date(2026, time.August, 1, 11, 5, 0, 0, time.FixedZone("", 7200))
		if _, text, _, err := templates.Render("password_changed", locale, d); err != nil || !strings.Contains(text, want) {
			t.Errorf("%s: %v, want %q in:\n%s", locale, err, want, text)
		}
	}
}

func TestLinesJoinWithoutBlanksWhereTheScriptHasNone(t *testing.T) {
	templates := builtin(t)
	for locale, want := range map[string]string{
		"ja": "すぐに次のリンクから新しいパスワードを設定してください。ほかのすべての端末からログアウトされます。",
		"en": "may have access to your account. Choose a new password at once;",
	} {
		if _, _, html, err := templates.Render("password_changed", locale, data()); err != nil || !strings.Contains(html, want) {
			t.Errorf("%s: %v, want %q", locale, err, want)
		}
	}
}

func TestTestsSayThatTheyAre(t *testing.T) {
	templates := builtin(t)
	d := data()
	d.Test = true
	for locale, want := range map[string]string{"en": "[Test] Choose a new", "es": "[Prueba] Elija", "ja": "[テスト] 【"} {
		if subject, _, _, err := templates.Render("reset", locale, d); err != nil || !strings.HasPrefix(subject, want) {
			t.Errorf("%s: %q, %v", locale, subject, err)
		}
	}
}

func TestLanguagesFallBackSubtagBySubtag(t *testing.T) {
	one := func(title string) string {
		return `{{define "subject"}}s{{end}}{{define "preheader"}}p{{end}}{{define "title"}}t{{end}}{{define "lead"}}` + title + `{{end}}`
	}
	templates, err := mail.NewTemplates(files(map[string]string{
		"layout.txt": `{{.Lang}}:{{.Lead}}`, "layout.html": `{{.Lang}}`,
		"en/a.txt": one("en a"), "en/b.txt": one("en b"), "pt/a.txt": one("pt a"), "pt-BR/a.txt": one("br a"), "zh/a.txt": one("zh a"),
	}), "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ kind, locale, want string }{
		{"a", "pt", "pt:pt a"}, {"a", "pt-BR", "pt-BR:br a"}, {"a", "PT_br", "pt-BR:br a"}, {"a", "pt-PT", "pt:pt a"},
		{"a", "zh-Hans", "zh:zh a"}, {"a", "zh-CN", "zh:zh a"}, {"a", "zh-Hans-CN", "zh:zh a"},
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

func files(contents map[string]string) fstest.MapFS {
	all := fstest.MapFS{}
	for name, content := range contents {
		all[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return all
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
		d.Brand.Name, d.Device, d.Address, d.Name = c.name, c.name, c.name, c.name
		subject, text, html, err := templates.Render("password_changed", "en", d)
		if err != nil {
			t.Fatal(err)
		}
		if subject != "Your password for "+c.line+" was changed" {
			t.Errorf("%q: subject %q", c.name, subject)
		}
		for _, want := range []string{"\nDevice: " + c.line + "\n", "\nIP address: " + c.line + "\n", "account with " + c.line + " was changed.\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q: the text lacks %q:\n%s", c.name, want, text)
			}
		}
		if strings.Count(html, c.html) < 4 {
			t.Errorf("%q: the html lacks %q:\n%s", c.name, c.html, html)
		}
		_, text, html, err = templates.Render("factor_removed", "en", d)
		if err != nil || !strings.Contains(text, "account with "+c.line+":\n\n“"+c.line+"”\n\nWhen:") || !strings.Contains(html, ">“"+c.html+"”</p>") {
			t.Errorf("%q names another thing: %v\n%s", c.name, err, text)
		}
	}
}

func TestCodesAreShownAsTheyWereMadeOrNotAtAll(t *testing.T) {
	templates := builtin(t)
	d := data()
	d.Code = "Ab12-" + strings.Repeat("9", 35)
	if _, text, html, err := templates.Render("second_code", "ar", d); err != nil || !strings.Contains(text, "\n    "+d.Code+"\n") || !strings.Contains(html, ">"+d.Code+"<") {
		t.Errorf("%v:\n%s", err, text)
	}
	for _, code := range []string{"c4n4ry 1", "c4n4ry\n", "c4n4ry\r\nBcc: eve@example.net", "<b>c4n4ry</b>", "c4n4ry&amp;", "{{.Link}}c4n4ry", "c4n4ry\u202e1", "c4n4ry\u200b", "c4n4ry１", "c4n4ry٣", "c4n4ry" + strings.Repeat("1", 35)} {
		d.Code = code
		_, text, html, err := templates.Render("second_code", "en", d)
		if err == nil || text != "" || html != "" || strings.Contains(err.Error(), "c4n4ry") {
			t.Errorf("%q: %v\n%s", code, err, text)
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
		"no colour":       func(d *mail.Data) { d.Brand.Color = "red" },
		"colour and more": func(d *mail.Data) { d.Brand.Color = "#123456;x" },
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

// Whoever copies a text that was mended, or that a line turned around, publishes something else.
func TestADomainIsShownAsItIsOrNotAtAll(t *testing.T) {
	templates := builtin(t)
	for _, bad := range []string{"c4n4ry example", "c4n4ry\n.example", "c4n4ry<b>", "c4n4ry\u202e", "bücher.c4n4ry", "c4n4ry" + strings.Repeat("x", 315)} {
		for part, change := range map[string]func(*mail.Domain){
			"name": func(d *mail.Domain) { d.Name = bad }, "record": func(d *mail.Domain) { d.Record = bad },
			"file": func(d *mail.Domain) { d.File = bad }, "challenge": func(d *mail.Domain) { d.Challenge = bad },
		} {
			d := data()
			change(&d.Domain)
			if _, text, html, err := templates.Render("domain_missing", "en", d); err == nil || text+html != "" || strings.Contains(err.Error(), "c4n4ry") {
				t.Errorf("%q as its %s: %v", bad, part, err)
			}
		}
	}
}

func TestMailsNeedWhatTheySayAndNothingElse(t *testing.T) {
	templates := builtin(t)
	for _, c := range []struct {
		part  string
		leave func(*mail.Data)
		needs func(content) bool
	}{
		{"link", func(d *mail.Data) { d.Link = "" }, func(c content) bool { return c.link }},
		{"code", func(d *mail.Data) { d.Code = "" }, func(c content) bool { return c.code }},
		{"name", func(d *mail.Data) { d.Name = " \u200b\n" }, func(c content) bool { return c.name }},
		{"expiry", func(d *mail.Data) { d.Expires = time.Time{} }, func(c content) bool { return c.expires }},
		{"reason", func(d *mail.Data) { d.Reason = " \u200b\n" }, func(c content) bool { return c.reason }},
		{"domain", func(d *mail.Data) { d.Domain.Name = "" }, func(c content) bool { return c.domain }},
		{"record", func(d *mail.Data) { d.Domain.Record = "" }, func(c content) bool { return c.domain }},
		{"file", func(d *mail.Data) { d.Domain.File = "" }, func(c content) bool { return c.domain }},
		{"challenge", func(d *mail.Data) { d.Domain.Challenge = "" }, func(c content) bool { return c.domain }},
		{"count", func(d *mail.Data) { d.Count = 0 }, func(content) bool { return false }}, // none left is a count
	} {
		d := data()
		c.leave(&d)
		for _, locale := range locales {
			for _, kind := range kinds {
				if _, _, _, err := templates.Render(kind, locale, d); (err != nil) != c.needs(contents[kind]) {
					t.Errorf("%s/%s without its %s: %v", locale, kind, c.part, err)
				}
			}
		}
	}
}

func TestOverridesReplaceTheirNamesakes(t *testing.T) {
	templates, err := mail.NewTemplates(files(map[string]string{
		".keep":         "",
		"en/.DS_Store":  "",
		"de/verify.txt": `{{define "subject"}}Hallo {{.Brand.Name}}{{end}}{{define "preheader"}}p{{end}}{{define "title"}}Titel <b>{{end}}{{define "lead"}}Eigener Text{{end}}{{define "button"}}Los{{end}}`,
		"de-AT/words.txt": `{{define "dir"}}ltr{{end}}{{define "time"}}{{.Format "2.1.2006 15:04"}} UTC{{end}}{{define "when"}}Wann:{{end}}{{define "device"}}G:{{end}}
			{{define "address"}}A:{{end}}{{define "reason"}}R:{{end}}{{define "link"}}L:{{end}}{{define "test"}}[T]{{end}}`,
		"de-AT/reset.txt": `{{define "subject"}}Servus{{end}}{{define "preheader"}}p{{end}}{{define "title"}}t{{end}}{{define "lead"}}l{{end}}`,
		"de-CH/reset.txt": `{{define "subject"}}Grüezi{{end}}{{define "preheader"}}p{{end}}{{define "title"}}t{{end}}{{define "lead"}}l{{end}}`,
	}), kinds...)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ kind, locale, subject, text string }{
		{"verify", "de", "Hallo Example & Söhne", "Eigener Text\n\nWann: 1. März"},
		{"verify", "en", "Confirm your email address for Example & Söhne", "When: 1 March"},
		{"reset", "de", "Neues Passwort für Example & Söhne wählen", "Wann: 1. März"},
		{"reset", "de-AT", "Servus", "Wann: 1.3.2026 11:30 UTC"},
		{"reset", "de-CH", "Grüezi", "Wann: 1. März"},
		{"verify", "de-AT", "Hallo Example & Söhne", "Wann: 1. März"},
	} {
		subject, text, _, err := templates.Render(c.kind, c.locale, data())
		if err != nil || subject != c.subject || !strings.Contains(text, c.text) {
			t.Errorf("%s in %s: %q, %v:\n%s", c.kind, c.locale, subject, err, text)
		}
	}
	if _, _, html, _ := templates.Render("verify", "de", data()); !strings.Contains(html, "Titel &lt;b&gt;") {
		t.Error("texts are markup")
	}
	if got := templates.Languages(); !slices.Contains(got, "de-AT") || got[0] != "en" {
		t.Errorf("languages %v", got)
	}
}

func TestNewTemplatesRefusesWhatCannotWork(t *testing.T) {
	whole := `{{define "subject"}}s{{end}}{{define "preheader"}}p{{end}}{{define "title"}}t{{end}}{{define "lead"}}l{{end}}`
	words, err := fs.ReadFile(mail.Builtin(), "en/words.txt")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ file, content, want string }{
		"unknown field":       {"en/verify.txt", whole + `{{define "last"}}{{.Password}}{{end}}`, "Password"},
		"unknown function":    {"en/verify.txt", whole + `{{define "last"}}{{env "HOME"}}{{end}}`, "env"},
		"syntax":              {"en/verify.txt", `{{define "subject"}`, "en/verify: "},
		"no subject":          {"en/verify.txt", strings.Replace(whole, "subject", "last", 1), `"subject" is missing`},
		"empty subject":       {"fr/verify.txt", strings.Replace(whole, "}s{", "} {", 1), `fr/verify: the part "subject" is empty`},
		"misspelt part":       {"en/verify.txt", whole + `{{define "botton"}}b{{end}}`, `no part "botton"`},
		"text beside parts":   {"en/verify.txt", whole + "Hello", "outside its parts"},
		"fails with the rest": {"en/verify.txt", whole + `{{define "last"}}{{if not .Device}}{{must .Device}}{{end}}x{{end}}`, "missing"},
		"misspelt kind":       {"de/verfy.txt", whole, "de/verfy.txt: there is no such kind"},
		"own markup":          {"de/verify.html", "x", "de/verify.html: there is no such kind"},
		"misspelt language":   {"deutsch/verify.txt", whole, "deutsch: neither"},
		"misspelt layout":     {"layuot.html", "x", "layuot.html: neither"},
		"other case":          {"DE/verify.txt", whole, "DE: neither"},
		"other case inside":   {"pt-br/verify.txt", whole, "pt-br: the folder of this language is pt-BR"},
		"no words":            {"it/verify.txt", whole, "it/words.txt: missing"},
		"broken words":        {"de/words.txt", "{{", "de/verify: de/words.txt: "},
		"direction":           {"de/words.txt", strings.Replace(string(words), "ltr", "up", 1), "neither ltr nor rtl"},
		"months":              {"de/words.txt", strings.Replace(string(words), `"March"`, "", 1), "11 names of months"},
		"broken layout":       {"layout.txt", "{{.Nothing}}", "Nothing"},
		"layout without code": {"layout.txt", "{{.Lead}}{{range .Copied}}{{.Value}}{{end}}", "second_code: a layout leaves out the code"},
		"layout without copy": {"layout.html", "{{.Lead}}{{.Code}}", "domain_lost: a layout leaves out the code, or what is to be copied"},
		"broken context":      {"layout.html", `<a href="{{.Title}}`, "layout.html"},
	} {
		overrides := files(map[string]string{"pt-BR/reset.txt": whole, c.file: c.content})
		if _, err := mail.NewTemplates(overrides, kinds...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error about %q", name, err, c.want)
		}
	}
	if _, err := mail.NewTemplates(nil, slices.Concat(kinds, []string{"newsletter"})...); err == nil || !strings.Contains(err.Error(), "en/newsletter") {
		t.Errorf("a kind without templates: %v", err)
	}
}

func TestFirstMailsMayBeRenderedAtOnce(t *testing.T) {
	templates := builtin(t)
	var wait sync.WaitGroup
	for i := range 16 {
		wait.Go(func() {
			locale := locales[i%len(locales)]
			if _, text, _, err := templates.Render("reset", locale, data()); err != nil || text == "" {
				t.Errorf("%s: %v", locale, err)
			}
		})
	}
	wait.Wait()
}
